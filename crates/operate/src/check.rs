//! Looking whether something holds.

use crate::kept::is_there;
use crate::system::{dpkg, group};
use crate::{Domain, sha256_hex};
use deskside_machine::{Command, ErrorKind, Machine, Reading};
use deskside_types::plan::{Check, CommandLine};
use deskside_types::{Problem, Result};
use std::time::Duration;

/// The largest file whose contents are compared.
const LARGEST_COMPARED: u64 = 256 << 20;

/// Whether all checks hold. No check at all never holds: such a step is always carried out.
///
/// # Errors
/// When one can't be looked at.
pub fn all_hold(machine: &dyn Machine, domain: &dyn Domain, checks: &[Check]) -> Result<bool> {
    for check in checks {
        if !holds(machine, domain, check)? {
            return Ok(false);
        }
    }
    Ok(!checks.is_empty())
}

/// The first check that does not hold, in words; none when all do.
///
/// # Errors
/// When one can't be looked at.
pub fn first_failing(
    machine: &dyn Machine,
    domain: &dyn Domain,
    checks: &[Check],
) -> Result<Option<String>> {
    for check in checks {
        if !holds(machine, domain, check)? {
            return Ok(Some(phrase(check)));
        }
    }
    Ok(None)
}

/// What is wanted, in words.
pub fn phrase(check: &Check) -> String {
    match check {
        Check::Exists { path } => format!("{path} is there"),
        Check::Absent { path } => format!("{path} is gone"),
        Check::FileIs { path, .. } => format!("{path} has the expected contents"),
        Check::Succeeds { command } => format!("`{command}` succeeds"),
        Check::Packages { installed, absent } => {
            let mut parts = Vec::new();
            if !installed.is_empty() {
                parts.push(format!("{} are installed", installed.join(", ")));
            }
            if !absent.is_empty() {
                parts.push(format!("{} are gone", absent.join(", ")));
            }
            parts.join(", and ")
        }
        Check::Member { group } => format!("the account is in the group {group}"),
        Check::Environment { action } => format!("the environment {} is complete", action.path()),
    }
}

/// A plan's command as the door takes it.
pub(crate) fn door_command(line: &CommandLine) -> Command {
    let mut command = Command::new(line.argv.iter().cloned())
        .deadline(Duration::from_secs(line.deadline_seconds));
    if let Some(directory) = &line.directory {
        command = command.directory(directory);
    }
    for (name, value) in &line.variables {
        command = command.variable(name, value);
    }
    command
}

fn holds(machine: &dyn Machine, domain: &dyn Domain, check: &Check) -> Result<bool> {
    match check {
        Check::Exists { path } => Ok(machine.exists(path)?),
        Check::Absent { path } => Ok(!is_there(machine, path)?),
        Check::FileIs { path, sha256 } => match machine.file(path, LARGEST_COMPARED) {
            Ok(contents) => Ok(sha256_hex(&contents) == *sha256),
            Err(error) if error.kind == ErrorKind::Absent => Ok(false),
            Err(error) => Err(error.into()),
        },
        Check::Succeeds { command } => match machine.command(door_command(command)) {
            Ok(output) => Ok(output.succeeded()),
            Err(error)
                if matches!(
                    error.kind,
                    ErrorKind::Absent | ErrorKind::Denied | ErrorKind::Timeout
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(Problem::from(error)),
        },
        Check::Packages { installed, absent } => {
            Ok(dpkg::hold(&dpkg::packages(machine)?, installed, absent))
        }
        Check::Member { group } => group::holds(machine, group),
        Check::Environment { action } => domain.holds(machine, action),
    }
}
