//! The simulated dpkg at work: unpacking, configuring, removing, and being killed in between.

use super::database::{Database, Entry};
use super::resolve::Transaction;
use super::{KILLED_AFTER, Package};
use crate::sim::{SimState, output};
use deskside_machine::Output;

/// How dpkg says that a set-up failed.
pub(super) fn failure(name: &str) -> String {
    format!(
        "dpkg: error processing package {name} (--configure):\n installed {name} package post-installation script subprocess returned error exit status 10\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n"
    )
}

/// Whether it is killed before the next change.
fn is_killed(state: &mut SimState) -> bool {
    let Some(text) = state
        .contents(KILLED_AFTER)
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    else {
        return false;
    };
    match text.trim().parse::<u32>() {
        Ok(0) | Err(_) => {
            state.remove(KILLED_AFTER);
            true
        }
        Ok(count) => {
            state.put_file(KILLED_AFTER, (count - 1).to_string());
            false
        }
    }
}

pub(super) fn carry_out(
    state: &mut SimState,
    database: &mut Database,
    transaction: &Transaction,
    archive: &[Package],
) -> Output {
    let killed = || output(137, "", "");
    for name in &transaction.named {
        if let Some(entry) = database.get_mut(name) {
            entry.automatic = false;
        }
    }
    for name in &transaction.remove {
        if is_killed(state) {
            return killed();
        }
        remove(state, database, name);
        if transaction.purge {
            if is_killed(state) {
                return killed();
            }
            purge(state, database, name);
        }
    }
    for package in &transaction.install {
        if is_killed(state) {
            return killed();
        }
        let fresh = !database.is_there(&package.name);
        unpack(state, database, package);
        if fresh
            && !transaction.named.contains(&package.name)
            && let Some(entry) = database.get_mut(&package.name)
        {
            entry.automatic = true;
        }
    }
    if is_killed(state) {
        return killed();
    }
    match configure_pending(database, archive) {
        Some(name) => output(100, "", failure(&name)),
        None => output(0, "", ""),
    }
}

pub(super) fn unpack(state: &mut SimState, database: &mut Database, package: &Package) {
    let before = database.get(&package.name).cloned();
    if let Some(before) = &before {
        for path in &before.files {
            state.remove(path);
        }
    }
    for (path, contents) in &package.files {
        state.put_file(path, contents.as_str());
    }
    for (path, contents) in &package.settings {
        // As --force-confold has it: what a person changed stays.
        let known = before
            .as_ref()
            .is_some_and(|before| before.settings.contains(path));
        if !known || state.contents(path).is_none() {
            state.put_file(path, contents.as_str());
        }
    }
    database.insert(
        &package.name,
        Entry {
            version: package.version.clone(),
            state: "unpacked".into(),
            held: before.as_ref().is_some_and(|before| before.held),
            automatic: before
                .as_ref()
                .is_some_and(|before| before.automatic && before.is_there()),
            settings: package
                .settings
                .iter()
                .map(|(path, _)| path.clone())
                .collect(),
            files: package.files.iter().map(|(path, _)| path.clone()).collect(),
        },
    );
}

/// Configures one package, unless its set-up fails or what it needs is not there.
pub(super) fn configure(database: &mut Database, package: &Package) -> bool {
    if !package
        .depends
        .iter()
        .all(|needed| database.is_there(needed))
    {
        return false;
    }
    if let Some(entry) = database.get_mut(&package.name) {
        entry.state = if package.fails {
            "half-configured"
        } else {
            "installed"
        }
        .into();
    }
    !package.fails
}

/// Configures all that waits; answers which failed.
pub(super) fn configure_pending(database: &mut Database, archive: &[Package]) -> Option<String> {
    let waiting: Vec<(String, String)> = database
        .iter()
        .filter(|(_, entry)| ["unpacked", "half-configured"].contains(&entry.state.as_str()))
        .map(|(name, entry)| (name.clone(), entry.version.clone()))
        .collect();
    let mut failed = None;
    for (name, version) in waiting {
        let package = archive
            .iter()
            .find(|package| package.name == name && package.version == version)
            .cloned()
            .unwrap_or_else(|| Package::new(&name, &version));
        if !configure(database, &package) {
            failed = Some(name);
        }
    }
    failed
}

fn remove(state: &mut SimState, database: &mut Database, name: &str) {
    let Some(entry) = database.get_mut(name) else {
        return;
    };
    let files = std::mem::take(&mut entry.files);
    entry.state = "config-files".into();
    entry.automatic = false;
    let nothing_left = entry.settings.is_empty();
    for path in files {
        state.remove(path);
    }
    if nothing_left {
        database.remove(name);
    }
}

fn purge(state: &mut SimState, database: &mut Database, name: &str) {
    if let Some(entry) = database.get(name) {
        for path in &entry.settings {
            state.remove(path);
        }
        database.remove(name);
    }
}
