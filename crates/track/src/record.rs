//! Reading and writing `run.toml`, `state`, `details.json` and `params.json`.

use crate::Folder;
use deskside_machine::{Acting, DoorError, Durability, ErrorKind, Machine, Reading};
use deskside_types::run::{RUN_FOLDER_VERSION, RunRecord, StateRecord};
use deskside_types::{Code, Problem, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of a record that are read; a run's own is some kilobytes.
const LIMIT: u64 = 16 << 20;

/// Makes a run's folder: `state` first, then `run.toml`, so that a run that can be read has a state.
///
/// # Errors
/// [`Code::RunFolder`] with the cause and what to do.
pub fn create(
    machine: &dyn Machine,
    folder: &Folder,
    record: &RunRecord,
    state: &StateRecord,
) -> Result<()> {
    begin(machine, folder, state)?;
    write(machine, folder, record)
}

/// Makes a run's folder with its `state` only: no run yet, and it says whose it is.
///
/// # Errors
/// [`Code::RunFolder`] with the cause and what to do.
pub fn begin(machine: &dyn Machine, folder: &Folder, state: &StateRecord) -> Result<()> {
    write_state(machine, folder, state, Durability::Process)
        .map_err(|problem| unwritable(folder, problem))
}

/// Writes `run.toml`, which makes the folder a run.
///
/// # Errors
/// [`Code::RunFolder`] with the cause and what to do.
pub fn write(machine: &dyn Machine, folder: &Folder, record: &RunRecord) -> Result<()> {
    let text = toml::to_string(record).map_err(|error| {
        Problem::new(Code::Bug, "a run's record can't be written as TOML").because(error)
    })?;
    let written = machine.write_file(folder.record(), text, 0o644, Durability::Process);
    written.map_err(|error| unwritable(folder, error.into()))
}

fn unwritable(folder: &Folder, problem: Problem) -> Problem {
    let passes = problem.code == Code::Shortage;
    let problem = problem.within(format!(
        "could not make the run folder {}",
        folder.path().display()
    ));
    if passes {
        problem
    } else {
        problem.coded(Code::RunFolder)
    }
}

/// Replaces `state`.
///
/// # Errors
/// As the door says.
pub fn write_state(
    machine: &dyn Machine,
    folder: &Folder,
    state: &StateRecord,
    durability: Durability,
) -> Result<()> {
    let text = toml::to_string(state).map_err(|error| {
        Problem::new(Code::Bug, "a run's state can't be written as TOML").because(error)
    })?;
    Ok(machine.write_file(folder.state(), text, 0o644, durability)?)
}

/// What a run is, `details.json` laid over `run.toml`.
///
/// # Errors
/// [`Code::RunUnreadable`] when it is damaged, newer than this program, or not there.
pub fn read(machine: &dyn Machine, folder: &Folder) -> Result<RunRecord> {
    let mut record: RunRecord = parse(
        folder,
        &folder.record(),
        &text(machine, folder, &folder.record())?,
    )?;
    if record.id != *folder.id() {
        // A folder copied under another name is the run of that name; what it says of itself is history.
        record.id = folder.id().clone();
    }
    let details = read_json(machine, &folder.details());
    if let Some(name) = details.get("name").and_then(Value::as_str) {
        record.name = name.to_string();
    }
    if let Some(experiment) = details.get("experiment").and_then(Value::as_str) {
        record.experiment = experiment.to_string();
    }
    if let Some(tags) = details.get("tags").and_then(Value::as_object) {
        record
            .tags
            .extend(tags.iter().map(|(key, value)| (key.clone(), shown(value))));
    }
    Ok(record)
}

/// Where a run is in its life, as it is written; [`crate::truth`] says whether that still holds.
///
/// # Errors
/// [`Code::RunUnreadable`] when it is damaged or not there.
pub fn read_state(machine: &dyn Machine, folder: &Folder) -> Result<StateRecord> {
    let path = folder.state();
    let text = text(machine, folder, &path)?;
    toml::from_str(&text).map_err(|error| unreadable(folder, &path, error.message()))
}

/// Parameters: those of `run.toml`, and over them those training code set, nested ones as `model.width`.
pub fn params(
    machine: &dyn Machine,
    folder: &Folder,
    record: &RunRecord,
) -> BTreeMap<String, String> {
    let mut params = record.params.clone();
    for (key, value) in read_json(machine, &folder.params()) {
        flatten(&key, &value, 0, &mut params);
    }
    params
}

/// A JSON object of the run folder; empty where it is not there or damaged.
pub(crate) fn read_json(machine: &dyn Machine, path: &Path) -> serde_json::Map<String, Value> {
    let Ok(bytes) = machine.file(path, LIMIT) else {
        return serde_json::Map::new();
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => object,
        _ => serde_json::Map::new(),
    }
}

/// A JSON value as a person writes it: texts without quotes.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn flatten(key: &str, value: &Value, depth: usize, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(object) if !object.is_empty() && depth < 20 => {
            for (name, inner) in object {
                flatten(&format!("{key}.{name}"), inner, depth + 1, into);
            }
        }
        other => {
            into.insert(key.to_string(), shown(other));
        }
    }
}

fn text(machine: &dyn Machine, folder: &Folder, path: &Path) -> Result<String> {
    match machine.file(path, LIMIT) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(DoorError {
            kind: ErrorKind::Absent,
            ..
        }) => Err(unreadable(folder, path, "it is not there")),
        Err(error) => Err(Problem::from(error)
            .within(format!("could not read run {}", folder.id()))
            .coded(Code::RunUnreadable)),
    }
}

fn parse(folder: &Folder, path: &Path, text: &str) -> Result<RunRecord> {
    let table: toml::Table = toml::from_str(text)
        .map_err(|error: toml::de::Error| unreadable(folder, path, error.message()))?;
    let version = table.get("version").and_then(toml::Value::as_integer);
    match version {
        Some(version) if version > i64::from(RUN_FOLDER_VERSION) => Err(Problem::new(
            Code::RunUnreadable,
            format!(
                "run {} was written by a newer version of Deskside",
                folder.id()
            ),
        )
        .because(format!(
            "{} has version {version}; this program reads up to {RUN_FOLDER_VERSION}",
            path.display()
        ))
        .hint("install a newer Deskside to read it; nothing was changed")),
        Some(_) => table
            .try_into()
            .map_err(|error: toml::de::Error| unreadable(folder, path, error.message())),
        None => Err(unreadable(folder, path, "it has no version")),
    }
}

fn unreadable(folder: &Folder, path: &Path, why: &str) -> Problem {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Problem::new(
        Code::RunUnreadable,
        format!("could not read run {}", folder.id()),
    )
    .because(format!("{name} in {}: {why}", folder.path().display()))
    .hint(format!(
        "look at it with `ls -l {}`; log and metrics may still be whole",
        folder.path().display()
    ))
}
