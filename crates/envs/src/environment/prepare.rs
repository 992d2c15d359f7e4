//! What taking an environment action back will need, gathered before it is carried out.

use super::venv::{self, State};
use super::{marker, own, proof};
use crate::snapshot::{Store, home};
use deskside_machine::{Directories, Machine, Reading};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Gathers it; changes nothing.
///
/// # Errors
/// When the environment's folder can't be looked at.
pub fn prepare(machine: &dyn Machine, action: &EnvironmentAction) -> Result<Value, Problem> {
    let path = Path::new(action.path());
    match action {
        EnvironmentAction::Create { .. } => {
            // Whatever is made gets this identity, so that undo never takes another one for it.
            let id = format!("{:016x}", machine.random()?);
            let state = venv::look(machine, path)?;
            let noted = marker::read(machine, path).unwrap_or_default();
            let found = match &state {
                State::Absent => "nothing",
                State::Empty => "empty",
                // It was whole once, and is gone for good when it is made anew.
                State::Broken { ours: true, .. } if !noted.making && noted.made_here() => "broken",
                _ => "something",
            };
            let moved_to = match state {
                State::Broken { ours: false, .. } => Some(free_name(machine, path)?),
                State::Broken { .. } if own::holds(machine, path, &noted) => {
                    Some(free_name(machine, path)?)
                }
                State::Whole(_) if noted.made_here() => Some(free_name(machine, path)?),
                _ => None,
            };
            Ok(json!({ "id": id, "moved_to": moved_to, "found": found }))
        }
        EnvironmentAction::Restore { .. } => super::restore::prepare(machine, action),
        EnvironmentAction::Install { .. } | EnvironmentAction::Sync { .. } => Ok(json!({
            "id": format!("{:016x}", machine.random()?),
            "distributions": venv::distributions(machine, path),
            "marker": marker::read(machine, path),
            "snapshot": snapshot_of(machine, path),
        })),
        EnvironmentAction::Module { .. } => Ok(json!({
            "distributions": venv::distributions(machine, path),
            "marker": marker::read(machine, path),
        })),
    }
}

/// The newest snapshot of the environment as it is, by its identity: one was kept just before a change. Names and
/// versions tell which it is.
fn snapshot_of(machine: &dyn Machine, path: &Path) -> Option<String> {
    if !matches!(venv::look(machine, path), Ok(State::Whole(_))) {
        return None;
    }
    let snapshots = store(machine, path)?.list(machine).ok()?.snapshots;
    let version = venv::stated_version(machine, path).unwrap_or_default();
    let same = snapshots.into_iter().rev().find(|snapshot| {
        snapshot.python.version == version && proof::same_versions(machine, path, snapshot)
    });
    same.map(|snapshot| snapshot.id)
}

/// The store of the project whose environment that is.
pub(super) fn store(machine: &dyn Machine, path: &Path) -> Option<Store> {
    let directories = Directories::of(machine).ok()?;
    Some(home::find(machine, &directories, path.parent()?).store)
}

/// The name of that store for the environment's marker; the one that its marker names already stays.
pub(super) fn store_name(machine: &dyn Machine, path: &Path) -> Option<String> {
    let noted = marker::read(machine, path).and_then(|marker| marker.store);
    noted.or_else(|| store(machine, path).map(|store| store.name()))
}

/// A free name beside an environment, for what is in its way.
pub(super) fn free_name(machine: &dyn Machine, path: &Path) -> Result<PathBuf, Problem> {
    let name = path.file_name().map_or_else(
        || "venv".to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    for number in 1..100 {
        let aside = path.with_file_name(if number == 1 {
            format!("{name}.before")
        } else {
            format!("{name}.before-{number}")
        });
        if !machine.exists(&aside)? && machine.link(&aside).is_err() {
            return Ok(aside);
        }
    }
    Err(Problem::new(
        Code::EnvironmentBroken,
        format!("{} can't be moved out of the way", path.display()),
    )
    .because(format!(
        "{name}.before and 98 more like it are there already"
    ))
    .hint("remove the old ones and run the same command again"))
}
