//! Programs of the package system that plans run by name, with their ways back: `apt-get update`, `apt-mark`, `dpkg
//! --configure`.

use super::{apt, dpkg, names};
use deskside_machine::{Command, Machine, Progress};
use deskside_types::plan::CommandLine;
use deskside_types::{Code, Problem, Result};
use serde_json::{Value, json};
use std::time::Duration;

/// Finishes what dpkg left half-way; a configuration file that a person changed stays.
pub(super) fn configure() -> Command {
    let words = [
        "dpkg",
        "--force-confdef",
        "--force-confold",
        "--configure",
        "--pending",
    ];
    apt::quietly(Command::new(words).deadline(Duration::from_secs(3600)))
}

/// Tells dpkg what is wanted of packages: a line each (dpkg(1), `--set-selections`).
pub(super) fn select(lines: String) -> Command {
    let mut command =
        apt::quietly(Command::new(["dpkg", "--set-selections"]).deadline(Duration::from_secs(120)));
    command.input = lines.into_bytes();
    command
}

/// `apt-mark auto`, `manual`, `hold`, `unhold`.
pub(super) fn mark(mark: &str, packages: &[String]) -> Command {
    let mut argv = vec!["apt-mark".to_string(), mark.to_string()];
    argv.extend(packages.iter().cloned());
    apt::quietly(Command::new(argv).deadline(Duration::from_secs(120)))
}

/// Whether a command is one of the package system's.
pub fn is_one(command: &CommandLine) -> bool {
    command.argv.first().is_some_and(|program| {
        ["apt-get", "apt-mark", "dpkg"].contains(&program.rsplit('/').next().unwrap_or_default())
    })
}

/// The command as it is carried out: without questions.
fn door(command: &CommandLine) -> Command {
    let mut door = crate::check::door_command(command);
    let program = door.argv.first().cloned().unwrap_or_default();
    if program.ends_with("apt-get") {
        door.argv.splice(1..1, apt::options());
    } else if program.ends_with("dpkg") {
        let words = ["--force-confdef", "--force-confold"].map(String::from);
        door.argv.splice(1..1, words);
    }
    apt::quietly(door)
}

/// The packages of `apt-mark hold` or `unhold`, and which of the two.
fn holding(command: &CommandLine) -> Option<(bool, &[String])> {
    let [program, word, packages @ ..] = command.argv.as_slice() else {
        return None;
    };
    match (program.ends_with("apt-mark"), word.as_str()) {
        (true, "hold") => Some((true, packages)),
        (true, "unhold") => Some((false, packages)),
        _ => None,
    }
}

/// Which packages were held, where that is what changes.
///
/// # Errors
/// When dpkg's state can't be read, or a name is no exact name.
pub fn prepare(machine: &dyn Machine, command: &CommandLine) -> Result<Value> {
    let Some((_, names)) = holding(command) else {
        return Ok(Value::Null);
    };
    for name in names {
        names::package(name)?;
    }
    let packages = dpkg::packages(machine)?;
    let held: Vec<&String> = names
        .iter()
        .filter(|name| packages.get(name).is_some_and(|package| package.held))
        .collect();
    Ok(json!({ "held": held }))
}

/// Runs it; waits for another package manager. `dpkg --configure` may need packages that are not there: apt brings them.
///
/// # Errors
/// When it fails.
pub fn perform(
    machine: &dyn Machine,
    command: &CommandLine,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value> {
    if let Some(what) = super::fetch::read(command) {
        super::fetch::perform(machine, &what, watch)?;
        return Ok(Value::Null);
    }
    let mut door = door(command);
    if door.argv[0].ends_with("dpkg") && command.argv.iter().any(|word| word == "--configure") {
        return match super::packages::settle(machine, watch)? {
            None => Ok(Value::Null),
            Some(problem) => Err(problem),
        };
    }
    if let Some((hold, names)) = holding(command) {
        // A package that went meanwhile has no mark, and apt-mark fails over one that it does not know.
        let packages = dpkg::packages(machine)?;
        let other = |name: &&String| packages.get(name).is_some_and(|one| one.held != hold);
        let names: Vec<String> = names.iter().filter(other).cloned().collect();
        if names.is_empty() {
            return Ok(Value::Null);
        }
        door.argv.truncate(2);
        door.argv.extend(names);
    }
    apt::run(machine, &format!("run `{command}`"), door, watch)?;
    Ok(Value::Null)
}

/// Takes it back: what was held is held again, and what was not is not. Lists of packages are no state of the machine,
/// and what was finished stays finished.
///
/// # Errors
/// When it fails.
pub fn revert(
    machine: &dyn Machine,
    command: &CommandLine,
    undo: Option<&CommandLine>,
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<String>> {
    let Some((_, names)) = holding(command) else {
        if let Some(undo) = undo {
            perform(machine, undo, watch)?;
        }
        return Ok(None);
    };
    let held: Vec<String> = serde_json::from_value(before["held"].clone()).map_err(|error| {
        Problem::new(
            Code::JournalUnreadable,
            "the journal does not say which packages were held",
        )
        .because(error)
    })?;
    let packages = dpkg::packages(machine)?;
    let mut gone = Vec::new();
    let (mut to_hold, mut to_release) = (Vec::new(), Vec::new());
    for name in names {
        match packages.get(name) {
            None if held.contains(name) => gone.push(name.clone()),
            None => {}
            Some(package) if package.held == held.contains(name) => {}
            Some(package) if package.held => to_release.push(name.clone()),
            Some(_) => to_hold.push(name.clone()),
        }
    }
    for (word, names) in [("hold", to_hold), ("unhold", to_release)] {
        if !names.is_empty() {
            apt::run(
                machine,
                &format!("{word} packages"),
                mark(word, &names),
                watch,
            )?;
        }
    }
    Ok((!gone.is_empty())
        .then(|| format!("{} were held, and are not there any more", gone.join(", "))))
}
