//! One step of a plan.

use super::action::{Action, CommandLine, EnvironmentAction};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One step: why, how it is known to be needed, what is done, how it is proven, how it is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Stable within a plan: `uv`, `environment`, `packages`.
    pub id: String,
    /// What it does, as an imperative phrase.
    pub title: String,
    /// Why it is in the plan.
    pub why: String,
    /// All hold: the step is satisfied and is passed over.
    pub check: Vec<Check>,
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// All must hold afterwards.
    pub verify: Vec<Check>,
    /// How it is taken back.
    pub undo: Undo,
    /// Needs root.
    #[serde(default)]
    pub root: bool,
    /// Needs a reboot to take effect.
    #[serde(default)]
    pub reboot: bool,
    /// Needs a person's hands, and for what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hands_needed: Option<String>,
    /// Bytes to be downloaded, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_bytes: Option<u64>,
    /// How much can go wrong.
    pub risk: Risk,
}

impl Step {
    /// What most steps have in common, to be filled in (`Step { id, title, …, ..Step::simple() }`): it needs neither root
    /// nor hands nor a restart, downloads nothing, is taken back exactly, and little can go wrong.
    pub fn simple() -> Self {
        Self {
            id: String::new(),
            title: String::new(),
            why: String::new(),
            check: Vec::new(),
            actions: Vec::new(),
            verify: Vec::new(),
            undo: Undo::Exact,
            root: false,
            reboot: false,
            hands_needed: None,
            download_bytes: Some(0),
            risk: Risk::Low,
        }
    }
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Undo {
    /// To exactly what was before.
    Exact,
    /// As far as can be, and what stays.
    BestEffort {
        /// What stays or may differ.
        why: String,
    },
    /// Not at all, and why.
    None {
        /// Why not.
        why: String,
    },
}

/// How much can go wrong: it decides what is asked before.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// No question.
    Low,
    /// y/N.
    Moderate,
    /// Type the machine's name.
    Severe,
}

/// A fact a plan rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Premise {
    /// The fact's dotted path, for example `drivers.nvidia.loaded`, or `free:/home` for the free space of a folder.
    pub fact: String,
    /// How it compares.
    pub operator: Comparison,
    /// With what.
    pub value: serde_json::Value,
}

/// How a premise compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// The same value.
    Equals,
    /// A number not below.
    AtLeast,
}

/// Something that can be looked at to see whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Check {
    /// Something is at this path.
    Exists {
        /// The path.
        path: String,
    },
    /// Nothing is at this path.
    Absent {
        /// The path.
        path: String,
    },
    /// The file has these contents, by SHA-256 in hex.
    FileIs {
        /// The path.
        path: String,
        /// SHA-256 in hex.
        sha256: String,
    },
    /// The command ends with exit code 0.
    Succeeds {
        /// The command.
        command: CommandLine,
    },
    /// Packages of the operating system are there, configured in full, and others are not there at all or only with
    /// what is left of their settings. Exact names.
    Packages {
        /// Installed and configured.
        installed: Vec<String>,
        /// Not installed; with `name=version`, not at that version.
        absent: Vec<String>,
    },
    /// The person's account is in a group, as the next login will have it.
    Member {
        /// The group.
        group: String,
    },
    /// The environment is as the action wants it.
    Environment {
        /// The action whose outcome is meant.
        action: EnvironmentAction,
    },
}
