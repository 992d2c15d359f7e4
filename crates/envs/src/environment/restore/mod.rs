//! Making an environment anew as it was in a snapshot.
//!
//! The environment that is there is renamed aside (`.venv.deskside-before-<identity>`), a new one is made at its path,
//! filled by the snapshot's recipe and proven; only then the old one goes. Whatever happens on the way, one of the two
//! is whole: [`waiting`] tells which, from the new one's marker, and finishes what an earlier process left. Only where
//! the disk has no room for two, and the old one is of no use, the old one goes first.
//!
//! Where the environment's path is a link, all of this happens where it leads: a person may have put it on another disk.

mod belongings;
mod left_over;
mod undo;
mod waiting;

pub use belongings::{is_of_no_use, is_of_no_use_with};
pub use left_over::{LeftOver, kept_beside, left_over};
pub(super) use undo::{to_snapshot, undo};
pub use waiting::{clear_rubbish, is_waiting, recover, was_cut_off};

use super::marker::{self, Marker, Restored};
use super::proof::{self, Proof};
use super::uv::{command, interpreter, uv_command};
use super::venv::{self, State};
use super::{CREATE_DEADLINE, INSTALL_DEADLINE, mend, tree};
use crate::snapshot::origin::MODULE;
use crate::snapshot::{Snapshot, Store, available, recipe};
use belongings::{Belongings, Going, dispose};
use deskside_machine::{Acting, Machine, Progress, Reading};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem, shell};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use waiting::{is_whole, put_back};

/// What follows the environment's name while it waits for the new one to be proven; then comes the identity.
const BEFORE: &str = ".deskside-before-";
/// What follows its name where it, or what a person put into it, is kept.
pub(super) const KEPT: &str = ".kept-";

/// The parts of the action.
struct Restoring<'a> {
    path: &'a Path,
    /// Where the environment's folder really lies.
    place: PathBuf,
    snapshot: PathBuf,
    python: &'a str,
    offline: bool,
    refresh: &'a [String],
    /// Files of packages that a person edited, where they were looked for already.
    edited: Option<Vec<PathBuf>>,
    uv: &'a str,
    id: String,
}

impl Restoring<'_> {
    fn aside(&self) -> PathBuf {
        tree::beside(&self.place, &format!("{BEFORE}{}", self.id))
    }

    fn uv(&self, words: &[&str]) -> Vec<String> {
        std::iter::once(self.uv)
            .chain(words.iter().copied())
            .map(String::from)
            .collect()
    }
}

fn parts<'a>(
    machine: &dyn Machine,
    action: &'a EnvironmentAction,
    before: &Value,
) -> Result<Restoring<'a>, Problem> {
    let EnvironmentAction::Restore {
        path,
        snapshot,
        python,
        offline,
        refresh,
        edited,
        uv,
    } = action
    else {
        return Err(Problem::new(Code::Bug, "the action restores nothing"));
    };
    Ok(Restoring {
        path: Path::new(path),
        place: tree::place(machine, Path::new(path)),
        snapshot: PathBuf::from(snapshot),
        python,
        offline: *offline,
        refresh,
        edited: Some(edited.iter().map(PathBuf::from).collect()),
        uv,
        id: before["id"].as_str().unwrap_or_default().to_string(),
    })
}

/// Whether the environment was made from the snapshot, and has its versions still. [`perform`] proves every file; this
/// is what a check can tell at once.
pub(super) fn holds(machine: &dyn Machine, action: &EnvironmentAction) -> Result<bool, Problem> {
    let restoring = parts(machine, action, &Value::Null)?;
    let (_, snapshot) = Store::behind(machine, &restoring.snapshot)?;
    let made = marker::read(machine, restoring.path).and_then(|marker| marker.restored);
    Ok(made.is_some_and(|made| made.snapshot == snapshot.id)
        && proof::same_versions(machine, restoring.path, &snapshot))
}

