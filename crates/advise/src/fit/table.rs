//! Tables of measurements: each row made a question, whatever was measured in it is predicted.
//!
//! Value columns are never looked at here: a prediction can't know what it should be.

use super::case::{
    Attention, Case, Checkpointing, Device, Inference, Level, Loss, Method, Optimizer, Spread, Training, Weights, Work,
};
use super::shape::Shape;
use super::{Estimate, estimate, speed, weights};
use deskside_knowledge::models::{device_named, weight_format};
use deskside_knowledge::runtimes::{runtime_named, runtimes};
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
        self.text(column).parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
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
    /// The value, in the row's unit (memory in bytes); none when it can't be said.
    pub value: Option<f64>,
    /// Nine of ten measurements should lie above this.
    pub low: Option<f64>,
    /// And below this.
    pub high: Option<f64>,
    /// `fits`, `tight`, `too-large`, or nothing where the accelerator is not known.
    pub verdict: Option<String>,
    /// Memory of all accelerators that a model may use, in bytes.
    pub memory_bytes: Option<f64>,
    /// What had to be assumed, or why nothing can be said.
    pub notes: Vec<String>,
}

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
            ',' if !quoted => record.push(std::mem::take(&mut field)),
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
        .map(|record| Row(columns.iter().cloned().zip(record).collect()))
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
        id,
        metric,
        value: None,
        low: None,
        high: None,
        verdict: None,
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
    let memory = matches!(prediction.metric.as_str(), "peak_mem" | "weights_mem" | "oom");
    if memory {
        let whole = estimate(case);
        set(prediction, &whole);
        prediction.notes.extend(whole.assumptions);
        if let Some(room) = case.device.as_ref().and_then(|device| device.memory_bytes) {
            let places = if case.summed { case.devices.max(1.0) } else { 1.0 };
            prediction.memory_bytes = Some(room * places);
            // A card holds the process with its context, so the verdict is by what the device sees.
            let mut outside = case.clone();
            outside.level = Level::Device;
            let outside = estimate(&outside);
            prediction.verdict = Some(super::verdict::of(outside.bytes, outside.high, room * places).word().into());
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
        prediction.notes.push(format!("the accelerator {:?} is not known", row.text("gpu")));
        return;
    };
    let value = match (&case.work, prediction.metric.as_str()) {
        (Work::Inference(work), metric) => inference_speed(case, device, work, metric, row),
        (Work::Training(work), metric) => training_speed(case, device, work, metric),
    };
    match value {
        Some(value) if value.is_finite() => {
            let (low, high) = super::interval::of_speed(value, 1.4);
            (prediction.value, prediction.low, prediction.high) = (Some(value), Some(low), Some(high));
        }
        _ => prediction.notes.push("this metric is not predicted".into()),
    }
}

fn set(prediction: &mut Prediction, whole: &Estimate) {
    prediction.value = Some(whole.bytes);
    prediction.low = Some(whole.low);
    prediction.high = Some(whole.high);
}

fn inference_speed(case: &Case, device: &Device, work: &Inference, metric: &str, row: &Row) -> Option<f64> {
    let middle = work.prompt + work.generate / 2.0;
    let token = speed::decode_seconds(case, device, work, middle);
    match metric {
        "decode_tps" => {
            let with_prompt = row.text("notes").contains("incl. prefill");
            let prompt = if with_prompt { speed::prompt_seconds(case, device, work) } else { 0.0 };
            let tokens = work.generate.max(1.0);
            Some(tokens * work.batch / (tokens * token + prompt))
        }
        "prefill_tps" => Some(work.prompt * work.batch / speed::prompt_seconds(case, device, work)),
        "total_tps" => {
            let tokens = work.generate.max(1.0);
            Some((work.prompt + tokens) * work.batch / (tokens * token + speed::prompt_seconds(case, device, work)))
        }
        _ => None,
    }
}

