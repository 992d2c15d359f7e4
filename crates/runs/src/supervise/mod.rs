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
pub(crate) use notify::told;
pub use survivors::survivors;

use crate::keeper;
use crate::queue::{End, Queue, Row, Turn};
use crate::schedule::zone;
use deskside_machine::supervise::Supervision;
use deskside_machine::{Directories, Machine, Reading};
use deskside_types::{Code, Problem, Result};

/// The hidden word that makes this program a supervisor.
pub const COMMAND: &str = "__supervise";

/// Runs jobs until none can start.
///
/// # Errors
/// [`Code::Supervision`] where the machine has no process control; as the queue's file says.
pub fn supervise(machine: &dyn Machine, directories: &Directories) -> Result<()> {
    let control = control(machine)?;
    control.become_supervisor()?;
    let own = machine.own_process()?;
    let zone = zone(machine);
    let mut before: Option<(Row, End)> = None;
    let mut announced = false;
    loop {
        let turn = {
            let mut queue = Queue::open(machine, directories)?;
            let cards = if queue.wants_cards()? {
                cards(machine, &queue.live()?)
            } else {
                None
            };
            let ended = before.as_ref().map(|(row, end)| (row, end));
            queue.turn(ended, Some(&own), cards.as_deref(), &zone)?
            // Closed while the job runs: nothing is held, and little memory is used.
        };
        if let Some((row, End::Over(outcome))) = before.take() {
            notify::tell(machine, directories, &row, &outcome);
        }
        see_to(machine, directories, control, &turn, announced)?;
        announced = true;
        let Some(claimed) = turn.claimed else {
            return Ok(());
        };
        let end = attempt::run(machine, directories, control, &own, &claimed);
        before = Some((claimed.row, end));
    }
}

/// Starts what a look at the queue asks for: supervisors for jobs that could start, a keeper where something goes on.
pub(crate) fn see_to(
    machine: &dyn Machine,
    directories: &Directories,
    control: &dyn Supervision,
    turn: &Turn,
    announced: bool,
) -> Result<()> {
    for _ in 0..turn.more.min(MOST_AT_ONCE) {
        control.detach(&[COMMAND])?;
    }
    // A new supervisor is one more process for the keeper to watch; one that goes on is known to it.
    if turn.needs_keeper && (!announced || turn.claimed.is_none()) {
        keeper::ensure(machine, directories, control)?;
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
