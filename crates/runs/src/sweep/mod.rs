//! Sweeps: many runs of one command with other values each, towards a goal.
//!
//! `space`, `points`, `template`, `early`, `importance` and `state` are pure: what is varied, which points come, what the command
//! of a trial is, which trial is ended early, and what follows from what happened. `store` is the sweep's folder; `drive` the
//! small process that goes on with it, which the keeper starts and starts again; `optuna` asks the field's library where a method
//! wants it. A trial is a job of the queue like any other, with tags that say whose it is.

mod curves;
mod definition;
mod drive;
pub mod early;
mod importance;
mod optuna;
mod points;
mod record;
mod space;
mod state;
mod store;
pub mod template;

pub use definition::{Definition, Goal, Method, VERSION, config_path};
pub use drive::{COMMAND, OptunaCommand, drive};
pub use importance::{FEWEST, importance};
pub use optuna::{COMPLAINTS, PROGRAM};
pub use points::{Point, grid, random, size};
pub use record::{adopt, record_ends};
pub use space::{Domain, Parameter, is_name};
pub use state::{Course, Event, Happening, Next, Progress, RunEnd, Trial, TrialRun, TrialState};
pub use store::{Sweep, all, find, sweeps};

use crate::keeper;
use crate::queue::{self, Queue};
use crate::supervise::control;
use deskside_machine::supervise::Supervision;
use deskside_machine::{Directories, ErrorKind, Machine, Reading};
use deskside_types::Result;
use deskside_types::run::{ProcessIdentity, RunId};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Where a sweep's process is woken.
pub(crate) fn bell(directories: &Directories, id: &str) -> PathBuf {
    directories.queue().join(format!("sweep-{id}.bell"))
}

/// Wakes a sweep's process, where it sleeps: a job of it is over, or a person said something.
pub fn ring(machine: &dyn Machine, directories: &Directories, id: &str) {
    if let Some(control) = machine.supervision().filter(|_| RunId::is_valid(id)) {
        // Nobody there: whoever comes looks by itself.
        let _ = control.ring(&bell(directories, id));
    }
}

/// Wakes the processes of all sweeps that go on: a job ended or began.
pub(crate) fn ring_all(directories: &Directories, control: &dyn Supervision, queue: &Queue<'_>) {
    for id in queue.sweeps().unwrap_or_default() {
        if RunId::is_valid(&id) {
            // Nobody there: the keeper sees to it.
            let _ = control.ring(&bell(directories, &id));
        }
    }
}

/// Lets a sweep go on: from now on the keeper sees to it that a process drives it.
///
/// # Errors
/// When the queue can't be written, or no keeper started.
pub fn go(machine: &dyn Machine, directories: &Directories, definition: &Definition) -> Result<()> {
    let control = control(machine)?;
    let vault = definition.surroundings.vault.as_deref().unwrap_or_default();
    let inside = crate::submit::supervisor_around(machine).is_some();
    Queue::open(machine, directories)?.begin_sweep(&definition.id.0, vault, || {
        if inside {
            // Inside of a job there is a keeper, because a job runs.
            control.ring(&queue::bell(directories))?;
            return Ok(());
        }
        keeper::ensure(directories, control).map(drop)
    })
}

/// One that ends at once is started again only after that.
const AGAIN: Duration = Duration::from_millis(500);

/// When a process was started that should drive a sweep: one that ends at once is not started again and again.
#[derive(Default)]
pub(crate) struct Started(BTreeMap<String, Duration>);

/// The keeper's part: the processes that drive the sweeps that go on, each started where there is none. The second answer: one was
/// started a moment ago and is not there; it is to be looked for again soon.
///
/// # Errors
/// When a lock can't be looked at, or no process started.
pub(crate) fn drivers(
    machine: &dyn Machine,
    directories: &Directories,
    control: &dyn Supervision,
    sweeps: &[String],
    started: &mut Started,
) -> Result<(Vec<ProcessIdentity>, bool)> {
    let mut processes = Vec::new();
    let mut soon = false;
    let own = if sweeps.is_empty() {
        0
    } else {
        machine.own_process()?.pid
    };
    for id in sweeps.iter().filter(|id| RunId::is_valid(id)) {
        let path = Sweep::driver_lock(directories, id);
        match machine.lock(&path, Duration::ZERO) {
            Ok(nobody) => {
                drop(nobody);
                let now = machine.now()?.monotonic;
                let newly = started
                    .0
                    .get(id)
                    .is_some_and(|at| now.saturating_sub(*at) < AGAIN);
                if newly {
                    soon = true;
                    continue;
                }
                started.0.insert(id.clone(), now);
                processes.push(control.detach(&[COMMAND, id])?);
            }
            Err(error) if error.kind == ErrorKind::Busy => match keeper::holder(machine, &path)? {
                // Between taking the lock and saying who it is, the file names who held it before: this process.
                Some(process) if process.pid != own => processes.push(process),
                _ => soon = true,
            },
            Err(error) => return Err(error.into()),
        }
    }
    Ok((processes, soon))
}
