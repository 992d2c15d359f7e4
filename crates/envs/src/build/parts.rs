//! The parts of an answer: which index, which GPUs are left out, what was ruled out on the way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A package index that a build comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IndexChoice {
    /// The name it gets in a project's files: `pytorch-cu126`.
    pub name: String,
    /// Its address, without credentials.
    pub url: String,
}

/// A GPU that the build does not serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// What it is called.
    pub gpu: String,
    /// How its driver names it, where that is known.
    pub uuid: Option<String>,
    /// Why it is left out.
    pub why: String,
}

/// Builds that were looked at before the chosen one, and why they don't serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuledOut {
    /// The builds, newest first: `2.15 (cu132)`.
    pub builds: Vec<String>,
    /// Why, in a sentence without its subject: `needs driver 580 or newer, this is 535.183.01`.
    pub why: String,
}

/// Adds a build to the list; one that fails like another before it stands with it.
pub(super) fn rule_out(list: &mut Vec<RuledOut>, build: String, why: &str) {
    if let Some(same) = list.iter_mut().find(|row| row.why == why) {
        if !same.builds.contains(&build) {
            same.builds.push(build);
        }
    } else {
        list.push(RuledOut {
            builds: vec![build],
            why: why.to_string(),
        });
    }
}
