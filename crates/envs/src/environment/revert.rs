//! Taking environment actions back. What is left as it is, is said in words.

use super::marker::{self, Marker};
use super::uv::{command, interpreter, uv_command};
use super::venv::{self, State};
use super::{INSTALL_DEADLINE, own, prepare, restore, tree};
use crate::snapshot::Store;
use deskside_machine::{Acting, Machine, Reading};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Takes an action back; answers with what was left. `before` is what [`super::prepare`] gathered, `after` what
/// [`super::perform`] answered, or null when it failed or was cut off.
///
/// # Errors
/// When it can't be taken back and trying again may help.
pub fn undo(
    machine: &dyn Machine,
    action: &EnvironmentAction,
    before: &Value,
    after: &Value,
) -> Result<Option<String>, Problem> {
    let path = Path::new(action.path());
    let left = match action {
        EnvironmentAction::Create { .. } => creation(machine, path, before, after)?,
        EnvironmentAction::Install { uv, .. } | EnvironmentAction::Sync { uv, .. } => {
            packages(machine, path, uv, before, after)?
        }
        EnvironmentAction::Module { uv, .. } => module(machine, path, uv, before)?,
        EnvironmentAction::Restore { .. } => restore::undo(machine, action, before, after)?,
    };
    Ok((!left.is_empty()).then(|| left.join("; ")))
}

/// Whether the environment is the one that the action with this memory made.
pub fn is_made_by(machine: &dyn Machine, path: &Path, before: &Value) -> bool {
    let id = before["id"].as_str().unwrap_or_default();
    !id.is_empty() && marker::read(machine, path).is_some_and(|marker| marker.id == id)
}

fn creation(
    machine: &dyn Machine,
    path: &Path,
    before: &Value,
    after: &Value,
) -> Result<Vec<String>, Problem> {
    let shown = path.display();
    let found = before["found"].as_str().unwrap_or_default();
    let mut left = Vec::new();
    tree::clear_rubbish(machine, path)?;
    let aside = before["moved_to"].as_str().map(Path::new);
    let waiting = match aside {
        Some(aside) => machine.exists(aside)?,
        None => false,
    };
    if is_made_by(machine, path, before) {
        let marker = marker::read(machine, path).unwrap_or_default();
        let (foreign, own) = own::held(machine, path, &marker);
        if foreign.is_empty() && own.is_empty() {
            tree::discard(machine, path)?;
        } else {
            let kept = tree::beside(path, &format!(".removed-{}", marker.id));
            machine.rename(path, &kept)?;
            let what = match foreign.is_empty() {
                true => format!("files of yours ({})", own.shown()),
                false => format!(
                    "packages that Deskside did not install ({})",
                    foreign.join(", ")
                ),
            };
            left.push(format!(
                "{shown} holds {what}: it was moved to {}",
                kept.display()
            ));
        }
        if found == "broken" && aside.is_none() {
            left.push(format!(
                "the environment that was at {shown} before could not start, and is not put back"
            ));
        }
    } else {
        match venv::look(machine, path)? {
            State::Absent => {}
            // A folder with nothing in it, or half a marker: what was left of the moment before the identity was written.
            state @ (State::Empty | State::Broken { ours: true, .. })
                if state == State::Empty || marker::read(machine, path).is_none() =>
            {
                deskside_operate::clear_leftovers(machine, &marker::path(path))?;
                if found != "empty" {
                    machine.remove_tree(path)?;
                }
            }
            // It was satisfied, or cut off before anything was done, or what was moved is back already.
            _ if after["made"] == json!(false)
                || (!waiting && aside.is_some())
                || (after.is_null() && ["something", "broken"].contains(&found)) => {}
            _ => left.push(format!(
                "{shown} is not the environment that was made then, and is left as it is"
            )),
        }
    }
    if let (Some(aside), true) = (aside, waiting) {
        if machine.exists(path)? || machine.link(path).is_ok() {
            left.push(format!(
                "what was at {shown} before is kept at {}",
                aside.display()
            ));
        } else {
            machine.rename(aside, path)?;
        }
    } else if found == "empty" && !machine.exists(path)? {
        machine.create_directory(path)?;
    }
    Ok(left)
}

