//! Before a change is planned: what a command that was killed left half done is finished, and the snapshots of a project
//! that was moved follow it.

use super::{Place, change};
use crate::{Context, live};
use deskside_envs::environment::restore::{is_waiting, recover, was_cut_off};
use deskside_envs::snapshot::home;
use deskside_operate::turn;
use deskside_types::{Code, Problem, Result};

/// Settles a place. Answers with what a person should know. Where only the plan is wanted, nothing is changed.
///
/// # Errors
/// [`Code::EnvironmentBroken`] when only the plan is wanted and an environment waits to be put back; when another command
/// is at work, or a run goes on in the environment.
pub(super) fn settle(context: &Context, place: &mut Place, only_plan: bool) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    if let Some(from) = &place.copied_from {
        notes.push(format!(
            "the environment was copied from {from}: its snapshots stay with that project, and this one begins its own"
        ));
    }
    if let Some(from) = &place.moved_from {
        notes.push(format!(
            "the project was moved here from {from}: its snapshots and this machine's choices go with it"
        ));
    }
    if only_plan {
        if was_cut_off(&*context.machine, &place.environment)?.is_some() {
            return Err(cut_off(context, place));
        }
        return Ok(notes);
    }
    notes.extend(put_back(context, place)?);
    if place.moved_from.is_some() {
        let _turn = turn(&change::workshop(context))?;
        place.store = home::adopt(
            &*context.machine,
            &context.directories,
            &place.store,
            &place.project,
        )?;
        place.moved_from = None;
    }
    Ok(notes)
}

/// Finishes a restore that was cut off; answers with what was done where the old environment came back.
fn put_back(context: &Context, place: &Place) -> Result<Option<String>> {
    let machine = &*context.machine;
    if !is_waiting(machine, &place.environment)? {
        return Ok(None);
    }
    // Whoever makes the environment anew just now holds the turn.
    let _turn = turn(&change::workshop(context))?;
    live::refuse_under_a_run(context, &[place.environment.as_path()], "would be changed")?;
    let is_back = was_cut_off(machine, &place.environment)?.is_some();
    recover(machine, &place.environment, &place.store)?;
    Ok(is_back.then(|| {
        format!(
            "an earlier rollback or rebuild was cut off: the environment that was there before is back at {}",
            place.environment.display()
        )
    }))
}

/// That an earlier command has to be finished first.
pub(crate) fn cut_off(context: &Context, place: &Place) -> Problem {
    Problem::new(
        Code::EnvironmentBroken,
        format!("{} is not whole", place.environment.display()),
    )
    .because("an earlier rollback or rebuild was cut off, and the environment that was there waits beside it")
    .hint(format!("put it back and make it anew: {}", rebuild(context, place)))
}

/// The command that finishes it.
pub(super) fn rebuild(context: &Context, place: &Place) -> String {
    format!("deskside env rebuild{}", place.option(&*context.machine))
}
