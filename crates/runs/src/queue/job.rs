//! A job: a command that waits its turn, and all that is to be known to start it without whoever queued it.

use crate::schedule::{Claim, Window};
use deskside_types::run::CodeState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// A word of a command: text, or bytes that are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Word {
    /// UTF-8 text.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
}

impl From<&OsStr> for Word {
    fn from(word: &OsStr) -> Self {
        match word.to_str() {
            Some(text) => Self::Text(text.into()),
            None => Self::Bytes(word.as_bytes().into()),
        }
    }
}

impl Word {
    /// As the operating system takes it.
    pub fn os(&self) -> OsString {
        match self {
            Self::Text(text) => text.into(),
            Self::Bytes(bytes) => OsString::from_vec(bytes.clone()),
        }
    }

    /// As it is shown: bytes that are no UTF-8 as U+FFFD.
    pub fn shown(&self) -> String {
        self.os().to_string_lossy().into_owned()
    }
}

/// What happens to a job whose machine was shut down or restarted under it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It is over: interrupted.
    #[default]
    Never,
    /// It is queued again, in its old place.
    OnReboot,
}

/// What is to be run. Kept in the queue as JSON; fields may be added, with a default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// The command, program first.
    pub argv: Vec<Word>,
    /// A name given by a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The group of runs it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// Parameters given by hand.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// How often it is started again after it failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// Milliseconds after which it is ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Milliseconds between the request to end and the killing, where it is not the usual span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_ms: Option<u64>,
    /// After a restart of the machine.
    pub restart: Restart,
    /// How it is changed and started again when it ran out of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_oom: Option<crate::supervise::OnOom>,
    /// Who is told of its end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
    /// Milliseconds between two samples of what it takes; 0 for none, and the usual span where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ms: Option<u64>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Spec {
    /// The command as it may be shown and written down: without what looks like a secret.
    pub fn shown(&self) -> Vec<String> {
        let words: Vec<String> = self.argv.iter().map(Word::shown).collect();
        deskside_track::secrets::shown_command(&words)
    }
}

/// Where a job runs and with which variables; jobs queued together share it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// The folder it runs in.
    pub directory: PathBuf,
    /// The project it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<PathBuf>,
    /// The virtual environment it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<PathBuf>,
    /// Variables by an allow-list, and those given by hand that look like no secret.
    pub variables: BTreeMap<String, String>,
    /// Names of the other variables, whose values are only kept in memory: see [`crate::queue::vault`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unkept: Vec<String>,
    /// Of these the ones that were asked for by name: without them it does not start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// The vault their values are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// Variables that the environment's framework build wants; `None` takes one away.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub build_variables: BTreeMap<String, Option<String>>,
    /// The framework build of its environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<crate::BuildRecord>,
    /// The code as it was; none where it runs in the folder as that is by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<KeptCode>,
}

/// Code that is kept for jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptCode {
    /// The name of the kept tree: git's own hash of it.
    pub tree: String,
    /// The repository's folder.
    pub root: PathBuf,
    /// Its commit and how it differed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CodeState>,
}

/// A job about to be added.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct New {
    /// What is to be run.
    pub spec: Spec,
    /// A greater one comes first.
    pub priority: i32,
    /// Not before this moment, in milliseconds of the epoch.
    pub ready_at: i64,
    /// Hours of the day in which it must not start.
    pub window: Option<Window>,
    /// What it takes of the machine.
    pub claim: Claim,
    /// Jobs it waits for: numbers, and whether their good end is needed. Negative numbers are places in the same call, -1 the
    /// first.
    pub after: Vec<(i64, bool)>,
    /// It waits for a release, too.
    pub held: bool,
}
