//! A run's results in a few words: what training code set, over the last value of each metric.

use crate::segment::{Brief, BriefSeries, RunMetrics};
use crate::{Folder, record};
use deskside_machine::Machine;
use deskside_types::Result;
use serde_json::Value;
use std::collections::BTreeMap;

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub enum SummaryValue {
    /// A number; NaN and infinities are kept.
    Number(f64),
    /// Anything else, as text.
    Text(String),
}

impl SummaryValue {
    /// The number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

/// A run's results.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// By key: the last value of each metric, and over it what `summary.json` says.
    pub values: BTreeMap<String, SummaryValue>,
    /// Each metric with its count, last, least and greatest value.
    pub metrics: Vec<BriefSeries>,
    /// What could not be read, in words.
    pub damage: Option<String>,
}

/// Reads a run's results.
///
/// # Errors
/// When the metrics' folder is there and can't be listed.
pub fn summary(machine: &dyn Machine, folder: &Folder) -> Result<Summary> {
    let mut metrics = RunMetrics::new(folder.metrics(), Brief::default());
    let damage = metrics.refresh(machine)?.sentence();
    let metrics = metrics.collected.series();
    let mut values: BTreeMap<String, SummaryValue> = metrics
        .iter()
        .map(|series| (series.name.clone(), SummaryValue::Number(series.last.value)))
        .collect();
    for (key, value) in record::read_json(machine, &folder.summary()) {
        values.insert(key, read_value(&value));
    }
    Ok(Summary {
        values,
        metrics,
        damage,
    })
}

/// JSON has no NaN and no infinities: the Python module writes their names.
fn read_value(value: &Value) -> SummaryValue {
    match value {
        Value::Number(number) => number.as_f64().map_or_else(
            || SummaryValue::Text(number.to_string()),
            SummaryValue::Number,
        ),
        Value::Bool(flag) => SummaryValue::Text(flag.to_string()),
        Value::String(text) => match text.as_str() {
            "NaN" => SummaryValue::Number(f64::NAN),
            "Infinity" => SummaryValue::Number(f64::INFINITY),
            "-Infinity" => SummaryValue::Number(f64::NEG_INFINITY),
            _ => SummaryValue::Text(text.clone()),
        },
        other => SummaryValue::Text(other.to_string()),
    }
}
