//! A plan: what will be done to a machine, in full, before anything is done.

mod action;
mod step;

pub use action::{Action, CommandLine, EnvironmentAction, FileContents, Tuning};
pub use step::{Check, Comparison, Premise, Risk, Step, Undo};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the plan format.
pub const PLAN_VERSION: u32 = 1;

/// Steps in order, and the facts they rest on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The format's version.
    pub version: u32,
    /// What it is for, in a phrase: `set up ~/deskside/first-torch`.
    pub wish: String,
    /// When it was made, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub made_at: jiff::Timestamp,
    /// What must still hold when it is applied.
    pub premises: Vec<Premise>,
    /// The steps that are to be carried out; what is satisfied already is left out.
    pub steps: Vec<Step>,
    /// What was looked at and needs no change, in phrases.
    #[serde(default)]
    pub satisfied: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether any step needs root.
    pub fn needs_root(&self) -> bool {
        self.steps.iter().any(|step| step.root)
    }

    /// Bytes to be downloaded, as far as they are known, and whether all are.
    pub fn download_bytes(&self) -> (u64, bool) {
        let known = self
            .steps
            .iter()
            .filter_map(|step| step.download_bytes)
            .sum();
        (
            known,
            self.steps.iter().all(|step| step.download_bytes.is_some()),
        )
    }
}