/// What taking it back will need: an identity, and the snapshot of what is there.
pub(super) fn prepare(machine: &dyn Machine, action: &EnvironmentAction) -> Result<Value, Problem> {
    let restoring = parts(machine, action, &Value::Null)?;
    let (store, _) = Store::behind(machine, &restoring.snapshot)?;
    // Cut off before, what was there waits aside still.
    let waiting = waiting::waiting(machine, restoring.path)?
        .into_iter()
        .next();
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
    let restoring = parts(machine, action, before)?;
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
    let (path, place) = (restoring.path, restoring.place.as_path());
    let shown = path.display();
    let old = marker::read(machine, path);
    let aside = restoring.aside();
    let waits = match waiting::look(machine, path)? {
        State::Absent => false,
        State::Empty => {
            machine.remove_tree(place)?;
            false
        }
        // An attempt that was cut off after all before it was gone.
        State::Broken { ours: true, .. } if old.as_ref().is_some_and(|old| old.making) => {
            tree::discard(machine, place)?;
            false
        }
        State::Whole(_) | State::Broken { .. } => {
            machine.rename(place, &aside)?;
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
                "move it out of the way and run the same command again: mv {} {}",
                shell::path(path),
                shell::path(&tree::beside(path, ".old"))
            )));
        }
    };
    // What is a person's in the old one is looked for while uv fills the new one.
    let (mut filled, belongings) = std::thread::scope(|scope| {
        let looking = waits.then(|| {
            scope.spawn(|| match &restoring.edited {
                Some(edited) => Belongings::knowing(machine, &aside, &store, edited),
                None => Belongings::of(machine, &aside, &store),
            })
        });
        let filled = fill(machine, restoring, &snapshot, old.as_ref(), watch);
        let belongings = looking.map(|looking| match looking.join() {
            Ok(belongings) => belongings,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        (filled, belongings)
    });
    let mut room_made = None;
    if let (Err(problem), Some(Ok(belongings))) = (&filled, &belongings)
        && problem.code == Code::DiskFull
        && !belongings.unknown
        && is_of_no_use(machine, &aside)?
    {
        // No room for two, and the old one is of no use: what the new one needs was proven to be had before.
        tree::discard(machine, place)?;
        room_made = Some(dispose(
            machine,
            place,
            &aside,
            belongings,
            &restoring.id,
            Going::Now,
        )?);
        filled = fill(machine, restoring, &snapshot, old.as_ref(), watch);
    }
    if let Err(problem) = filled {
        let problem = problem.within(format!("could not bring back snapshot {}", snapshot.id));
        // Without undoing half of it here, a person would stand without any environment until the next try.
        return Err(match put_back(machine, place, &aside) {
            Ok(()) if room_made.is_some() => problem.hint(format!(
                "nothing is at {shown} now: what was there was broken, and went to make room; with more free space the same command makes it"
            )),
            Ok(()) if waits => problem.hint(format!("{shown} is as it was before")),
            Ok(()) => problem,
            Err(second) => problem.because(second).hint(format!(
                "the environment that was there waits at {}: the same command, or `deskside undo`, puts it back",
                aside.display()
            )),
        });
    }
    let kept = match (room_made, belongings) {
        (Some(kept), _) => kept,
        (None, Some(belongings)) => dispose(
            machine,
            place,
            &aside,
            &belongings?,
            &restoring.id,
            Going::Later,
        )?,
        (None, None) => None,
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
        tree::discard(machine, &restoring.place)?;
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
    if restoring.place != path {
        // The link stays, and nothing can be written through one that leads nowhere.
        machine.create_directory(&restoring.place)?;
    }
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
    let has_module = names().any(|name| name == MODULE);
    let known = Marker {
        packages: snapshot.finished.clone(),
        module: snapshot.module.clone().filter(|_| has_module),
        restored,
        store: store_of(&restoring.snapshot),
        ..Marker::default()
    };
    match (old.filter(|marker| !marker.making), waits) {
        // The same module is there again where the snapshot has it: the check of its step compares the wheel itself.
        (Some(old), _) => Marker {
            making: false,
            underway: None,
            packages: known.packages.or_else(|| {
                let restored = old.restored.as_ref();
                let is_same = restored.is_some_and(|restored| restored.snapshot == snapshot.id);
                old.packages.clone().filter(|_| is_same)
            }),
            module: known
                .module
                .or_else(|| old.module.clone().filter(|_| has_module)),
            distributions: names()
                .filter(|name| old.distributions.contains(name))
                .collect(),
            restored: known.restored,
            store: known.store,
            ..old.clone()
        },
        // One of a person's own stays theirs.
        (None, true) => known,
        (None, false) => Marker {
            id: restoring.id.clone(),
            distributions: names().collect(),
            ..known
        },
    }
}

/// The name of the store that a snapshot's folder lies in.
fn store_of(snapshot: &Path) -> Option<String> {
    let store = snapshot.parent().and_then(Path::parent)?;
    Some(Store::at(store).name())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
