//! `deskside run --queue`, `queue add`, `rerun`.

use super::lines::parse;
use super::measured;
use crate::run::surroundings_of_folder;
use crate::{Answer, Context};
use deskside_machine::Reading;
use deskside_runs::queue::{New, Queue, Restart, Spec, Surroundings, Word, vault};
use deskside_runs::schedule::{Claim, Window, moment, zone};
use deskside_runs::supervise::OnOom;
use deskside_runs::{session, snapshot, submit};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

/// What is said of jobs beside their command.
#[derive(Debug, Clone, Default)]
pub struct JobOptions {
    /// A name.
    pub name: Option<String>,
    /// The group of runs.
    pub experiment: Option<String>,
    /// Params beside those read from the command line.
    pub params: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Jobs whose good end is waited for.
    pub after: Vec<String>,
    /// Jobs whose end is waited for.
    pub after_any: Vec<String>,
    /// Not before this moment, as a person writes it.
    pub at: Option<String>,
    /// Hours of the day in which it must not start.
    pub window: Option<Window>,
    /// A greater one comes first.
    pub priority: i32,
    /// How often it is started again after it failed.
    pub retries: u32,
    /// After that it is ended.
    pub timeout: Option<Duration>,
    /// Between the request to end and the killing.
    pub grace: Option<Duration>,
    /// It is queued again when the machine was restarted under it.
    pub restart: bool,
    /// What is done when it ran out of memory.
    pub on_oom: Option<OnOom>,
    /// What it takes of the machine.
    pub claim: Claim,
    /// Variables: with a value, or by name.
    pub variables: Vec<(String, Option<String>)>,
    /// It waits for a release.
    pub hold: bool,
    /// It runs in the folder itself, with the code as it is by then.
    pub live: bool,
    /// Who is told of its end.
    pub notify: Vec<String>,
    /// Milliseconds between two samples; 0 for none.
    pub sample_ms: Option<u64>,
}

/// A job to queue.
#[derive(Debug, Clone, Default)]
pub struct QueueRequest {
    /// The command, program first.
    pub argv: Vec<OsString>,
    /// What is said of it.
    pub options: JobOptions,
}

/// The answer of what queues jobs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct QueuedReport {
    /// The jobs, in their order.
    pub jobs: Vec<QueuedJob>,
    /// The code is kept as it is now; else it runs in the folder, with whatever the code is by then.
    pub code_kept: bool,
    /// What a person should know: code that could not be recorded, a queue that does not move.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A job that was queued.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct QueuedJob {
    /// Its number.
    pub number: i64,
    /// Its identity, which is also its first run's.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Answer for QueuedReport {
    const SCHEMA: &'static str = "deskside.queued";
}

/// Queues a command.
///
/// # Errors
/// When it can't be queued; then nothing was.
pub fn add(context: &Context, request: QueueRequest) -> Result<QueuedReport> {
    context.require_live("run --queue")?;
    if request.argv.is_empty() {
        return Err(Problem::new(Code::Usage, "there is no command to queue")
            .hint("write it after two dashes: `deskside run --queue -- python train.py`"));
    }
    let words = request
        .argv
        .iter()
        .map(|word| Word::from(word.as_os_str()))
        .collect();
    let job = new(context, words, &request.options)?;
    queue(context, &request.options, vec![job])
}

/// Queues every command of a list: one a line, or one JSON object a line.
///
/// # Errors
/// [`Code::QueueUsage`] with the line that can't be understood; then nothing was queued.
pub fn add_list(context: &Context, text: &str, options: &JobOptions) -> Result<QueuedReport> {
    context.require_live("queue add")?;
    let base = new(context, Vec::new(), options)?;
    let jobs = parse(text, &base)?;
    queue(context, options, jobs)
}

