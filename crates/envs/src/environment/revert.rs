//! Taking environment actions back.

use super::INSTALL_DEADLINE;
use super::marker;
use super::uv::{command, interpreter, uv_command};
use super::venv::{self, State};
use deskside_machine::{Acting, Machine};
use deskside_types::Problem;
use deskside_types::plan::EnvironmentAction;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Takes an action back. `memory` is what [`super::perform`] answered, or null when it was cut off.
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
