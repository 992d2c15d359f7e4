//! `deskside undo`: takes an operation back.

use crate::up::Everything;
use crate::{Answer, Context};
use deskside_operate::Workshop;
use deskside_types::Result;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `undo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UndoReport {
    /// The operations taken back, newest first.
    pub operations: Vec<String>,
    /// What they were for.
    pub wish: String,
    /// Steps taken back, in the order it was done.
    pub steps: Vec<String>,
    /// What was left as it is, and why.
    pub left: Vec<String>,
}

impl Answer for UndoReport {
    const SCHEMA: &'static str = "deskside.undo";
}

/// Takes back the operation with that identity, or the newest that stands.
///
/// # Errors
/// When there is none, or an action can't be taken back.
pub fn undo(context: &Context, operation: Option<&str>) -> Result<UndoReport> {
    context.require_live("undo")?;
    let workshop = Workshop {
        machine: &*context.machine,
        domain: &Everything,
        state: context.directories.state.clone(),
    };
    let undone = deskside_operate::undo(&workshop, operation)?;
    Ok(UndoReport {
        operations: undone.operations.into_iter().map(|id| id.0).collect(),
        wish: undone.wish,
        steps: undone.steps,
        left: undone.left,
    })
}
