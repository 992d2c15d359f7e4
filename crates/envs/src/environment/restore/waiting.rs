//! Old environments that wait beside their place while the new one is made, and what a death on the way left.

use super::belongings::{Belongings, Going, dispose};
use super::{BEFORE, marker, tree};
use crate::environment::marker::Marker;
use crate::environment::venv::{self, State};
use crate::snapshot::Store;
use deskside_machine::{Acting, ErrorKind, Machine, Reading};
use deskside_types::Problem;
use std::path::{Path, PathBuf};

/// Old environments that wait beside their place, each with its identity.
pub(super) fn waiting(
    machine: &dyn Machine,
    path: &Path,
) -> Result<Vec<(PathBuf, String)>, Problem> {
    let place = tree::place(machine, path);
    let beginning = tree::beside(&place, BEFORE);
    let beginning = beginning
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let folder = place.parent().unwrap_or(&place);
    let entries = match machine.entries(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    Ok(entries
        .into_iter()
        .filter_map(|entry| {
            let id = entry.name.strip_prefix(&beginning)?;
            let is_identity = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_identity.then(|| (folder.join(&entry.name), id.to_string()))
        })
        .collect())
}

/// Whether an environment that waits beside its place is the one that counts: a restore was cut off.
///
/// # Errors
/// When the folders can't be looked at.
pub fn was_cut_off(machine: &dyn Machine, path: &Path) -> Result<Option<PathBuf>, Problem> {
    if is_whole(machine, path)? {
        return Ok(None);
    }
    Ok(waiting(machine, path)?
        .into_iter()
        .next()
        .map(|(aside, _)| aside))
}

/// Removes environments that were to go when a shutdown came: their names say so, and nobody looks into them.
///
/// # Errors
/// None by now; what can't be removed stays for the next time.
pub fn clear_rubbish(machine: &dyn Machine, path: &Path) -> Result<(), Problem> {
    tree::clear_rubbish(machine, &tree::place(machine, path))
}

/// Whether an old environment waits beside its place, be it needed or not.
///
/// # Errors
/// When the folder it lies in can't be listed.
pub fn is_waiting(machine: &dyn Machine, path: &Path) -> Result<bool, Problem> {
    Ok(!waiting(machine, path)?.is_empty())
}

/// What lies at an environment's path. Where that is a link that leads nowhere, nothing does.
pub(super) fn look(machine: &dyn Machine, path: &Path) -> Result<State, Problem> {
    let place = tree::place(machine, path);
    if place != path && !machine.exists(&place)? {
        return Ok(State::Absent);
    }
    Ok(venv::look(machine, path)?)
}

pub(super) fn is_whole(machine: &dyn Machine, path: &Path) -> Result<bool, Problem> {
    Ok(matches!(venv::look(machine, path)?, State::Whole(_)))
}

/// Finishes what a process that was killed left: puts the old environment back where the new one is not whole, and
/// gets rid of it where it is.
///
/// # Errors
/// When a folder can't be looked at, renamed or removed.
pub fn recover(machine: &dyn Machine, path: &Path, store: &Store) -> Result<(), Problem> {
    let place = tree::place(machine, path);
    tree::clear_rubbish(machine, &place)?;
    for (aside, id) in waiting(machine, path)? {
        let noted = marker::read(machine, path);
        let is_its = |marker: &Marker| marker.making && marker.id == id;
        match look(machine, path)? {
            State::Absent => machine.rename(&aside, &place)?,
            State::Empty => {
                machine.remove_tree(&place)?;
                machine.rename(&aside, &place)?;
            }
            // Cut off before its marker was whole, or while it was filled.
            State::Broken { ours: true, .. } if noted.as_ref().is_none_or(is_its) => {
                put_back(machine, &place, &aside)?;
            }
            State::Whole(venv)
                if venv
                    .marker
                    .as_ref()
                    .and_then(|marker| marker.restored.as_ref())
                    .is_some_and(|restored| restored.by == id) =>
            {
                // Proven already: only the old one has to go.
                let belongings = Belongings::of(machine, &aside, store)?;
                dispose(machine, &place, &aside, &belongings, &id, Going::Later)?;
            }
            // Another one was made meanwhile: both stay, and `env gc` looks whether the old one is needed.
            _ => {}
        }
    }
    Ok(())
}

/// Takes the half-made environment away and puts the old one back.
pub(super) fn put_back(machine: &dyn Machine, path: &Path, aside: &Path) -> Result<(), Problem> {
    if machine.exists(path)? {
        tree::discard(machine, path)?;
    }
    if machine.exists(aside)? {
        machine.rename(aside, path)?;
    }
    Ok(())
}
