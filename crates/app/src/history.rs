//! `deskside history`: what Deskside did to this machine, and what others did to its drivers and toolkits.

use crate::{Answer, Context};
use deskside_operate::{Operation, Outcome};
use deskside_types::changes::SystemChange;
use deskside_types::{Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `history`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HistoryReport {
    /// The operations, newest first.
    pub operations: Vec<OperationReport>,
    /// Changes of drivers, toolkits and kernels that the package managers' logs tell of, newest first: what other tools
    /// did, and what Deskside did through apt. Times are the machine's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<SystemChange>,
    /// Logs that are there and could not be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread_logs: Vec<String>,
    /// Journals that can't be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Problem>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OperationReport {
    /// Its identity, which `undo` takes.
    pub id: String,
    /// What it was for.
    pub wish: String,
    /// When it began, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub began_at: jiff::Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<jiff::Timestamp>,
    /// `open`, `done`, `failed`, `interrupted`, `restart` (it goes on once the machine was restarted), `undone`.
    pub outcome: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The unfinished operation it went on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continues: Option<String>,
    /// Steps that were carried out and proven, by title.
    pub done: Vec<String>,
}

impl Answer for HistoryReport {
    const SCHEMA: &'static str = "deskside.history";
}

/// Lists the operations.
///
/// # Errors
/// When the journal's folder can't be read.
pub fn history(context: &Context) -> Result<HistoryReport> {
    let (mut operations, unreadable) =
        deskside_operate::history(&*context.machine, &context.directories.state)?;
    operations.reverse();
    let told = deskside_probe::changes(&*context.machine);
    Ok(HistoryReport {
        system: told.changes,
        unread_logs: told.unread,
        operations: operations.into_iter().map(report).collect(),
        unreadable,
    })
}

fn report(operation: Operation) -> OperationReport {
    let title = |id: &String| {
        operation
            .plan
            .steps
            .iter()
            .find(|step| step.id == *id)
            .map_or_else(|| id.clone(), |step| step.title.clone())
    };
    OperationReport {
        done: operation.done.iter().map(title).collect(),
        id: operation.id.0,
        wish: operation.plan.wish,
        began_at: operation.began_at,
        ended_at: operation.ended_at,
        outcome: operation.outcome.word().to_string(),
        problem: match operation.outcome {
            Outcome::Failed(problem) => problem.map(|problem| *problem),
            _ => None,
        },
        continues: operation.continues.map(|id| id.0),
    }
}
