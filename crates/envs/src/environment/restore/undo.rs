//! Taking a restore back, and bringing back what was there before an install.

use super::belongings::take_away;
use super::waiting::{look, recover, waiting};
use super::{KEPT, Restoring, make, marker, parts, tree};
use crate::environment::marker::Restored;
use crate::environment::venv::State;
use crate::index::wheel::Platform;
use crate::snapshot::damage::place;
use crate::snapshot::origin::{self, Looking};
use crate::snapshot::take::{Installed, installed};
use crate::snapshot::unclaimed::SCRIPTS;
use crate::snapshot::{Snapshot, Store, python, recipe};
use deskside_machine::{Acting, Durability, FileKind, Machine, Reading};
use deskside_types::Problem;
use deskside_types::plan::EnvironmentAction;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Brings back what was there: by its own snapshot, or the folder itself where it was kept.
pub fn undo(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    before: &Value,
    after: &Value,
) -> Result<Vec<String>, Problem> {
    let mut restoring = parts(machine, action, before)?;
    let path = restoring.path;
    let place = restoring.place.clone();
    let shown = path.display();
    let (store, _) = Store::behind(machine, &restoring.snapshot)?;
    recover(machine, path, &store)?;
    let by = marker::read(machine, path)
        .and_then(|marker| marker.restored)
        .map(|restored| restored.by);
    let kept = tree::beside(&place, &format!("{KEPT}{}", restoring.id));
    // A person's own files are kept in the same folder, and `pyvenv.cfg` may be one of them; the interpreter never is.
    let programs = machine.entries(kept.join("bin")).unwrap_or_default();
    let whole_is_kept = machine.exists(kept.join("pyvenv.cfg"))?
        && programs.iter().any(|program| program.name == "python");
    // An earlier undo was killed between the one going and the other coming back.
    if whole_is_kept && look(machine, path)? == State::Absent {
        machine.rename(&kept, &place)?;
        return Ok(Vec::new());
    }
    let note: Option<Box<Restored>> = serde_json::from_value(before["restored"].clone()).ok();
    if by.as_deref() == Some(&reversed(&restoring.id)) {
        return finish_undo(machine, path, note, &kept);
    }
    if by.as_deref() != Some(&restoring.id) {
        // It failed or was cut off, and what was there is back; or it was taken back already.
        let is_back =
            after.is_null() || by.is_some() && by == note.as_ref().map(|note| note.by.clone());
        if is_back && waiting(machine, path)?.is_empty() {
            return Ok(Vec::new());
        }
        return Ok(vec![format!(
            "{shown} is not the environment that was made then, and is left as it is"
        )]);
    }
    if whole_is_kept {
        let left = take_away(machine, &place, &store, &restoring.id)?;
        machine.rename(&kept, &place)?;
        return Ok(left);
    }
    let found = before["found"].as_str().unwrap_or_default();
    if ["nothing", "empty"].contains(&found) {
        let left = take_away(machine, &place, &store, &restoring.id)?;
        if found == "empty" {
            machine.create_directory(&place)?;
        }
        return Ok(left);
    }
    let Some(earlier) = before["snapshot"].as_str() else {
        return Ok(vec![format!(
            "what was at {shown} before was broken and no snapshot has it: {shown} stays as it is"
        )]);
    };
    if !machine.exists(restoring.uv)? {
        return Ok(vec![format!(
            "uv is gone ({}), so {shown} stays as it is",
            restoring.uv
        )]);
    }
    let Ok((_, snapshot)) = Store::behind(machine, &store.snapshot_folder(earlier)) else {
        return Ok(vec![format!(
            "snapshot {earlier} of what was at {shown} before was removed since: {shown} stays as it is"
        )]);
    };
    restoring.snapshot = store.snapshot_folder(earlier);
    restoring.id = reversed(&restoring.id);
    let made = anew(machine, restoring, &store, &snapshot)?;
    let mut left = finish_undo(machine, path, note, &kept)?;
    if let Some(kept) = made["kept"].as_str() {
        left.push(format!("what was put into {shown} since is kept at {kept}"));
    }
    Ok(left)
}

/// Makes an environment anew from one of its snapshots, whose recipe is written first.
fn anew(
    machine: &dyn Machine,
    restoring: Restoring<'_>,
    store: &Store,
    snapshot: &Snapshot,
) -> Result<Value, Problem> {
    let chosen = python::choose(machine, restoring.path, restoring.uv, snapshot)?;
    write_recipe(machine, store, snapshot)?;
    let restoring = Restoring {
        python: &chosen.request,
        refresh: &[],
        // What was planned then says nothing of what was edited since.
        edited: None,
        // Kept wheels are used where they are; the rest comes from where it came.
        offline: false,
        ..restoring
    };
    make(machine, &restoring, &mut |_| {})
}

