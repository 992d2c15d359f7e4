//! The folder of an environment as a whole: what in it is the person's, and getting rid of it.

use super::marker::Marker;
use super::venv;
use deskside_machine::{Acting, Launch, Machine, Reading};
use deskside_types::Problem;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Distributions in an environment that Deskside did not put there.
pub(super) fn added_by_hand(machine: &dyn Machine, path: &Path, marker: &Marker) -> Vec<String> {
    venv::distributions(machine, path)
        .into_keys()
        // Our own module may have gone in just before the end, with nobody left to note it.
        .filter(|name| name != "deskside" && !marker.distributions.contains(name))
        // What came after an install began that never finished is that install's.
        .filter(|name| {
            let before = marker.underway.as_ref();
            before.is_none_or(|before| before.contains(name))
        })
        .collect()
}

/// Removes an environment. It is renamed first, so that one that is half removed is never taken for anything else.
pub(super) fn discard(machine: &dyn Machine, path: &Path) -> Result<(), Problem> {
    let rubbish = beside(path, &format!("{RUBBISH}{:016x}", machine.random()?));
    machine.rename(path, &rubbish)?;
    Ok(machine.remove_tree(rubbish)?)
}

/// Removes an environment without waiting for it: tens of thousands of files take longer than making them anew does.
/// Its new name says that it is rubbish, so what a shutdown leaves of it is removed by the next command.
pub(super) fn discard_later(
    machine: &dyn Machine,
    path: &Path,
    place: &Path,
) -> Result<(), Problem> {
    let rubbish = beside(place, &format!("{RUBBISH}{:016x}", machine.random()?));
    machine.rename(path, &rubbish)?;
    let launch = Launch {
        argv: ["nice", "-n", "19", "rm", "-rf", "--"]
            .into_iter()
            .map(OsString::from)
            .chain([rubbish.clone().into_os_string()])
            .collect(),
        directory: place.parent().map(Path::to_path_buf),
        variables: BTreeMap::new(),
        // Goes with what it tells of.
        log: rubbish.join("removing.log"),
        foreground: false,
        to_stderr: false,
    };
    match machine.launch(&launch) {
        Ok(_) => Ok(()),
        Err(_) => Ok(machine.remove_tree(rubbish)?),
    }
}

/// Removes what a process that was killed in [`discard`] left.
pub(super) fn clear_rubbish(machine: &dyn Machine, path: &Path) -> Result<(), Problem> {
    let beginning = beside(path, RUBBISH);
    let beginning = beginning.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(path);
    for entry in machine.entries(folder).unwrap_or_default() {
        let tail = entry.name.strip_prefix(&*beginning).unwrap_or_default();
        if tail.len() == 16 && tail.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            // It may be removed in the background just now; what stays hurts nobody, and goes the next time.
            let _ = machine.remove_tree(folder.join(&entry.name));
        }
    }
    Ok(())
}

/// Where an environment's folder really lies: behind its path, where that is a link, also while nothing is there.
pub(super) fn place(machine: &dyn Machine, path: &Path) -> PathBuf {
    let Ok(target) = machine.link(path) else {
        return path.to_path_buf();
    };
    let behind = || path.parent().unwrap_or(path).join(target);
    machine.real_path(path).unwrap_or_else(|_| behind())
}

/// What follows an environment's name while it is removed; then come 16 hex digits.
const RUBBISH: &str = ".deskside-rubbish-";

/// A path beside an environment, with something behind its name.
pub(super) fn beside(path: &Path, behind: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(behind);
    path.with_file_name(name)
}
