//! The best trial of a sweep, and all of them as a table for other programs.

use super::report::{SweepReport, TrialRow};
use crate::{Answer, Context};
use deskside_runs::sweep::find;
use deskside_types::{Code, Problem, Result, shell};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `sweep best`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BestReport {
    /// The sweep.
    pub id: String,
    /// The metric that is sought.
    pub metric: String,
    /// The best trial.
    pub trial: TrialRow,
    /// Its command, as a shell takes it; with the first of its seeds.
    pub command: String,
    /// Trials that brought a result.
    pub of: usize,
}

impl Answer for BestReport {
    const SCHEMA: &'static str = "deskside.sweep-best";
}

/// The best trial so far.
///
/// # Errors
/// [`Code::SweepState`] without a goal, or without a trial that brought a result.
pub fn best(context: &Context, text: &str) -> Result<BestReport> {
    crate::queue::advance(context);
    let mut sweep = find(&*context.machine, &context.directories, text)?;
    super::settle(context, &mut sweep)?;
    let report = super::report::of(context, &sweep)?;
    let Some(metric) = report.metric else {
        return Err(Problem::new(
            Code::SweepState,
            format!(
                "sweep {} has no goal, so that none of its trials is the best",
                report.id
            ),
        )
        .hint("the next one: --goal minimize:val/loss"));
    };
    let of = report.counts.done;
    let first = report
        .trials
        .into_iter()
        .next()
        .filter(|trial| trial.state == "done");
    let Some(trial) = first else {
        return Err(Problem::new(
            Code::SweepState,
            format!("no trial of sweep {} has brought a result", report.id),
        )
        .hint(format!(
            "see how they are: `deskside sweep show {}`",
            report.id
        )));
    };
    let words = sweep
        .definition
        .command(trial.trial, 0, &trial.values, sweep.folder());
    let mut command: Vec<String> = Vec::new();
    let values = sweep
        .definition
        .values(trial.trial, 0, &trial.values, sweep.folder());
    for (name, value) in &sweep.definition.variables {
        let value = deskside_runs::sweep::template::filled(value, &values);
        command.push(format!("{name}={}", shell::quoted(&value)));
    }
    command.extend(words.iter().map(|word| shell::quoted(word)));
    Ok(BestReport {
        id: report.id,
        metric,
        trial,
        command: command.join(" "),
        of,
    })
}

/// A sweep as CSV (RFC 4180): a line a run.
pub fn csv(report: &SweepReport) -> String {
    let mut lines = Vec::new();
    let mut head: Vec<String> = ["trial", "state", "value", "spread"]
        .map(String::from)
        .into();
    head.extend(report.parameters.iter().cloned());
    head.extend(
        [
            "seed",
            "job",
            "run",
            "run_state",
            "exit",
            "run_value",
            "step",
            "seconds",
        ]
        .map(String::from),
    );
    lines.push(head);
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let mut trials: Vec<&TrialRow> = report.trials.iter().collect();
    trials.sort_by_key(|trial| trial.trial);
    for trial in trials {
        for run in &trial.runs {
            let text =
                |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
            let mut line = vec![
                trial.trial.to_string(),
                trial.state.clone(),
                number(trial.value),
                number(trial.spread),
            ];
            for name in &report.parameters {
                line.push(trial.values.get(name).cloned().unwrap_or_default());
            }
            line.extend([
                text(run.seed),
                text(run.job),
                run.run.clone().unwrap_or_default(),
                run.state.clone(),
                text(run.exit.map(i64::from)),
                number(run.value),
                text(run.step),
                number(run.duration_ms.map(|ms| ms as f64 / 1000.0)),
            ]);
            lines.push(line);
        }
    }
    let field = |text: &String| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.clone()
        }
    };
    lines
        .iter()
        .map(|line| line.iter().map(field).collect::<Vec<_>>().join(","))
        .collect::<Vec<_>>()
        .join("\n")
}
