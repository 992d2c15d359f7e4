//! Sweeps: begun, looked at, stopped, gone on with.

mod act;
mod begin;
mod best;
mod file;
mod list;
mod optuna;
mod plan;
mod report;
mod request;
mod watch;

pub use act::{SweepActReport, resume, stop};
pub use begin::{SweepBegun, begin};
pub use best::{BestReport, best, csv};
pub use file::{SweepFile, read_file};
pub use list::{SweepRow, SweepsReport, list};
pub use plan::{SweepPlanReport, plan};
pub use report::{Counts, Importance, SweepReport, TrialRow, TrialRunRow, show};
pub use request::{EarlyRequest, MANY, SweepRequest};
pub use watch::watch;

pub use deskside_runs::sweep::{COMMAND as SWEEP_COMMAND, is_name};

use crate::Context;
use deskside_machine::{Acting, Durability, Reading};
use deskside_runs::queue::Queue;
use deskside_runs::sweep::{Course, Sweep, record_ends};
use deskside_types::run::RunId;
use deskside_types::{Code, Problem, Result};

/// The hidden process of a sweep: queues its trials.
///
/// # Errors
/// What went wrong; it is also written into the queue's folder, because nobody listens to this process.
pub fn hidden(context: &Context, id: &str) -> Result<()> {
    let machine = &*context.machine;
    if !RunId::is_valid(id) {
        return Err(Problem::new(
            Code::SweepUnknown,
            format!("there is no sweep {id}"),
        ));
    }
    let command = |definition: &_| optuna::command(context, definition);
    let id = RunId(id.to_string());
    deskside_runs::sweep::drive(machine, &context.directories, &id, &command).inspect_err(
        |problem| {
            let now = machine.now().map(|now| now.wall.to_string());
            let line = format!("{} sweep {id}: {problem}\n", now.unwrap_or_default());
            let trouble = context.directories.queue().join("trouble.log");
            // Where even that can't be written there is nobody left to tell.
            let _ = machine.append_file(trouble, line, Durability::Process);
        },
    )
}

/// Takes ends into the log of a sweep that no process drives any more, whose last runs were let end by themselves.
fn settle(context: &Context, sweep: &mut Sweep<'_>) -> Result<()> {
    if sweep.progress.course == Course::Going || sweep.progress.open().is_empty() {
        return Ok(());
    }
    let machine = &*context.machine;
    if let Some(queue) = Queue::open_if_there(machine, &context.directories)? {
        let held = sweep.hold()?;
        record_ends(machine, &context.directories, &queue, sweep, &*held)?;
    }
    Ok(())
}
