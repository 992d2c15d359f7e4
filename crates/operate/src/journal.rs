//! The journal: what was done, written before and after each effect, one file an operation.
//!
//! A file holds one JSON object a line and is only ever appended to, synced to disk. Every entry
//! begins on a new line, so that one that was cut off by a power failure spoils no other: such a
//! line is passed over. Anything else that can't be read is an error.

use deskside_machine::{Acting, Durability, Entry as FolderEntry, ErrorKind, Machine, Reading};
use deskside_types::plan::Plan;
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The version of the journal this program writes.
pub const JOURNAL_VERSION: u32 = 1;

/// An operation's identity: the second it began in, and a random tail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub String);

impl std::fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub enum Entry {
    /// The operation begins.
    Begin {
        /// The journal's version.
        version: u32,
        /// When.
        at: jiff::Timestamp,
        /// The unfinished attempt at the same wish that this one goes on with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continues: Option<OperationId>,
        /// The whole plan.
        plan: Plan,
    },
    /// A step was satisfied already.
    Satisfied {
        /// Its id.
        step: String,
    },
    /// An action is about to be carried out.
    ActionBegin {
        /// The step's id.
        step: String,
        /// The action's place in it.
        action: usize,
        /// What taking it back needs, known before.
        before: Value,
    },
    /// It was carried out.
    ActionDone {
        /// The step's id.
        step: String,
        /// The action's place in it.
        action: usize,
        /// What taking it back needs, known only afterwards.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        after: Value,
    },
    /// A step was proven.
    StepDone {
        /// Its id.
        step: String,
    },
    /// An action was taken back.
    ActionUndone {
        /// The step's id.
        step: String,
        /// The action's place in it.
        action: usize,
        /// What was left as it is, and why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<String>,
    },
    /// The operation ended, or its taking back did.
    End {
        /// When.
        at: jiff::Timestamp,
        /// How: `done`, `failed`, `interrupted`, `undone`.
        outcome: String,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<Box<Problem>>,
    },
}

/// The folder of journals.
pub fn folder(state: &Path) -> PathBuf {
    state.join("journal")
}

/// Adds a line, synced to disk.
///
/// # Errors
/// When it can't be written: then the effect it announces must not happen.
pub fn append(
    machine: &dyn Machine,
    state: &Path,
    operation: &OperationId,
    entry: &Entry,
) -> Result<()> {
    let mut line = vec![b'\n'];
    serde_json::to_writer(&mut line, entry).map_err(|error| {
        Problem::new(Code::Bug, "could not write a journal entry as JSON").because(error)
    })?;
    line.push(b'\n');
    machine
        .append_file(file(state, operation), line, Durability::Power)
        .map_err(|error| {
            Problem::from(error).within("could not write the journal, so nothing more was changed")
        })
}

/// Every operation's identity.
///
/// # Errors
/// When the folder is there and can't be listed.
pub fn operations(machine: &dyn Machine, state: &Path) -> Result<Vec<OperationId>> {
    let entries: Vec<FolderEntry> = match machine.entries(folder(state)) {
        Ok(entries) => entries,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    Ok(entries
        .iter()
        .filter_map(|entry| entry.name.strip_suffix(".jsonl"))
        .map(|name| OperationId(name.to_string()))
        .collect())
}

/// The lines of one operation.
///
/// # Errors
/// When it is damaged before its last line, or from a newer version.
pub fn read(machine: &dyn Machine, state: &Path, operation: &OperationId) -> Result<Vec<Entry>> {
    let path = file(state, operation);
    let bytes = machine.file(&path, 64 << 20)?;
    let damaged = |line: usize, error: &dyn std::fmt::Display| {
        Problem::new(
            Code::JournalUnreadable,
            format!(
                "the journal {} can't be read at line {line}",
                path.display()
            ),
        )
        .because(error)
        .hint("keep the file for a bug report and move it out of the folder to go on")
    };
    let mut entries = Vec::new();
    for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Entry>(line) {
            Ok(Entry::Begin { version, .. }) if version > JOURNAL_VERSION => {
                return Err(Problem::new(
                    Code::JournalUnreadable,
                    format!("the journal {} was written by a newer Deskside (version {version}, this one reads {JOURNAL_VERSION})", path.display()),
                )
                .hint("use the newer Deskside, or move the file out of the folder"));
            }
            Ok(entry) => entries.push(entry),
            Err(error) if error.is_eof() => {}
            Err(error) => return Err(damaged(place + 1, &error)),
        }
    }
    Ok(entries)
}

fn file(state: &Path, operation: &OperationId) -> PathBuf {
    folder(state).join(format!("{operation}.jsonl"))
}
