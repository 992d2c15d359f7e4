//! What a job's environment is made of, and where it is kept.
//!
//! A queued job is started by a process that has another environment than the shell it was queued from. So its environment is
//! taken along when it is queued:
//!
//! - **Variables by an allow-list** (`PATH`, `HOME`, the language, what shapes a run) and those given by `--env NAME=VALUE` are
//!   kept in the queue's file, which only its owner can read, unless they look like a secret.
//! - **All others**, API keys among them, are kept in memory only: in a file of mode 0600 in `$XDG_RUNTIME_DIR`, or else in
//!   `/dev/shm`, which are gone after a restart. The queue's file holds their names.
//! - After a restart a job whose `--env NAME` is gone is held, and says so: `queue release` in a shell that has it lets it go on.
//!   A job that did not name any starts without them.

use super::Surroundings;
use super::add::hex;
use crate::environment::shapes_a_run;
use deskside_machine::{Acting, Durability, FileKind, Machine, Reading};
use deskside_track::secrets::shown_named;
use deskside_types::{Code, Problem, Result};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Variables that every program needs.
const NAMES: &[&str] = &[
    "CURL_CA_BUNDLE",
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "MAIL",
    "PATH",
    "PWD",
    "REQUESTS_CA_BUNDLE",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV_PROMPT",
];

/// Variables that mean the place a command was typed at, and nothing behind it.
const NOT_TAKEN: &[&str] = &[
    "COLUMNS",
    "DESKSIDE_EXPERIMENT",
    "DESKSIDE_FAULT",
    "DESKSIDE_JOB",
    "DESKSIDE_KEEPER_FAULT",
    "DESKSIDE_NAME",
    "DESKSIDE_RUN",
    "DESKSIDE_SUPERVISOR",
    "DESKSIDE_SUPERVISOR_FAULT",
    "DESKSIDE_SWEEP_FAULT",
    "LINES",
    "OLDPWD",
    "SHLVL",
    "WINDOWID",
    "_",
];

/// Bytes of a vault's file that are read.
const LIMIT: u64 = 4 << 20;

/// Takes the environment of this process along.
///
/// # Errors
/// [`Code::QueueUsage`] when a variable asked for by name is not set, or there is nowhere to keep it.
pub fn take_along(
    machine: &dyn Machine,
    given: &[(String, Option<String>)],
    surroundings: &mut Surroundings,
) -> Result<()> {
    let mut others = BTreeMap::new();
    let names = machine.variables().unwrap_or_default();
    let own = names
        .into_iter()
        .filter(|name| !NOT_TAKEN.contains(&name.as_str()))
        .filter_map(|name| Some((machine.variable(&name)?, name)))
        .map(|(value, name)| (name, value));
    let mut needed = Vec::new();
    let mut asked = Vec::new();
    for (name, value) in given {
        let value = match value {
            Some(value) => value.clone(),
            None => {
                needed.push(name.clone());
                machine.variable(name).ok_or_else(|| {
                    Problem::new(
                        Code::QueueUsage,
                        format!("--env {name}: this shell has no variable {name}"),
                    )
                    .hint(format!(
                        "set it first (`export {name}=…`), or give a value: --env {name}=…"
                    ))
                })?
            }
        };
        asked.push((name.clone(), value));
    }
    let by_hand: Vec<&String> = given.iter().map(|(name, _)| name).collect();
    for (name, value) in own.chain(asked.clone()) {
        let listed = NAMES.contains(&name.as_str())
            || ["LC_", "XDG_", "UV_", "CONDA_"]
                .iter()
                .any(|start| name.starts_with(start))
            || shapes_a_run(&name)
            || by_hand.contains(&&name) && !needed.contains(&name);
        // The rule of looks has the last word: what looks like a secret is never written to the disk.
        if listed && shown_named(&name, &value) == value {
            others.remove(&name);
            surroundings.variables.insert(name, value);
        } else {
            surroundings.variables.remove(&name);
            others.insert(name, value);
        }
    }
    // Given with a value that looks like a secret: it is needed as much as one that was named.
    needed.extend(
        asked
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| others.contains_key(name)),
    );
    needed.sort();
    needed.dedup();
    surroundings.unkept = others.keys().cloned().collect();
    surroundings.needed = needed;
    surroundings.vault = if others.is_empty() {
        None
    } else {
        keep(machine, &others)
    };
    if surroundings.vault.is_none() && !surroundings.needed.is_empty() {
        return Err(Problem::new(
            Code::QueueUsage,
            format!(
                "there is nowhere to keep {} until the job starts",
                surroundings.needed.join(", ")
            ),
        )
        .because("neither XDG_RUNTIME_DIR nor /dev/shm can be used, and a secret is not written to the disk")
        .hint("let the program read it from a file of its own, for example ~/.netrc or `hf auth login`"));
    }
    Ok(())
}

