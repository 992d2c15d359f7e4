//! Carrying out environment actions through uv: whether they hold, doing them, taking them back.

pub mod failure;
pub mod marker;
pub mod venv;

use crate::build::specifier::{admits, series_of};
use crate::index::{settings, wheel};
use deskside_knowledge::python::normalised_name;
use deskside_machine::{Acting, Command, ErrorKind, Machine, Progress, Reading};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem};
use marker::{Finished, Marker};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
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
        EnvironmentAction::Sync { .. } => marker
            .packages
            .is_some_and(|done| Some(done.fingerprint) == fingerprint(machine, action)),
        EnvironmentAction::Module { version, .. } => {
            let there = venv::distributions(machine, path);
            let right = marker.module.is_some_and(|done| {
                fingerprint(machine, action).is_none_or(|now| now == done.fingerprint)
            });
            right && there.get("deskside") == Some(version)
        }
    })
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
        EnvironmentAction::Create { .. } => return None,
        EnvironmentAction::Install {
            requirements,
            arguments,
            files,
            ..
        } => {
            add(requirements);
            add(arguments);
            for file in files {
                parts.push(machine.file(file, 16 << 20).ok()?);
            }
        }
        EnvironmentAction::Sync {
            project, arguments, ..
        } => {
            add(arguments);
            for name in ["uv.lock", "pyproject.toml"] {
                parts.push(machine.file(Path::new(project).join(name), 64 << 20).ok()?);
            }
        }
        EnvironmentAction::Module { wheel, .. } => parts.push(machine.file(wheel, 64 << 20).ok()?),
    }
    Some(marker::fingerprint(parts.iter().map(Vec::as_slice)))
}

/// Carries an action out; answers with what taking it back needs. May be repeated after a failure or a kill.
///
/// # Errors
/// uv's failures with its command, exit code and last lines; [`Code::EnvironmentBroken`] when something that is no
/// environment of ours is in the way.
pub fn perform(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let path = Path::new(action.path());
    match action {
        EnvironmentAction::Create { python, uv, .. } => create(machine, path, python, uv, watch),
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
                watch,
            )
        }
        EnvironmentAction::Sync {
            project,
            arguments,
            uv,
            ..
        } => {
            let mut argv = vec![
                uv.clone(),
                "sync".into(),
                "--frozen".into(),
                "--inexact".into(),
                "--project".into(),
                project.clone(),
            ];
            argv.extend(arguments.iter().cloned());
            packages(
                machine,
                action,
                "bring the environment to its lock file",
                command(machine, path, argv),
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
            let before = venv::distributions(machine, path).get("deskside").cloned();
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
                })
            })?;
            Ok(json!({ "before": before }))
        }
    }
}

