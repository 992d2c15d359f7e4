//! One sweep, whole: its trials, the best, what matters.

use crate::{Answer, Context};
use deskside_machine::Machine;
use deskside_runs::queue::{JobState, Queue};
use deskside_runs::sweep::{Course, Sweep, Trial, TrialState, find, importance};
use deskside_types::{Result, shell};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The answer of `sweep show`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepReport {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The command, with names in braces.
    pub command: String,
    /// Its parameters, in a person's order.
    pub parameters: Vec<String>,
    /// How trials are chosen.
    pub method: String,
    /// The metric that is sought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Less of it is better.
    pub minimize: bool,
    /// `going`, `stopped`, `over`.
    pub course: String,
    /// Why it is over before all was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Trials at the most.
    pub most: u64,
    /// Runs at once.
    pub parallel: u32,
    /// Trials by their states.
    pub counts: Counts,
    /// When it was begun, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub created_at: jiff::Timestamp,
    /// The time it still takes, in seconds, by the mean of its runs so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
    /// The best result so far, after each trial that brought one.
    pub best_so_far: Vec<f64>,
    /// How much each parameter has to do with the result.
    pub importance: Vec<Importance>,
    /// What `importance` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance_by: Option<String>,
    /// Its trials, the best first, then those without a result by their numbers.
    pub trials: Vec<TrialRow>,
    /// Its folder.
    pub folder: String,
}

impl Answer for SweepReport {
    const SCHEMA: &'static str = "deskside.sweep";
}

/// Trials by their states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Ended well, with a result where one is sought.
    pub done: usize,
    /// Of those that are open: a run of theirs goes on.
    pub running: usize,
    /// Of those that are open: they wait.
    pub waiting: usize,
    /// Ended early.
    pub pruned: usize,
    /// Failed, or brought no result.
    pub failed: usize,
    /// Stopped, or nobody saw their end.
    pub cut_off: usize,
}

/// What a parameter has to do with the result.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Importance {
    /// The parameter.
    pub parameter: String,
    /// Between 0 and 1.
    pub part: f64,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrialRow {
    /// Its number, from 0.
    pub trial: u64,
    /// `running`, `waiting`, `done`, `pruned`, `failed`, `cut-off`.
    pub state: String,
    /// Its result: the mean over its seeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The standard deviation over its seeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
    /// Its values.
    pub values: BTreeMap<String, String>,
    /// What is to be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Its runs.
    pub runs: Vec<TrialRunRow>,
}

/// One run of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrialRunRow {
    /// Its seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
    /// Its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Its state in a word.
    pub state: String,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Its result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The step of its last report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<i64>,
    /// How long it ran, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// Looks at a sweep.
///
/// # Errors
/// [`deskside_types::Code::SweepUnknown`], or when it can't be read.
pub fn show(context: &Context, text: &str) -> Result<SweepReport> {
    crate::queue::advance(context);
    let mut sweep = find(&*context.machine, &context.directories, text)?;
    super::settle(context, &mut sweep)?;
    of(context, &sweep)
}

