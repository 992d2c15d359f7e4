//! Making an environment anew as it was in a snapshot.
//!
//! The environment that is there is renamed aside (`.venv.deskside-before-<identity>`), a new one is made at its path,
//! filled by the snapshot's recipe and proven; only then the old one goes. Whatever happens on the way, one of the two
//! is whole: [`recover`] tells which, from the new one's marker, and finishes what an earlier process left.

use super::marker::{self, Marker, Restored};
use super::mend;
use super::proof::{self, Proof};
use super::uv::{command, interpreter, uv_command};
use super::venv::{self, State};
use super::{CREATE_DEADLINE, INSTALL_DEADLINE, tree};
use crate::index::wheel::Platform;
use crate::snapshot::origin::{self, Looking, MODULE};
use crate::snapshot::take::installed;
use crate::snapshot::unclaimed::unclaimed;
use crate::snapshot::walk::Walk;
use crate::snapshot::{Snapshot, Store, available, python, recipe};
use deskside_machine::{Acting, Durability, ErrorKind, Machine, Progress, Reading};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What follows the environment's name while it waits for the new one to be proven; then comes the identity.
const BEFORE: &str = ".deskside-before-";
/// What follows its name where it, or what a person put into it, is kept.
const KEPT: &str = ".kept-";

/// The parts of the action.
struct Restoring<'a> {
    path: &'a Path,
    snapshot: PathBuf,
    python: &'a str,
    offline: bool,
    refresh: &'a [String],
    uv: &'a str,
    id: String,
}

impl Restoring<'_> {
    fn aside(&self) -> PathBuf {
        tree::beside(self.path, &format!("{BEFORE}{}", self.id))
    }

    fn uv(&self, words: &[&str]) -> Vec<String> {
        std::iter::once(self.uv)
            .chain(words.iter().copied())
            .map(String::from)
            .collect()
    }
}

fn parts<'a>(action: &'a EnvironmentAction, before: &Value) -> Result<Restoring<'a>, Problem> {
    let EnvironmentAction::Restore {
        path,
        snapshot,
        python,
        offline,
        refresh,
        uv,
    } = action
    else {
        return Err(Problem::new(Code::Bug, "the action restores nothing"));
    };
    Ok(Restoring {
        path: Path::new(path),
        snapshot: PathBuf::from(snapshot),
        python,
        offline: *offline,
        refresh,
        uv,
        id: before["id"].as_str().unwrap_or_default().to_string(),
    })
}

/// Whether the environment was made from the snapshot, and has its versions still. [`perform`] proves every file; this
/// is what a check can tell at once.
pub(super) fn holds(machine: &dyn Machine, action: &EnvironmentAction) -> Result<bool, Problem> {
    let restoring = parts(action, &Value::Null)?;
    let (_, snapshot) = Store::behind(machine, &restoring.snapshot)?;
    let made = marker::read(machine, restoring.path).and_then(|marker| marker.restored);
    Ok(made.is_some_and(|made| made.snapshot == snapshot.id)
        && proof::same_versions(machine, restoring.path, &snapshot))
}

/// What taking it back will need: an identity, and the snapshot of what is there.
pub(super) fn prepare(machine: &dyn Machine, action: &EnvironmentAction) -> Result<Value, Problem> {
    let restoring = parts(action, &Value::Null)?;
    let (store, _) = Store::behind(machine, &restoring.snapshot)?;
    // Cut off before, what was there waits aside still.
    let waiting = waiting(machine, restoring.path)?.into_iter().next();
    let old = match &waiting {
        Some((aside, _)) if !is_whole(machine, restoring.path)? => aside.clone(),
        _ => restoring.path.to_path_buf(),
    };
    let found = match venv::look(machine, &old)? {
        State::Absent => "nothing",
        State::Empty => "empty",
        State::Whole(_) => "whole",
        State::Broken { .. } => "broken",
        State::Foreign(_) => "foreign",
    };
    let snapshots = store.list(machine)?.snapshots;
    let version = venv::stated_version(machine, &old).unwrap_or_default();
    // One was taken just now, so that names and versions tell which it is.
    let same = snapshots.iter().rev().find(|snapshot| {
        snapshot.python.version == version && proof::same_versions(machine, &old, snapshot)
    });
    Ok(json!({
        "id": format!("{:016x}", machine.random()?),
        "found": found,
        "restored": marker::read(machine, &old).and_then(|marker| marker.restored),
        "snapshot": same.filter(|_| found == "whole").map(|snapshot| snapshot.id.clone()),
    }))
}

