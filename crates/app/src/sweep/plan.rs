//! What a sweep would do, before it does.

use super::request::{points, runs};
use super::{MANY, SweepRequest};
use crate::{Answer, Context};
use deskside_runs::run_name;
use deskside_runs::sweep::{Method, sweeps};
use deskside_track::Store;
use deskside_track::index::Filter;
use deskside_types::run::{RunExit, RunState};
use deskside_types::{Result, shell};
use schemars::JsonSchema;
use serde::Serialize;

/// Commands that are shown.
const SHOWN: u64 = 3;
/// Earlier runs that are looked at for their duration.
const EARLIER: usize = 40;

/// The answer of `sweep --plan`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepPlanReport {
    /// Its name.
    pub name: String,
    /// How trials are chosen.
    pub method: String,
    /// Points of the space; none where there is no end of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<u64>,
    /// Trials at the most.
    pub trials: u64,
    /// Runs at the most: trials times seeds.
    pub runs: u64,
    /// Runs at once.
    pub parallel: u32,
    /// What is sought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The first commands; of a method that learns, examples by chance.
    pub commands: Vec<String>,
    /// The commands are examples: which come is known only when trials report.
    pub examples: bool,
    /// The time it would take, in seconds, by the median of earlier runs of the same script; trials that are ended early take less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// How many earlier runs tell that.
    pub earlier_runs: usize,
    /// It is so large that it is asked about.
    pub many: bool,
}

impl Answer for SweepPlanReport {
    const SCHEMA: &'static str = "deskside.sweep-plan";
}

/// Says what a sweep would do.
///
/// # Errors
/// What keeps it from being begun.
pub fn plan(context: &Context, request: &SweepRequest) -> Result<SweepPlanReport> {
    let definition = request.definition(context)?;
    let folder = sweeps(&context.directories).join(&definition.id.0);
    let runs = runs(&definition);
    let examples = definition.method == Method::Tpe;
    let commands = (0..runs.min(SHOWN))
        .filter_map(|at| {
            let each = definition.runs() as u64;
            let (trial, run) = (at / each, usize::try_from(at % each).unwrap_or(0));
            let point = if examples {
                deskside_runs::sweep::random(&definition.space, definition.random_seed, trial)
            } else {
                definition.point(trial)?
            };
            let words = definition.command(trial, run, &point, &folder);
            Some(
                words
                    .iter()
                    .map(|word| shell::quoted(word))
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        })
        .collect();
    let earlier = durations(context, &run_name(&definition.argv))?;
    let median = earlier.get(earlier.len() / 2).copied();
    let rounds = runs.div_ceil(u64::from(definition.parallel.max(1)));
    Ok(SweepPlanReport {
        name: definition.name.clone(),
        method: definition.method.word().into(),
        points: points(&definition),
        trials: definition.most(),
        runs,
        parallel: definition.parallel,
        goal: definition.goal.as_ref().map(|goal| {
            format!(
                "{} {}",
                if goal.minimize {
                    "minimize"
                } else {
                    "maximize"
                },
                goal.metric
            )
        }),
        commands,
        examples,
        seconds: median.map(|seconds| seconds.saturating_mul(rounds)),
        earlier_runs: earlier.len(),
        many: runs > MANY,
    })
}

/// How long earlier runs of a script took that ended well, in seconds, in order.
fn durations(context: &Context, script: &str) -> Result<Vec<u64>> {
    let filter = Filter {
        states: vec!["finished".into()],
        text: Some(script.to_string()),
        limit: Some(EARLIER),
        ..Filter::default()
    };
    let listed = Store::new(&*context.machine, &context.directories).list(&filter)?;
    let mut seconds: Vec<u64> = listed
        .runs
        .iter()
        .filter(|run| run_name(&run.argv) == script)
        .filter(|run| {
            matches!(
                run.state.state,
                RunState::Finished {
                    exit: RunExit::ExitCode(0)
                }
            )
        })
        .filter_map(|run| {
            let span = run.state.ended_at?.duration_since(run.state.started_at?);
            u64::try_from(span.as_secs()).ok()
        })
        .collect();
    seconds.sort_unstable();
    Ok(seconds)
}
