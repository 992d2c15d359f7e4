//! `deskside queue` and `deskside ps`.

use crate::{Answer, Context};
use deskside_runs::queue::{Filter, JobState, Queue, Row};
use deskside_track::Store;
use deskside_track::index::Filter as RunFilter;
use deskside_types::Result;
use deskside_types::run::RunState;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `queue`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct QueueReport {
    /// Jobs that run, and lost ones.
    pub running: Vec<JobRow>,
    /// Jobs that wait or are held, in their order.
    pub waiting: Vec<JobRow>,
    /// How many wait without the limit.
    pub total: usize,
    /// Jobs that are over, the newest first, where they were asked for.
    pub ended: Vec<JobRow>,
    /// How many jobs without a claim of cards run at once.
    pub slots: u32,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for QueueReport {
    const SCHEMA: &'static str = "deskside.queue";
}

/// One job in a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct JobRow {
    /// Its number.
    pub number: i64,
    /// Its identity, which is also its first run's.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `waiting`, `held`, `running`, `paused`, `lost`, or how it ended.
    pub state: String,
    /// A greater one comes first.
    #[serde(skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// What it waits for, or how it ended, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often it was started.
    pub attempts: u32,
    /// The newest of its runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The process that watches it; of a lost one, the process that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Cards it claims.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub gpus: u32,
    /// Bytes of memory it claims on each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vram_bytes: Option<u64>,
    /// Cards it has, by their identities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<String>,
    /// When it was queued, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub submitted_at: jiff::Timestamp,
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub started_at: Option<jiff::Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<jiff::Timestamp>,
    /// Its exit code as a shell shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Its command, without secrets.
    pub command: String,
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

fn is_zero_u32(number: &u32) -> bool {
    *number == 0
}

impl JobRow {
    pub(super) fn of(row: Row, now: jiff::Timestamp) -> Self {
        let moment = |at: i64| jiff::Timestamp::from_millisecond(at).unwrap_or_default();
        let is_paused = row.is_paused();
        let waits = waits_for(&row, now);
        let state = match &row.outcome {
            Some(outcome) if row.state == JobState::Ended => outcome.clone(),
            _ if is_paused => "paused".into(),
            _ => row.state.word().to_string(),
        };
        Self {
            number: row.number,
            id: row.id.0,
            name: row.name,
            state,
            priority: row.priority,
            reason: waits.or_else(|| row.reason.filter(|_| !is_paused)),
            attempts: row.attempt,
            run: row.run.map(|run| run.0),
            pid: row.process.map(|process| process.pid),
            gpus: u32::try_from(row.claim.count()).unwrap_or(u32::MAX),
            vram_bytes: (row.claim.vram > 0).then_some(row.claim.vram),
            cards: row.cards,
            submitted_at: moment(row.submitted_at),
            started_at: row.started_at.map(moment),
            ended_at: row.ended_at.map(moment),
            exit: row.exit,
            command: row.shown,
        }
    }
}

fn waits_for(row: &Row, now: jiff::Timestamp) -> Option<String> {
    if row.state != JobState::Waiting {
        return None;
    }
    if row.waits > 0 {
        let jobs = if row.waits == 1 { "job" } else { "jobs" };
        return Some(format!("for {} {jobs}", row.waits));
    }
    if row.ready_at > now.as_millisecond() {
        // What it could not begin for is more than when it is tried again.
        return Some(row.reason.clone().unwrap_or_else(|| "for its time".into()));
    }
    row.window.map(|window| format!("not between {window}"))
}

/// Lists the queue.
///
/// # Errors
/// When the queue can't be read.
pub fn list(context: &Context, limit: usize, ended: bool) -> Result<QueueReport> {
    let machine = &*context.machine;
    let mut warnings: Vec<String> = super::advance(context).into_iter().collect();
    let Some(queue) = Queue::open_if_there(machine, &context.directories)? else {
        return Ok(QueueReport {
            slots: 1,
            warnings,
            ..QueueReport::default()
        });
    };
    let now = deskside_machine::Reading::now(machine)?.wall;
    let rows = |rows: Vec<Row>| rows.into_iter().map(|row| JobRow::of(row, now)).collect();
    let waiting = queue.list(Filter::Waiting, limit)?;
    let slots = queue.slots()?;
    if slots == 0 && waiting.rows.iter().any(|row| !row.claim.any()) {
        warnings.push(
            "there is no slot: jobs that claim no card wait until `deskside queue slots 1`".into(),
        );
    }
    if waiting.total > 0 {
        warnings.extend(deskside_runs::session::warning(machine));
    }
    Ok(QueueReport {
        running: rows(queue.list(Filter::Live, usize::MAX >> 1)?.rows),
        waiting: rows(waiting.rows),
        total: waiting.total,
        ended: if ended {
            rows(queue.list(Filter::Ended, limit)?.rows)
        } else {
            Vec::new()
        },
        slots,
        warnings,
    })
}

/// The answer of `ps`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct PsReport {
    /// What runs: jobs of the queue and runs in the foreground.
    pub running: Vec<RunningRow>,
    /// How many jobs wait.
    pub waiting: usize,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for PsReport {
    const SCHEMA: &'static str = "deskside.ps";
}

/// One run that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunningRow {
    /// Its job's number; none in the foreground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Its run's identity.
    pub run: String,
    /// Its name.
    pub name: String,
    /// Its state in a word.
    pub state: String,
    /// How long it has run, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Cards it has, by their identities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<String>,
    /// In words, what is to be known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its command, without secrets.
    pub command: String,
}