/// Makes it anew.
pub(super) fn perform(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let restoring = parts(action, before)?;
    let (store, _) = Store::behind(machine, &restoring.snapshot)?;
    recover(machine, restoring.path, &store)?;
    make(machine, &restoring, watch)
}

/// The whole way from the environment that is there to the snapshot's.
fn make(
    machine: &dyn Machine,
    restoring: &Restoring<'_>,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let (store, snapshot) = Store::behind(machine, &restoring.snapshot)?;
    let path = restoring.path;
    let shown = path.display();
    let old = marker::read(machine, path);
    let aside = restoring.aside();
    let waits = match venv::look(machine, path)? {
        State::Absent => false,
        State::Empty => {
            machine.remove_tree(path)?;
            false
        }
        State::Whole(_) | State::Broken { .. } => {
            machine.rename(path, &aside)?;
            true
        }
        State::Foreign(what) => {
            return Err(Problem::new(
                Code::EnvironmentBroken,
                format!("{shown} is in the way of the environment"),
            )
            .because(format!(
                "it is {what}, and nothing that may be yours is removed"
            ))
            .hint(format!(
                "move it out of the way and run the same command again: mv {shown} {shown}.old"
            )));
        }
    };
    // What is a person's in the old one is looked for while uv fills the new one.
    let (filled, belongings) = std::thread::scope(|scope| {
        let looking = waits.then(|| scope.spawn(|| Belongings::of(machine, &aside, &store)));
        let filled = fill(machine, restoring, &snapshot, old.as_ref(), watch);
        let belongings = looking.map(|looking| match looking.join() {
            Ok(belongings) => belongings,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        (filled, belongings)
    });
    if let Err(problem) = filled {
        let problem = problem.within(format!("could not bring back snapshot {}", snapshot.id));
        // Without undoing half of it here, a person would stand without any environment until the next try.
        return Err(match put_back(machine, path, &aside) {
            Ok(()) if waits => problem.hint(format!("{shown} is as it was before")),
            Ok(()) => problem,
            Err(second) => problem.because(second).hint(format!(
                "the environment that was there waits at {}: the same command, or `deskside undo`, puts it back",
                aside.display()
            )),
        });
    }
    let kept = match belongings {
        Some(belongings) => dispose(machine, path, &aside, &belongings?, &restoring.id)?,
        None => None,
    };
    Ok(json!({ "restored": snapshot.id, "kept": kept }))
}

/// Makes the new environment at its path, fills and proves it, and says in its marker that it is whole.
fn fill(
    machine: &dyn Machine,
    restoring: &Restoring<'_>,
    snapshot: &Snapshot,
    old: Option<&Marker>,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Problem> {
    let path = restoring.path;
    let recipe = restoring.snapshot.join("pylock.toml");
    let text = machine.file(&recipe, 64 << 20)?;
    let notes = recipe::notes(&String::from_utf8_lossy(&text))?;
    empty(machine, restoring, snapshot, watch)?;
    install(machine, restoring, &notes, restoring.refresh, watch)?;
    let mut proof = proof::prove(machine, path, snapshot, &notes.built, restoring.refresh);
    let mut damaged: Vec<String> = proof
        .damaged
        .iter()
        .map(|file| file.distribution.clone())
        .collect();
    damaged.sort();
    damaged.dedup();
    // Damaged right after they were installed: so is uv's copy. What was fetched anew is right, or nothing is.
    if !damaged.is_empty() && !damaged.iter().any(|name| restoring.refresh.contains(name)) {
        tree::discard(machine, path)?;
        empty(machine, restoring, snapshot, watch)?;
        install(machine, restoring, &notes, &damaged, watch)?;
        proof = proof::prove(machine, path, snapshot, &notes.built, &damaged);
    }
    proven(&proof)?;
    let waits = machine.exists(restoring.aside())?;
    let finished = finished(restoring, snapshot, old, waits);
    marker::write(machine, path, &finished)
}

/// Makes an environment without packages, marked as half made.
fn empty(
    machine: &dyn Machine,
    restoring: &Restoring<'_>,
    snapshot: &Snapshot,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Problem> {
    let path = restoring.path;
    marker::write(
        machine,
        path,
        &Marker {
            making: true,
            id: restoring.id.clone(),
            ..Marker::default()
        },
    )?;
    let shown = path.display().to_string();
    let mut words = vec!["venv", "--no-project", "--allow-existing", "--python"];
    words.extend([restoring.python, shown.as_str()]);
    if snapshot.python.system_packages {
        words.push("--system-site-packages");
    }
    let command = command(machine, path, restoring.uv(&words)).deadline(CREATE_DEADLINE);
    uv_command(machine, "make the environment", command, watch)
}

/// Installs what the recipe names. What is to be refreshed is fetched anew: uv would link the damaged copies again.
fn install(
    machine: &dyn Machine,
    restoring: &Restoring<'_>,
    notes: &recipe::Notes,
    refresh: &[String],
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Problem> {
    let path = restoring.path;
    mend::forget(machine, path, restoring.uv, refresh, watch)?;
    let mut run = |what: &str, argv: Vec<String>| {
        let command = command(machine, path, argv).deadline(INSTALL_DEADLINE);
        uv_command(machine, what, command, watch)
    };
    let python = interpreter(path);
    let mut argv = available::sync(restoring.uv);
    argv.extend(["--python".into(), python.clone()]);
    if restoring.offline {
        argv.push("--offline".into());
    }
    argv.push(restoring.snapshot.join("pylock.toml").display().to_string());
    run("install the snapshot's packages", argv)?;
    if notes.versions.is_empty() {
        return Ok(());
    }
    let mut argv = restoring.uv(&["pip", "install", "--no-deps", "--python", &python]);
    if restoring.offline {
        argv.push("--offline".into());
    }
    argv.extend(notes.versions.iter().cloned());
    run("install packages by their versions", argv)
}

fn proven(proof: &Proof) -> Result<(), Problem> {
    if proof.holds() {
        return Ok(());
    }
    let mut problem = Problem::new(
        Code::VerifyFailed,
        "what was installed is not what the snapshot has",
    );
    for sentence in proof.sentences() {
        problem = problem.because(sentence);
    }
    Err(problem.hint("another snapshot may do: deskside env history"))
}

/// The marker of the new environment: whose it is stays as it was, so that earlier operations can still be taken back.
fn finished(
    restoring: &Restoring<'_>,
    snapshot: &Snapshot,
    old: Option<&Marker>,
    waits: bool,
) -> Marker {
    let restored = Some(Box::new(Restored {
        by: restoring.id.clone(),
        snapshot: snapshot.id.clone(),
    }));
    let names = || snapshot.distributions.iter().map(|one| one.name.clone());
    match (old.filter(|marker| !marker.making), waits) {
        // The same module is there again where the snapshot has it: the check of its step compares the wheel itself.
        (Some(old), _) => Marker {
            making: false,
            underway: None,
            packages: old.packages.clone().filter(|_| {
                let restored = old.restored.as_ref();
                restored.is_some_and(|restored| restored.snapshot == snapshot.id)
            }),
            module: old
                .module
                .clone()
                .filter(|_| names().any(|name| name == MODULE)),
            distributions: names()
                .filter(|name| old.distributions.contains(name))
                .collect(),
            restored,
            ..old.clone()
        },
        // One of a person's own stays theirs.
        (None, true) => Marker {
            restored,
            ..Marker::default()
        },
        (None, false) => Marker {
            id: restoring.id.clone(),
            distributions: names().collect(),
            restored,
            ..Marker::default()
        },
    }
}

/// Takes the half-made environment away and puts the old one back.
fn put_back(machine: &dyn Machine, path: &Path, aside: &Path) -> Result<(), Problem> {
    if machine.exists(path)? {
        tree::discard(machine, path)?;
    }
    if machine.exists(aside)? {
        machine.rename(aside, path)?;
    }
    Ok(())
}

/// What is in an old environment that must not be lost.
struct Belongings {
    /// No snapshot has it.
    unknown: bool,
    /// A person's own files, relative to it.
    own: Vec<PathBuf>,
}

impl Belongings {
    fn of(machine: &dyn Machine, old: &Path, store: &Store) -> Result<Self, Problem> {
        let there = installed(machine, old);
        let unknown = !proof::is_remembered(&there, &store.list(machine)?.snapshots);
        Ok(Self {
            own: if unknown {
                Vec::new()
            } else {
                unclaimed(&Walk::of(machine, old), &there)
            },
            unknown,
        })
    }
}

/// Takes the environment that was made away. One that holds what no snapshot has, or files of a person's own, is moved
/// and not removed; answers with what is said of it.
fn take_away(
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
fn dispose(
    machine: &dyn Machine,
    path: &Path,
    aside: &Path,
    belongings: &Belongings,
    id: &str,
) -> Result<Option<PathBuf>, Problem> {
    let kept = tree::beside(path, &format!("{KEPT}{id}"));
    if belongings.unknown {
        machine.rename(aside, &kept)?;
        return Ok(Some(kept));
    }
    for relative in &belongings.own {
        let to = kept.join(relative);
        if let Some(folder) = to.parent() {
            machine.create_directory(folder)?;
        }
        machine.rename(aside.join(relative), &to)?;
    }
    tree::discard_later(machine, aside, path)?;
    Ok(machine.exists(&kept)?.then_some(kept))
}

/// Old environments that wait beside their place, each with its identity.
fn waiting(machine: &dyn Machine, path: &Path) -> Result<Vec<(PathBuf, String)>, Problem> {
    let beginning = tree::beside(path, BEFORE);
    let beginning = beginning
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let folder = path.parent().unwrap_or(path);
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

fn is_whole(machine: &dyn Machine, path: &Path) -> Result<bool, Problem> {
    Ok(matches!(venv::look(machine, path)?, State::Whole(_)))
}

/// Finishes what a process that was killed left: puts the old environment back where the new one is not whole, and
/// gets rid of it where it is.
fn recover(machine: &dyn Machine, path: &Path, store: &Store) -> Result<(), Problem> {
    tree::clear_rubbish(machine, path)?;
    for (aside, id) in waiting(machine, path)? {
        let noted = marker::read(machine, path);
        let is_its = |marker: &Marker| marker.making && marker.id == id;
        match venv::look(machine, path)? {
            State::Absent => machine.rename(&aside, path)?,
            State::Empty => {
                machine.remove_tree(path)?;
                machine.rename(&aside, path)?;
            }
            // Cut off before its marker was whole, or while it was filled.
            State::Broken { ours: true, .. } if noted.as_ref().is_none_or(is_its) => {
                put_back(machine, path, &aside)?;
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
                dispose(machine, path, &aside, &belongings, &id)?;
            }
            // The person made another one meanwhile: both stay.
            _ => {}
        }
    }
    Ok(())
}

/// Brings back what was there: by its own snapshot, or the folder itself where it was kept.
pub(super) fn undo(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    before: &Value,
    after: &Value,
) -> Result<Vec<String>, Problem> {
    let mut restoring = parts(action, before)?;
    let path = restoring.path;
    let shown = path.display();
    let (store, _) = Store::behind(machine, &restoring.snapshot)?;
    recover(machine, path, &store)?;
    let by = marker::read(machine, path)
        .and_then(|marker| marker.restored)
        .map(|restored| restored.by);
    let kept = tree::beside(path, &format!("{KEPT}{}", restoring.id));
    let whole_is_kept = machine.exists(kept.join("pyvenv.cfg"))?;
    // An earlier undo was killed between the one going and the other coming back.
    if whole_is_kept && venv::look(machine, path)? == State::Absent {
        machine.rename(&kept, path)?;
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
        let left = take_away(machine, path, &store, &restoring.id)?;
        machine.rename(&kept, path)?;
        return Ok(left);
    }
    let found = before["found"].as_str().unwrap_or_default();
    if ["nothing", "empty"].contains(&found) {
        let left = take_away(machine, path, &store, &restoring.id)?;
        if found == "empty" {
            machine.create_directory(path)?;
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
    let chosen = python::choose(machine, path, restoring.uv, &snapshot)?;
    write_recipe(machine, &store, &snapshot)?;
    let refresh: [String; 0] = [];
    restoring.snapshot = store.snapshot_folder(earlier);
    restoring.id = reversed(&restoring.id);
    let restoring = Restoring {
        python: &chosen.request,
        refresh: &refresh,
        // Kept wheels are used where they are; the rest comes from where it came.
        offline: false,
        ..restoring
    };
    let made = make(machine, &restoring, &mut |_| {})?;
    let mut left = finish_undo(machine, path, note, &kept)?;
    if let Some(kept) = made["kept"].as_str() {
        left.push(format!("what was put into {shown} since is kept at {kept}"));
    }
    Ok(left)
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

/// Puts a person's own files back where they were, as far as their places are free.
fn return_what_was_kept(
    machine: &dyn Machine,
    path: &Path,
    kept: &Path,
) -> Result<Vec<String>, Problem> {
    let mut left = Vec::new();
    if !machine.exists(kept)? {
        return Ok(left);
    }
    for relative in unclaimed(&Walk::of(machine, kept), &[]) {
        let to = path.join(&relative);
        if machine.exists(&to)? {
            left.push(format!(
                "{} stays where it is kept",
                kept.join(&relative).display()
            ));
            continue;
        }
        if let Some(folder) = to.parent() {
            machine.create_directory(folder)?;
        }
        machine.rename(kept.join(&relative), &to)?;
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

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
