//! What was at a path before, kept so that it can come back.

use crate::journal::OperationId;
use crate::sha256_hex;
use deskside_machine::{Acting, Durability, ErrorKind, FileKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Files larger than this are not replaced by a plan.
pub(crate) const LARGEST_KEPT: u64 = 256 << 20;
/// Bytes of a file's name in the name of the half-written file beside it.
const LONGEST_NAME: usize = 220;

/// What stood at a file's path before it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileBefore {
    /// Where the old contents are kept; none when there was no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
    /// Its permission bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// SHA-256 of what is written, so that a person's later change is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The uppermost folder that had to be made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<PathBuf>,
}

/// Keeps what is at `path` before it is replaced.
pub(crate) fn keep_file(
    machine: &dyn Machine,
    state: &Path,
    operation: &OperationId,
    name: &str,
    path: &Path,
    written: Option<&[u8]>,
) -> Result<FileBefore> {
    let made = uppermost_missing(machine, path)?;
    let written = written.map(sha256_hex);
    match machine.stat(path) {
        Err(error) if error.kind == ErrorKind::Absent => Ok(FileBefore {
            kept: None,
            mode: None,
            written,
            made,
        }),
        Err(error) => Err(error.into()),
        Ok(stat) if stat.kind != FileKind::File => Err(Problem::new(
            Code::Effect,
            format!("{} is in the way: it is no regular file", path.display()),
        )
        .hint("move it elsewhere and run the same command again")),
        Ok(stat) if stat.size > LARGEST_KEPT => Err(Problem::new(
            Code::Effect,
            format!(
                "{} is too large to be replaced with a way back",
                path.display()
            ),
        )),
        Ok(stat) => {
            let contents = machine.file(path, LARGEST_KEPT)?;
            let kept = state.join("kept").join(&operation.0).join(name);
            machine.write_file(&kept, contents, 0o600, Durability::Power)?;
            Ok(FileBefore {
                kept: Some(kept),
                mode: Some(stat.mode),
                written,
                made,
            })
        }
    }
}

/// Puts back what was there. Returns what was left as it is, and why.
pub(crate) fn restore_file(
    machine: &dyn Machine,
    path: &Path,
    before: &FileBefore,
) -> Result<Option<String>> {
    let present = match machine.file(path, LARGEST_KEPT) {
        Ok(contents) => Some(contents),
        Err(error) if error.kind == ErrorKind::Absent => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(present) = present {
        let changed = before
            .written
            .as_ref()
            .is_some_and(|written| sha256_hex(&present) != *written);
        let already_back = match &before.kept {
            Some(kept) => machine
                .file(kept, LARGEST_KEPT)
                .is_ok_and(|old| old == present),
            None => false,
        };
        if changed && !already_back {
            return Ok(Some(format!(
                "{} was changed since, and is left as it is",
                path.display()
            )));
        }
        if before.kept.is_none() {
            machine.remove_file(path)?;
        }
    }
    clear_leftovers(machine, path)?;
    if let Some(kept) = &before.kept {
        let old = machine.file(kept, LARGEST_KEPT)?;
        machine.write_file(path, old, before.mode.unwrap_or(0o644), Durability::Power)?;
    } else {
        remove_made_folders(machine, path, before.made.as_deref())?;
    }
    Ok(None)
}

/// The uppermost folder above `path` that is not there.
pub(crate) fn uppermost_missing(machine: &dyn Machine, path: &Path) -> Result<Option<PathBuf>> {
    let mut missing = None;
    for folder in path.ancestors().skip(1) {
        if folder.as_os_str().is_empty() || machine.exists(folder)? {
            break;
        }
        missing = Some(folder.to_path_buf());
    }
    Ok(missing)
}

/// Removes the folders that were made for `path`, from below, as long as they are empty.
pub(crate) fn remove_made_folders(
    machine: &dyn Machine,
    path: &Path,
    uppermost: Option<&Path>,
) -> Result<()> {
    let Some(uppermost) = uppermost else {
        return Ok(());
    };
    for folder in path
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(uppermost))
    {
        match machine.entries(folder) {
            Ok(entries) if entries.is_empty() => machine.remove_tree(folder)?,
            Ok(_) => break,
            Err(error) if error.kind == ErrorKind::Absent => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Removes the half-written files that a killed process left beside `path`: `.NAME.deskside-` and 16 hex digits.
/// The caller holds the lock, so that nobody is writing them.
///
/// # Errors
/// When the folder can't be listed or a file can't be removed.
pub fn clear_leftovers(machine: &dyn Machine, path: &Path) -> Result<()> {
    // A write goes where a link leads, and so do its leftovers.
    let path = machine
        .real_path(path)
        .unwrap_or_else(|_| path.to_path_buf());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    // A long name is cut, so that the whole stays within what file systems take.
    let name = name.as_encoded_bytes();
    let name = String::from_utf8_lossy(&name[..name.len().min(LONGEST_NAME)]);
    let beginning = format!(".{name}.deskside-");
    let entries = match machine.entries(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let is_leftover = entry.name.strip_prefix(&beginning).is_some_and(|tail| {
            tail.len() == 16 && tail.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if is_leftover && entry.kind != FileKind::Directory {
            machine.remove_file(folder.join(&entry.name))?;
        }
    }
    Ok(())
}

/// Whether anything is at a path, a link that leads nowhere included.
pub(crate) fn is_there(machine: &dyn Machine, path: impl AsRef<Path>) -> Result<bool> {
    Ok(machine.exists(&path)? || machine.link(&path).is_ok())
}
