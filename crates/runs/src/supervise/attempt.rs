//! One attempt of a job, from its claim to its end.

use super::again;
use super::begin::{Begun, begin};
use super::watch::{self, Limits, Stopped};
use super::{Owed, TRY_AGAIN, passes};
use crate::queue::{Claimed, End, Outcome, Queue, Request, Spec};
use crate::sample::{self, Root, Sampler, Subject};
use deskside_machine::supervise::{Happened, Supervision};
use deskside_machine::{
    Acting, Directories, DoorError, Durability, Effect, ErrorKind, Machine, Reading,
};
use deskside_track::{Folder, record};
use deskside_types::run::{ProcessIdentity, RunExit, RunState, StateRecord};
use deskside_types::{Code, Problem, Result};
use std::time::Duration;

/// How long a job may tidy up after it was asked to end.
pub const GRACE: Duration = Duration::from_secs(10);
/// The end of a run that took less is as durable as the queue's row of it.
const WORTH_A_SYNC: Duration = Duration::from_secs(10);
/// What a job leaves behind may tidy up no longer.
const LEFT_BEHIND: Duration = Duration::from_secs(3);
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// A command that runs for longer is no matter of moments.
const MOMENT: Duration = Duration::from_millis(500);
/// A shutdown asks everybody to end, one after the other: a command that ended so waits that long for its supervisor's turn.
const SHUTDOWN: Duration = Duration::from_millis(300);

/// What came of an attempt.
pub(super) struct Attempted {
    /// What becomes of the job. None where it was ended with the machine, or with its session: whoever looks next settles that by
    /// the job's restart policy, in this boot or in another one.
    pub end: Option<End>,
    /// How long its command ran.
    pub took: Duration,
    /// Who is told when it is over.
    pub notify: Vec<String>,
}

/// A supervisor at work on one job.
pub(super) struct Attempt<'a, 'q> {
    pub machine: &'a dyn Machine,
    pub directories: &'a Directories,
    pub control: &'a dyn Supervision,
    pub queue: &'a mut Queue<'q>,
    pub own: &'a ProcessIdentity,
    pub claimed: &'a Claimed,
    /// A look at the queue by others that is still to be seen to.
    pub owed: &'a mut Owed,
}

impl Attempt<'_, '_> {
    /// Runs the claimed job. Whatever goes wrong becomes its end.
    pub(super) fn run(mut self) -> Attempted {
        let begun = self
            .machine
            .now()
            .map_or(Duration::ZERO, |now| now.monotonic);
        let mut notify = Vec::new();
        let end = self.end(&mut notify);
        let ended = self
            .machine
            .now()
            .map_or(Duration::MAX, |now| now.monotonic);
        Attempted {
            end,
            took: ended.saturating_sub(begun),
            notify,
        }
    }

    fn end(&mut self, notify: &mut Vec<String>) -> Option<End> {
        let (machine, directories, claimed) = (self.machine, self.directories, self.claimed);
        let folder = Folder::of(directories, &claimed.run);
        let (spec, surroundings) = match self.queue.spec(claimed.row.number) {
            Ok(known) => known,
            Err(problem) => return Some(failed(machine, &folder, &problem)),
        };
        notify.clone_from(&spec.notify);
        let begun = match begin(
            machine,
            directories,
            self.own,
            claimed,
            &spec,
            &surroundings,
        ) {
            Ok(Ok(begun)) => begun,
            Ok(Err(gone)) => return Some(End::Held(gone)),
            // The queue must not run empty on a full disk, or for want of a process, a failed job at a time.
            Err(problem) => {
                let later = later(machine, directories, &problem);
                return Some(later.unwrap_or_else(|| failed(machine, &folder, &problem)));
            }
        };
        // For its life: whoever finds it locked knows that somebody watches.
        let held = machine.lock(&folder.supervisor_lock(), LOCK_PATIENCE);
        let record = match self.watch(&begun, &spec) {
            Ok(Some(record)) => record,
            Ok(None) => return Some(End::NeverRan),
            Err(problem) => {
                let later = later(machine, directories, &problem)
                    .filter(|_| matches!(machine.exists(folder.log()), Ok(false)));
                return Some(later.unwrap_or_else(|| failed(machine, &folder, &problem)));
            }
        };
        drop(held);
        // The folder is the truth; the index takes it up with the next listing, so that draining does not pay for it.
        match record.state {
            RunState::Interrupted => None,
            _ => Some(again::end_of(
                machine,
                &folder,
                &spec,
                &claimed.row,
                &record,
            )),
        }
    }