fn packages(
    machine: &dyn Machine,
    path: &Path,
    uv: &str,
    before: &Value,
    after: &Value,
) -> Result<Vec<String>, Problem> {
    let shown = path.display();
    if let Some(left) = by_snapshot(machine, path, uv, before, after)? {
        return Ok(left);
    }
    match venv::look(machine, path)? {
        State::Whole(_) => {}
        State::Broken { why, .. } => {
            return Ok(vec![format!(
                "{shown} can't start ({why}), so its packages stay as they are"
            )]);
        }
        _ => return Ok(Vec::new()),
    }
    let Some(old) = versions(before) else {
        return Ok(vec![format!(
            "the journal does not say which packages {shown} had: they stay as they are"
        )]);
    };
    let now = venv::distributions(machine, path);
    // Cut off, nobody knows what it came to: then all that is there now counts as its work.
    let installed = versions(after).unwrap_or_else(|| now.clone());
    let added: Vec<&String> = installed
        .keys()
        .filter(|name| !old.contains_key(*name) && now.contains_key(*name) && *name != "deskside")
        .collect();
    let mut left = Vec::new();
    let mut changed = Vec::new();
    for (name, version) in old.iter().filter(|(name, _)| *name != "deskside") {
        let put = installed.get(name);
        match now.get(name) {
            Some(there) if there == version || put == Some(version) => {}
            Some(there) if Some(there) != put => left.push(format!(
                "{name} was changed to {there} since, and is left as it is in {shown}"
            )),
            None if put == Some(version) => {}
            _ => changed.push(format!("{name}=={version}")),
        }
    }
    if !added.is_empty() || !changed.is_empty() {
        if !machine.exists(uv)? {
            left.push(format!(
                "uv is gone ({uv}), so the packages of {shown} stay as they are"
            ));
            return Ok(left);
        }
        // Half taken back, the install counts as finished no longer.
        marker::take_back(machine, path, |marker| marker.packages = None)?;
        let call = |verb: &str, words: &[String]| {
            let argv = [uv, "pip", verb, "--python"].map(String::from).into_iter();
            let argv = argv.chain([interpreter(path)]).chain(words.iter().cloned());
            let command = command(machine, path, argv.collect()).deadline(INSTALL_DEADLINE);
            uv_command(machine, "take the packages back", command, &mut |_| {})
        };
        if !added.is_empty() {
            call("uninstall", &added.into_iter().cloned().collect::<Vec<_>>())?;
        }
        left.extend(versions_back(&changed, call, path)?);
    }
    let noted: Marker = serde_json::from_value(before["marker"].clone()).unwrap_or_default();
    marker::take_back(machine, path, |marker| {
        marker.packages = noted.packages;
        marker.distributions = noted.distributions;
        marker.underway = noted.underway;
    })?;
    Ok(left)
}

fn versions(value: &Value) -> Option<BTreeMap<String, String>> {
    serde_json::from_value(value["distributions"].clone()).ok()
}

