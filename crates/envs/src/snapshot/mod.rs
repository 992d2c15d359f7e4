//! Snapshots: what an environment was at a moment, so that it can be compared with what it is, and brought back.

pub mod available;
pub mod compare;
pub mod damage;
pub mod home;
pub mod numbering;
pub mod origin;
pub mod python;
pub mod recipe;
pub mod record;
pub mod store;
pub mod take;
pub mod unclaimed;
pub mod walk;

pub use compare::{Difference, difference};
pub use store::{Choice, Local, Parts, Store};
pub use take::{Taken, Taking, salvage, take};

use crate::environment::marker::Finished;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the snapshot format.
pub const SNAPSHOT_VERSION: u32 = 1;

/// An environment as it was at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The format's version.
    pub version: u32,
    /// Its identity, which is also its folder's name.
    pub id: String,
    /// When it was taken, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub taken_at: jiff::Timestamp,
    /// What led to it, in a phrase: `env add numpy`.
    pub reason: String,
    /// The operation of the history that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The project's folder.
    pub project: String,
    /// The environment's folder.
    pub environment: String,
    /// Its Python.
    pub python: PythonState,
    /// The framework build that was chosen for this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// What was installed beside it, of the project's own extras and groups; none in snapshots of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Parts>,
    /// The package indexes that were configured, the default first, without credentials.
    #[serde(default)]
    pub indexes: Vec<String>,
    /// The machine in short.
    pub machine: MachineState,
    /// The project's files that name packages (`pyproject.toml`, `uv.lock`, …) by name, with the SHA-256 of each;
    /// their contents are objects of the store.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// What was installed, by name.
    pub distributions: Vec<Distribution>,
    /// The wheels of all distributions are kept with it.
    #[serde(default)]
    pub full: bool,
    /// The install that had been finished in it: brought back, it is as finished as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Finished>,
    /// Deskside's own module, where Deskside had put it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Finished>,
}

/// A Python as a snapshot keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PythonState {
    /// `3.12.4`; empty when the environment's files did not say.
    pub version: String,
    /// The interpreter behind the environment's link.
    pub interpreter: String,
    /// uv manages it, so that uv can bring it back.
    pub managed: bool,
    /// The environment sees the system's packages, too (`include-system-site-packages`).
    #[serde(default)]
    pub system_packages: bool,
}

/// A machine as a snapshot keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MachineState {
    /// The system in words.
    pub system: String,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// The C library's version on Linux.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
    /// The loaded NVIDIA driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nvidia_driver: Option<String>,
    /// Accelerators in words.
    #[serde(default)]
    pub accelerators: Vec<String>,
}

/// One installed distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 over its RECORD without what an installer adds of its own ([`record::contents`]): the same contents, the
    /// same value.
    pub contents: String,
    /// The tags of its wheel, as its `WHEEL` file has them: `cp312-cp312-manylinux_2_28_x86_64`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The wheel it came from, where the lock file names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wheel: Option<Wheel>,
    /// The source archive it was built from, where the lock file names no wheel that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdist: Option<Wheel>,
    /// The wheel that the store keeps of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// `direct_url.json`, without credentials: it came from an address or a folder and not from an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<serde_json::Value>,
    /// What installed it: `uv`, `pip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installer: Option<String>,
}

/// A wheel that the store keeps, under `wheels/<sha256>/<file>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// Its file name.
    pub file: String,
    /// Its SHA-256 in hex.
    pub sha256: String,
}

/// A wheel or a source archive as a lock file or an index names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wheel {
    /// Its address, without credentials.
    pub url: String,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Its size in bytes, where it is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The index it belongs to, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
}

impl Snapshot {
    /// Whether two snapshots are of the same Python, packages and project files.
    pub fn same_as(&self, other: &Self) -> bool {
        self.python.version == other.python.version
            && self.files == other.files
            && self.distributions.len() == other.distributions.len()
            && self
                .distributions
                .iter()
                .zip(&other.distributions)
                .all(|(left, right)| {
                    (&left.name, &left.version, &left.contents)
                        == (&right.name, &right.version, &right.contents)
                })
    }
}