/// Makes an environment, after moving or removing what is left of an earlier one.
fn create(
    machine: &dyn Machine,
    path: &Path,
    python: &str,
    uv: &str,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let shown = path.display();
    let mut moved = None;
    match venv::look(machine, path)? {
        State::Absent | State::Empty => {}
        State::Broken { ours: true, .. } => machine.remove_tree(path)?,
        State::Broken { ours: false, .. } => moved = Some(move_aside(machine, path)?),
        State::Whole(venv) if serves(venv.version.as_deref(), python) => {
            return Ok(json!({ "made": false }));
        }
        State::Whole(venv) if venv.marker.is_some() => moved = Some(move_aside(machine, path)?),
        State::Whole(venv) => {
            return Err(Problem::new(
                Code::EnvironmentBroken,
                format!("the environment {shown} has the wrong Python"),
            )
            .because(format!(
                "it has Python {}, and {python} is needed",
                venv.version.as_deref().unwrap_or("of unknown version")
            ))
            .hint(format!(
                "move it out of the way and run the same command again: mv {shown} {shown}.old"
            )));
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
    }
    marker::write(
        machine,
        path,
        &Marker {
            making: true,
            ..Marker::default()
        },
    )?;
    let argv = vec![
        uv.to_string(),
        "venv".into(),
        "--no-project".into(),
        "--allow-existing".into(),
        "--python".into(),
        python.to_string(),
        path.display().to_string(),
    ];
    uv_command(
        machine,
        "make the environment",
        command(machine, path, argv).deadline(CREATE_DEADLINE),
        watch,
    )?;
    marker::write(machine, path, &Marker::default())?;
    Ok(json!({ "made": true, "moved": moved.map(|moved| moved.display().to_string()) }))
}

/// Renames an environment to a free name beside it.
fn move_aside(machine: &dyn Machine, path: &Path) -> Result<PathBuf, Problem> {
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
        if !machine.exists(&aside)? {
            machine.rename(path, &aside)?;
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

/// Runs an install and notes that it was finished.
fn packages(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    what: &str,
    command: Command,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let path = Path::new(action.path());
    let before = venv::distributions(machine, path);
    // What was finished earlier is finished no longer: the install may be cut off.
    let noted = marker::read(machine, path).unwrap_or_default().packages;
    if noted.is_some() {
        marker::change(machine, path, |marker| marker.packages = None)?;
    }
    uv_command(machine, what, command.deadline(INSTALL_DEADLINE), watch)?;
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
    };
    marker::change(machine, path, |marker| marker.packages = Some(done))?;
    Ok(json!({ "before": before, "noted": noted }))
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

/// Takes an action back. `memory` is what [`perform`] answered, or null when it was cut off.
///
/// # Errors
/// When it can't be taken back.
pub fn undo(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    memory: &Value,
) -> Result<(), Problem> {
    let path = Path::new(action.path());
    match action {
        EnvironmentAction::Create { .. } => {
            let cut_off = memory.is_null()
                && matches!(venv::look(machine, path)?, State::Broken { ours: true, .. });
            if memory["made"] == json!(true) || cut_off {
                machine.remove_tree(path)?;
            }
            if let Some(moved) = memory["moved"].as_str() {
                machine.rename(moved, path)?;
            }
            Ok(())
        }
        EnvironmentAction::Install { uv, .. } | EnvironmentAction::Sync { uv, .. } => {
            if !matches!(venv::look(machine, path)?, State::Whole(_)) || memory.is_null() {
                return Ok(());
            }
            let before: BTreeMap<String, String> =
                serde_json::from_value(memory["before"].clone()).unwrap_or_default();
            let now = venv::distributions(machine, path);
            let added: Vec<String> = now
                .keys()
                .filter(|name| !before.contains_key(*name))
                .cloned()
                .collect();
            let changed: Vec<String> = before
                .iter()
                .filter(|(name, version)| now.get(*name) != Some(version))
                .map(|(name, version)| format!("{name}=={version}"))
                .collect();
            marker::change(machine, path, |marker| {
                marker.packages =
                    serde_json::from_value(memory["noted"].clone()).unwrap_or_default()
            })?;
            for (verb, names, option) in [
                ("uninstall", added, None),
                ("install", changed, Some("--no-deps")),
            ] {
                if !names.is_empty() {
                    let argv = [
                        uv.clone(),
                        "pip".into(),
                        verb.into(),
                        "--python".into(),
                        interpreter(path),
                    ];
                    let argv = argv
                        .into_iter()
                        .chain(option.map(String::from))
                        .chain(names)
                        .collect();
                    uv_command(
                        machine,
                        "take the packages back",
                        command(machine, path, argv).deadline(INSTALL_DEADLINE),
                        &mut |_| {},
                    )?;
                }
            }
            Ok(())
        }
        EnvironmentAction::Module { uv, .. } => {
            if !matches!(venv::look(machine, path)?, State::Whole(_))
                || !venv::distributions(machine, path).contains_key("deskside")
            {
                return Ok(());
            }
            marker::change(machine, path, |marker| marker.module = None)?;
            let argv = [uv.as_str(), "pip", "uninstall", "--python"]
                .map(String::from)
                .into_iter()
                .chain([interpreter(path), "deskside".into()])
                .collect();
            uv_command(
                machine,
                "take the deskside module out",
                command(machine, path, argv),
                &mut |_| {},
            )
        }
    }
}

fn interpreter(path: &Path) -> String {
    path.join("bin/python").display().to_string()
}

/// A uv command with the person's index settings, and without what would lead it astray.
fn command(machine: &dyn Machine, environment: &Path, argv: Vec<String>) -> Command {
    let mut command = Command::new(argv).deadline(CREATE_DEADLINE);
    command.directory = environment
        .parent()
        .filter(|folder| machine.exists(folder).unwrap_or(false))
        .map(Path::to_path_buf);
    command.variables = settings::read(machine).variables(machine);
    for (name, value) in [
        ("UV_NO_PROGRESS", Some("1")),
        ("NO_COLOR", Some("1")),
        ("UV_PROJECT_ENVIRONMENT", environment.to_str()),
        // The environment is named by its path; these would name another, or break the interpreter's start.
        ("VIRTUAL_ENV", None),
        ("CONDA_PREFIX", None),
        ("UV_PYTHON", None),
        ("UV_SYSTEM_PYTHON", None),
        ("UV_BREAK_SYSTEM_PACKAGES", None),
        ("UV_VENV_CLEAR", None),
        ("PYTHONHOME", None),
        ("PYTHONPATH", None),
    ] {
        command
            .variables
            .insert(name.into(), value.map(String::from));
    }
    command
}

/// Runs uv; its failure as a problem.
fn uv_command(
    machine: &dyn Machine,
    what: &str,
    command: Command,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Problem> {
    let shown = command.shown();
    match machine.run(command, watch) {
        Ok(output) if output.succeeded() => Ok(()),
        Ok(output) => Err(failure::problem(what, &shown, &output)),
        Err(error) if error.kind == ErrorKind::Absent => Err(Problem::new(
            Code::UvUnavailable,
            format!("could not {what}"),
        )
        .because(format!("`{shown}`: {}", error.detail))
        .hint("run `deskside up` again: it fetches uv")),
        Err(error) => Err(Problem::from(error).within(format!("could not {what}"))),
    }
}

/// A text's SHA-256 in hex, as plans name the contents of files.
pub fn sha256(text: &[u8]) -> String {
    crate::hex(&Sha256::digest(text))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