/// What runs now.
///
/// # Errors
/// When queue or runs can't be read.
pub fn ps(context: &Context) -> Result<PsReport> {
    let machine = &*context.machine;
    let mut report = PsReport {
        warnings: super::advance(context).into_iter().collect(),
        ..PsReport::default()
    };
    let now = deskside_machine::Reading::now(machine)?.wall;
    let since = |at: Option<jiff::Timestamp>| {
        at.and_then(|at| u64::try_from(now.as_millisecond() - at.as_millisecond()).ok())
    };
    if let Some(queue) = Queue::open_if_there(machine, &context.directories)? {
        report.waiting = queue.list(Filter::Waiting, 1)?.total;
        for row in queue.list(Filter::Live, usize::MAX >> 1)?.rows {
            let job = JobRow::of(row, now);
            report.running.push(RunningRow {
                number: Some(job.number),
                run: job.run.unwrap_or(job.id),
                name: job.name,
                state: job.state,
                duration_ms: since(job.started_at),
                cards: job.cards,
                reason: job.reason,
                command: job.command,
            });
        }
    }
    let filter = RunFilter {
        states: ["starting", "running", "exit-unknown"]
            .map(Into::into)
            .to_vec(),
        ..RunFilter::default()
    };
    let store = Store::new(machine, &context.directories);
    let live = store.list(&filter)?;
    let mut marked = None;
    for run in live.runs {
        if report.running.iter().any(|row| row.run == run.id.0) || run.tags.contains_key("job") {
            continue;
        }
        // Of a run whose `deskside run` was killed, something may go on.
        let mut survivor = None;
        if let RunState::ExitUnknown { survivor: own } = &run.state.state {
            let marked = marked.get_or_insert_with(|| deskside_runs::supervise::marked(machine));
            let folder = store.folder(&run.id);
            let other = marked.iter().find(|(path, _)| path == folder.path());
            survivor = own.clone().or(other.map(|(_, process)| process.clone()));
            if survivor.is_none() {
                continue;
            }
        }
        report.running.push(RunningRow {
            number: None,
            run: run.id.0,
            name: run.name,
            state: match survivor {
                Some(_) => JobState::Lost.word().into(),
                None => run.state.state.word().to_string(),
            },
            duration_ms: since(run.state.started_at),
            cards: Vec::new(),
            reason: survivor.map(|process| {
                format!(
                    "what watched it was killed; process {} still lives",
                    process.pid
                )
            }),
            command: deskside_types::shell::command(&run.argv),
        });
    }
    report.warnings.extend(live.warnings);
    Ok(report)
}
