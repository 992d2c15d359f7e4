//! Taking environment actions back. What is left as it is, is said in words.

use super::INSTALL_DEADLINE;
use super::marker::{self, Marker};
use super::uv::{command, interpreter, uv_command};
use super::venv::{self, State};
use deskside_machine::{Acting, Machine, Reading};
use deskside_types::Problem;
use deskside_types::plan::EnvironmentAction;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Takes an action back; answers with what was left. `before` is what [`super::prepare`] gathered.
///
/// # Errors
/// When it can't be taken back and trying again may help.
pub fn undo(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    before: &Value,
) -> Result<Option<String>, Problem> {
    let path = Path::new(action.path());
    match action {
        EnvironmentAction::Create { .. } => creation(machine, path, before),
        EnvironmentAction::Install { uv, .. } | EnvironmentAction::Sync { uv, .. } => {
            packages(machine, path, uv, before)
        }
        EnvironmentAction::Module { uv, .. } => module(machine, path, uv),
    }
}

/// Whether the environment is the one that the action with this memory made.
pub fn is_made_by(machine: &dyn Machine, path: &Path, before: &Value) -> bool {
    let id = before["id"].as_str().unwrap_or_default();
    !id.is_empty() && marker::read(machine, path).is_some_and(|marker| marker.id == id)
}

fn creation(machine: &dyn Machine, path: &Path, before: &Value) -> Result<Option<String>, Problem> {
    let shown = path.display();
    let mut left = None;
    if is_made_by(machine, path, before) {
        let marker = marker::read(machine, path).unwrap_or_default();
        let foreign = added_by_hand(machine, path, &marker);
        if foreign.is_empty() {
            machine.remove_tree(path)?;
        } else {
            let id = &marker.id;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let aside = path.with_file_name(format!("{name}.removed-{id}"));
            machine.rename(path, &aside)?;
            left = Some(format!(
                "{shown} holds packages that Deskside did not install ({}): it was moved to {}",
                foreign.join(", "),
                aside.display()
            ));
        }
    } else if machine.exists(path)? {
        // A half-made marker of the moment before the identity was written holds nothing of anybody's.
        match venv::look(machine, path)? {
            State::Broken { ours: true, .. } if marker::read(machine, path).is_none() => {
                machine.remove_tree(path)?;
            }
            _ => {
                left = Some(format!(
                    "{shown} is not the environment that was made then, and is left as it is"
                ));
            }
        }
    }
    if let Some(aside) = before["moved_to"].as_str()
        && machine.exists(aside)?
    {
        if machine.exists(path)? {
            return Ok(Some(format!(
                "what was at {shown} before is kept at {aside}"
            )));
        }
        machine.rename(aside, path)?;
    }
    Ok(left)
}

/// Distributions that are in the environment although Deskside did not leave it with them.
fn added_by_hand(machine: &dyn Machine, path: &Path, marker: &Marker) -> Vec<String> {
    // An install that was cut off noted nothing: what is there then is its own.
    if marker.packages.is_none() || marker.distributions.is_empty() {
        return Vec::new();
    }
    venv::distributions(machine, path)
        .into_keys()
        // Our own module may have gone in just before the end, with nobody left to note it.
        .filter(|name| name != "deskside" && !marker.distributions.contains(name))
        .collect()
}

fn packages(
    machine: &dyn Machine,
    path: &Path,
    uv: &str,
    before: &Value,
) -> Result<Option<String>, Problem> {
    if !matches!(venv::look(machine, path)?, State::Whole(_)) {
        return Ok(None);
    }
    let Ok(old) =
        serde_json::from_value::<BTreeMap<String, String>>(before["distributions"].clone())
    else {
        return Ok(Some(format!(
            "the journal does not say which packages {} had: they stay as they are",
            path.display()
        )));
    };
    let now = venv::distributions(machine, path);
    let added: Vec<String> = now
        .keys()
        .filter(|name| !old.contains_key(*name) && *name != "deskside")
        .cloned()
        .collect();
    let changed: Vec<String> = old
        .iter()
        .filter(|(name, version)| now.get(*name) != Some(version))
        .map(|(name, version)| format!("{name}=={version}"))
        .collect();
    if added.is_empty() && changed.is_empty() {
        return Ok(None);
    }
    if !machine.exists(uv)? {
        return Ok(Some(format!(
            "uv is gone ({uv}), so the packages of {} stay as they are",
            path.display()
        )));
    }
    marker::change(machine, path, |marker| {
        marker.packages = serde_json::from_value(before["noted"].clone()).unwrap_or_default();
    })?;
    for (verb, names, option) in [
        ("uninstall", added, None),
        ("install", changed, Some("--no-deps")),
    ] {
        if names.is_empty() {
            continue;
        }
        let argv = [uv, "pip", verb, "--python"].map(String::from);
        let argv = argv
            .into_iter()
            .chain([interpreter(path)])
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
    Ok(None)
}

fn module(machine: &dyn Machine, path: &Path, uv: &str) -> Result<Option<String>, Problem> {
    if !matches!(venv::look(machine, path)?, State::Whole(_))
        || !venv::distributions(machine, path).contains_key("deskside")
    {
        return Ok(None);
    }
    if !machine.exists(uv)? {
        return Ok(Some(format!(
            "uv is gone ({uv}), so the deskside module stays in {}",
            path.display()
        )));
    }
    marker::change(machine, path, |marker| marker.module = None)?;
    let argv = [uv, "pip", "uninstall", "--python"]
        .map(String::from)
        .into_iter()
        .chain([interpreter(path), "deskside".into()])
        .collect();
    uv_command(
        machine,
        "take the deskside module out",
        command(machine, path, argv),
        &mut |_| {},
    )?;
    Ok(None)
}
