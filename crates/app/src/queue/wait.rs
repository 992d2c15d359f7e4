//! `deskside wait`.

use super::JobRow;
use crate::{Answer, Context};
use deskside_machine::{Acting, Effect, ErrorKind, Reading};
use deskside_runs::queue::{Filter, JobState, Queue};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);
/// How often the queue is settled meanwhile.
const SETTLE_EVERY: u32 = 20;

/// The answer of `wait`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct WaitReport {
    /// The jobs, over.
    pub jobs: Vec<JobRow>,
    /// All ended well.
    pub good: bool,
}

impl Answer for WaitReport {
    const SCHEMA: &'static str = "deskside.wait";
}

impl WaitReport {
    /// The exit code of `wait`: that of the only job, else 0 where all ended well and 1 where not.
    pub fn exit(&self) -> u8 {
        match (self.good, self.jobs.as_slice()) {
            (true, _) => 0,
            (false, [one]) => one
                .exit
                .and_then(|code| u8::try_from(code).ok())
                .filter(|code| *code > 0)
                .unwrap_or(1),
            (false, _) => 1,
        }
    }
}

/// Waits until jobs are over; all that are in the queue where none is named.
///
/// # Errors
/// [`Code::JobUnknown`]; [`Code::Interrupted`] on Ctrl-C: the jobs go on.
pub fn wait(context: &Context, jobs: &[String]) -> Result<WaitReport> {
    context.require_live("wait")?;
    let machine = &*context.machine;
    let mut numbers = Vec::new();
    let all = if jobs.is_empty() {
        Queue::open_if_there(machine, &context.directories)?
    } else {
        None
    };
    if let Some(queue) = all {
        // In one look: between two, a job goes from those that wait to those that run, and would be missed.
        numbers.extend(queue.open_numbers()?);
        let waiting = queue.list(Filter::Waiting, usize::MAX >> 1)?;
        let held = waiting
            .rows
            .iter()
            .filter(|row| row.state == JobState::Held);
        let held: Vec<i64> = held.map(|row| row.number).collect();
        numbers.retain(|number| !held.contains(number));
    }
    for text in jobs {
        let row = super::job(context, text)?.ok_or_else(|| {
            Problem::new(Code::JobUnknown, format!("there is no job {text}"))
                .hint("see what waits: `deskside queue`; what runs: `deskside ps`")
        })?;
        numbers.push(row.number);
    }
    let mut looks = 0;
    let queue = loop {
        if looks % SETTLE_EVERY == 0 {
            super::advance(context);
        }
        looks += 1;
        let queue = Queue::open(machine, &context.directories)?;
        let open = queue.open_numbers()?;
        let Some(number) = numbers.iter().find(|number| open.contains(number)) else {
            break queue;
        };
        match machine.effect(&Effect::Sleep { span: LOOK }) {
            Err(error) if error.kind == ErrorKind::Interrupted => {
                return Err(Problem::new(
                    Code::Interrupted,
                    format!("stopped waiting for job {number}"),
                )
                .hint("it goes on"));
            }
            other => drop(other?),
        }
    };
    let mut report = WaitReport {
        good: true,
        ..WaitReport::default()
    };
    let now = machine.now()?.wall;
    for number in numbers {
        let row = queue.row(number)?;
        report.good &= row.outcome.as_deref() == Some("finished") && row.exit == Some(0);
        report.jobs.push(JobRow::of(row, now));
    }
    Ok(report)
}
