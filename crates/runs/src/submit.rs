//! Queueing: jobs are made durable, and what can start is started.

use crate::queue::{Added, New, Queue, Surroundings, bell};
use crate::schedule::{impossible, zone};
use crate::supervise::{self, cards, control, see_to};
use crate::{keeper, program};
use deskside_machine::{Directories, Effect, Machine, Reading};
use deskside_types::run::ProcessIdentity;
use deskside_types::{Code, Problem, Result};

/// Adds jobs and starts what can start.
///
/// # Errors
/// [`Code::ClaimImpossible`], and as [`Queue::add`]. What keeps the queue from moving after the jobs were added is no error: it
/// is the second answer, in words.
pub fn submit(
    machine: &dyn Machine,
    directories: &Directories,
    surroundings: &Surroundings,
    jobs: &[New],
) -> Result<(Vec<Added>, Option<Problem>)> {
    let mut queue = Queue::open(machine, directories)?;
    possible(machine, surroundings, jobs)?;
    let control = control(machine)?;
    let inside = supervisor_around(machine).is_some();
    // The keeper first: when this process dies, the jobs are there and somebody knows, or neither. Inside of a job there is one,
    // because a job runs.
    let mut listens = false;
    let added = queue.add_and(surroundings, jobs, || {
        listens = if inside {
            control.ring(&bell(directories))?
        } else {
            keeper::ensure(directories, control)?
        };
        Ok(())
    })?;
    if listens {
        // It waits for this transaction, and then does all that is to be done. Only cards it has looked at before.
        let again = jobs.iter().any(|job| job.claim.any());
        let rung = again.then(|| control.ring(&bell(directories)));
        return Ok((
            added,
            rung.and_then(std::result::Result::err).map(Problem::from),
        ));
    }
    Ok((added, look(machine, directories, queue, inside).err()))
}

/// Refuses jobs whose program is not there, or that ask for more than this machine will ever have.
///
/// # Errors
/// As a missing program is refused; [`Code::ClaimImpossible`] with what would fit.
pub fn possible(machine: &dyn Machine, surroundings: &Surroundings, jobs: &[New]) -> Result<()> {
    program::all_there(machine, surroundings, jobs)?;
    if let Some(wanted) = jobs.iter().find(|job| job.claim.any()) {
        let there = cards(machine, &[]).unwrap_or_default();
        let first = jobs
            .iter()
            .find_map(|job| Some((job, impossible(&job.claim, &there)?)));
        if let Some((_, why)) = first {
            let problem = Problem::new(
                Code::ClaimImpossible,
                "the job would wait for ever, so it was not queued",
            )
            .because(why);
            return Err(match there.iter().map(|card| card.total).max() {
                None => problem.hint("leave --gpus and --vram away; where there is a card, `deskside info` says why it can't be used"),
                Some(largest) => problem.hint(format!(
                    "what would fit: --gpus {} --vram {}",
                    wanted.claim.count().min(there.len()),
                    deskside_types::units::bytes(largest).replace(' ', "")
                )),
            });
        }
    }
    Ok(())
}

/// Settles what died and starts what can start: what every command does that looks at the queue.
///
/// # Errors
/// As the queue's file and the machine say.
pub fn advance(machine: &dyn Machine, directories: &Directories) -> Result<()> {
    match Queue::open_if_there(machine, directories)? {
        Some(queue) => look(machine, directories, queue, true),
        None => Ok(()),
    }
}

fn look(
    machine: &dyn Machine,
    directories: &Directories,
    mut queue: Queue<'_>,
    ring: bool,
) -> Result<()> {
    let control = control(machine)?;
    // A job's own supervisor starts what the job queues: its children are that job's, and end with it.
    if let Some(supervisor) = supervisor_around(machine) {
        let asked = machine.act(
            &Effect::Signal {
                pid: supervisor.pid,
                start_time: supervisor.start_time,
                signal: deskside_machine::supervise::Asked::Look.signal(),
            },
            &mut |_| {},
        );
        if asked.is_ok() {
            return Ok(());
        }
    }
    let settled = queue.settle()?;
    let cards = if queue.wants_cards()? {
        cards(machine, &queue.live()?)
    } else {
        None
    };
    let turn = queue.turn(None, None, cards.as_deref(), &zone(machine))?;
    drop(queue);
    for one in &settled {
        supervise::told(machine, directories, one);
    }
    see_to(directories, control, &turn, ring)
}

/// The supervisor of the job that this process is part of.
pub(crate) fn supervisor_around(machine: &dyn Machine) -> Option<ProcessIdentity> {
    let named = machine.variable("DESKSIDE_SUPERVISOR")?;
    let (pid, start_time) = named.split_once(':')?;
    let process = ProcessIdentity {
        pid: pid.parse().ok()?,
        start_time: start_time.parse().ok()?,
        boot_id: machine.boot_id(),
    };
    machine.is_alive(&process).ok()?.then_some(process)
}
