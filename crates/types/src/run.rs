//! A run: one execution of a command, tracked. Its folder is the truth; these are the files' contents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the run folder this program writes. It reads every older one.
pub const RUN_FOLDER_VERSION: u32 = 1;

/// A run's identity: sortable by time, unique on one machine, short enough to say.
///
/// `YYYYMMDD-HHMMSS-xxxx` (UTC and four letters or digits), for example `20261125-150102-k7mq`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct RunId(pub String);

impl RunId {
    /// The identity made of a moment and 20 random bits.
    pub fn new(at: jiff::Timestamp, random: u32) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let stamp = at.strftime("%Y%m%d-%H%M%S");
        let tail: String = (0..4)
            .map(|place| ALPHABET[(random >> (place * 5) & 31) as usize] as char)
            .collect();
        Self(format!("{stamp}-{tail}"))
    }

    /// Whether a text has the shape of a run identity; such a name is safe as a folder name.
    pub fn is_valid(text: &str) -> bool {
        let bytes = text.as_bytes();
        (4..=64).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_')
            && bytes[0].is_ascii_alphanumeric()
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// `run.toml`: what a run is. Written once, before the command starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// The run folder's version.
    pub version: u32,
    /// Its identity.
    pub id: RunId,
    /// A name for people; need not be unique.
    pub name: String,
    /// The group of runs it belongs to, as MLflow has it.
    pub experiment: String,
    /// When it was made, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub created_at: jiff::Timestamp,
    /// The command, program first. Bytes that are no UTF-8 are shown as U+FFFD.
    pub argv: Vec<String>,
    /// The folder it runs in.
    pub working_directory: String,
    /// The project's folder, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Parameters read from the command line (`--lr 3e-4`) or given by hand, as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Free words for finding it again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where it runs.
    pub place: Place,
    /// The code it ran, where the folder is under version control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeState>,
    /// Environment variables that shape a run, by an allow-list. Never secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The machine in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<RunMachine>,
}

/// Where a run runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Place {
    /// This machine.
    Here,
}

/// The state of the code when the run was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeState {
    /// The commit.
    pub commit: String,
    /// The branch, where one is checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Files differ from the commit; `code/diff.patch` in the run folder says how.
    pub dirty: bool,
    /// Files that git does not track and does not ignore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untracked: Vec<String>,
    /// Files that differ and whose names say that they hold secrets: `code/diff.patch` is without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// The machine a run ran on, in a few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunMachine {
    /// The operating system, for example `Ubuntu 22.04.5 LTS`.
    pub os: String,
    /// The processor.
    pub cpu: String,
    /// Accelerators by name.
    #[serde(default)]
    pub gpus: Vec<String>,
}

/// A process that can be told from a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessIdentity {
    /// Its number.
    pub pid: u32,
    /// Its start, in clock ticks since boot (Linux `/proc/PID/stat` field 22) or microseconds of the epoch (macOS).
    pub start_time: u64,
    /// The boot it belongs to (Linux `/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
}

/// `state`: where a run is in its life. Replaced whole, by rename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateRecord {
    /// The state.
    #[serde(flatten)]
    pub state: RunState,
    /// When the command was started, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub started_at: Option<jiff::Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<jiff::Timestamp>,
}

/// The states of a run. Impossible mixtures can't be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RunState {
    /// Waiting its turn.
    Queued,
    /// The folder is there, the command is about to start.
    Starting {
        /// The process that will start it.
        supervisor: ProcessIdentity,
    },
    /// The command runs.
    Running {
        /// The command's own process.
        process: ProcessIdentity,
        /// The process that watches it; absent when training code made the run itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supervisor: Option<ProcessIdentity>,
    },
    /// It ended by itself.
    Finished {
        /// How.
        #[serde(flatten)]
        exit: RunExit,
    },
    /// It was ended: by a person, or by its timeout.
    Stopped {
        /// How it ended then.
        #[serde(flatten)]
        exit: RunExit,
        /// In words, why; absent in the foreground.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It never started.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was ended with the machine, or with its session.
    Interrupted,
    /// Its supervisor died, so that nobody saw its end.
    ExitUnknown {
        /// A process of the run that is still alive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        survivor: Option<ProcessIdentity>,
    },
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunExit {
    /// With an exit code.
    ExitCode(i32),
    /// By a signal.
    Signal(i32),
}

impl RunExit {
    /// The code a shell would show: the exit code, or 128 + the signal.
    pub fn shell_code(self) -> i32 {
        match self {
            Self::ExitCode(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl RunState {
    /// The state's word, the same in files, JSON and on the screen.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting { .. } => "starting",
            Self::Running { .. } => "running",
            Self::Finished { .. } => "finished",
            Self::Stopped { .. } => "stopped",
            Self::Failed { .. } => "failed",
            Self::Interrupted => "interrupted",
            Self::ExitUnknown { .. } => "exit-unknown",
        }
    }

    /// Nothing more will happen to it. Of one whose supervisor died, a process may go on.
    pub fn is_over(&self) -> bool {
        !matches!(
            self,
            Self::Queued
                | Self::Starting { .. }
                | Self::Running { .. }
                | Self::ExitUnknown { survivor: Some(_) }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_sort_by_time_and_are_safe_names() {
        let early = RunId::new(jiff::Timestamp::UNIX_EPOCH, 0xfffff);
        let late = RunId::new("2026-11-25T15:01:02Z".parse().unwrap(), 0);
        assert!(early < late);
        assert_eq!(late.0, "20261125-150102-aaaa");
        assert!(RunId::is_valid(&late.0));
        for hostile in ["", "..", "../../etc", "a/b", "-rf", "a b", &"x".repeat(65)] {
            assert!(!RunId::is_valid(hostile), "{hostile}");
        }
    }
}
