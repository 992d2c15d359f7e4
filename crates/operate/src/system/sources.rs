//! Sources of packages and the keys they are signed with (sources.list(5)).

use super::{names, tools};
use crate::Workshop;
use crate::journal::OperationId;
use crate::kept::{FileBefore, clear_leftovers, keep_file, restore_file};
use deskside_machine::openpgp;
use deskside_machine::{Acting, Durability, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Folders whose keys count only where a source names them.
const KEYRINGS: [&str; 2] = ["/usr/share/keyrings/", "/etc/apt/keyrings/"];
/// A key that signs an archive has a few thousand bytes.
const LARGEST_KEY: u64 = 1 << 20;
const DEADLINE: Duration = Duration::from_secs(60);

/// The file of a source.
///
/// # Errors
/// When the name is none that apt reads.
fn source_file(name: &str) -> Result<String> {
    names::plain("package source", name)?;
    if name.ends_with(".sources") || name.ends_with(".list") {
        Ok(format!("/etc/apt/sources.list.d/{name}"))
    } else {
        Err(Problem::new(
            Code::Bug,
            format!("apt reads no source from a file named {name}"),
        ))
    }
}

/// Keeps the source's file as it was.
///
/// # Errors
/// When it can't be kept.
pub fn prepare_source(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    place: &str,
    name: &str,
    contents: &str,
) -> Result<Value> {
    tools::note(&keep_file(
        workshop.machine,
        &workshop.state,
        operation,
        place,
        Path::new(&source_file(name)?),
        Some(contents.as_bytes()),
    )?)
}

/// Writes it.
///
/// # Errors
/// When it can't be written.
pub fn perform_source(machine: &dyn Machine, name: &str, contents: &str) -> Result<Value> {
    let path = source_file(name)?;
    clear_leftovers(machine, Path::new(&path))?;
    machine.write_file(&path, contents, 0o644, Durability::Power)?;
    Ok(Value::Null)
}

/// Puts the file back as it was.
///
/// # Errors
/// When it can't be written.
pub fn revert_source(machine: &dyn Machine, name: &str, before: &Value) -> Result<Option<String>> {
    let was: FileBefore = tools::noted(before, "the package source")?;
    restore_file(machine, Path::new(&source_file(name)?), &was)
}

/// Keeps the key's file as it was.
///
/// # Errors
/// When it lies outside the folders of keyrings, or can't be kept.
pub fn prepare_key(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    place: &str,
    path: &str,
) -> Result<Value> {
    let name = KEYRINGS.iter().find_map(|folder| path.strip_prefix(folder));
    names::plain("keyring", name.unwrap_or_default())?;
    tools::note(&keep_file(
        workshop.machine,
        &workshop.state,
        operation,
        place,
        Path::new(path),
        None,
    )?)
}

/// Fetches the key, looks that it is the one that is meant and no other beside it, and writes it.
///
/// # Errors
/// When it can't be fetched, or is another one; then nothing is written.
pub fn perform_key(
    machine: &dyn Machine,
    path: &str,
    fingerprint: &str,
    url: &str,
) -> Result<Value> {
    let response = machine.fetch(url, "*/*", LARGEST_KEY, DEADLINE)?;
    let refused = |because: String| {
        Problem::new(
            Code::HashMismatch,
            format!("the key at {url} is not the one that is meant"),
        )
        .because(because)
        .hint("run the same command again; if it stays, a proxy changes files, or the archive has a new key: look at its own documentation")
    };
    let keys = openpgp::read(&response.body).map_err(refused)?;
    let wanted: String = fingerprint
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    if keys.fingerprints != [wanted.as_str()] {
        return Err(refused(format!(
            "its fingerprint is {}, and {wanted} is expected",
            keys.fingerprints.join(" and ")
        )));
    }
    // apt takes armoured keys only under a name that says so.
    let contents = if path.ends_with(".asc") {
        if response.body.first().is_some_and(|byte| byte & 0x80 != 0) {
            return Err(refused(
                "it is binary, and the file's name says that it is armoured".into(),
            ));
        }
        response.body
    } else {
        keys.binary
    };
    clear_leftovers(machine, Path::new(path))?;
    let written = crate::sha256_hex(&contents);
    machine.write_file(path, contents, 0o644, Durability::Power)?;
    Ok(json!({ "written": written }))
}

/// Puts the file back as it was.
///
/// # Errors
/// When it can't be written.
pub fn revert_key(
    machine: &dyn Machine,
    path: &str,
    before: &Value,
    after: &Value,
) -> Result<Option<String>> {
    let mut was: FileBefore = tools::noted(before, "the key")?;
    was.written = after["written"].as_str().map(String::from);
    restore_file(machine, Path::new(path), &was)
}