    /// Starts the command and sleeps until it is over. None where it, or this process, was asked to end before the gate was open.
    fn watch(&mut self, begun: &Begun, spec: &Spec) -> Result<Option<StateRecord>> {
        let (machine, control) = (self.machine, self.control);
        let folder = &begun.folder;
        let gate = match control.prepare(&begun.command) {
            Ok(gate) => gate,
            Err(error) => {
                // It is a run all the same: one that says why it never began.
                let state = StateRecord {
                    state: RunState::Starting {
                        supervisor: self.own.clone(),
                    },
                    started_at: None,
                    ended_at: None,
                };
                record::create(machine, folder, &begun.record, &state)?;
                return Err(not_started(begun, &error));
            }
        };
        let started = machine.now()?;
        let running = StateRecord {
            state: RunState::Running {
                process: gate.process().clone(),
                supervisor: Some(self.own.clone()),
            },
            started_at: Some(started.wall),
            ended_at: None,
        };
        record::create(machine, folder, &begun.record, &running)?;
        // Laying out its code may have taken a while. Who asked it to end is heard where its end is written.
        let asked = self.queue.asked(begun.number, self.own);
        if control.is_asked_to_end() || matches!(asked, Ok(Some(Request::Stop { .. }))) {
            return Ok(None);
        }
        let mut tree = gate.open().map_err(|error| not_started(begun, &error))?;
        let limits = Limits {
            timeout: spec.timeout_ms.map(Duration::from_millis),
            grace: spec.grace_ms.map_or(GRACE, Duration::from_millis),
            begun: started.monotonic,
        };
        let mut sampler = None;
        let (exit, mut stopped) = match tree.wait(Some(MOMENT))? {
            Happened::Ended(exit) => (exit, Stopped::No),
            happened => {
                // It is no matter of moments, so that the jobs behind it are worth a sync of their own again.
                // A mark that stays only costs whoever restarts the machine now.
                let _ = self.queue.forget_marks();
                sampler = sample::every(spec.sample_ms).map(|every| {
                    let subject = Subject {
                        folder: folder.clone(),
                        root: Root::ChildrenOf(self.own.pid),
                        cards: begun.cards.clone(),
                    };
                    Sampler::new(subject, every, started.monotonic)
                });
                let first = (happened != Happened::TimeOver).then_some(happened);
                self.until_end(tree.as_mut(), &limits, sampler.as_mut(), first)?
            }
        };
        watch::clear(machine, tree.as_mut(), LEFT_BEHIND)?;
        if stopped == Stopped::No && self.was_ended_with_the_machine(exit)? {
            stopped = Stopped::WithTheMachine;
        }
        if let Some(sampler) = sampler {
            sampler.finish(machine);
        }
        let state = StateRecord {
            state: match stopped {
                Stopped::No => RunState::Finished { exit },
                Stopped::Asked(why) => RunState::Stopped {
                    exit,
                    reason: Some(why),
                },
                Stopped::Timeout => RunState::Stopped {
                    exit,
                    reason: Some("it ran longer than its timeout".into()),
                },
                Stopped::WithTheMachine => RunState::Interrupted,
            },
            ended_at: Some(machine.now()?.wall),
            ..running
        };
        self.write_end(folder, &state, started.monotonic)?;
        Ok(Some(state))
    }

    /// The record of an end is not given up: until there is room for it, the run is "about to be over" for who looks.
    /// The queue's own row is synced right after it: what took moments is not worth two more.
    fn write_end(&self, folder: &Folder, state: &StateRecord, started: Duration) -> Result<()> {
        let machine = self.machine;
        let took = machine.now()?.monotonic.saturating_sub(started);
        let alone = state.state == RunState::Interrupted;
        let durability = if took < WORTH_A_SYNC && !alone {
            Durability::Process
        } else {
            Durability::Power
        };
        while let Err(problem) = record::write_state(machine, folder, state, durability) {
            if !passes(&problem) || self.control.is_asked_to_end() {
                break;
            }
            machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
        }
        Ok(())
    }

    /// A shutdown may reach a command before it reaches its supervisor. A command that ended well has ended by itself.
    fn was_ended_with_the_machine(&self, exit: RunExit) -> Result<bool> {
        let by_a_signal = matches!(exit, RunExit::Signal(15) | RunExit::ExitCode(143));
        let mut left = if by_a_signal {
            SHUTDOWN
        } else {
            Duration::ZERO
        };
        let step = Duration::from_millis(20);
        while !left.is_zero() && !self.control.is_asked_to_end() {
            self.machine.effect(&Effect::Sleep { span: step })?;
            left = left.saturating_sub(step);
        }
        Ok(exit != RunExit::ExitCode(0) && self.control.is_asked_to_end())
    }
}

/// When it is tried again on a full disk, and where no process can be made.
const ROOM_AGAIN: Duration = Duration::from_secs(20);
/// A disk with less is full.
const FULL: u64 = 1 << 20;

/// The job waits where what keeps it from beginning keeps every job from it: a full disk, or no process to be had.
fn later(machine: &dyn Machine, directories: &Directories, problem: &Problem) -> Option<End> {
    let is_full = || {
        [&directories.data, &directories.state]
            .into_iter()
            .any(|path| machine.space(path).is_ok_and(|space| space.free < FULL))
    };
    if problem.code != Code::Shortage && !is_full() {
        return None;
    }
    let now = machine.now().map_or(0, |now| now.wall.as_millisecond());
    Some(End::Later {
        ready_at: now.saturating_add(i64::try_from(ROOM_AGAIN.as_millis()).unwrap_or(0)),
        reason: format!("it could not begin: {problem}"),
    })
}

/// The job's run never became one, or nobody could watch it.
fn failed(machine: &dyn Machine, folder: &Folder, problem: &Problem) -> End {
    let state = StateRecord {
        state: RunState::Failed {
            reason: problem.to_string(),
        },
        started_at: None,
        ended_at: machine.now().ok().map(|moment| moment.wall),
    };
    // A full disk: the queue's own row still says it, or the next who looks finds that it never began.
    let _ = record::write_state(machine, folder, &state, Durability::Process);
    End::Over(Outcome {
        word: "failed",
        exit: None,
        reason: Some(problem.to_string()),
    })
}

fn not_started(begun: &Begun, error: &DoorError) -> Problem {
    let problem = crate::foreground::not_started(&begun.command.argv, error);
    match error.kind {
        ErrorKind::Shortage => problem.coded(Code::Shortage),
        _ => problem,
    }
}
