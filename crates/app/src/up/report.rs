//! The answers of `up`: the plan, and what came of it.

use crate::Answer;
use crate::runs::Curve;
use deskside_provision::Assessment;
use deskside_types::plan::Plan;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The answer of `up --plan`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlanReport {
    /// The plan.
    pub plan: Plan,
    /// The project's folder.
    pub project: String,
    /// The framework, where the project is a first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flavour: Option<String>,
    /// The machine in a few lines.
    pub machine: Vec<String>,
    /// Why this framework build, Python and index.
    pub why: Vec<String>,
    /// What the system layer lacks.
    pub system: Assessment,
    /// The training command; none when only the set-up is wanted.
    pub training: Option<String>,
    /// What a person should know about the project's settings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for PlanReport {
    const SCHEMA: &'static str = "deskside.plan";
}

/// The answer of `up`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UpReport {
    /// The project's folder.
    pub project: String,
    /// Steps that were carried out, by id.
    pub done: Vec<String>,
    /// The operation in the history; none when nothing had to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The training run; none when only the set-up was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<TrainedRun>,
    /// The curves of its losses.
    pub curves: Vec<Curve>,
    /// Its results that are numbers, losses left out.
    pub summary: BTreeMap<String, f64>,
    /// What to type next.
    pub next: Vec<Next>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for UpReport {
    const SCHEMA: &'static str = "deskside.up";
}

/// A training run in brief.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TrainedRun {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state, in a word.
    pub state: String,
    /// Its exit code as a shell shows it.
    pub exit: i32,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
}

/// A command to type next.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Next {
    /// The command.
    pub command: String,
    /// What it is for.
    pub why: String,
}
