//! A service of systemd: enabled and running, or neither (systemctl(1)).

use super::{names, tools};
use deskside_machine::{Machine, Reading};
use deskside_types::plan::Tuning;
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(120);
/// There while systemd is the system's first process (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";

#[derive(Serialize, Deserialize)]
struct Was {
    /// `enabled`, `disabled`, `static`, `masked`, …
    enabled: String,
    /// It ran; none where no systemd runs that could say.
    active: Option<bool>,
}

fn now(machine: &dyn Machine, name: &str) -> Result<Was> {
    names::plain("unit", name)?;
    let Some((_, enabled)) = tools::said(machine, &["systemctl", "is-enabled", name])? else {
        return Err(Problem::new(
            Code::ProgramMissing,
            "there is no systemctl here",
        ));
    };
    let active = if machine.exists(BOOTED)? {
        tools::said(machine, &["systemctl", "is-active", name])?
            .map(|(_, text)| ["active", "reloading", "activating"].contains(&text.trim()))
    } else {
        None
    };
    Ok(Was {
        enabled: enabled.trim().to_string(),
        active,
    })
}

/// Notes how it stood.
///
/// # Errors
/// When there is no such unit.
pub fn prepare(machine: &dyn Machine, name: &str) -> Result<Value> {
    let was = now(machine, name)?;
    if was.enabled.is_empty() || was.enabled == "not-found" {
        return Err(Problem::new(
            Code::Missing,
            format!("there is no service {name} here"),
        ));
    }
    tools::note(&was)
}

/// Enables and starts it, or disables and stops it. Where no systemd runs, only what the next boot will do is changed.
///
/// # Errors
/// When `systemctl` fails.
pub fn perform(machine: &dyn Machine, name: &str, wanted: Tuning) -> Result<Value> {
    let word = match wanted {
        Tuning::On => "enable",
        Tuning::Off => "disable",
    };
    set(machine, word, name)?;
    Ok(Value::Null)
}

fn set(machine: &dyn Machine, word: &str, name: &str) -> Result<()> {
    if machine.exists(BOOTED)? {
        tools::run(machine, &["systemctl", word, "--now", name], DEADLINE)
    } else {
        tools::run(machine, &["systemctl", word, name], DEADLINE)
    }
}

/// Back to how it stood.
///
/// # Errors
/// When `systemctl` fails.
pub fn revert(machine: &dyn Machine, name: &str, before: &Value) -> Result<Option<String>> {
    let was: Was = tools::noted(before, "the service")?;
    let is = now(machine, name)?;
    if is.enabled.is_empty() || is.enabled == "not-found" {
        return Ok(Some(format!("the service {name} is not there any more")));
    }
    if is.enabled != was.enabled {
        match was.enabled.as_str() {
            "enabled" => tools::run(machine, &["systemctl", "enable", name], DEADLINE)?,
            "disabled" => tools::run(machine, &["systemctl", "disable", name], DEADLINE)?,
            other => return Ok(Some(format!("the service {name} was {other} before"))),
        }
    }
    match (was.active, is.active) {
        (Some(true), Some(false)) => tools::run(machine, &["systemctl", "start", name], DEADLINE)?,
        (Some(false), Some(true)) => tools::run(machine, &["systemctl", "stop", name], DEADLINE)?,
        _ => {}
    }
    Ok(None)
}
