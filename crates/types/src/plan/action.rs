//! The closed list of actions. Dry run, privilege, undo and journal are written once per action.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that is done to a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Action {
    /// Starts a program. There is no shell.
    Run {
        /// The command.
        command: CommandLine,
        /// The command that takes it back, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo: Option<CommandLine>,
    },
    /// Writes a whole file, atomically; makes the folders above it.
    WriteFile {
        /// The path.
        path: String,
        /// What it will hold.
        contents: FileContents,
        /// Permission bits, for example `0o644`.
        mode: u32,
    },
    /// Replaces one whole line in a file.
    EditFile {
        /// The path.
        path: String,
        /// The line, which must stand there exactly once; what is blank at its end does not count.
        old: String,
        /// What stands there afterwards.
        new: String,
    },
    /// Removes a file or folder by moving it aside, so that it can come back.
    Remove {
        /// The path.
        path: String,
    },
    /// Downloads a file and checks it.
    Download {
        /// From where.
        url: String,
        /// To which file.
        path: String,
        /// Its SHA-256 in hex.
        sha256: String,
        /// Its size in bytes; 0 where the index does not state it.
        size: u64,
    },
    /// Takes one member out of a zip archive (a wheel).
    Extract {
        /// The archive.
        archive: String,
        /// The member's name.
        member: String,
        /// To which file.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// Changes a Python environment.
    Env {
        /// How.
        action: EnvironmentAction,
    },
    /// Installs and removes packages of the operating system. Needs root.
    Packages {
        /// Exact names, each with the version wanted where one is (`name=version`), or the path of a package's file.
        install: Vec<String>,
        /// Exact names.
        remove: Vec<String>,
    },
    /// Adds a source of the operating system's package manager. Needs root.
    AptSource {
        /// The file's name under `sources.list.d`.
        name: String,
        /// Its contents in deb822 form.
        contents: String,
    },
    /// Adds a signing key. Needs root.
    Key {
        /// The file under the keyrings folder.
        path: String,
        /// The fingerprint the key must have.
        fingerprint: String,
        /// From where.
        url: String,
    },
    /// Loads, unloads or forbids a kernel module. Needs root.
    Module {
        /// Its name.
        name: String,
        /// What is wanted.
        wanted: Tuning,
    },
    /// Enables or disables a service. Needs root.
    Service {
        /// Its unit.
        name: String,
        /// What is wanted.
        wanted: Tuning,
    },
    /// Puts the person into a group. Needs root and a new login.
    Group {
        /// The group.
        name: String,
    },
    /// Sets a kernel parameter for the next boot. Needs root and a reboot.
    BootParameter {
        /// The parameter, with its value.
        parameter: String,
    },
    /// Chooses between alternatives. Needs root.
    Alternative {
        /// The link's name.
        name: String,
        /// The path it shall lead to.
        path: String,
    },
    /// Makes swap. Needs root.
    Swap {
        /// Its size in bytes.
        bytes: u64,
    },
    /// Ends one process, by its number and start time.
    Signal {
        /// The process.
        pid: u32,
        /// Its start time, so that a later process is never hit.
        start_time: u64,
        /// The signal's number.
        signal: i32,
    },
    /// Restarts the machine. Needs root.
    Reboot,
    /// Asks a person to do what no program can.
    AskPerson {
        /// What, step by step.
        instructions: String,
    },
}

impl Action {
    /// Whether root is needed to carry it out.
    pub fn needs_root(&self) -> bool {
        matches!(
            self,
            Self::Packages { .. }
                | Self::AptSource { .. }
                | Self::Key { .. }
                | Self::Module { .. }
                | Self::Service { .. }
                | Self::Group { .. }
                | Self::BootParameter { .. }
                | Self::Alternative { .. }
                | Self::Swap { .. }
                | Self::Reboot
        )
    }
}

/// A program with its arguments. No shell reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandLine {
    /// The program first.
    pub argv: Vec<String>,
    /// The folder it runs in; the caller's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Environment variables set for it, beside the caller's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Seconds it may take.
    pub deadline_seconds: u64,
}

impl std::fmt::Display for CommandLine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, word) in self.argv.iter().enumerate() {
            if place > 0 {
                formatter.write_str(" ")?;
            }
            let plain = !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_./=:+,@%[]".contains(&byte));
            if plain {
                formatter.write_str(word)?
            } else {
                write!(formatter, "'{}'", word.replace('\'', r"'\''"))?
            }
        }
        Ok(())
    }
}

/// A file's contents in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileContents {
    /// Text, in the plan itself.
    Text(String),
    /// A file that the program carries, by its name; its hash is in the plan.
    Embedded {
        /// Its name among the program's own files.
        name: String,
        /// SHA-256 in hex.
        sha256: String,
    },
}

/// What is wanted of a module or service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tuning {
    /// Loaded or running now and after a boot.
    On,
    /// Unloaded or stopped now and after a boot.
    Off,
}

/// A change of a Python environment. Carried out by the environments crate through uv.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum EnvironmentAction {
    /// Makes the environment with a Python of that version.
    Create {
        /// Its folder.
        path: String,
        /// The version request, as uv takes it: `3.12`, `>=3.11`.
        python: String,
        /// The uv program.
        uv: String,
    },
    /// Installs packages.
    Install {
        /// The environment's folder.
        path: String,
        /// Requirements, as uv takes them.
        requirements: Vec<String>,
        /// A requirements file or `pyproject.toml` whose dependencies are wanted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
        /// Distributions that must be there afterwards, in normalized names.
        expected: Vec<String>,
        /// Further uv arguments: indexes, back ends.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        arguments: Vec<String>,
        /// The uv program.
        uv: String,
    },
    /// Brings a project's environment to its lock file.
    Sync {
        /// The environment's folder.
        path: String,
        /// The project's folder.
        project: String,
        /// Further uv arguments: the extra of the framework build.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        arguments: Vec<String>,
        /// What the lock file does not name goes.
        #[serde(default)]
        exact: bool,
        /// The uv program.
        uv: String,
    },
    /// Makes the environment anew as it was in a snapshot. The one that is there is kept aside until the new one is
    /// proven, and comes back when it can't be made.
    Restore {
        /// The environment's folder.
        path: String,
        /// The snapshot's folder in the store.
        snapshot: String,
        /// The Python, as uv takes it: a full version, or an interpreter's path.
        python: String,
        /// Take packages from the wheels kept with the snapshot, and from nowhere else.
        #[serde(default)]
        offline: bool,
        /// Distributions whose copies in uv's cache are damaged and are fetched anew, in normalised names.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refresh: Vec<String>,
        /// Files of packages that a person edited, relative to the environment: they are kept beside it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edited: Vec<String>,
        /// The uv program.
        uv: String,
    },
    /// Puts Deskside's own Python module in.
    Module {
        /// The environment's folder.
        path: String,
        /// The module's version.
        version: String,
        /// The wheel file, which an earlier action wrote.
        wheel: String,
        /// The uv program.
        uv: String,
    },
}

impl EnvironmentAction {
    /// The environment's folder.
    pub fn path(&self) -> &str {
        match self {
            Self::Create { path, .. }
            | Self::Install { path, .. }
            | Self::Sync { path, .. }
            | Self::Restore { path, .. }
            | Self::Module { path, .. } => path,
        }
    }
}