/// Brings the packages back as the snapshot of before has them, file by file; answers with what was left. None where
/// there is no such snapshot, where somebody changed the environment since, or where the snapshot can't be brought back:
/// then packages go by their versions.
fn by_snapshot(
    machine: &dyn Machine,
    path: &Path,
    uv: &str,
    before: &Value,
    after: &Value,
) -> Result<Option<Vec<String>>, Problem> {
    let (Some(earlier), Some(id)) = (before["snapshot"].as_str(), before["id"].as_str()) else {
        return Ok(None);
    };
    let Some(store) = prepare::store(machine, path) else {
        return Ok(None);
    };
    let Ok((_, snapshot)) = Store::behind(machine, &store.snapshot_folder(earlier)) else {
        return Ok(None);
    };
    if restore::was_cut_off(machine, path)?.is_some() {
        restore::recover(machine, path, &store)?;
    }
    let others = |mut there: BTreeMap<String, String>| {
        there.remove("deskside");
        there
    };
    let now = others(venv::distributions(machine, path));
    let is_ours = versions(after).is_none_or(|done| others(done) == now);
    let is_changed = versions(before).is_some_and(|old| others(old) != now);
    let restored = marker::read(machine, path).and_then(|marker| marker.restored);
    let is_begun = restored.is_some_and(|restored| restored.by == id);
    let is_wanted = is_begun || is_ours && is_changed;
    if !is_wanted || !machine.exists(uv)? {
        return Ok(None);
    }
    let left = match restore::to_snapshot(machine, path, &store, &snapshot, uv, id) {
        Ok(left) => left,
        Err(problem) if problem.code == Code::Interrupted => return Err(problem),
        Err(_) => return Ok(None),
    };
    let noted: Marker = serde_json::from_value(before["marker"].clone()).unwrap_or_default();
    marker::take_back(machine, path, |marker| {
        marker.packages = noted.packages;
        marker.module = noted.module;
        marker.distributions = noted.distributions;
        marker.underway = noted.underway;
        marker.restored = noted.restored;
    })?;
    Ok(Some(left))
}

/// Installs old versions again: all at once, else one by one, so that one that the index has no more stops no other.
fn versions_back(
    changed: &[String],
    call: impl Fn(&str, &[String]) -> Result<(), Problem>,
    path: &Path,
) -> Result<Vec<String>, Problem> {
    let mut left = Vec::new();
    let install =
        |wanted: &[String]| match call("install", &[&["--no-deps".into()], wanted].concat()) {
            Err(problem) if problem.code == Code::Interrupted => Err(problem),
            other => Ok(other.err()),
        };
    if changed.is_empty() || install(changed)?.is_none() {
        return Ok(left);
    }
    for wanted in changed {
        if let Some(problem) = install(std::slice::from_ref(wanted))? {
            let why = problem.causes.first().cloned().unwrap_or(problem.message);
            left.push(format!(
                "{wanted} could not be put back into {} ({why})",
                path.display()
            ));
        }
    }
    Ok(left)
}

fn module(
    machine: &dyn Machine,
    path: &Path,
    uv: &str,
    before: &Value,
) -> Result<Vec<String>, Problem> {
    if !matches!(venv::look(machine, path)?, State::Whole(_)) {
        return Ok(Vec::new());
    }
    let shown = path.display();
    let now = venv::distributions(machine, path).remove("deskside");
    let old = before["distributions"]["deskside"].as_str();
    let mut left = Vec::new();
    // An exact sync of the same operation took it out, and this put it in again: it was there before.
    let noted: Marker = serde_json::from_value(before["marker"].clone()).unwrap_or_default();
    let same = marker::read(machine, path).and_then(|marker| marker.module);
    if now.is_some() && old.is_none() && noted.module.is_some() && noted.module == same {
        return Ok(left);
    }
    if now.is_some() && now.as_deref() != old {
        if !machine.exists(uv)? {
            return Ok(vec![format!(
                "uv is gone ({uv}), so the deskside module stays in {shown}"
            )]);
        }
        marker::take_back(machine, path, |marker| marker.module = None)?;
        let argv = [uv, "pip", "uninstall", "--python"].map(String::from);
        let argv = argv
            .into_iter()
            .chain([interpreter(path), "deskside".into()]);
        uv_command(
            machine,
            "take the deskside module out",
            command(machine, path, argv.collect()),
            &mut |_| {},
        )?;
        if let Some(old) = old {
            left.push(format!(
                "the deskside module {old} that was in {shown} before is not put back: `deskside up` puts one in"
            ));
        }
    }
    let noted: Marker = serde_json::from_value(before["marker"].clone()).unwrap_or_default();
    let same = now.is_some() && now.as_deref() == old;
    marker::take_back(machine, path, |marker| {
        marker.module = noted.module.filter(|_| same);
    })?;
    Ok(left)
}
