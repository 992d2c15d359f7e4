//! The supervisor: one small process for each job that runs.
//!
//! It is this program once more, started as nobody's child. It claims a job, makes the run's folder, starts the command behind
//! a gate, writes its identity down, opens the gate, and sleeps until something happens. The command writes into its log itself.
//! When the command ended, whatever is left of its tree is ended, too; the end is written durably; then the same process claims
//! the next job. When there is none it ends.
//!
//! What a person asks of the job stands in the job's row ([`crate::queue::Request`]); SIGHUP says that there is something to read,
//! and that the queue is to be seen to. SIGTERM is no person: an orderly shutdown sends it to everybody. Then the command is ended
//! with its grace, nothing further is claimed, and what becomes of the job is left to its restart policy.

mod again;
mod attempt;
mod begin;
mod cards;
mod notify;
mod survivors;
mod watch;

pub use again::OnOom;
pub(crate) use again::end_of;
pub use attempt::GRACE;
pub use cards::cards;
pub(crate) use notify::{say, told};
pub use survivors::{marked, survivors};

use crate::keeper;
use crate::queue::{End, Pace, Queue, Row, Turn};
use crate::schedule::zone;
use crate::session;
use attempt::{Attempt, Attempted};
use deskside_machine::supervise::Supervision;
use deskside_machine::{Acting, Directories, Effect, Machine, Reading};
use deskside_track::shared;
use deskside_types::run::ProcessIdentity;
use deskside_types::{Code, Problem, Result};
use jiff::tz::TimeZone;
use std::time::Duration;

/// The hidden word that makes this program a supervisor.
pub const COMMAND: &str = "__supervise";

/// Runs jobs until none can start.
///
/// # Errors
/// [`Code::Supervision`] where the machine has no process control; as the queue's file says.
pub fn supervise(machine: &dyn Machine, directories: &Directories) -> Result<()> {
    let control = control(machine)?;
    session::leave(machine);
    control.become_supervisor()?;
    let own = machine.own_process()?;
    // What can't be said to other machines keeps no run from starting.
    let _ = shared::sign(machine, directories);
    let zone = zone(machine);
    let mut before: Option<(Row, Attempted)> = None;
    let mut announced = false;
    let mut owed = Owed::default();
    let mut queue = Queue::open(machine, directories)?;
    loop {
        if control.is_asked_to_end() {
            return leave(machine, &mut queue, before.as_ref());
        }
        let turn = match next(machine, &mut queue, before.as_ref(), &own, &zone) {
            Ok(turn) => turn,
            // The end of a job is not given up: on a full disk it is written as soon as there is room.
            Err(problem) if (before.is_some() || owed.due().is_some()) && passes(&problem) => {
                machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
                continue;
            }
            Err(problem) => return Err(problem),
        };
        if let Some((row, attempted)) = before.take() {
            attempted.tell(machine, &row);
        }
        // A new supervisor is one more process for the keeper to watch; one that goes on is known to it.
        let ring = !announced || owed.due().is_some() || turn.claimed.is_none();
        let seen = see_to(directories, control, &turn, ring);
        owed.note(machine, seen.is_ok())?;
        announced |= seen.is_ok();
        crate::sweep::ring_all(directories, control, &queue);
        let Some(claimed) = turn.claimed else {
            if owed.due().is_none() {
                return Ok(());
            }
            // No process could be started, so that nobody else may know of what waits.
            machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
            continue;
        };
        let attempt = Attempt {
            machine,
            directories,
            control,
            queue: &mut queue,
            own: &own,
            claimed: &claimed,
            owed: &mut owed,
        };
        let attempted = attempt.run();
        match &attempted.end {
            None => return Ok(()),
            // The next one would meet the same.
            Some(End::Later { .. }) => drop(machine.effect(&Effect::Sleep { span: TRY_AGAIN })?),
            Some(_) => {}
        }
        before = Some((claimed.row, attempted));
    }
}

/// Asked to end, as everybody in a shutdown: the end of the job before is written, and nothing further is claimed.
fn leave(
    machine: &dyn Machine,
    queue: &mut Queue<'_>,
    before: Option<&(Row, Attempted)>,
) -> Result<()> {
    let Some((row, attempted)) = before else {
        return Ok(());
    };
    if let Some(end) = &attempted.end {
        // What can't be written now is read from the run's folder by whoever looks next.
        queue.end(row, end)?;
        attempted.tell(machine, row);
    }
    Ok(())
}

impl Attempted {
    /// Tells everybody the job names, where it is over.
    fn tell(&self, machine: &dyn Machine, row: &Row) {
        if let Some(End::Over(outcome)) = &self.end {
            notify::tell(machine, row, outcome, &self.notify);
        }
    }
}

/// That others are to look at the queue, and could not be told: no process could be started.
#[derive(Debug, Default)]
pub(crate) struct Owed(Option<Duration>);

impl Owed {
    /// When it is tried again, by the monotonic clock.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.0
    }

    pub(crate) fn note(&mut self, machine: &dyn Machine, done: bool) -> Result<()> {
        self.0 = match done {
            true => None,
            false => Some(machine.now()?.monotonic + TRY_AGAIN),
        };
        Ok(())
    }
}

/// Ends a job and claims the next.
fn next(
    machine: &dyn Machine,
    queue: &mut Queue<'_>,
    before: Option<&(Row, Attempted)>,
    own: &ProcessIdentity,
    zone: &TimeZone,
) -> Result<Turn> {
    let cards = if queue.wants_cards()? {
        cards(machine, &queue.live()?)
    } else {
        None
    };
    let pace = match before {
        Some((_, attempted)) if attempted.took < A_MOMENT => Pace::Moment(attempted.took),
        _ => Pace::Usual,
    };
    let ended = before.and_then(|(row, attempted)| Some((row, attempted.end.as_ref()?)));
    queue.turn_paced(ended, Some(own), cards.as_deref(), zone, pace)
}

/// Behind a job that took less, the next ones are taken to be as short, and share their sync.
const A_MOMENT: Duration = Duration::from_millis(100);

/// How long a process of the queue waits before it tries again what a full disk, a busy file, or a limit of processes kept it from.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Whether what failed may go by itself after a while.
pub(crate) fn passes(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::DiskFull | Code::Timeout | Code::QueueBroken | Code::Shortage
    )
}

/// Starts what a look at the queue asks for: supervisors for jobs that could start; and, where the keeper is to hear of it, rings
/// or starts it.
pub(crate) fn see_to(
    directories: &Directories,
    control: &dyn Supervision,
    turn: &Turn,
    ring: bool,
) -> Result<()> {
    let started =
        (0..turn.more.min(MOST_AT_ONCE)).try_for_each(|_| control.detach(&[COMMAND]).map(drop));
    if ring && turn.needs_keeper {
        keeper::ensure(directories, control)?;
    }
    Ok(started?)
}

/// Supervisors that are started at once; the others are started by these.
const MOST_AT_ONCE: usize = 16;

pub(crate) fn control(machine: &dyn Machine) -> Result<&dyn Supervision> {
    machine.supervision().ok_or_else(|| {
        Problem::new(
            Code::Supervision,
            "jobs can't be supervised on this machine",
        )
        .because("it is a recorded or simulated one")
    })
}

// POSIX leaves their numbers open; these are the ones of Linux and macOS.
pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGTERM: i32 = 15;
pub(crate) const SIGSTOP: i32 = if cfg!(target_os = "macos") { 17 } else { 19 };
pub(crate) const SIGCONT: i32 = if cfg!(target_os = "macos") { 19 } else { 18 };
