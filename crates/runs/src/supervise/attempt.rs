//! One attempt of a job, from its claim to its end.

use super::again::{after, looks_like_oom};
use super::begin::{Begun, begin};
use super::{TRY_AGAIN, passes};
use crate::keeper;
use crate::queue::{Claimed, End, Outcome, Queue, Spec};
use crate::sample::{self, Root, Sampler, Subject};
use deskside_machine::supervise::{Asked, Happened, Supervision, Tree};
use deskside_machine::{Acting, Directories, DoorError, Durability, Effect, Machine, Reading};
use deskside_track::{Folder, record};
use deskside_types::run::{ProcessIdentity, RunExit, RunState, StateRecord};
use deskside_types::{Problem, Result};
use std::time::Duration;

/// How long a job may tidy up after it was asked to end.
pub const GRACE: Duration = Duration::from_secs(10);
/// The end of a run that took less is as durable as the queue's row of it.
const WORTH_A_SYNC: Duration = Duration::from_secs(10);
/// What a job leaves behind may tidy up no longer.
const LEFT_BEHIND: Duration = Duration::from_secs(3);
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// What came of an attempt.
pub(super) struct Attempted {
    /// What becomes of the job.
    pub end: End,
    /// How long its command ran.
    pub took: Duration,
    /// Who is told when it is over.
    pub notify: Vec<String>,
}

/// Runs a claimed job. Whatever goes wrong becomes its end.
pub(super) fn run(
    machine: &dyn Machine,
    directories: &Directories,
    control: &dyn Supervision,
    queue: &mut Queue<'_>,
    own: &ProcessIdentity,
    claimed: &Claimed,
) -> Attempted {
    let begun = machine.now().map_or(Duration::ZERO, |now| now.monotonic);
    let mut notify = Vec::new();
    let end = end_of(
        machine,
        directories,
        control,
        queue,
        own,
        claimed,
        &mut notify,
    );
    let ended = machine.now().map_or(Duration::MAX, |now| now.monotonic);
    Attempted {
        end,
        took: ended.saturating_sub(begun),
        notify,
    }
}

fn end_of(
    machine: &dyn Machine,
    directories: &Directories,
    control: &dyn Supervision,
    queue: &mut Queue<'_>,
    own: &ProcessIdentity,
    claimed: &Claimed,
    notify: &mut Vec<String>,
) -> End {
    let folder = Folder::of(directories, &claimed.run);
    let known = queue.spec(claimed.row.number);
    let (spec, surroundings) = match known {
        Ok(known) => known,
        Err(problem) => return failed(machine, &folder, &problem),
    };
    notify.clone_from(&spec.notify);
    let begun = match begin(machine, directories, own, claimed, &spec, &surroundings) {
        Ok(Ok(begun)) => begun,
        Ok(Err(gone)) => return End::Held(gone),
        // The queue must not run empty on a full disk, a failed job at a time.
        Err(problem) if is_full(machine, directories) => return no_room(machine, &problem),
        Err(problem) => return failed(machine, &folder, &problem),
    };
    // For its life: whoever finds it locked knows that somebody watches.
    let held = machine.lock(&folder.path().join("supervisor.lock"), LOCK_PATIENCE);
    let (state, stopped) = match watch(machine, directories, control, queue, own, &begun, &spec) {
        Ok(watched) => watched,
        Err(problem) if has_no_log(machine, &folder) && is_full(machine, directories) => {
            return no_room(machine, &problem);
        }
        Err(problem) => return failed(machine, &folder, &problem),
    };
    drop(held);
    // The folder is the truth; the index takes it up with the next listing, so that draining does not pay for it.
    if never_began(machine, &folder, &state, stopped) {
        return End::NeverRan;
    }
    let out_of_memory = looks_like_oom(machine, &folder, &state.state);
    let now = machine.now().map_or(0, |now| now.wall.as_millisecond());
    after(
        &spec,
        &claimed.row,
        &state.state,
        stopped,
        out_of_memory,
        now,
    )
}

