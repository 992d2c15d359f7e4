//! What of a person's is in an environment that goes, and getting rid of the rest.

use super::{KEPT, marker, tree};
use crate::environment::own::{Own, is_cut_off};
use crate::environment::proof;
use crate::environment::venv::{self, State};
use crate::snapshot::damage::{Damaged, How};
use crate::snapshot::take::{Installed, installed};
use crate::snapshot::{Snapshot, Store};
use deskside_machine::{Acting, FileKind, Machine, Reading};
use deskside_types::Problem;
use std::path::{Path, PathBuf};

/// What is in an old environment that must not be lost.
pub(super) struct Belongings {
    /// No snapshot has it.
    pub unknown: bool,
    /// What is a person's own.
    pub own: Own,
}

impl Belongings {
    pub fn of(machine: &dyn Machine, old: &Path, store: &Store) -> Result<Self, Problem> {
        Ok(Self::among(machine, old, &store.list(machine)?.snapshots))
    }

    /// As [`Self::of`], where it is known which files of packages a person edited.
    pub fn knowing(
        machine: &dyn Machine,
        old: &Path,
        store: &Store,
        edited: &[PathBuf],
    ) -> Result<Self, Problem> {
        let look = |there: &[Installed]| Own::knowing(machine, old, there, edited);
        Ok(Self::with(
            machine,
            old,
            &store.list(machine)?.snapshots,
            look,
        ))
    }

    /// As [`Self::of`], where only these snapshots count.
    pub fn among(machine: &dyn Machine, old: &Path, snapshots: &[Snapshot]) -> Self {
        Self::with(machine, old, snapshots, |_| Own::of(machine, old))
    }

    fn with(
        machine: &dyn Machine,
        old: &Path,
        snapshots: &[Snapshot],
        look: impl FnOnce(&[Installed]) -> Own,
    ) -> Self {
        let there = installed(machine, old);
        let marker = marker::read(machine, old).unwrap_or_default();
        // Half of an install that was cut off: the state before it is kept, and it itself is what nobody wants back.
        let is_half = marker.making || marker.underway.is_some() && !snapshots.is_empty();
        let unknown = !is_half && !proof::is_remembered(&there, snapshots);
        Self {
            own: match unknown {
                // Then all of it is kept.
                true => Own::default(),
                false => look(&there),
            },
            unknown,
        }
    }
}

/// Takes the environment that was made away. One that holds what no snapshot has, or files of a person's own, is moved
/// and not removed; answers with what is said of it.
pub(super) fn take_away(
    machine: &dyn Machine,
    path: &Path,
    store: &Store,
    id: &str,
) -> Result<Vec<String>, Problem> {
    let belongings = Belongings::of(machine, path, store)?;
    if !belongings.unknown && belongings.own.is_empty() {
        tree::discard(machine, path)?;
        return Ok(Vec::new());
    }
    let moved = tree::beside(path, &format!(".removed-{id}"));
    machine.rename(path, &moved)?;
    Ok(vec![format!(
        "{} holds what was put in since: it was moved to {}",
        path.display(),
        moved.display()
    )])
}

/// Gets rid of the old environment. What is a person's in it is kept beside; all of it, where no snapshot has it.
pub(super) fn dispose(
    machine: &dyn Machine,
    path: &Path,
    aside: &Path,
    belongings: &Belongings,
    id: &str,
    how: Going,
) -> Result<Option<PathBuf>, Problem> {
    let kept = tree::beside(path, &format!("{KEPT}{id}"));
    if belongings.unknown {
        machine.rename(aside, &kept)?;
        return Ok(Some(kept));
    }
    for relative in belongings.own.paths() {
        // What the new one has, too, or was only cut off in the old one, is nothing of a person's.
        if !belongings.own.unclaimed.iter().any(|own| own == relative)
            && is_worthless(machine, &aside.join(relative), &path.join(relative))
        {
            continue;
        }
        put(machine, &aside.join(relative), &kept.join(relative))?;
    }
    match how {
        Going::Now => tree::discard(machine, aside)?,
        Going::Later => tree::discard_later(machine, aside, path)?,
    }
    Ok(machine.exists(&kept)?.then_some(kept))
}

/// Moves a file or a folder to a place where some of it may lie already: folders are joined, and a file whose name is taken gets a number.
fn put(machine: &dyn Machine, from: &Path, to: &Path) -> Result<(), Problem> {
    if let Some(folder) = to.parent() {
        machine.create_directory(folder)?;
    }
    if !machine.exists(to)? {
        return Ok(machine.rename(from, to)?);
    }
    let is_folder = |path: &Path| {
        let stat = machine.stat(path);
        stat.is_ok_and(|stat| stat.kind == FileKind::Directory)
    };
    if is_folder(from) && is_folder(to) {
        for entry in machine.entries(from)? {
            put(machine, &from.join(&entry.name), &to.join(&entry.name))?;
        }
        return Ok(machine.remove_tree(from)?);
    }
    for number in 2..1000 {
        let mut name = to.as_os_str().to_owned();
        name.push(format!(".{number}"));
        if !machine.exists(&name)? {
            return Ok(machine.rename(from, &name)?);
        }
    }
    Ok(())
}

/// Whether a file has the contents of the new one, or was cut off from them.
fn is_worthless(machine: &dyn Machine, old: &Path, new: &Path) -> bool {
    let contents = |path: &Path| machine.file(path, 64 << 20).ok();
    match (contents(old), contents(new)) {
        (Some(old), Some(new)) => old == new || is_cut_off(&old, &new),
        _ => false,
    }
}

/// When an old environment's files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Going {
    /// At once: their room is needed.
    Now,
    /// In the background.
    Later,
}

/// Whether an environment is of no use as it is: it can't start, half an install is in it, or files of it are damaged.
/// Where there is no room for two, such a one goes before the new one is made.
///
/// # Errors
/// When its folder can't be looked at.
pub fn is_of_no_use(machine: &dyn Machine, environment: &Path) -> Result<bool, Problem> {
    is_of_no_use_with(machine, environment, || {
        crate::environment::mend::damaged(machine, environment)
    })
}

/// As [`is_of_no_use`], where its damaged files were looked for already.
///
/// # Errors
/// When its folder can't be looked at.
pub fn is_of_no_use_with<D: AsRef<[Damaged]>>(
    machine: &dyn Machine,
    environment: &Path,
    damaged: impl FnOnce() -> D,
) -> Result<bool, Problem> {
    // A file with other contents may be a person's own work, and does something.
    let is_useless = |file: &Damaged| !matches!(file.how, How::Contents | How::Longer);
    Ok(match venv::look(machine, environment)? {
        State::Broken { .. } => true,
        State::Whole(venv) => {
            venv.marker.is_some_and(|marker| marker.underway.is_some())
                || damaged().as_ref().iter().any(is_useless)
        }
        _ => false,
    })
}
