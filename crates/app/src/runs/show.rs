//! `deskside show`: one run, whole.

use super::Curve;
use crate::cost::RunCost;
use crate::{Answer, Context};
use deskside_machine::{ErrorKind, Machine, Reading};
use deskside_track::segment::{Everything, RunMetrics};
use deskside_track::summary::{SummaryValue, summary};
use deskside_track::{Folder, record, truth};
use deskside_types::Result;
use deskside_types::measured::Measured;
use deskside_types::run::{RunRecord, StateRecord};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The answer of `show`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ShowReport {
    /// What the run is, with the params that training code set over those of its command line.
    pub run: RunRecord,
    /// Where it is in its life, settled: a dead process is not called running.
    pub state: StateRecord,
    /// How long its command ran, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Its results: numbers, or texts that training code set. NaN and infinities are the texts `NaN`, `Infinity`,
    /// `-Infinity`.
    pub summary: BTreeMap<String, Value>,
    /// Its metrics.
    pub metrics: Vec<MetricReport>,
    /// Their curves.
    pub curves: Vec<Curve>,
    /// Its folder.
    pub folder: String,
    /// What it took, at the person's own tariff: energy, money, and the same on the best offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<RunCost>,
    /// What it took of the machine, measured while it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// The size of its log in bytes.
    pub log_bytes: u64,
    /// What could not be read, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// One metric in brief.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MetricReport {
    /// Its name.
    pub name: String,
    /// How many values were logged.
    pub count: u64,
    /// The last value.
    pub last: f64,
    /// The step it was logged at.
    pub last_step: i64,
    /// The least finite value.
    pub min: Option<f64>,
    /// The greatest finite value.
    pub max: Option<f64>,
}

impl Answer for ShowReport {
    const SCHEMA: &'static str = "deskside.show";
}

/// Looks at one run.
///
/// # Errors
/// When no run is called that, or its folder can't be read.
pub fn show(context: &Context, run: &str) -> Result<ShowReport> {
    let folder = super::folder(context, run)?;
    let report = of(&*context.machine, &folder)?;
    let cost = crate::cost::of_one(context, &folder, &report.run, &report.state);
    Ok(ShowReport { cost, ..report })
}

pub(crate) fn of(machine: &dyn Machine, folder: &Folder) -> Result<ShowReport> {
    let mut run = record::read(machine, folder)?;
    run.params = record::params(machine, folder, &run);
    let state = truth(machine, folder)?;
    let now = machine.now()?.wall;
    let duration_ms = state.started_at.and_then(|start| {
        let end = match (state.ended_at, state.state.is_over()) {
            (Some(end), _) => end,
            (None, false) => now,
            (None, true) => return None,
        };
        u64::try_from(end.as_millisecond() - start.as_millisecond()).ok()
    });
    let brief = summary(machine, folder)?;
    let log_bytes = match machine.stat(folder.log()) {
        Ok(stat) => stat.size,
        Err(error) if error.kind == ErrorKind::Absent => 0,
        Err(error) => return Err(error.into()),
    };
    Ok(ShowReport {
        run,
        state,
        duration_ms,
        summary: brief
            .values
            .iter()
            .map(|(name, value)| (name.clone(), json(value)))
            .collect(),
        metrics: brief
            .metrics
            .iter()
            .map(|metric| MetricReport {
                name: metric.name.clone(),
                count: metric.count,
                last: metric.last.value,
                last_step: metric.last.step,
                min: metric.min,
                max: metric.max,
            })
            .collect(),
        curves: curves(machine, folder)?,
        folder: folder.path().display().to_string(),
        cost: None,
        measured: deskside_track::measured::read(machine, folder),
        log_bytes,
        damage: brief.damage,
    })
}

/// The curves of a run's metrics, by name.
///
/// # Errors
/// When the metrics' folder is there and can't be read.
pub fn curves(machine: &dyn Machine, folder: &Folder) -> Result<Vec<Curve>> {
    let mut metrics = RunMetrics::new(folder.metrics(), Everything::default());
    metrics.refresh(machine)?;
    Ok(metrics
        .collected
        .into_series()
        .iter()
        .filter_map(Curve::of)
        .collect())
}

/// A run's results that are numbers.
///
/// # Errors
/// When the metrics' folder is there and can't be read.
pub fn summary_numbers(machine: &dyn Machine, folder: &Folder) -> Result<BTreeMap<String, f64>> {
    Ok(summary(machine, folder)?
        .values
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.number()?)))
        .collect())
}

fn json(value: &SummaryValue) -> Value {
    match value {
        // JSON has no NaN and no infinities; a diverged run must not look like one without a result.
        SummaryValue::Number(number) if !number.is_finite() => Value::from(match *number {
            number if number.is_nan() => "NaN",
            number if number > 0.0 => "Infinity",
            _ => "-Infinity",
        }),
        SummaryValue::Number(number) => Value::from(*number),
        SummaryValue::Text(text) => Value::from(text.clone()),
    }
}