/// A process that was killed at its gate, or just behind it, from outside: it has opened no log, so that nothing of the command
/// ran. Only soon after its start, because a job may remove its own log.
fn never_began(
    machine: &dyn Machine,
    folder: &Folder,
    state: &StateRecord,
    stopped: Stopped,
) -> bool {
    let killed = matches!(
        state.state,
        RunState::Finished {
            exit: RunExit::Signal(_)
        }
    );
    let took = state.started_at.zip(state.ended_at);
    let soon = took.is_some_and(|(from, to)| to.duration_since(from).as_secs() < 2);
    killed && soon && stopped == Stopped::No && has_no_log(machine, folder)
}

/// A command opens its log before anything else.
fn has_no_log(machine: &dyn Machine, folder: &Folder) -> bool {
    matches!(machine.exists(folder.log()), Ok(false))
}

fn no_room(machine: &dyn Machine, problem: &Problem) -> End {
    End::Later {
        ready_at: later(machine),
        reason: format!("it could not begin: {problem}"),
    }
}

/// When it is tried again on a full disk.
const ROOM_AGAIN: Duration = Duration::from_secs(20);
/// A disk with less is full.
const FULL: u64 = 1 << 20;

fn is_full(machine: &dyn Machine, directories: &Directories) -> bool {
    [&directories.data, &directories.state]
        .into_iter()
        .any(|path| machine.space(path).is_ok_and(|space| space.free < FULL))
}

