//! The supervisor: one small process for each job that runs.
//!
//! It is this program once more, started as nobody's child. It claims a job, makes the run's folder, starts the command behind
//! a gate, writes its identity down, opens the gate, and sleeps until something happens. The command writes into its log itself.
//! When the command ended, whatever is left of its tree is ended, too; the end is written durably; then the same process claims
//! the next job. When there is none it ends.
//!
//! It is asked by signals: SIGTERM to stop, SIGUSR1 and SIGUSR2 to pause and to resume, SIGHUP to see to the queue.

mod again;
mod attempt;
mod begin;
mod cards;
mod notify;
mod survivors;

pub use again::OnOom;
pub use attempt::GRACE;
pub use cards::cards;
pub(crate) use notify::{say, told};
pub use survivors::survivors;

use crate::keeper;
use crate::queue::{End, Pace, Queue, Row, Turn};
use crate::schedule::zone;
use crate::session;
use attempt::Attempted;
use deskside_machine::supervise::Supervision;
use deskside_machine::{Acting, Directories, Effect, Machine, Reading};
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
    let zone = zone(machine);
    let mut before: Option<(Row, Attempted)> = None;
    let mut announced = false;
    let mut queue = Queue::open(machine, directories)?;
    loop {
        let turn = match next(machine, &mut queue, before.as_ref(), &own, &zone) {
            Ok(turn) => turn,
            // The end of a job is not given up: on a full disk it is written as soon as there is room.
            Err(problem) if before.is_some() && passes(&problem) => {
                machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
                continue;
            }
            Err(problem) => return Err(problem),
        };
        if let Some((row, attempted)) = before.take()
            && let End::Over(outcome) = &attempted.end
        {
            notify::tell(machine, &row, outcome, &attempted.notify);
        }
        // A new supervisor is one more process for the keeper to watch; one that goes on is known to it.
        let ring = !announced || turn.claimed.is_none();
        see_to(directories, control, &turn, ring)?;
        announced = true;
        crate::sweep::ring_all(directories, control, &queue);
        let Some(claimed) = turn.claimed else {
            return Ok(());
        };
        let attempted = attempt::run(machine, directories, control, &mut queue, &own, &claimed);
        before = Some((claimed.row, attempted));
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
    let ended = before.map(|(row, attempted)| (row, &attempted.end));
    queue.turn_paced(ended, Some(own), cards.as_deref(), zone, pace)
}

/// Behind a job that took less, the next ones are taken to be as short, and share their sync.
const A_MOMENT: Duration = Duration::from_millis(100);

/// How long a process of the queue waits before it tries again what a full disk, or a busy file, kept it from.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Whether what failed may go by itself after a while.
pub(crate) fn passes(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::DiskFull | Code::Timeout | Code::QueueBroken
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
    for _ in 0..turn.more.min(MOST_AT_ONCE) {
        control.detach(&[COMMAND])?;
    }
    if ring && turn.needs_keeper {
        keeper::ensure(directories, control)?;
    }
    Ok(())
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
