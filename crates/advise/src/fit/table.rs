//! Tables of measurements: each row made a question, whatever was measured in it is predicted.
//!
//! Value columns are never looked at here: a prediction can't know what it should be.

use super::case::{Case, Device, Inference, Level, Spread, Training, Work};
use super::row::{case, memory_of};
use super::{Estimate, estimate, speed, weights};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table: its columns, and its rows by column.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The columns in order.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row(pub BTreeMap<String, String>);

impl Row {
    /// A cell, empty where there is none.
    pub fn text(&self, column: &str) -> &str {
        self.0.get(column).map_or("", |text| text.trim())
    }

    /// A cell's number, where it is one above zero.
    pub fn number(&self, column: &str) -> Option<f64> {
        self.text(column)
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite() && *number > 0.0)
    }
}

/// What is predicted for one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// The row's identity, or its place.
    pub id: String,
    /// What is predicted: the row's metric.
    pub metric: String,
    /// The family of bars it belongs to.
    pub family: String,
    /// The unit of the value: `bytes` for memory and files, else the row's own.
    pub unit: String,
    /// The value; none when it can't be said.
    pub value: Option<f64>,
    /// Nine of ten measurements should lie above this.
    pub low: Option<f64>,
    /// And below this.
    pub high: Option<f64>,
    /// `fits`, `tight`, `too-large`, or nothing where the accelerator is not known.
    pub verdict: Option<String>,
    /// Bytes of the weights alone: what tools say that count nothing else.
    pub weights_bytes: Option<f64>,
    /// Parameters.
    pub parameters: Option<f64>,
    /// Memory of all accelerators that a model may use, in bytes.
    pub memory_bytes: Option<f64>,
    /// What had to be assumed, or why nothing can be said.
    pub notes: Vec<String>,
}

/// Columns that are read; what stands further right is left out.
const COLUMNS: usize = 256;

/// Reads comma-separated values with quotes (RFC 4180). At most `most` rows are read.
pub fn parse(text: &str, most: usize) -> Table {
    let mut records: Vec<Vec<String>> = Vec::new();
    let mut record = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => {
                if record.len() < COLUMNS {
                    record.push(std::mem::take(&mut field));
                }
                field.clear();
            }
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
                if records.len() > most {
                    break;
                }
            }
            other => field.push(other),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    let mut records = records.into_iter();
    let columns: Vec<String> = records
        .next()
        .unwrap_or_default()
        .into_iter()
        .map(|column| column.trim().trim_start_matches('\u{feff}').to_string())
        .collect();
    let rows = records
        .filter(|record| record.iter().any(|field| !field.trim().is_empty()))
        .map(|record| {
            Row(columns
                .iter()
                .zip(record)
                .filter(|(_, field)| !field.is_empty())
                .map(|(column, field)| (column.clone(), field))
                .collect())
        })
        .collect();
    Table { columns, rows }
}

/// Predicts a row.
pub fn predict(row: &Row, place: usize) -> Prediction {
    let id = match row.text("id") {
        "" => format!("row {}", place + 1),
        id => id.to_string(),
    };
    let metric = row.text("metric").to_string();
    let mut prediction = Prediction {
        family: family(&metric, row.text("phase")),
        unit: match metric.as_str() {
            "peak_mem" | "weights_mem" | "oom" | "file_size" | "cuda_context" => "bytes".into(),
            _ => row.text("unit").to_string(),
        },
        id,
        metric,
        value: None,
        low: None,
        high: None,
        verdict: None,
        weights_bytes: None,
        parameters: None,
        memory_bytes: None,
        notes: Vec::new(),
    };
    match case(row) {
        Ok(case) => fill(&mut prediction, &case, row),
        Err(why) => prediction.notes.push(why),
    }
    prediction
}

fn family(metric: &str, phase: &str) -> String {
    match metric {
        "peak_mem" if phase == "train" => "training memory",
        "peak_mem" | "weights_mem" => "inference memory",
        "cuda_context" => "context",
        "file_size" => "file size",
        "decode_tps" => "decode speed",
        "prefill_tps" => "prefill speed",
        "total_tps" => "whole generation speed",
        "oom" => "out of memory",
        "max_context" => "largest context",
        _ if metric.starts_with("train") => "training speed",
        _ => "other",
    }
    .into()
}

