//! What a person types next when a change failed half way.

use super::Place;
use crate::Context;
use deskside_envs::environment::sha256;
use deskside_envs::environment::venv::{self, State};
use deskside_envs::snapshot::Snapshot;
use deskside_machine::{Machine, Reading};
use deskside_types::{Problem, shell};

/// The problem with the command that leads back to the state before, where something is not as it was.
pub(super) fn told(
    context: &Context,
    place: &Place,
    wish: &str,
    before: Option<&Snapshot>,
    problem: Problem,
) -> Problem {
    let machine = &*context.machine;
    // A restore that put everything back has said so.
    if problem
        .hints
        .iter()
        .any(|hint| hint.contains("is as it was before"))
    {
        return problem;
    }
    let Some(before) = before else {
        return match begun(context, wish) {
            Some(id) => problem.hint(format!(
                "or take back what was done so far: deskside undo {id}"
            )),
            None => problem,
        };
    };
    if is_untouched(machine, place, before) {
        return problem.hint(format!(
            "{} and the project's files are as they were before",
            place.environment.display()
        ));
    }
    problem.hint(format!(
        "or go back to the state before: deskside env rollback {}{}",
        before.id,
        place.option(machine)
    ))
}

/// The newest operation, where it is of that wish and something of it stands.
fn begun(context: &Context, wish: &str) -> Option<String> {
    let (operations, _) =
        deskside_operate::history(&*context.machine, &context.directories.state).ok()?;
    let last = operations.last()?;
    (last.plan.wish == wish && !last.standing_steps().is_empty()).then(|| last.id.to_string())
}

/// Whether packages and project files are those of a snapshot, as far as names, versions and contents of files tell.
fn is_untouched(machine: &dyn Machine, place: &Place, before: &Snapshot) -> bool {
    let whole = match venv::look(machine, &place.environment) {
        Ok(State::Whole(venv)) => venv.marker.is_none_or(|marker| marker.underway.is_none()),
        _ => false,
    };
    let file = |name: &str| machine.file(place.project.join(name), u64::MAX);
    let files = || {
        before
            .files
            .iter()
            .all(|(name, hash)| file(name).is_ok_and(|bytes| sha256(&bytes) == *hash))
    };
    whole
        && deskside_envs::environment::proof::same_versions(machine, &place.environment, before)
        && files()
}

impl Place {
    /// ` --project FOLDER`, where the command would not find the project by itself from where the person stands.
    pub(crate) fn option(&self, machine: &dyn Machine) -> String {
        let here = machine
            .working_directory()
            .and_then(|here| machine.real_path(here));
        match here {
            Ok(here) if here == self.project => String::new(),
            _ => format!(" --project {}", shell::path(&self.project)),
        }
    }
}
