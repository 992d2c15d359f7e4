//! All sweeps.

use crate::{Answer, Context};
use deskside_runs::sweep::{Course, Sweep, TrialState, all};
use deskside_types::Result;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `sweep list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct SweepsReport {
    /// The sweeps, the newest first.
    pub sweeps: Vec<SweepRow>,
    /// Those that can't be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for SweepsReport {
    const SCHEMA: &'static str = "deskside.sweeps";
}

/// One sweep in a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepRow {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `going`, `stopped`, `over`.
    pub course: String,
    /// How trials are chosen.
    pub method: String,
    /// The metric that is sought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The best result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<f64>,
    /// Trials that are over.
    pub ended: usize,
    /// Of them failed.
    pub failed: usize,
    /// Trials at the most.
    pub most: u64,
    /// When it was begun, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub created_at: jiff::Timestamp,
}

/// Lists the sweeps.
///
/// # Errors
/// When their folder is there and can't be read.
pub fn list(context: &Context) -> Result<SweepsReport> {
    crate::queue::advance(context);
    let machine = &*context.machine;
    let mut report = SweepsReport::default();
    for id in all(machine, &context.directories)? {
        match Sweep::open(machine, &context.directories, &id) {
            Ok(sweep) => report.sweeps.push(row(&sweep)),
            Err(problem) => report.warnings.push(problem.to_string()),
        }
    }
    Ok(report)
}

fn row(sweep: &Sweep<'_>) -> SweepRow {
    let (definition, progress) = (&sweep.definition, &sweep.progress);
    let goal = definition.goal.as_ref();
    let wants = goal.is_some();
    let cost = |trial: &deskside_runs::sweep::Trial| Some(goal?.cost(trial.value()?.0));
    let best = progress
        .trials
        .iter()
        .filter(|trial| trial.state(wants) == TrialState::Done)
        .filter_map(cost)
        .min_by(f64::total_cmp);
    SweepRow {
        id: definition.id.0.clone(),
        name: definition.name.clone(),
        course: match progress.course {
            Course::Going => "going",
            Course::Stopped => "stopped",
            Course::Over(_) => "over",
        }
        .into(),
        method: definition.method.word().into(),
        metric: goal.map(|goal| goal.metric.clone()),
        best: best.and_then(|best| Some(goal?.cost(best))),
        ended: progress.trials.len() - progress.count(TrialState::Open, wants),
        failed: progress.count(TrialState::Failed, wants),
        most: progress.most(definition),
        created_at: jiff::Timestamp::from_millisecond(definition.created_at).unwrap_or_default(),
    }
}
