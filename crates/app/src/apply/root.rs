//! Root's processes: the one that `apply` starts through sudo, and the one that a restart's unit starts.

use deskside_machine::{Machine, host::conversing};
use deskside_operate::root::{Server, restart};
use deskside_provision::rules;
use deskside_types::Result;

/// Serves the process that started this one, over its input and output.
///
/// # Errors
/// When the other side can't be told any more.
pub fn serve(machine: &dyn Machine) -> Result<()> {
    let mut talk = conversing::with_parent()?;
    Server {
        machine,
        rules: &rules(),
        approved: None,
        person: restart::Person::asking(machine)?,
    }
    .serve(&mut *talk)
}

/// After a restart: starts the person's part in the person's account, and carries out as root what was approved before.
/// Whether anything waited. What was arranged for the restart is gone afterwards, also when it fails: it is never tried
/// twice by itself.
///
/// # Errors
/// When the program is not the one that was kept, or the person's part can't be started.
pub fn resume(machine: &dyn Machine) -> Result<bool> {
    let Some(pending) = restart::take(machine)? else {
        return Ok(false);
    };
    let served = machine
        .converse(&restart::command(&pending))
        .map_err(Into::into)
        .and_then(|mut talk| {
            Server {
                machine,
                rules: &rules(),
                approved: Some(pending.plan),
                person: pending.person,
            }
            .serve(&mut *talk)
        });
    restart::forget(machine)?;
    served.map(|()| true)
}
