//! `deskside env gc`: removes old snapshots, and what no snapshot needs any more.
//!
//! Snapshots and the contents of project files are small: they are moved aside by an operation, so that `undo` brings
//! them back, and go for good with the next `gc`. Wheels are what takes the space, so they go at once; they come from
//! an index and can be had from there again, as long as it has them. So do whole environments that a command which was
//! cut off left beside the one that is there, as far as snapshots have all that is in them.
//!
//! Of a project whose folder is gone everything goes, where a person names that folder; otherwise it is only told.

use super::{Place, change};
use crate::{Answer, Context};
use deskside_envs::environment::restore::{clear_rubbish, kept_beside, left_over, was_cut_off};
use deskside_envs::snapshot::{Store, home};
use deskside_machine::{Acting, ErrorKind, FileKind, Machine, Reading};
use deskside_operate::{apply_in, turn};
use deskside_types::plan::{Action, Check, Plan, Risk, Step, Undo};
use deskside_types::{Code, Problem, Result, shell, units};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Component, Path, PathBuf};

/// The answer of `env gc --plan`, and what is shown before a person is asked.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GcPreview {
    /// The project's folder.
    pub project: String,
    /// Snapshots that go, newest first.
    pub snapshots: Vec<Going>,
    /// How many snapshots stay.
    pub staying: usize,
    /// Contents of project files that no snapshot needs.
    pub objects: usize,
    /// Wheels that no snapshot needs.
    pub wheels: usize,
    /// Bytes that the wheels free.
    pub wheel_bytes: u64,
    /// Whole environments that a command which was cut off left, and that snapshots have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// The project's folder is gone: all that is kept of it goes.
    pub gone: bool,
    /// Other projects whose folders are gone, with what is kept of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<GoneProject>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A project whose folder is gone.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GoneProject {
    /// Where it was.
    pub project: String,
    /// How many snapshots of it are kept.
    pub snapshots: usize,
    /// Bytes of the wheels that are kept with them.
    pub wheel_bytes: u64,
}

/// A snapshot that goes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Going {
    /// Its identity.
    pub id: String,
    /// When it was taken, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub taken_at: jiff::Timestamp,
    /// What led to it.
    pub reason: String,
    /// Its wheels are kept with it.
    pub full: bool,
}

/// The answer of `env gc`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GcReport {
    /// What went.
    pub gone: GcPreview,
    /// The operation in the history; none when no snapshot went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

impl Answer for GcPreview {
    const SCHEMA: &'static str = "deskside.environment-gc-plan";
}

impl Answer for GcReport {
    const SCHEMA: &'static str = "deskside.environment-gc";
}

/// What is to go, found out.
pub struct Prepared {
    place: Place,
    keep: usize,
    full: bool,
    plan: Plan,
    wheels: Vec<PathBuf>,
    environments: Vec<PathBuf>,
    /// As an answer.
    pub preview: GcPreview,
}

/// Finds out what would go: all but the newest `keep` snapshots and the full ones; those, too, with `full`. Changes
/// nothing.
///
/// # Errors
/// When the snapshots can't be listed, or one can't be read: what it needs is not known then.
pub fn prepare(
    context: &Context,
    project: Option<&Path>,
    keep: usize,
    full: bool,
) -> Result<Prepared> {
    let machine = &*context.machine;
    let (place, gone) = match Place::find(context, project) {
        Ok(place) => (place, false),
        Err(problem) => match gone(context, project)? {
            Some(place) => (place, true),
            None => return Err(problem),
        },
    };
    let listed = place.store.list(machine)?;
    let older = match gone {
        true => listed.snapshots.len(),
        false => listed.snapshots.len().saturating_sub(keep.max(1)),
    };
    let (mut going, mut staying) = (Vec::new(), Vec::new());
    for (at, snapshot) in listed.snapshots.into_iter().enumerate() {
        let goes = at < older && (gone || full || !snapshot.full);
        if goes { &mut going } else { &mut staying }.push(snapshot);
    }
    // What a snapshot that can't be read needs is not known: then everything stays but whole snapshots.
    let rest = if listed.unreadable.is_empty() || gone {
        place.store.unreferenced(machine, &staying)?
    } else {
        Default::default()
    };
    let folder = |id: &str| place.store.snapshot_folder(id).display().to_string();
    let mut targets: Vec<String> = going.iter().map(|snapshot| folder(&snapshot.id)).collect();
    targets.extend(rest.objects.iter().map(|path| path.display().to_string()));
    if gone {
        targets = vec![place.store.folder().display().to_string()];
    }
    let beside = left_over(machine, &place.environment, &staying)?;
    let (idle, needed): (Vec<_>, Vec<_>) = beside.into_iter().partition(|one| one.is_superfluous);
    let mut warnings: Vec<String> = needed
        .iter()
        .map(|one| {
            format!(
                "{} holds what no snapshot has, or files of yours: it stays",
                one.path.display()
            )
        })
        .collect();
    warnings.extend(kept_beside(machine, &place.environment).into_iter().map(
        |(path, bytes)| {
            format!(
                "{} ({}) holds what was yours in an environment that went, and is never removed by itself; where you need it no more: rm -r {}",
                path.display(),
                units::bytes(bytes),
                shell::path(&path)
            )
        },
    ));
    if was_cut_off(machine, &place.environment)?.is_some() {
        warnings.push(format!(
            "an earlier rollback or rebuild was cut off: {} finishes it",
            super::settle::rebuild(context, &place)
        ));
    }
    let steps = if targets.is_empty() {
        Vec::new()
    } else {
        vec![step(going.len(), &targets)]
    };
    let wish = format!("Remove old snapshots of {}", place.project.display());
    Ok(Prepared {
        keep,
        full,
        plan: change::plan(context, &place, wish, steps, &[])?,
        preview: GcPreview {
            project: place.project.display().to_string(),
            snapshots: going
                .iter()
                .rev()
                .map(|snapshot| Going {
                    id: snapshot.id.clone(),
                    taken_at: snapshot.taken_at,
                    reason: snapshot.reason.clone(),
                    full: snapshot.full,
                })
                .collect(),
            staying: staying.len(),
            objects: rest.objects.len(),
            wheels: rest.wheels.len(),
            wheel_bytes: rest.wheels.iter().map(|folder| size(machine, folder)).sum(),
            environments: idle
                .iter()
                .map(|one| one.path.display().to_string())
                .collect(),
            gone,
            others: others(context, &place),
            warnings,
        },
        environments: idle.into_iter().map(|one| one.path).collect(),
        wheels: rest.wheels,
        place,
    })
}

