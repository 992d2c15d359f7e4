//! What the person's process and root's say to each other: one JSON object a line.

use crate::OperationId;
use deskside_types::Problem;
use deskside_types::plan::{Plan, Risk};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of this protocol. Both sides are the same program, so that any other is refused.
pub(crate) const PROTOCOL: u32 = 2;

/// Asked of root.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub(crate) enum Request {
    /// Everything that will be asked for: actions are named by their place in this plan.
    Begin {
        operation: OperationId,
        plan: Box<Plan>,
        /// What the person was asked for: root refuses a plan that does more.
        agreed: Risk,
        /// `DESKSIDE_HOME` of the person, where it is set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        home: Option<String>,
    },
    /// Nothing but taking this operation back will be asked for.
    BeginUndo { operation: OperationId },
    /// Keep what taking an action back needs.
    Prepare(At),
    /// Carry an action out.
    Perform(At),
    /// Take an action back. What it was and what was kept stands in root's own record of it.
    Revert(At),
    /// Restart the machine now.
    Restart,
}

/// An action's place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct At {
    pub operation: OperationId,
    pub step: String,
    pub action: usize,
}

/// Said by root.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "say")]
pub(crate) enum Reply {
    /// It is there, and speaks this protocol.
    Ready { protocol: u32, program: String },
    /// A line that a command said.
    Line { line: String },
    /// Somebody else is waited for; nothing is changed meanwhile.
    Waiting { who: String },
    /// Bytes done.
    Bytes { done: u64, total: Option<u64> },
    /// The answer.
    Done { value: Value },
    /// It failed.
    Failed { problem: Box<Problem> },
}
