//! The single items a bundle holds, each a value or an outcome.

use crate::command::Output;
use crate::error::{DoorError, ErrorKind};
use crate::question::{FileKind, Space};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What stands at a path of `fs/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file with its bytes.
    File {
        /// Its content.
        contents: Vec<u8>,
        /// It may be executed.
        executable: bool,
    },
    /// A folder.
    Directory,
    /// A symbolic link and where it leads.
    Link(PathBuf),
}

impl Node {
    /// A file that can't be executed.
    pub fn file(contents: impl Into<Vec<u8>>) -> Self {
        Self::File {
            contents: contents.into(),
            executable: false,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> FileKind {
        match self {
            Self::File { .. } => FileKind::File,
            Self::Directory => FileKind::Directory,
            Self::Link(_) => FileKind::Link,
        }
    }
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `absent`, `denied`, `timeout`, `not-asked` or `failed`.
    pub kind: ErrorKind,
    /// In words, where the kind's own words are not enough.
    pub detail: Option<String>,
}

impl Outcome {
    /// An outcome in its kind's own words.
    pub fn of(kind: ErrorKind) -> Self {
        Self { kind, detail: None }
    }

    /// The outcome of a failure.
    pub fn from_error(error: &DoorError) -> Self {
        Self {
            kind: error.kind,
            detail: (error.detail != words(error.kind)).then(|| error.detail.clone()),
        }
    }

    /// The failure it stands for.
    pub fn error(&self, what: String) -> DoorError {
        DoorError::new(
            self.kind,
            what,
            self.detail.as_deref().unwrap_or(words(self.kind)),
        )
    }

    /// Holds for everything below a path, too. That a file could not be read says nothing of others.
    pub fn is_inherited(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Absent | ErrorKind::Denied | ErrorKind::Timeout | ErrorKind::NotAsked
        )
    }
}

/// A kind's own words, the same that the real machine uses.
pub(crate) fn words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Absent => "no such file or folder",
        ErrorKind::Denied => "permission denied",
        ErrorKind::Timeout => "no answer in time",
        ErrorKind::NotAsked => "not recorded in this bundle",
        ErrorKind::Full => "no space left",
        ErrorKind::ReadOnly => "the file system is read-only",
        _ => "failed",
    }
}

/// What is known of a path beside its content; every field may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(default)]
pub struct StatRecord {
    /// Its kind, links followed.
    pub kind: Option<FileKind>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// The owner's number.
    pub uid: Option<u32>,
    /// The group's number.
    pub gid: Option<u32>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Last change, seconds of the Unix epoch.
    pub modified: Option<i64>,
    /// The asker could read it.
    pub readable: Option<bool>,
    /// The asker could write it.
    pub writable: Option<bool>,
    /// `fs/` holds only its beginning.
    pub partial: bool,
}

/// Space on the file system of a path, or why it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpaceRecord {
    /// Measured.
    Space(Space),
    /// Not measured.
    Outcome(Outcome),
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandRecord {
    /// It ran.
    Output(Output),
    /// It did not.
    Outcome(Outcome),
}

/// Environment variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variables {
    /// Those whose value is known.
    pub values: BTreeMap<String, String>,
    /// Those that are set, with a value that was not asked for or was taken out.
    pub set: BTreeSet<String>,
    /// Those that were looked for and are not set.
    pub absent: BTreeSet<String>,
    /// All others are not set.
    pub complete: bool,
}
