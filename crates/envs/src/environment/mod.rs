//! Carrying out environment actions through uv: whether they hold, doing them, taking them back.

mod copies;
mod create;
pub mod failure;
pub mod marker;
pub mod mend;
pub mod own;
mod prepare;
pub mod proof;
pub mod restore;
mod revert;
mod tree;
pub mod uv;
pub mod venv;

pub use create::{in_the_way, moved_aside};
pub use prepare::prepare;
pub use revert::{is_made_by, undo};

use crate::build::specifier::{admits, series_of};
use crate::index::wheel;
use crate::project::requirements;
use copies::Copies;
use create::create;
use deskside_knowledge::python::normalised_name;
use deskside_machine::{Command, Machine, Progress, Reading};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem};
use marker::Finished;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use uv::{command, interpreter, uv_command};
use venv::State;

/// Making an environment, a Python download included.
const CREATE_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// Installing packages: gigabytes over a slow line.
const INSTALL_DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// Whether an action's outcome is there. Reads files only, so that it takes milliseconds.
///
/// # Errors
/// When a file that decides it can't be read.
pub fn holds(machine: &dyn Machine, action: &EnvironmentAction) -> Result<bool, Problem> {
    let path = Path::new(action.path());
    let State::Whole(venv) = venv::look(machine, path)? else {
        return Ok(false);
    };
    if matches!(action, EnvironmentAction::Restore { .. }) {
        return restore::holds(machine, action);
    }
    let marker = venv.marker.unwrap_or_default();
    Ok(match action {
        EnvironmentAction::Create { python, .. } => serves(venv.version.as_deref(), python),
        EnvironmentAction::Install { expected, .. } => {
            let there = venv::distributions(machine, path);
            marker
                .packages
                .is_some_and(|done| Some(done.fingerprint) == fingerprint(machine, action))
                && expected
                    .iter()
                    .all(|name| there.contains_key(&normalised_name(name)))
        }
        EnvironmentAction::Sync {
            exact, arguments, ..
        } => {
            marker.packages.is_some_and(|done| {
                Some(done.fingerprint) == fingerprint(machine, action)
                // Somebody else may have installed or removed something since.
                && (!exact || done.installed == installed(machine, path))
            }) && mend::are_whole(machine, path, &mend::named(arguments))
        }
        EnvironmentAction::Module { version, .. } => {
            let there = venv::distributions(machine, path);
            let right = marker.module.is_some_and(|done| {
                fingerprint(machine, action).is_none_or(|now| now == done.fingerprint)
            });
            right
                && there.get("deskside") == Some(version)
                && mend::are_whole(machine, path, &["deskside".to_string()])
        }
        EnvironmentAction::Restore { .. } => false,
    })
}

/// What is installed beside Deskside's own module.
fn installed(machine: &dyn Machine, path: &Path) -> BTreeMap<String, String> {
    let mut there = venv::distributions(machine, path);
    there.remove("deskside");
    there
}

/// Whether an environment's Python meets a request: a version, specifiers, or a path, which any Python meets.
fn serves(version: Option<&str>, request: &str) -> bool {
    request.starts_with('/') || version.is_none_or(|version| admits(request, &series_of(version)))
}

/// Of what an action's outcome is made; none when a file of it can't be read.
fn fingerprint(machine: &dyn Machine, action: &EnvironmentAction) -> Option<String> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut add = |words: &[String]| {
        parts.push((words.len() as u64).to_le_bytes().to_vec());
        parts.extend(words.iter().map(|word| word.clone().into_bytes()));
    };
    match action {
        EnvironmentAction::Create { .. } | EnvironmentAction::Restore { .. } => return None,
        EnvironmentAction::Install {
            requirements,
            arguments,
            files,
            ..
        } => {
            add(requirements);
            add(arguments);
            for file in files {
                if file.ends_with(".toml") {
                    parts.push(machine.file(file, 16 << 20).ok()?);
                } else {
                    parts.extend(requirements_files(machine, Path::new(file))?);
                }
            }
        }
        EnvironmentAction::Sync {
            project, arguments, ..
        } => {
            // What is mended on the way makes no other environment of it.
            add(&mend::without(arguments));
            for name in ["uv.lock", "pyproject.toml"] {
                parts.push(machine.file(Path::new(project).join(name), 64 << 20).ok()?);
            }
        }
        EnvironmentAction::Module { wheel, .. } => parts.push(machine.file(wheel, 64 << 20).ok()?),
    }
    Some(marker::fingerprint(parts.iter().map(Vec::as_slice)))
}

/// The bytes of a requirements file and of those it names; none when one can't be read.
fn requirements_files(machine: &dyn Machine, file: &Path) -> Option<Vec<Vec<u8>>> {
    let read = requirements::read(machine, file);
    let files = read.files.into_iter();
    read.unread
        .is_empty()
        .then(|| files.map(|(_, bytes)| bytes).collect())
}