/// Brings an environment back to the snapshot of before an install, for the undo of that install. `id` is the
/// install's identity, so that what waits aside is known again after a death. A person's own files come back with it.
///
/// # Errors
/// When it can't be made; what was there is back then.
pub fn to_snapshot(
    machine: &dyn Machine,
    path: &Path,
    store: &Store,
    snapshot: &Snapshot,
    uv: &str,
    id: &str,
) -> Result<Vec<String>, Problem> {
    recover(machine, path, store)?;
    let place = tree::place(machine, path);
    let kept = tree::beside(&place, &format!("{KEPT}{id}"));
    let restoring = Restoring {
        path,
        place,
        snapshot: store.snapshot_folder(&snapshot.id),
        python: "",
        offline: false,
        refresh: &[],
        edited: None,
        uv,
        id: id.to_string(),
    };
    let is_done = marker::read(machine, path)
        .and_then(|marker| marker.restored)
        .is_some_and(|restored| restored.by == id);
    if !is_done {
        anew(machine, restoring, store, snapshot)?;
    }
    return_what_was_kept(machine, path, &kept)
}

/// The end of an undo: a person's own files, and the note of the attempt before, which can be taken back next.
fn finish_undo(
    machine: &dyn Machine,
    path: &Path,
    earlier: Option<Box<Restored>>,
    kept: &Path,
) -> Result<Vec<String>, Problem> {
    let left = return_what_was_kept(machine, path, kept)?;
    if earlier.is_some() {
        marker::change(machine, path, |marker| marker.restored = earlier)?;
    }
    Ok(left)
}

/// Puts a person's own files back where they were, as far as their places are free. What uv has put in the place of a
/// file that a person edited makes way for it.
fn return_what_was_kept(
    machine: &dyn Machine,
    path: &Path,
    kept: &Path,
) -> Result<Vec<String>, Problem> {
    let mut left = Vec::new();
    if !machine.exists(kept)? {
        return Ok(left);
    }
    let there = installed(machine, path);
    let is_made_again = |to: &Path| {
        let own = |one: &Installed| {
            let site = one.information.parent().unwrap_or(path);
            one.files.iter().any(|file| place(site, &file.path) == to)
        };
        let is_script = to.parent() == Some(&*path.join("bin"))
            && to
                .file_name()
                .is_some_and(|name| SCRIPTS.iter().any(|script| name == *script));
        is_script || there.iter().any(own)
    };
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in machine.entries(kept.join(&folder))? {
            let relative = folder.join(&entry.name);
            let (from, to) = (kept.join(&relative), path.join(&relative));
            let is_folder = entry.kind == FileKind::Directory;
            let is_taken = machine.exists(&to)? || machine.link(&to).is_ok();
            let is_ours = || !is_folder && is_made_again(&to);
            if is_taken && is_folder && machine.stat(&to)?.kind == FileKind::Directory {
                folders.push(relative);
            } else if !is_taken || is_ours() {
                if let Some(folder) = to.parent() {
                    machine.create_directory(folder)?;
                }
                machine.rename(&from, &to)?;
            } else {
                left.push(format!("{} stays where it is kept", from.display()));
            }
        }
    }
    if left.is_empty() {
        machine.remove_tree(kept)?;
    }
    Ok(left)
}

/// Makes the recipe of a snapshot that is brought back by undo.
fn write_recipe(machine: &dyn Machine, store: &Store, snapshot: &Snapshot) -> Result<(), Problem> {
    let platform = Platform::of(&deskside_probe::collect(machine));
    let origins = origin::origins(
        machine,
        &Looking {
            store,
            snapshot,
            offline: false,
            platform: platform.as_ref(),
        },
    );
    let text = recipe::recipe(&snapshot.distributions, &origins).text();
    let path = store.recipe_path(&snapshot.id);
    Ok(machine.write_file(path, text, 0o600, Durability::Power)?)
}

/// The identity of an attempt's undo, so that an undo that was cut off is told from one that was done.
fn reversed(id: &str) -> String {
    u64::from_str_radix(id, 16)
        .map_or_else(|_| id.to_string(), |number| format!("{:016x}", !number))
}
