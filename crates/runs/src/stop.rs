//! Stopping, pausing and resuming what runs, whoever started it.

use crate::queue::{JobState, Queue, Row, wrong_state};
use crate::supervise::{GRACE, survivors};
use deskside_machine::supervise::Asked;
use deskside_machine::{Acting, Directories, Effect, ErrorKind, Machine, Reading};
use deskside_track::Folder;
use deskside_types::run::ProcessIdentity;
use deskside_types::{Code, Problem, Result};
use std::time::Duration;

/// How often it is looked whether a job is over.
const LOOK: Duration = Duration::from_millis(20);

/// What stopping a job came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoppedJob {
    /// It waited, and was taken out of the queue.
    Removed,
    /// It ran, and is over.
    Ended,
    /// Its supervisor was dead; what was left of it is ended.
    LeftOvers,
    /// It was over already.
    Already,
}

/// Stops a job: one that waits is taken out, one that runs is asked to end, with its whole tree, and killed after a grace.
///
/// # Errors
/// [`Code::Interrupted`] on Ctrl-C: the job still ends. [`Code::Supervision`] when something of it can't be ended.
pub fn stop(
    machine: &dyn Machine,
    directories: &Directories,
    number: i64,
    grace: Option<Duration>,
) -> Result<StoppedJob> {
    let mut queue = Queue::open(machine, directories)?;
    let row = queue.row(number)?;
    match row.state {
        JobState::Waiting | JobState::Held => match queue.remove(number) {
            Ok(()) => return Ok(StoppedJob::Removed),
            // It was claimed meanwhile.
            Err(problem) if problem.code == Code::JobState => {}
            Err(problem) => return Err(problem),
        },
        JobState::Ended => return Ok(StoppedJob::Already),
        JobState::Running | JobState::Lost => {}
    }
    drop(queue);
    let grace = grace.unwrap_or(GRACE);
    let give_up = machine.now()?.monotonic + grace + Duration::from_secs(75);
    let mut asked: Option<ProcessIdentity> = None;
    loop {
        let mut queue = Queue::open(machine, directories)?;
        let row = queue.row(number)?;
        match (row.state, &row.process) {
            (JobState::Ended, _) => return Ok(StoppedJob::Ended),
            // Between two attempts.
            (JobState::Waiting | JobState::Held, _) => {
                if queue.remove(number).is_ok() {
                    return Ok(StoppedJob::Ended);
                }
            }
            (JobState::Running, Some(supervisor)) if machine.is_alive(supervisor)? => {
                if asked.as_ref() != Some(supervisor) {
                    queue.set_grace(number, grace)?;
                    signal(machine, supervisor, Asked::Stop.signal())?;
                    asked = Some(supervisor.clone());
                }
            }
            _ => {
                drop(queue);
                end_left_overs(machine, directories, &row, grace)?;
                Queue::open(machine, directories)?.settle()?;
                return Ok(StoppedJob::LeftOvers);
            }
        }
        if machine.now()?.monotonic > give_up {
            return Err(
                Problem::new(Code::Supervision, format!("job {number} does not end"))
                    .because("a process of it hangs inside the kernel, where no signal reaches it")
                    .hint("see which: `deskside ps`; it ends when what it waits for answers"),
            );
        }
        pause(machine, number)?;
    }
}

/// Lets a running job stand still, or go on.
///
/// # Errors
/// [`Code::JobState`] when it does not run.
pub fn stand_still(
    machine: &dyn Machine,
    directories: &Directories,
    number: i64,
    still: bool,
) -> Result<()> {
    let mut queue = Queue::open(machine, directories)?;
    queue.settle()?;
    let row = queue.row(number)?;
    let done = if still { "paused" } else { "resumed" };
    let supervisor = match (&row.state, &row.process) {
        (JobState::Running, Some(supervisor)) => supervisor,
        _ => return Err(wrong_state(&row, done)),
    };
    let asked = if still { Asked::Pause } else { Asked::Resume };
    signal(machine, supervisor, asked.signal())?;
    queue.set_paused(number, still)
}

/// What is left of a job whose supervisor died: found by its mark, asked, and killed.
fn end_left_overs(
    machine: &dyn Machine,
    directories: &Directories,
    row: &Row,
    grace: Duration,
) -> Result<()> {
    let folder = Folder::of(directories, row.run.as_ref().unwrap_or(&row.id));
    let begun = machine.now()?.monotonic;
    let mut asked = false;
    loop {
        let left = survivors(machine, &folder);
        if left.is_empty() {
            return Ok(());
        }
        let over = machine.now()?.monotonic.saturating_sub(begun);
        if over > grace + Duration::from_secs(60) {
            return Err(Problem::new(
                Code::Supervision,
                format!("process {} of job {} does not end", left[0].pid, row.number),
            )
            .because("it hangs inside the kernel, where no signal reaches it"));
        }
        if !asked || over > grace {
            for process in &left {
                signal(machine, process, if over > grace { 9 } else { 15 })?;
            }
            asked = true;
        }
        pause(machine, row.number)?;
    }
}

/// A process that is gone has heard it.
fn signal(machine: &dyn Machine, process: &ProcessIdentity, signal: i32) -> Result<()> {
    let sent = machine.effect(&Effect::Signal {
        pid: process.pid,
        start_time: process.start_time,
        signal,
    });
    match sent {
        Err(error) if error.kind != ErrorKind::Absent => Err(error.into()),
        _ => Ok(()),
    }
}

fn pause(machine: &dyn Machine, number: i64) -> Result<()> {
    match machine.effect(&Effect::Sleep { span: LOOK }) {
        Err(error) if error.kind == ErrorKind::Interrupted => Err(Problem::new(
            Code::Interrupted,
            format!("stopped waiting for the end of job {number}"),
        )
        .hint("it was asked to end, and still does; see `deskside ps`")),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}
