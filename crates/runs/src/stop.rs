//! Stopping, pausing and resuming what runs, whoever started it.

use crate::queue::{JobState, Queue, Request, Row, wrong_state};
use crate::supervise::{GRACE, SIGCONT, SIGKILL, SIGTERM, survivors};
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

/// Stops a job: one that waits is taken out, one that runs is asked to end, with its whole tree, and killed after a grace: its
/// own, where none is said. `why` explains its end.
///
/// # Errors
/// [`Code::Interrupted`] on Ctrl-C: the job still ends. [`Code::Supervision`] when something of it can't be ended.
pub fn stop(
    machine: &dyn Machine,
    directories: &Directories,
    number: i64,
    grace: Option<Duration>,
    why: &str,
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
    let own = queue.spec(number).ok().and_then(|(spec, _)| spec.grace_ms);
    drop(queue);
    let grace = grace.or(own.map(Duration::from_millis)).unwrap_or(GRACE);
    let request = Request::Stop {
        grace,
        why: why.into(),
    };
    let give_up = machine.now()?.monotonic + grace + Duration::from_secs(75);
    let mut asked: Option<ProcessIdentity> = None;
    let mut how = StoppedJob::Ended;
    loop {
        let mut queue = Queue::open(machine, directories)?;
        let row = queue.row(number)?;
        match (row.state, &row.process) {
            // It may have been quicker, by itself.
            (JobState::Ended, _) if how == StoppedJob::Ended => {
                let was_stopped = row.outcome.as_deref() == Some("stopped");
                return Ok(if was_stopped {
                    how
                } else {
                    StoppedJob::Already
                });
            }
            (JobState::Ended, _) => return Ok(how),
            // Between two attempts.
            (JobState::Waiting | JobState::Held, _) => {
                if queue.remove(number).is_ok() {
                    return Ok(how);
                }
            }
            (JobState::Running, Some(supervisor)) if machine.is_alive(supervisor)? => {
                // It may have ended since, and its supervisor be at another job: then nothing is asked.
                if asked.as_ref() != Some(supervisor) && queue.ask(&row, &request)? {
                    tell(machine, &row, Asked::Stop)?;
                    asked = Some(supervisor.clone());
                }
            }
            _ => {
                drop(queue);
                let folder = Folder::of(directories, row.run.as_ref().unwrap_or(&row.id));
                if end_survivors(machine, &folder, grace, &format!("job {number}"))? > 0 {
                    how = StoppedJob::LeftOvers;
                }
                Queue::open(machine, directories)?.settle()?;
            }
        }
        if machine.now()?.monotonic > give_up {
            return Err(
                Problem::new(Code::Supervision, format!("job {number} does not end"))
                    .because("a process of it hangs inside the kernel, where no signal reaches it")
                    .hint("see which: `deskside ps`; it ends when what it waits for answers"),
            );
        }
        pause(machine, &format!("job {number}"))?;
    }
}

/// Lets a running job stand still, or go on.
///
/// # Errors
/// [`Code::JobState`] when it does not run, or is about to be ended.
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
    let (request, asked) = if still {
        (Request::Pause, Asked::Pause)
    } else {
        (Request::GoOn, Asked::Resume)
    };
    if row.state != JobState::Running || !queue.ask(&row, &request)? {
        // As it is by now.
        return Err(wrong_state(&queue.row(number)?, done));
    }
    tell(machine, &row, asked)
}

/// Tells the supervisor of a job that something is asked. One of an earlier version reads nothing: it is asked by the signal itself.
fn tell(machine: &dyn Machine, row: &Row, asked: Asked) -> Result<()> {
    let asked = if row.asked.is_some() {
        Asked::Look
    } else {
        asked
    };
    match &row.process {
        Some(supervisor) => signal(machine, supervisor, asked.signal()),
        None => Ok(()),
    }
}

/// Ends what is left of a run whose supervisor died: found by its mark, asked, and killed after a grace. How many there were.
///
/// # Errors
/// [`Code::Interrupted`] on Ctrl-C. [`Code::Supervision`] when one can't be ended.
pub fn end_survivors(
    machine: &dyn Machine,
    folder: &Folder,
    grace: Duration,
    what: &str,
) -> Result<usize> {
    let begun = machine.now()?.monotonic;
    let mut asked = 0;
    loop {
        let left = survivors(machine, folder);
        if left.is_empty() {
            return Ok(asked);
        }
        let over = machine.now()?.monotonic.saturating_sub(begun);
        if over > grace + Duration::from_secs(60) {
            return Err(Problem::new(
                Code::Supervision,
                format!("process {} of {what} does not end", left[0].pid),
            )
            .because("it hangs inside the kernel, where no signal reaches it"));
        }
        if asked == 0 || over > grace {
            for process in &left {
                if over > grace {
                    signal(machine, process, SIGKILL)?;
                } else {
                    signal(machine, process, SIGTERM)?;
                    // One that stands still would never hear it.
                    signal(machine, process, SIGCONT)?;
                }
            }
            asked = asked.max(left.len());
        }
        pause(machine, what)?;
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

fn pause(machine: &dyn Machine, what: &str) -> Result<()> {
    match machine.effect(&Effect::Sleep { span: LOOK }) {
        Err(error) if error.kind == ErrorKind::Interrupted => Err(Problem::new(
            Code::Interrupted,
            format!("stopped waiting for the end of {what}"),
        )
        .hint("it was asked to end, and still does; see `deskside ps`")),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}