fn fill(prediction: &mut Prediction, case: &Case, row: &Row) {
    prediction.notes.clone_from(&case.shape.assumed);
    prediction.weights_bytes = Some(weights::bytes(&case.shape, &case.weights));
    prediction.parameters = Some(case.shape.parameters);
    let memory = matches!(
        prediction.metric.as_str(),
        "peak_mem" | "weights_mem" | "oom"
    );
    if memory {
        let whole = estimate(case);
        set(prediction, &whole);
        if let Some(room) = memory_of(row, case.device.as_ref()) {
            let places = if case.summed {
                case.devices.max(1.0)
            } else {
                1.0
            };
            prediction.memory_bytes = Some(room * places);
            // A card holds the process with its context, so the verdict is by what the device sees.
            let mut outside = case.clone();
            outside.level = Level::Device;
            let outside = estimate(&outside);
            prediction.verdict = Some(
                super::verdict::of(outside.bytes, outside.high, room * places)
                    .word()
                    .into(),
            );
        }
        return;
    }
    match prediction.metric.as_str() {
        "cuda_context" => {
            prediction.value = Some(super::overhead::CONTEXT);
            prediction.low = Some(super::overhead::CONTEXT * 0.4);
            prediction.high = Some(super::overhead::CONTEXT * 3.0);
            return;
        }
        "file_size" => {
            let bytes = weights::bytes(&case.shape, &case.weights);
            prediction.value = Some(bytes);
            (prediction.low, prediction.high) = (Some(bytes * 0.96), Some(bytes * 1.04));
            return;
        }
        _ => {}
    }
    let Some(device) = &case.device else {
        prediction.notes.push(format!(
            "the accelerator {:?} is not known",
            row.text("gpu")
        ));
        return;
    };
    let value = match (&case.work, prediction.metric.as_str()) {
        (Work::Inference(work), metric) => inference_speed(case, device, work, metric, row),
        (Work::Training(work), metric) => training_speed(case, device, work, metric),
    };
    match value {
        Some(value) if value.is_finite() => {
            let (low, high) = super::interval::of_speed(value, 1.4);
            (prediction.value, prediction.low, prediction.high) =
                (Some(value), Some(low), Some(high));
        }
        _ => prediction.notes.push("this metric is not predicted".into()),
    }
}

fn set(prediction: &mut Prediction, whole: &Estimate) {
    prediction.value = Some(whole.bytes);
    prediction.low = Some(whole.low);
    prediction.high = Some(whole.high);
}

fn inference_speed(
    case: &Case,
    device: &Device,
    work: &Inference,
    metric: &str,
    row: &Row,
) -> Option<f64> {
    let middle = work.prompt + work.generate / 2.0;
    let token = speed::decode_seconds(case, device, work, middle);
    match metric {
        "decode_tps" => {
            let with_prompt = row.text("notes").contains("incl. prefill");
            let prompt = if with_prompt {
                speed::prompt_seconds(case, device, work)
            } else {
                0.0
            };
            let tokens = work.generate.max(1.0);
            Some(tokens * work.batch / (tokens * token + prompt))
        }
        "prefill_tps" => Some(work.prompt * work.batch / speed::prompt_seconds(case, device, work)),
        "total_tps" => {
            let tokens = work.generate.max(1.0);
            Some(
                (work.prompt + tokens) * work.batch
                    / (tokens * token + speed::prompt_seconds(case, device, work)),
            )
        }
        _ => None,
    }
}

fn training_speed(case: &Case, device: &Device, work: &Training, metric: &str) -> Option<f64> {
    let micro = speed::training_seconds(case, device, work);
    let tokens = work.batch * work.sequence;
    let places = if case.spread == Spread::Layers {
        1.0
    } else {
        case.devices.max(1.0)
    };
    let copies = places / work.context_parallel / work.tensor_parallel;
    match metric {
        "train_tps" => Some(tokens * copies / micro),
        "train_tps_per_gpu" => Some(tokens / work.context_parallel / work.tensor_parallel / micro),
        "train_s_per_iter" => Some(micro * work.accumulate),
        "train_samples_per_s" => Some(work.batch * copies / micro),
        "train_min_per_1k_iter" => Some(micro * 1000.0 / 60.0),
        _ => None,
    }
}