/// The place of a project whose folder is gone, and of which something is kept.
fn gone(context: &Context, project: Option<&Path>) -> Result<Option<Place>> {
    let Some(project) = project else {
        return Ok(None);
    };
    let machine = &*context.machine;
    // Nothing is there that could say where links lead.
    let mut path = PathBuf::new();
    for part in machine.working_directory()?.join(project).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    let orphans = home::orphans(machine, &context.directories);
    let is_it = |one: &home::Orphan| Path::new(&one.project) == path;
    Ok(orphans.into_iter().find(is_it).map(|one| Place {
        environment: path.join(".venv"),
        project: path.clone(),
        store: one.store,
        moved_from: None,
        copied_from: None,
    }))
}

/// Other projects whose folders are gone.
fn others(context: &Context, place: &Place) -> Vec<GoneProject> {
    let machine = &*context.machine;
    let orphans = home::orphans(machine, &context.directories).into_iter();
    orphans
        .filter(|one| one.store != place.store)
        .map(|one| {
            let wheels = one.store.folder().join("wheels");
            let folders = machine.entries(&wheels).unwrap_or_default().into_iter();
            GoneProject {
                project: one.project,
                snapshots: one.snapshots.len(),
                wheel_bytes: folders
                    .map(|folder| size(machine, &wheels.join(folder.name)))
                    .sum(),
            }
        })
        .collect()
}

fn step(snapshots: usize, targets: &[String]) -> Step {
    let gone: Vec<Check> = targets
        .iter()
        .map(|path| Check::Absent { path: path.clone() })
        .collect();
    Step {
        id: "snapshots".into(),
        title: format!(
            "Remove {} and what only they need",
            units::count(snapshots, "snapshot")
        ),
        why: "newer ones are kept".into(),
        check: gone.clone(),
        actions: targets
            .iter()
            .map(|path| Action::Remove { path: path.clone() })
            .collect(),
        verify: gone,
        undo: Undo::BestEffort {
            why: "wheels that were kept with them are gone: the index has them, as long as it does"
                .into(),
        },
        risk: Risk::Moderate,
        ..Step::simple()
    }
}

/// Removes what was found.
///
/// # Errors
/// When another command is at work or the snapshots became others since they were shown; when something can't be
/// removed: the same command goes on from there.
pub fn carry_out(context: &Context, prepared: &Prepared) -> Result<GcReport> {
    context.require_live("env gc")?;
    let machine = &*context.machine;
    let workshop = change::workshop(context);
    // A rollback that goes on needs the snapshot it restores, whatever was to go when it was asked.
    let turn = turn(&workshop)?;
    let project = Some(prepared.place.project.as_path());
    let now = prepare(context, project, prepared.keep, prepared.full)?;
    if now.preview != prepared.preview {
        return Err(Problem::new(
            Code::PlanStale,
            "the snapshots are not what they were when it was found out what goes",
        )
        .because("another command kept or removed some meanwhile")
        .hint("run the same command again"));
    }
    // What an earlier one moved aside can be brought back until now.
    clear(machine, &prepared.place.store)?;
    clear_aside(machine, &home::stores(&context.directories))?;
    clear_rubbish(machine, &prepared.place.environment)?;
    if prepared.preview.gone {
        // The store goes as a whole: what takes the space must not go aside with it.
        remove_all(machine, &prepared.wheels)?;
    }
    let applied = apply_in(&turn, &workshop, &prepared.plan, &mut |_| {})?;
    if !prepared.preview.gone {
        remove_all(machine, &prepared.wheels)?;
    }
    remove_all(machine, &prepared.environments)?;
    Ok(GcReport {
        gone: prepared.preview.clone(),
        operation: applied.operation.map(|id| id.0),
    })
}

/// Removes what earlier operations moved aside in the store.
fn clear(machine: &dyn Machine, store: &Store) -> Result<(), Problem> {
    for name in ["snapshots", "objects"] {
        clear_aside(machine, &store.folder().join(name))?;
    }
    Ok(())
}

/// Removes what operations moved aside in a folder.
fn clear_aside(machine: &dyn Machine, folder: &Path) -> Result<(), Problem> {
    let entries = match machine.entries(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        if entry.name.starts_with('.') && entry.name.contains(".deskside-") {
            machine.remove_tree(folder.join(entry.name))?;
        }
    }
    Ok(())
}

fn remove_all(machine: &dyn Machine, folders: &[PathBuf]) -> Result<(), Problem> {
    for folder in folders {
        machine.remove_tree(folder)?;
    }
    Ok(())
}

/// Bytes of the files in a folder.
fn size(machine: &dyn Machine, folder: &Path) -> u64 {
    let entries = machine.entries(folder).unwrap_or_default();
    let files = entries.iter().filter(|entry| entry.kind == FileKind::File);
    files
        .map(|entry| {
            machine
                .stat(folder.join(&entry.name))
                .map_or(0, |stat| stat.size)
        })
        .sum()
}