/// Carries an action out; answers with what taking it back needs. May be repeated after a failure or a kill.
///
/// # Errors
/// uv's failures with its command, exit code and last lines; [`Code::EnvironmentBroken`] when something that is no
/// environment of ours is in the way.
pub fn perform(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let path = Path::new(action.path());
    match action {
        EnvironmentAction::Create { python, uv, .. } => {
            create(machine, path, python, uv, before, watch)
        }
        EnvironmentAction::Restore { .. } => restore::perform(machine, action, before, watch),
        EnvironmentAction::Install {
            requirements,
            files,
            arguments,
            uv,
            ..
        } => {
            let mut argv = vec![
                uv.clone(),
                "pip".into(),
                "install".into(),
                "--python".into(),
                interpreter(path),
            ];
            for file in files {
                argv.extend(["-r".into(), file.clone()]);
            }
            argv.extend(arguments.iter().cloned());
            argv.extend(requirements.iter().cloned());
            packages(
                machine,
                action,
                "install packages",
                command(machine, path, argv),
                before,
                watch,
            )
        }
        EnvironmentAction::Sync {
            project,
            arguments,
            exact,
            uv,
            ..
        } => {
            let mut argv = vec![
                uv.clone(),
                "sync".into(),
                "--frozen".into(),
                "--project".into(),
                project.clone(),
                // Else uv looks at `.python-version`, and removes an environment with another Python.
                "--no-python-downloads".into(),
                "--python".into(),
                interpreter(path),
            ];
            if !exact {
                argv.push("--inexact".into());
            }
            argv.extend(arguments.iter().cloned());
            mend::forget(machine, path, uv, &mend::named(arguments), watch)?;
            packages(
                machine,
                action,
                "bring the environment to its lock file",
                command(machine, path, argv),
                before,
                watch,
            )
        }
        EnvironmentAction::Module {
            version, wheel, uv, ..
        } => {
            let name = Path::new(wheel)
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if wheel::parse(&name).is_none_or(|parsed| parsed.version != version) {
                return Err(Problem::new(
                    Code::Bug,
                    format!("{wheel} is no wheel of version {version}"),
                ));
            }
            let argv = ["pip", "install", "--python"].map(String::from);
            let options = [
                "--no-deps",
                "--no-index",
                "--offline",
                "--reinstall-package",
                "deskside",
            ]
            .map(String::from);
            let argv = std::iter::once(uv.clone())
                .chain(argv)
                .chain([interpreter(path)])
                .chain(options)
                .chain([wheel.clone()])
                .collect();
            uv_command(
                machine,
                "install the deskside module",
                command(machine, path, argv),
                watch,
            )?;
            let fingerprint = fingerprint(machine, action).unwrap_or_default();
            marker::change(machine, path, |marker| {
                marker.module = Some(Finished {
                    fingerprint,
                    of: vec![name],
                    installed: BTreeMap::new(),
                });
            })?;
            Ok(Value::Null)
        }
    }
}

/// Runs an install and notes that it was finished.
fn packages(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    what: &str,
    command: Command,
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let path = Path::new(action.path());
    let copies = Copies::make(machine, path, before["id"].as_str().unwrap_or_default())?;
    let names =
        |machine| -> Vec<String> { venv::distributions(machine, path).into_keys().collect() };
    // What was finished earlier is finished no longer: the install may be cut off.
    let mut noted = marker::read(machine, path).unwrap_or_default();
    let before = noted.underway.take().unwrap_or_else(|| names(machine));
    if noted.made_here() || noted.packages.is_some() {
        let underway = noted.made_here().then(|| before.clone());
        marker::change(machine, path, |marker| {
            marker.packages = None;
            marker.underway = underway;
        })?;
    }
    let versions = venv::distributions(machine, path);
    let command = command.deadline(INSTALL_DEADLINE);
    let mut done = uv_command(machine, what, command.clone(), watch);
    let damaged = match &done {
        Ok(_) => mend::came_damaged(machine, path, &versions),
        Err(_) => Vec::new(),
    };
    if !damaged.is_empty() {
        // Once more, with what the index has.
        let mut command = command;
        let uv = command.argv[0].clone();
        command.argv.extend(mend::arguments(&damaged));
        done = mend::forget(machine, path, &uv, &damaged, watch)
            .and_then(|()| uv_command(machine, what, command, watch));
    }
    let kept = copies.settle(machine, path)?;
    done?;
    if let EnvironmentAction::Install { expected, .. } = action {
        let there = venv::distributions(machine, path);
        let missing: Vec<&str> = expected
            .iter()
            .map(String::as_str)
            .filter(|name| !there.contains_key(&normalised_name(name)))
            .collect();
        if !missing.is_empty() {
            return Err(
                Problem::new(Code::VerifyFailed, format!("could not {what}")).because(format!(
                    "uv reported success, but {} is not in {}",
                    missing.join(", "),
                    path.display()
                )),
            );
        }
    }
    let done = Finished {
        fingerprint: fingerprint(machine, action).unwrap_or_default(),
        of: described(action),
        installed: match action {
            EnvironmentAction::Sync { exact: true, .. } => installed(machine, path),
            _ => BTreeMap::new(),
        },
    };
    let ours = names(machine)
        .into_iter()
        .filter(|name| noted.distributions.contains(name) || !before.contains(name))
        .collect();
    let store = prepare::store_name(machine, path);
    marker::change(machine, path, |marker| {
        marker.packages = Some(done);
        marker.store = store;
        marker.underway = None;
        if marker.made_here() {
            marker.distributions = ours;
        }
    })?;
    Ok(json!({ "distributions": venv::distributions(machine, path), "kept": kept }))
}

/// An install in words, for the marker.
fn described(action: &EnvironmentAction) -> Vec<String> {
    match action {
        EnvironmentAction::Install {
            requirements,
            files,
            arguments,
            ..
        } => files
            .iter()
            .chain(requirements)
            .chain(arguments)
            .cloned()
            .collect(),
        EnvironmentAction::Sync { project, .. } => vec![format!("{project}/uv.lock")],
        _ => Vec::new(),
    }
}

/// A text's SHA-256 in hex, as plans name the contents of files.
pub fn sha256(text: &[u8]) -> String {
    crate::hex(&Sha256::digest(text))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
