//! Root's own record of each action, so that taking it back rests on nothing that a person could have edited.

use super::message::At;
use super::{STATE, allow};
use deskside_machine::{Acting, Durability, ErrorKind, Machine, Reading};
use deskside_types::plan::Action;
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The largest record.
const LARGEST: u64 = 64 << 20;

/// An action as root carried it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What it was.
    pub action: Action,
    /// What taking it back needs.
    pub before: Value,
    /// What was known only afterwards; null when it was cut off.
    pub after: Value,
}

/// Keeps a record.
pub(crate) fn keep(machine: &dyn Machine, at: &At, record: &Record) -> Result<()> {
    let text = serde_json::to_string(record).map_err(|error| {
        Problem::new(Code::Bug, "could not note what is done as root").because(error)
    })?;
    machine.write_file(path(at)?, text, 0o600, Durability::Power)?;
    Ok(())
}

/// The record of an action; none where there is none.
pub(crate) fn read(machine: &dyn Machine, at: &At) -> Result<Option<Record>> {
    let path = path(at)?;
    let bytes = match machine.file(&path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Problem::new(
            Code::JournalUnreadable,
            format!("{} can't be read", path.display()),
        )
        .because(error)
    })
}

fn path(at: &At) -> Result<PathBuf> {
    if !allow::is_name(&at.operation.0) || !allow::is_name(&at.step) {
        return Err(Problem::new(
            Code::NeedsRoot,
            "the names of this operation are none that are kept",
        ));
    }
    Ok(Path::new(STATE)
        .join("actions")
        .join(&at.operation.0)
        .join(format!("{}-{}.json", at.step, at.action)))
}