/// The environment of a job, put together again: what is kept, and what is still in memory. The second answer names what was
/// asked for by name and is gone.
pub fn put_together(
    machine: &dyn Machine,
    surroundings: &Surroundings,
) -> (BTreeMap<String, OsString>, Vec<String>) {
    let kept: Option<BTreeMap<String, String>> = surroundings
        .vault
        .as_ref()
        .filter(|name| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|name| {
            places(machine, name)
                .filter(|path| is_own(machine, path))
                .find_map(|path| machine.file(path, LIMIT).ok())
        })
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let others = kept.unwrap_or_default();
    let gone = surroundings
        .needed
        .iter()
        .filter(|name| !others.contains_key(*name))
        .cloned()
        .collect();
    let all = surroundings
        .variables
        .iter()
        .chain(&others)
        .map(|(name, value)| (name.clone(), OsString::from(value)))
        .collect();
    (all, gone)
}

/// Surroundings whose kept variables are gone, with those that this process has in their place; none where nothing is
/// needed or all is there still.
///
/// # Errors
/// As [`take_along`].
pub fn renewed(machine: &dyn Machine, kept: &Surroundings) -> Result<Option<Surroundings>> {
    if kept.needed.is_empty() || is_whole(machine, kept) {
        return Ok(None);
    }
    let given: Vec<(String, Option<String>)> = kept
        .needed
        .iter()
        .map(|name| (name.clone(), None))
        .collect();
    let mut renewed = kept.clone();
    take_along(machine, &given, &mut renewed)?;
    renewed.variables.extend(kept.variables.clone());
    Ok(Some(renewed))
}

/// Whether all that was asked for by name is still there.
pub fn is_whole(machine: &dyn Machine, surroundings: &Surroundings) -> bool {
    put_together(machine, surroundings).1.is_empty()
}

/// Keeps values in memory, under a name made of them, so that ten thousand jobs of one shell share a file.
fn keep(machine: &dyn Machine, values: &BTreeMap<String, String>) -> Option<String> {
    let bytes = serde_json::to_vec(values).ok()?;
    let name = hex(&Sha256::digest(&bytes)[..16]);
    // Written anew although it may be there, unless it is young: its age says when it was last wanted. In a folder that
    // everybody may write to, the sticky bit keeps others from replacing it.
    let now = machine.now().ok()?.wall.as_second();
    let is_young = |path: &Path| {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        machine.stat(path).is_ok_and(|stat| {
            stat.size == size && (0..FORGOTTEN_AFTER / 2).contains(&(now - stat.modified))
        }) && is_own(machine, path)
    };
    let made = places(machine, &name).any(|path| {
        is_young(&path)
            || machine
                .write_file(&path, bytes.clone(), 0o600, Durability::Process)
                .is_ok()
    });
    made.then_some(name)
}

/// Where a vault may lie: in memory, gone after a restart.
fn places(machine: &dyn Machine, name: &str) -> impl Iterator<Item = PathBuf> {
    let runtime = machine
        .variable("XDG_RUNTIME_DIR")
        .filter(|path| path.starts_with('/'))
        .map(PathBuf::from);
    [runtime, Some(PathBuf::from("/dev/shm"))]
        .into_iter()
        .flatten()
        .filter(|folder| machine.exists(folder).unwrap_or(false))
        .map(|folder| folder.join(format!("deskside-variables-{name}")))
        .collect::<Vec<_>>()
        .into_iter()
}

/// A file of this person's that is closed to others; one of somebody else's is not trusted.
fn is_own(machine: &dyn Machine, path: &Path) -> bool {
    // Linux says a process's owner by the one of its folder in /proc; asking for all of a person takes several files.
    let uid = match machine.stat("/proc/self") {
        Ok(stat) => Some(stat.uid),
        Err(_) => machine.person().map(|person| person.uid).ok(),
    };
    machine.stat(path).is_ok_and(|stat| {
        stat.kind == FileKind::File && Some(stat.uid) == uid && stat.mode & 0o077 == 0
    })
}

/// A vault that nobody wanted for that long is forgotten once no job needs it.
const FORGOTTEN_AFTER: i64 = 600;

/// Takes away vaults that no job needs any more. One that somebody wanted just now may be about to get a job.
pub(crate) fn forget(machine: &dyn Machine, names: &[String]) {
    let now = machine.now().map_or(i64::MIN, |now| now.wall.as_second());
    for path in names.iter().flat_map(|name| places(machine, name)) {
        let old = machine
            .stat(&path)
            .is_ok_and(|stat| stat.modified < now - FORGOTTEN_AFTER);
        if old && is_own(machine, &path) {
            // One that stays is looked at again the next time.
            let _ = machine.remove_file(path);
        }
    }
}