fn later(machine: &dyn Machine) -> i64 {
    let now = machine.now().map_or(0, |now| now.wall.as_millisecond());
    now.saturating_add(i64::try_from(ROOM_AGAIN.as_millis()).unwrap_or(0))
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

fn watch(
    machine: &dyn Machine,
    directories: &Directories,
    control: &dyn Supervision,
    queue: &mut Queue<'_>,
    own: &ProcessIdentity,
    begun: &Begun,
    spec: &Spec,
) -> Result<(StateRecord, Stopped)> {
    let folder = &begun.folder;
    let gate = match control.prepare(&begun.command) {
        Ok(gate) => gate,
        Err(error) => {
            // It is a run all the same: one that says why it never began.
            let state = StateRecord {
                state: RunState::Starting {
                    supervisor: own.clone(),
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
            supervisor: Some(own.clone()),
        },
        started_at: Some(started.wall),
        ended_at: None,
    };
    record::create(machine, folder, &begun.record, &running)?;
    let mut tree = gate.open().map_err(|error| not_started(begun, &error))?;
    let limits = Limits {
        number: begun.number,
        timeout: spec.timeout_ms.map(Duration::from_millis),
        grace: spec.grace_ms.map_or(GRACE, Duration::from_millis),
        begun: started.monotonic,
    };
    let mut sampler = None;
    let (exit, stopped) = match tree.wait(Some(MOMENT))? {
        Happened::Ended(exit) => (exit, Stopped::No),
        happened => {
            // It is no matter of moments, so that the jobs behind it are worth a sync of their own again.
            // A mark that stays only costs whoever restarts the machine now.
            let _ = queue.forget_marks();
            sampler = sample::every(spec.sample_ms).map(|every| {
                let subject = Subject {
                    folder: folder.clone(),
                    root: Root::ChildrenOf(own.pid),
                    cards: begun.cards.clone(),
                };
                Sampler::new(subject, every, started.monotonic)
            });
            let first = (happened != Happened::TimeOver).then_some(happened);
            until_end(
                machine,
                directories,
                control,
                tree.as_mut(),
                &limits,
                sampler.as_mut(),
                first,
            )?
        }
    };
    clear(machine, tree.as_mut(), LEFT_BEHIND)?;
    if let Some(sampler) = sampler {
        sampler.finish(machine);
    }
    let state = StateRecord {
        state: if stopped == Stopped::No {
            RunState::Finished { exit }
        } else {
            RunState::Stopped { exit }
        },
        ended_at: Some(machine.now()?.wall),
        ..running
    };
    // The record of an end is not given up: until there is room for it, the run is "about to be over" for who looks.
    // The queue's own row is synced right after it: what took moments is not worth two more.
    let took = machine.now()?.monotonic.saturating_sub(started.monotonic);
    let durability = if took < WORTH_A_SYNC {
        Durability::Process
    } else {
        Durability::Power
    };
    while let Err(problem) = record::write_state(machine, folder, &state, durability) {
        if !passes(&problem) {
            break;
        }
        machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
    }
    Ok((state, stopped))
}

/// Who ended a command before it ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Nobody.
    No,
    /// A person.
    ByPerson,
    /// Its timeout.
    Timeout,
}

struct Limits {
    number: i64,
    timeout: Option<Duration>,
    grace: Duration,
    begun: Duration,
}

/// A command that runs for longer is no matter of moments.
const MOMENT: Duration = Duration::from_millis(500);

/// Sleeps until the command's own process ended, beginning with what happened already. The second answer: it was stopped, by a
/// person or its timeout.
fn until_end(
    machine: &dyn Machine,
    directories: &Directories,
    control: &dyn Supervision,
    tree: &mut dyn Tree,
    limits: &Limits,
    mut sampler: Option<&mut Sampler>,
    mut first: Option<Happened>,
) -> Result<(RunExit, Stopped)> {
    let mut end_at = limits.timeout.map(|timeout| limits.begun + timeout);
    let mut stopped = Stopped::No;
    loop {
        let now = machine.now()?.monotonic;
        let sample_at = sampler.as_ref().map(|sampler| sampler.due());
        let wake_at = end_at.into_iter().chain(sample_at).min();
        let patience = wake_at.map(|at| at.saturating_sub(now));
        let happened = match first.take() {
            Some(happened) => happened,
            None => tree.wait(patience)?,
        };
        if happened == Happened::TimeOver && sample_at == wake_at {
            if let Some(sampler) = &mut sampler {
                sampler.take(machine);
            }
            continue;
        }
        match happened {
            Happened::Ended(exit) => return Ok((exit, stopped)),
            Happened::Changed => {}
            Happened::Asked(Asked::Pause) => drop(tree.signal(SIGSTOP)),
            Happened::Asked(Asked::Resume) => drop(tree.signal(SIGCONT)),
            Happened::Asked(Asked::Look) => drop(keeper::ensure(directories, control)?),
            happened @ (Happened::Asked(Asked::Stop) | Happened::TimeOver)
                if stopped == Stopped::No =>
            {
                stopped = if happened == Happened::TimeOver {
                    Stopped::Timeout
                } else {
                    Stopped::ByPerson
                };
                tree.signal(SIGTERM);
                // One that stands still would never hear it.
                tree.signal(SIGCONT);
                let grace = grace_now(machine, directories, limits);
                end_at = Some(machine.now()?.monotonic + grace);
            }
            Happened::Asked(Asked::Stop) => {}
            Happened::TimeOver => {
                tree.signal(SIGKILL);
                end_at = Some(machine.now()?.monotonic + Duration::from_millis(100));
            }
        }
    }
}

/// The grace as it is by now: who stops a job may give it another.
fn grace_now(machine: &dyn Machine, directories: &Directories, limits: &Limits) -> Duration {
    let spec = Queue::open(machine, directories).and_then(|queue| queue.spec(limits.number));
    spec.ok()
        .and_then(|(spec, _)| spec.grace_ms)
        .map_or(limits.grace, Duration::from_millis)
}

/// Ends what is left of a tree: asked first, then killed, until nothing is left.
fn clear(machine: &dyn Machine, tree: &mut dyn Tree, grace: Duration) -> Result<()> {
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

// POSIX leaves their numbers open; these are the ones of Linux and macOS.
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;
const SIGSTOP: i32 = if cfg!(target_os = "macos") { 17 } else { 19 };
const SIGCONT: i32 = if cfg!(target_os = "macos") { 19 } else { 18 };

fn not_started(begun: &Begun, error: &DoorError) -> Problem {
    crate::foreground::not_started(&begun.command.argv, error)
}