fn training_speed(case: &Case, device: &Device, work: &Training, metric: &str) -> Option<f64> {
    let micro = speed::training_seconds(case, device, work);
    let tokens = work.batch * work.sequence;
    let places = if case.spread == Spread::Layers { 1.0 } else { case.devices.max(1.0) };
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

/// The question that a row asks.
///
/// # Errors
/// What is not known in it, in words.
pub fn case(row: &Row) -> Result<Case, String> {
    let named = [row.text("model_key"), row.text("model")];
    let name = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let shape = Shape::of_name(name)
        .or_else(|| Shape::of_name(row.text("model")))
        .or_else(|| (name == "none").then(|| Shape::assumed("none", 1.0, 1.0)))
        .ok_or_else(|| format!("the model {name:?} is not known"))?;
    let runtime = runtime_named(row.text("framework"))
        .or_else(|| runtimes().first())
        .ok_or("no framework is known")?;
    let format = format_of(row)?;
    let training = row.text("phase") == "train" || row.text("metric").starts_with("train");
    let semantics = row.text("mem_semantics").to_ascii_lowercase();
    let level = if semantics.contains("reserved") {
        Level::Reserved
    } else if semantics.contains("allocated") || semantics.contains("active") || semantics.contains("get_peak_memory") {
        Level::Allocated
    } else if semantics.contains("after loading") || semantics.contains("gpu use") {
        Level::Allocated
    } else {
        Level::Device
    };
    let devices = row.number("n_gpu").unwrap_or(1.0).min(100_000.0);
    let parallel = row.text("parallel");
    let device = device_of(row);
    let work = if training { Work::Training(training_of(row, runtime)) } else { Work::Inference(inference_of(row, runtime)) };
    Ok(Case {
        shape,
        weights: Weights { format, head_quantised: runtime.quantise_while_loading, counted_bytes: None },
        runtime,
        work,
        devices,
        spread: spread_of(parallel, training, runtime.name.as_str()),
        summed: semantics.contains("sum"),
        level,
        device,
    })
}

fn format_of(row: &Row) -> Result<deskside_knowledge::models::FormatRow, String> {
    let text = row.text("weights");
    if text.starts_with("in file") {
        return Ok(format_in_name(row.text("model"), row.text("framework")));
    }
    if let Some(bits) = text.strip_prefix("exl2-").and_then(|rest| rest.strip_suffix("bpw")) {
        let bits: f64 = bits.parse().map_err(|_| format!("the format {text:?} is not known"))?;
        let mut format = weight_format("int4").ok_or("int4 is not known")?;
        format.linear_bits = bits;
        return Ok(format);
    }
    weight_format(text)
        .or_else(|| text.is_empty().then(|| weight_format("bf16")).flatten())
        .ok_or_else(|| format!("the format {text:?} is not known"))
}

/// The format that a file's or a tag's name tells.
pub fn format_in_name(name: &str, framework: &str) -> deskside_knowledge::models::FormatRow {
    let lower = name.to_ascii_lowercase();
    let mut best: Option<deskside_knowledge::models::FormatRow> = None;
    for format in deskside_knowledge::models::weight_formats() {
        let key = format.name.strip_prefix("gguf-").unwrap_or(format.name);
        if key.len() > 2 && lower.contains(key) && best.as_ref().is_none_or(|old| {
            key.len() > old.name.strip_prefix("gguf-").unwrap_or(&old.name).len()
        }) {
            best = Some(format);
        }
    }
    let mlx = framework.starts_with("mlx") || lower.contains("mlx");
    if let Some(format) = best.filter(|format| !mlx || format.kind != "gguf") {
        return format;
    }
    let fallback = if lower.contains("8bit") {
        "mlx-q8-g64"
    } else if mlx || lower.contains("4bit") {
        "mlx-q4-g64"
    } else if framework.starts_with("vllm") {
        "bf16"
    } else {
        "gguf-q4_k_m"
    };
    weight_format(fallback).unwrap_or(deskside_knowledge::models::FormatRow {
        name: "bf16",
        linear_bits: 16.0,
        embedding_bits: 16.0,
        head_bits: 16.0,
        kind: "float16",
    })
}

fn device_of(row: &Row) -> Option<Device> {
    let name = row.text("gpu");
    let known = device_named(name)?;
    let lower = name.to_lowercase();
    let apple = known.key.starts_with('m') && known.key.as_bytes().get(1).is_some_and(u8::is_ascii_digit) && !known.key.starts_with("mi");
    // The memory written in the name wins: `A100-40GB`, `M1 Max 64GB`.
    let written = lower
        .split([' ', '-', '_', '('])
        .filter_map(|word| word.strip_suffix("gb"))
        .find_map(|number| number.parse::<f64>().ok());
    let noted = row
        .text("notes")
        .split("vram ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse::<f64>().ok());
    let gigabytes = written.or(noted).unwrap_or(known.memory_gb);
    let share = if apple { super::verdict::unified_share(gigabytes) } else { 1.0 };
    Some(Device {
        name: name.to_string(),
        memory_bytes: Some(gigabytes * 1024.0 * 1024.0 * 1024.0 * share),
        bandwidth: known.bandwidth_gb_per_second * 1e9,
        reach: known.reach,
        vector_flops: known.vector_tflops * 1e12,
        prompt_flops: known.prompt_tflops * 1e12,
        peak_flops: known.peak_tflops * 1e12,
        unified: apple || matches!(known.key, "gb10" | "840m" | "iris xe" | "arc graphics 130v"),
    })
}

fn spread_of(parallel: &str, training: bool, runtime: &str) -> Spread {
    let parallel = parallel.to_ascii_lowercase();
    if parallel.contains("zero3") || parallel.contains("fsdp") || parallel.contains("full_shard") {
        Spread::Sharded
    } else if parallel.contains("zero2") || parallel.contains("shard_grad") {
        Spread::Zero2
    } else if parallel.contains("tensor") {
        Spread::Tensor
    } else if parallel.contains("split") || parallel.contains("device_map") {
        Spread::Layers
    } else if training {
        if runtime == "peft" { Spread::Sharded } else { Spread::Copies }
    } else if matches!(runtime, "vLLM" | "SGLang" | "gpt-fast") {
        Spread::Tensor
    } else {
        Spread::Layers
    }
}

fn inference_of(row: &Row, runtime: &deskside_knowledge::runtimes::Runtime) -> Inference {
    let metric = row.text("metric");
    let method = row.text("method");
    let (prompt, generate) = (row.number("prompt_len"), row.number("gen_len"));
    let beams = method.strip_prefix("beam ").and_then(|count| count.parse().ok()).unwrap_or(1.0);
    Inference {
        batch: row.number("batch").unwrap_or(1.0),
        prompt: prompt.unwrap_or(0.0),
        generate: generate.unwrap_or(if runtime.default_generate > 0.0 { runtime.default_generate } else { 128.0 }),
        cache_bits: if method.contains("kv-int8") { 8.0 } else { 16.0 },
        beams,
        attention: if row.text("attention").contains("eager") { Attention::Eager } else { Attention::Flash },
        only_load: metric == "weights_mem" || row.text("phase") == "load",
    }
}

/// Techniques of a cumulative list, in its order: each row has all before it, too.
const LADDER: &[&str] = &[
    "packed", "compile", "chunked", "activation checkpointing", "fuse optimizer", "activation offloading", "8-bit", "lora", "qlora",
];

fn training_of(row: &Row, runtime: &deskside_knowledge::runtimes::Runtime) -> Training {
    let written = row.text("method").to_ascii_lowercase();
    let (kind, technique) = written.split_once('|').map_or((written.as_str(), ""), |(kind, rest)| (kind.trim(), rest.trim()));
    let cumulative = row.text("notes").contains("cumulative");
    let reached = if cumulative {
        LADDER.iter().rposition(|step| technique.contains(step))
    } else {
        None
    };
    let has = |step: usize, word: &str| reached.is_some_and(|reached| reached >= step) || technique.contains(word);
    let optimizer = row.text("optimizer").to_ascii_lowercase();
    let weights = row.text("weights").to_ascii_lowercase();
    let parallel = row.text("parallel").to_ascii_lowercase();
    let degree = |key: &str| {
        parallel
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key))
            .and_then(|number| number.parse().ok())
            .unwrap_or(1.0)
    };
    let notes = row.text("notes").to_ascii_lowercase();
    let after = |text: &str, word: &str| -> Option<f64> {
        let rest = text.split(word).nth(1)?;
        rest.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .find(|piece| !piece.is_empty())
            .and_then(|piece| piece.parse().ok())
    };
    let trained = row.number("adapter_rank").or_else(|| after(&notes, "rank "));
    let method = if kind.starts_with("full") {
        Method::Full
    } else if kind.starts_with("qlora") || (kind.starts_with("lora") && weights.contains("int4")) {
        Method::Qlora
    } else if kind.starts_with("lora") {
        Method::Lora
    } else {
        Method::Adapter
    };
    let accumulate = after(&notes, "accumulation ").unwrap_or(1.0);
    let ladder_offload = reached.is_some_and(|reached| reached >= 5) || notes.contains("offloading on");
    Training {
        method,
        optimizer: optimizer_of(&optimizer),
        rank: trained.unwrap_or(8.0),
        targets: match row.text("adapter_targets") {
            text if text.contains("qkv") => "qkv".into(),
            "DEFAULT" => "qkv".into(),
            "" if method == Method::Adapter => "q,v".into(),
            text => text.into(),
        },
        whole_embeddings: kind.contains("emb"),
        batch: row.number("batch").unwrap_or(1.0),
        sequence: row.number("seq_len").unwrap_or(512.0),
        typical: typical_of(row),
        checkpointing: match row.text("grad_ckpt") {
            "yes" | "full" => Checkpointing::Full,
            "selective" => Checkpointing::Selective,
            _ => Checkpointing::None,
        },
        attention: if row.text("attention").contains("eager") { Attention::Eager } else { Attention::Flash },
        loss: if has(2, "chunked") || (runtime.name == "torchtune" && technique.is_empty()) { Loss::Chunked } else { Loss::Default },
        compiled: has(1, "compile") || notes.contains("torch.compile"),
        in_backward: has(4, "fuse optimizer") && method == Method::Full,
        offload: ladder_offload,
        mixed: weights.contains("fp32"),
        float8: technique.contains("float8") || weights.contains("fp8"),
        scales_outputs: kind.contains("adapter_v2"),
        accumulate,
        context_parallel: degree("cp"),
        tensor_parallel: degree("tp"),
    }
}

/// Tokens of a usual sequence where the table says that its length is only the most.
fn typical_of(row: &Row) -> Option<f64> {
    let semantics = row.text("seq_semantics");
    let most = row.number("seq_len")?;
    if let Some(rest) = semantics.split("median about ").nth(1) {
        return rest.split(' ').next()?.parse().ok();
    }
    // Where samples are cut at a length, the mean of published runs was well under half of it.
    semantics.contains("max_length").then_some(most * 0.42)
}

/// An optimizer by its name.
pub fn optimizer_of(name: &str) -> Optimizer {
    let name = name.to_ascii_lowercase();
    if name.contains("paged") {
        Optimizer::PagedAdamw8bit
    } else if name.contains("8bit") || name.contains("8-bit") {
        Optimizer::Adamw8bit
    } else if name.contains("adafactor") {
        Optimizer::Adafactor
    } else if name.starts_with("lion") {
        Optimizer::Lion
    } else if name.contains("muon") {
        Optimizer::Muon
    } else if name.contains("sgd") && name.contains("momentum") {
        Optimizer::SgdMomentum
    } else if name.contains("sgd") {
        Optimizer::Sgd
    } else {
        Optimizer::Adamw
    }
}
