//! What the environment was made from: the framework build that was chosen, and the project's lock file.

use crate::request::BuildRecord;
use deskside_machine::command::without_credentials;
use deskside_machine::{Acting, Durability, ErrorKind, Machine, Reading};
use deskside_track::Folder;
use deskside_track::secrets::shown_command;
use std::path::Path;

/// Bytes of a `uv.lock` that are kept; those of large projects have a few million.
const LARGEST_LOCK: u64 = 16 << 20;

/// Writes the build, credentials of its indexes left out.
pub(crate) fn keep_build(
    machine: &dyn Machine,
    build: &BuildRecord,
    folder: &Folder,
) -> Result<(), String> {
    let shown = BuildRecord {
        requirements: shown_command(&build.requirements),
        arguments: shown_command(&build.arguments),
        ..build.clone()
    };
    let text = toml::to_string(&shown).map_err(|error| error.to_string())?;
    machine
        .write_file(folder.build(), text, 0o644, Durability::Process)
        .map_err(|error| error.reason())
}

/// Copies the `uv.lock` of the project around a folder: the nearest one up to the root of its repository.
pub(crate) fn keep_lock(
    machine: &dyn Machine,
    directory: &Path,
    folder: &Folder,
) -> Result<(), String> {
    let is_root = |path: &Path| machine.exists(path.join(".git")).unwrap_or(false);
    let depth = directory.ancestors().position(is_root).unwrap_or(0);
    for place in directory.ancestors().take(depth + 1) {
        match machine.file(place.join("uv.lock"), LARGEST_LOCK) {
            Ok(bytes) => {
                let text = without_credentials(&String::from_utf8_lossy(&bytes));
                return machine
                    .write_file(folder.lock(), text, 0o644, Durability::Process)
                    .map_err(|error| error.reason());
            }
            Err(error) if error.kind == ErrorKind::Absent => {}
            Err(error) => return Err(error.reason()),
        }
    }
    Ok(())
}