pub(super) fn of(context: &Context, sweep: &Sweep<'_>) -> Result<SweepReport> {
    let machine: &dyn Machine = &*context.machine;
    let queue = Queue::open_if_there(machine, &context.directories)?;
    let (definition, progress) = (&sweep.definition, &sweep.progress);
    let goal = definition.goal.as_ref();
    let (course, why) = match &progress.course {
        Course::Going => ("going", None),
        Course::Stopped => ("stopped", None),
        Course::Over(why) => ("over", why.clone()),
    };
    let mut trials: Vec<TrialRow> = progress
        .trials
        .iter()
        .enumerate()
        .map(|(number, trial)| row(definition, queue.as_ref(), number as u64, trial))
        .collect();
    let count = |word: &str| trials.iter().filter(|trial| trial.state == word).count();
    let counts = Counts {
        done: count("done"),
        running: count("running"),
        waiting: count("waiting"),
        pruned: count("pruned"),
        failed: count("failed"),
        cut_off: count("cut-off"),
    };
    let done: Vec<(&Trial, f64)> = progress
        .trials
        .iter()
        .filter(|trial| trial.state(goal.is_some()) == TrialState::Done)
        .filter_map(|trial| Some((trial, goal?.cost(trial.value()?.0))))
        .collect();
    let mut best_so_far: Vec<f64> = Vec::new();
    for (_, cost) in &done {
        let best = best_so_far.last().map_or(*cost, |best| best.min(*cost));
        best_so_far.push(best);
    }
    for best in &mut best_so_far {
        // A cost of a cost is the value again.
        *best = goal.map_or(*best, |goal| goal.cost(*best));
    }
    let points: Vec<_> = done
        .iter()
        .map(|(trial, cost)| (&trial.point, *cost))
        .collect();
    let importance: Vec<Importance> = importance(&definition.space, &points)
        .into_iter()
        .map(|(parameter, part)| Importance { parameter, part })
        .collect();
    let cost = |trial: &TrialRow| match (trial.state.as_str(), trial.value, goal) {
        ("done", Some(value), Some(goal)) => goal.cost(value),
        _ => f64::INFINITY,
    };
    let most = progress.most(definition);
    let seconds_left =
        (course == "going").then(|| left(&trials, most, definition.runs(), definition.parallel));
    trials.sort_by(|left, right| {
        cost(left)
            .total_cmp(&cost(right))
            .then(left.trial.cmp(&right.trial))
    });
    Ok(SweepReport {
        id: definition.id.0.clone(),
        name: definition.name.clone(),
        command: shown(&definition.argv),
        parameters: definition
            .space
            .iter()
            .map(|parameter| parameter.name.clone())
            .collect(),
        method: definition.method.word().into(),
        metric: goal.map(|goal| goal.metric.clone()),
        minimize: goal.is_some_and(|goal| goal.minimize),
        course: course.into(),
        why,
        most,
        parallel: definition.parallel,
        counts,
        created_at: jiff::Timestamp::from_millisecond(definition.created_at).unwrap_or_default(),
        seconds_left: seconds_left.flatten(),
        best_so_far,
        importance_by: (!importance.is_empty()).then(|| {
            "part of the variance of the ranks of the results that each explains alone".into()
        }),
        importance,
        trials,
        folder: sweep.folder().display().to_string(),
    })
}

/// A command as it is typed.
pub(super) fn shown(words: &[String]) -> String {
    let quoted = |word: &String| {
        if word.contains(['{', '}'])
            && !word.contains(char::is_whitespace)
            && !word.contains(['\'', '"', '\\'])
        {
            word.clone()
        } else {
            shell::quoted(word)
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn row(
    definition: &deskside_runs::sweep::Definition,
    queue: Option<&Queue<'_>>,
    number: u64,
    trial: &Trial,
) -> TrialRow {
    let mut why = trial.pruned.clone();
    let mut runs = Vec::new();
    for (at, run) in trial.runs.iter().enumerate() {
        let job = run.job.as_ref().map(|job| job.0);
        let live = match (&run.end, job, queue) {
            (None, Some(job), Some(queue)) => queue.row(job).ok(),
            _ => None,
        };
        let state = match (&run.end, &live) {
            (Some(end), _) => end.word.clone(),
            (None, Some(row)) if row.state == JobState::Ended => {
                row.outcome.clone().unwrap_or_default()
            }
            (None, Some(row)) => row.state.word().into(),
            (None, None) => "waiting".into(),
        };
        let end = run.end.clone().unwrap_or_default();
        let said = end
            .why
            .clone()
            .or_else(|| live.as_ref().and_then(|row| row.reason.clone()));
        let failed = end
            .exit
            .filter(|exit| *exit != 0)
            .map(|exit| format!("exit code {exit}"));
        if why.is_none() {
            why = said.or(failed);
        }
        runs.push(TrialRunRow {
            seed: definition.seeds.get(at).copied(),
            job,
            run: end
                .run
                .or_else(|| live.as_ref().and_then(|row| row.run.clone()))
                .map(|run| run.0),
            state,
            exit: end.exit,
            value: end.value,
            step: end.step,
            duration_ms: end.duration_ms,
        });
    }
    let state = trial.state(definition.goal.is_some());
    let goes_on = |run: &TrialRunRow| ["running", "lost", "paused"].contains(&run.state.as_str());
    let value = trial.value();
    TrialRow {
        trial: number,
        state: match state {
            TrialState::Open if runs.iter().any(goes_on) => "running".into(),
            TrialState::Open => "waiting".into(),
            other => other.word().into(),
        },
        value: value.map(|value| value.0),
        spread: value.and_then(|value| value.1),
        values: trial.point.clone(),
        why,
        runs,
    }
}

fn left(trials: &[TrialRow], most: u64, runs: usize, parallel: u32) -> Option<u64> {
    let spans: Vec<u64> = trials
        .iter()
        .flat_map(|trial| &trial.runs)
        .filter_map(|run| run.duration_ms)
        .collect();
    if spans.is_empty() {
        return None;
    }
    let mean = spans.iter().sum::<u64>() / spans.len() as u64;
    let all = most.saturating_mul(runs as u64);
    let open = all.saturating_sub(spans.len() as u64);
    Some(open.saturating_mul(mean) / u64::from(parallel.max(1)) / 1000)
}