pub(crate) fn new(context: &Context, argv: Vec<Word>, options: &JobOptions) -> Result<New> {
    let machine = &*context.machine;
    let ready_at = match &options.at {
        Some(text) => {
            let now = machine.now()?.wall;
            moment(text, now, &zone(machine))?.as_millisecond()
        }
        None => 0,
    };
    let mut after = Vec::new();
    for (texts, good) in [(&options.after, true), (&options.after_any, false)] {
        for text in texts {
            let row = super::job(context, text)?.ok_or_else(|| {
                Problem::new(
                    Code::JobUnknown,
                    format!("there is no job {text} to wait for"),
                )
                .hint("see what waits: `deskside queue`")
            })?;
            after.push((row.number, good));
        }
    }
    Ok(New {
        spec: Spec {
            sample_ms: options.sample_ms,
            argv,
            name: options.name.clone(),
            experiment: options
                .experiment
                .clone()
                .or_else(|| machine.variable("DESKSIDE_EXPERIMENT")),
            params: options.params.clone(),
            tags: options.tags.clone(),
            retries: options.retries,
            timeout_ms: options.timeout.map(milliseconds),
            grace_ms: options.grace.map(milliseconds),
            restart: if options.restart {
                Restart::OnReboot
            } else {
                Restart::Never
            },
            on_oom: options.on_oom.clone(),
            notify: options.notify.clone(),
        },
        priority: options.priority,
        ready_at,
        window: options.window,
        claim: options.claim,
        after,
        held: options.hold,
    })
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn queue(context: &Context, options: &JobOptions, mut jobs: Vec<New>) -> Result<QueuedReport> {
    let machine = &*context.machine;
    let mut warnings: Vec<String> = measured::fill_in(context, &mut jobs)?.into_iter().collect();
    let mut surroundings = surroundings_of_folder(context)?;
    vault::take_along(machine, &options.variables, &mut surroundings)?;
    if !options.live {
        let directory = surroundings.directory.clone();
        surroundings.code =
            snapshot::keep(machine, &context.directories, &directory, &mut |warning| {
                warnings.push(warning)
            })?;
    }
    submitted(context, &surroundings, jobs, warnings)
}

fn submitted(
    context: &Context,
    surroundings: &Surroundings,
    jobs: Vec<New>,
    mut warnings: Vec<String>,
) -> Result<QueuedReport> {
    let machine = &*context.machine;
    warnings.extend(session::warning(machine));
    let (added, trouble) = submit::submit(machine, &context.directories, surroundings, &jobs)?;
    warnings.extend(
        trouble.map(|problem| format!("it is queued, but the queue does not move: {problem}")),
    );
    let jobs = added
        .into_iter()
        .zip(&jobs)
        .map(|(added, job)| QueuedJob {
            number: added.number,
            id: added.id.0,
            name: job
                .spec
                .name
                .clone()
                .unwrap_or_else(|| deskside_runs::run_name(&job.spec.shown())),
        })
        .collect();
    Ok(QueuedReport {
        jobs,
        code_kept: surroundings.code.is_some(),
        warnings,
    })
}

/// Queues a job once more, with the code and the environment it had.
///
/// # Errors
/// [`Code::JobUnknown`].
pub fn rerun(context: &Context, text: &str, live: bool) -> Result<QueuedReport> {
    context.require_live("rerun")?;
    let machine = &*context.machine;
    let Some(row) = super::job(context, text)? else {
        return Err(
            Problem::new(Code::JobUnknown, format!("there is no job {text}"))
                .hint("see what went through the queue: `deskside queue --ended`")
                .hint(
                    "a run in the foreground is repeated by its own command: `deskside show RUN`",
                ),
        );
    };
    let (spec, mut surroundings) = Queue::open(machine, &context.directories)?.spec(row.number)?;
    let given: Vec<(String, Option<String>)> = surroundings
        .needed
        .iter()
        .map(|name| (name.clone(), None))
        .collect();
    if spec.argv.iter().any(|word| word.shown().contains("***")) {
        return Err(Problem::new(
            Code::JobState,
            format!(
                "job {} can't be queued once more: its command held a secret",
                row.number
            ),
        )
        .because("a secret in a command is kept only until the job is over")
        .hint("queue the command anew; a secret is better handed over by --env NAME"));
    }
    // What was kept in memory only may be gone: it is taken from this shell anew.
    let before = surroundings.clone();
    vault::take_along(machine, &given, &mut surroundings)?;
    surroundings.variables.extend(before.variables);
    if live {
        surroundings.code = None;
    }
    let job = New {
        spec,
        priority: row.priority,
        window: row.window,
        claim: row.claim,
        ..New::default()
    };
    submitted(context, &surroundings, vec![job], Vec::new())
}
