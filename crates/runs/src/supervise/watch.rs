//! Asleep beside a command until it ends: what a person asks is heard, what takes too long is ended, and samples are taken.

use super::attempt::Attempt;
use super::{SIGCONT, SIGKILL, SIGSTOP, SIGTERM, TRY_AGAIN};
use crate::keeper;
use crate::queue::Request;
use crate::sample::Sampler;
use deskside_machine::supervise::{Asked, Happened, Tree};
use deskside_machine::{Machine, Reading};
use deskside_types::Result;
use deskside_types::run::RunExit;
use std::time::Duration;

/// Who ended a command before it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Nobody.
    No,
    /// A person; or whoever else asked, in words.
    Asked(String),
    /// Its timeout.
    Timeout,
    /// This process was asked to end, as a shutdown or a logout asks everybody.
    WithTheMachine,
}

pub(super) struct Limits {
    pub timeout: Option<Duration>,
    pub grace: Duration,
    pub begun: Duration,
}

/// When something is to be done, by the monotonic clock.
struct Watch<'s> {
    stopped: Stopped,
    /// When it was asked to end.
    asked_at: Duration,
    /// Its timeout is over, or its grace.
    end_at: Option<Duration>,
    /// Its row is to be read: it could not be, before.
    read_at: Option<Duration>,
    stands_still: bool,
    sampler: Option<&'s mut Sampler>,
}

impl Attempt<'_, '_> {
    /// Sleeps until the command's own process ended, beginning with what happened already.
    pub(super) fn until_end(
        &mut self,
        tree: &mut dyn Tree,
        limits: &Limits,
        sampler: Option<&mut Sampler>,
        mut first: Option<Happened>,
    ) -> Result<(RunExit, Stopped)> {
        let mut watch = Watch {
            stopped: Stopped::No,
            asked_at: Duration::ZERO,
            end_at: limits.timeout.map(|timeout| limits.begun + timeout),
            read_at: None,
            stands_still: false,
            sampler,
        };
        loop {
            let happened = match first.take() {
                Some(happened) => happened,
                None => {
                    let wake_at = [watch.end_at, watch.read_at, self.owed.due()]
                        .into_iter()
                        .chain([watch.sampler.as_ref().map(|sampler| sampler.due())])
                        .flatten()
                        .min();
                    let now = self.machine.now()?.monotonic;
                    tree.wait(wake_at.map(|at| at.saturating_sub(now)))?
                }
            };
            match happened {
                Happened::Ended(exit) => return Ok((exit, watch.stopped)),
                Happened::Changed => {}
                Happened::Asked(asked) => {
                    if asked == Asked::Look {
                        let rung = keeper::ensure(self.directories, self.control);
                        self.owed.note(self.machine, rung.is_ok())?;
                    }
                    self.hear(&mut watch, tree, limits)?;
                }
                Happened::TimeOver => {
                    let now = self.machine.now()?.monotonic;
                    let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
                    if let Some(sampler) = &mut watch.sampler
                        && sampler.due() <= now
                    {
                        sampler.take(self.machine);
                    }
                    if is_due(self.owed.due()) {
                        let rung = keeper::ensure(self.directories, self.control);
                        self.owed.note(self.machine, rung.is_ok())?;
                    }
                    if is_due(watch.read_at) {
                        self.hear(&mut watch, tree, limits)?;
                    }
                    if is_due(watch.end_at) {
                        if watch.stopped == Stopped::No {
                            watch.ask_to_end(self.machine, tree, Stopped::Timeout, limits.grace)?;
                        } else {
                            tree.signal(SIGKILL);
                            watch.end_at = Some(now + Duration::from_millis(100));
                        }
                    }
                }
            }
        }
    }

    /// Does what is asked of the job by now. A signal for a job before this one finds nothing asked here.
    fn hear(&self, watch: &mut Watch<'_>, tree: &mut dyn Tree, limits: &Limits) -> Result<()> {
        watch.read_at = None;
        match self.queue.asked(self.claimed.row.number, self.own) {
            Ok(Some(Request::Stop { grace, why })) => match &watch.stopped {
                Stopped::No => watch.ask_to_end(self.machine, tree, Stopped::Asked(why), grace)?,
                // Asked once more, for another grace.
                Stopped::Asked(_) => watch.end_at = Some(watch.asked_at + grace),
                Stopped::Timeout | Stopped::WithTheMachine => {}
            },
            Ok(Some(Request::Pause)) if !watch.stands_still && watch.stopped == Stopped::No => {
                tree.signal(SIGSTOP);
                watch.stands_still = true;
            }
            Ok(Some(Request::GoOn)) if watch.stands_still => {
                tree.signal(SIGCONT);
                watch.stands_still = false;
            }
            Ok(_) => {}
            Err(_) => watch.read_at = Some(self.machine.now()?.monotonic + TRY_AGAIN),
        }
        if self.control.is_asked_to_end() && watch.stopped == Stopped::No {
            watch.ask_to_end(self.machine, tree, Stopped::WithTheMachine, limits.grace)?;
        }
        Ok(())
    }
}

impl Watch<'_> {
    fn ask_to_end(
        &mut self,
        machine: &dyn Machine,
        tree: &mut dyn Tree,
        why: Stopped,
        grace: Duration,
    ) -> Result<()> {
        tree.signal(SIGTERM);
        // One that stands still would never hear it.
        tree.signal(SIGCONT);
        self.stopped = why;
        self.stands_still = false;
        self.asked_at = machine.now()?.monotonic;
        self.end_at = Some(self.asked_at + grace);
        Ok(())
    }
}

/// Ends what is left of a tree: asked first, then killed, until nothing is left.
pub(super) fn clear(machine: &dyn Machine, tree: &mut dyn Tree, grace: Duration) -> Result<()> {
    if tree.is_over() {
        return Ok(());
    }
    tree.signal(SIGTERM);
    tree.signal(SIGCONT);
    let kill_at = machine.now()?.monotonic + grace;
    while !tree.is_over() {
        let now = machine.now()?.monotonic;
        let left = kill_at.saturating_sub(now);
        if left.is_zero() {
            // One that hangs inside the kernel can't be ended by anybody; the next job is not kept waiting for it for ever.
            if now > kill_at + UNKILLABLE {
                return Ok(());
            }
            tree.signal(SIGKILL);
        }
        tree.wait(Some(if left.is_zero() {
            Duration::from_millis(50)
        } else {
            left
        }))?;
    }
    Ok(())
}

/// After that long a killed process hangs inside the kernel.
const UNKILLABLE: Duration = Duration::from_secs(60);
