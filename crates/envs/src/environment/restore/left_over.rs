//! Whole environments that lie beside one that is whole, left by a command that was cut off.

use super::KEPT;
use super::belongings::Belongings;
use super::waiting::{is_whole, waiting};
use crate::environment::{marker, tree};
use crate::snapshot::Snapshot;
use crate::snapshot::walk::Walk;
use deskside_machine::{FileKind, Machine, Reading};
use deskside_types::Problem;
use std::path::{Path, PathBuf};

/// An environment that serves nobody any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOver {
    /// Its folder.
    pub path: PathBuf,
    /// Everything in it stands in a snapshot, and no file of it is a person's own: it may go.
    pub is_superfluous: bool,
}

/// What lies beside an environment: old ones that a cut off restore left (`.venv.deskside-before-…`), and such as were
/// moved out of the way of a new one (`.venv.before`). None while the environment itself is not whole: then an old one
/// may be all there is. What stands in `snapshots` counts as kept.
///
/// # Errors
/// When folders can't be looked at.
pub fn left_over(
    machine: &dyn Machine,
    path: &Path,
    snapshots: &[Snapshot],
) -> Result<Vec<LeftOver>, Problem> {
    if !is_whole(machine, path)? {
        return Ok(Vec::new());
    }
    let waiting = waiting(machine, path)?.into_iter().map(|(aside, _)| aside);
    let mut all = Vec::new();
    for folder in waiting.chain(moved_aside(machine, path)) {
        let belongings = Belongings::among(machine, &folder, snapshots);
        all.push(LeftOver {
            is_superfluous: !belongings.unknown && belongings.own.is_empty(),
            path: folder,
        });
    }
    Ok(all)
}

/// What was kept beside an environment because it was a person's (`.venv.kept-…`, `.venv.removed-…`), with its bytes.
pub fn kept_beside(machine: &dyn Machine, path: &Path) -> Vec<(PathBuf, u64)> {
    let place = tree::place(machine, path);
    let beginnings = [KEPT, ".removed-"].map(|behind| tree::beside(&place, behind));
    let names = beginnings.map(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    });
    let folder = place.parent().unwrap_or(&place);
    let entries = machine.entries(folder).unwrap_or_default().into_iter();
    entries
        .filter(|entry| entry.kind == FileKind::Directory)
        .filter(|entry| {
            names.iter().any(|name| {
                let id = entry.name.strip_prefix(name).unwrap_or_default();
                id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        })
        .map(|entry| {
            let folder = folder.join(entry.name);
            let bytes = Walk::of(machine, &folder).bytes();
            (folder, bytes)
        })
        .collect()
}

/// Environments that were moved out of the way: `.venv.before`, `.venv.before-2`.
fn moved_aside(machine: &dyn Machine, path: &Path) -> Vec<PathBuf> {
    let first = tree::beside(path, ".before");
    let beginning = first.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(path);
    let entries = machine.entries(folder).unwrap_or_default().into_iter();
    entries
        .filter(|entry| entry.kind == FileKind::Directory)
        .filter(|entry| {
            entry.name.strip_prefix(&*beginning).is_some_and(|rest| {
                let number = rest.strip_prefix('-').unwrap_or_default();
                rest.is_empty()
                    || !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
        .map(|entry| folder.join(entry.name))
        .filter(|folder| {
            let is_there = machine.exists(folder.join("pyvenv.cfg")).unwrap_or(false);
            is_there || marker::read(machine, folder).is_some()
        })
        .collect()
}
