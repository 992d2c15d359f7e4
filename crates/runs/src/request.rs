//! What is to be run, and what it came to.

use deskside_types::run::{RunExit, RunId, RunMachine, StateRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// A command to run as a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Program first. Any bytes.
    pub argv: Vec<OsString>,
    /// Its name; the script's when none.
    pub name: Option<String>,
    /// Its experiment; `default` when none.
    pub experiment: Option<String>,
    /// Parameters given by hand; they win over those read from the command line.
    pub params: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// A virtual environment to run it in, as its `activate` script would; the active one when none.
    pub environment: Option<PathBuf>,
    /// The project it belongs to; it runs in the current folder all the same.
    pub project: Option<PathBuf>,
    /// The folder it runs in; the current one when none.
    pub directory: Option<PathBuf>,
    /// Variables set for it beside the inherited ones; `None` takes one away.
    pub variables: BTreeMap<String, Option<String>>,
    /// Its output goes into its log only, and not to this process's own stdout and stderr.
    pub silent: bool,
    /// The machine in a few words, where the caller knows them.
    pub machine: Option<RunMachine>,
    /// The framework build of its environment, where the caller chose it.
    pub build: Option<BuildRecord>,
    /// Milliseconds between two samples of what it takes; 0 for none, and the usual span where nothing is said.
    pub sample_ms: Option<u64>,
}

/// The framework build of an environment, kept as `environment/build.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// `torch`, `jax`, `mlx`.
    pub framework: String,
    /// `cu132`, `rocm7.2`, `cpu`.
    pub variant: String,
    /// The extra of the project that stands for it; empty where the project has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub extra: String,
    /// Requirements, as uv takes them.
    pub requirements: Vec<String>,
    /// Further uv arguments: indexes and the like. Credentials are left out when it is written.
    pub arguments: Vec<String>,
    /// The Python request, as uv takes it.
    pub python: String,
    /// Why it is this build, a sentence each.
    pub why: Vec<String>,
}

/// What is heard of a run while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its folder is made; the command is about to start.
    Made {
        /// Its identity.
        id: RunId,
        /// Its folder.
        folder: PathBuf,
    },
    /// Something a person should know; the run goes on.
    Warning(String),
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Its identity.
    pub id: RunId,
    /// Its folder.
    pub folder: PathBuf,
    /// The state it ended in: finished, or stopped by the person.
    pub state: StateRecord,
    /// How the command ended; [`RunExit::shell_code`] is the exit code to pass on.
    pub exit: RunExit,
    /// How long the command ran.
    pub elapsed: Duration,
    /// What a person should know: a log that is not whole, code that could not be read.
    pub warnings: Vec<String>,
}
