//! What was done to this machine, from the journals.

use crate::Workshop;
use crate::journal::{self, Entry, OperationId};
use deskside_machine::{Machine, Reading};
use deskside_types::plan::{Action, Plan, Step};
use deskside_types::{Problem, Result};
use serde_json::Value;
use std::path::Path;

/// How an operation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has begun and has no end: it is going on now, or was killed.
    Open,
    /// Everything was carried out.
    Done,
    /// A step failed.
    Failed(Option<Box<Problem>>),
    /// It was interrupted or killed.
    Interrupted,
    /// It waits for the restart that it asked for.
    Restart,
    /// It was taken back.
    Undone,
}

impl Outcome {
    /// In a word, as files, JSON and screen have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Interrupted => "interrupted",
            Self::Restart => "restart",
            Self::Undone => "undone",
        }
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its identity.
    pub id: OperationId,
    /// When it began.
    pub began_at: jiff::Timestamp,
    /// When it ended.
    pub ended_at: Option<jiff::Timestamp>,
    /// The unfinished attempt at the same wish that it went on with.
    pub continues: Option<OperationId>,
    /// Its plan.
    pub plan: Plan,
    /// How it stands.
    pub outcome: Outcome,
    /// Steps that were carried out and proven, by id.
    pub done: Vec<String>,
    /// Actions that were begun and not taken back, in order.
    pub(crate) standing: Vec<Standing>,
}

impl Operation {
    /// The steps that something stands of, the last one first: the order of taking back. A restart leaves nothing behind.
    pub fn standing(&self) -> Vec<&Step> {
        let mut steps: Vec<&Step> = Vec::new();
        for standing in self.standing.iter().rev() {
            let step = self.plan.steps.iter().find(|step| step.id == standing.step);
            // A restart is nothing that is taken back; what would go on after it is given up.
            let step = step.filter(|step| {
                step.actions
                    .get(standing.action)
                    .is_some_and(|action| *action != Action::Reboot)
            });
            steps.extend(step);
        }
        steps.dedup_by(|one, other| one.id == other.id);
        steps
    }

    /// The titles of [`Self::standing`].
    pub fn standing_steps(&self) -> Vec<String> {
        self.standing()
            .into_iter()
            .map(|step| step.title.clone())
            .collect()
    }
}

/// An action that was begun and stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    pub step: String,
    pub action: usize,
    pub before: Value,
    pub after: Value,
}

/// Every operation, oldest first (by when it began: identities have whole seconds only), and the problems of journals that can't be read.
///
/// # Errors
/// When the folder of journals can't be listed.
pub fn history(machine: &dyn Machine, state: &Path) -> Result<(Vec<Operation>, Vec<Problem>)> {
    let mut operations = Vec::new();
    let mut problems = Vec::new();
    for id in journal::operations(machine, state)? {
        match journal::read(machine, state, &id) {
            Ok(entries) => operations.extend(summarize(id, entries)),
            Err(problem) => problems.push(problem),
        }
    }
    operations.sort_by(|left: &Operation, right| {
        (left.began_at, &left.id).cmp(&(right.began_at, &right.id))
    });
    Ok((operations, problems))
}

/// The attempt at `wish` that a new operation goes on with, so that one `undo` takes all of it back: the newest
/// operation of which something stands, where it has the same wish and did not arrive; else the newest of the same wish,
/// where it waits for a restart: others may have begun before it.
pub(crate) fn unfinished_attempt(operations: &[Operation], wish: &str) -> Option<OperationId> {
    let newest = |wanted: &dyn Fn(&Operation) -> bool| {
        operations
            .iter()
            .rev()
            .filter(|operation| operation.outcome != Outcome::Undone)
            .filter(|operation| {
                operation.outcome == Outcome::Done || !operation.standing.is_empty()
            })
            .find(|operation| wanted(operation))
    };
    let of_wish = |operation: &Operation| operation.plan.wish == wish;
    newest(&|_| true)
        .filter(|operation| operation.outcome != Outcome::Done && of_wish(operation))
        .or_else(|| newest(&of_wish).filter(|operation| operation.outcome == Outcome::Restart))
        .map(|operation| operation.id.clone())
}

/// When an operation begins: now, but later than all before it, also where the clock was set back.
pub(crate) fn later_than_all(operations: &[Operation], now: jiff::Timestamp) -> jiff::Timestamp {
    let Some(last) = operations.last() else {
        return now;
    };
    let next = last
        .began_at
        .checked_add(jiff::SignedDuration::from_nanos(1));
    next.map_or(now, |next| next.max(now))
}

/// Ends the operations that have no end (the caller holds the lock, so their process is dead). Returns all there are.
pub(crate) fn close_unfinished(workshop: &Workshop<'_>) -> Result<Vec<Operation>> {
    let (mut operations, _) = history(workshop.machine, &workshop.state)?;
    for operation in operations
        .iter_mut()
        .filter(|operation| operation.outcome == Outcome::Open)
    {
        let at = workshop.machine.now()?.wall;
        journal::append(
            workshop.machine,
            &workshop.state,
            &operation.id,
            &Entry::End {
                at,
                outcome: "interrupted".into(),
                problem: None,
            },
        )?;
        operation.ended_at = Some(at);
        operation.outcome = Outcome::Interrupted;
    }
    Ok(operations)
}

fn summarize(id: OperationId, entries: Vec<Entry>) -> Option<Operation> {
    let mut entries = entries.into_iter();
    let Some(Entry::Begin {
        at,
        continues,
        plan,
        ..
    }) = entries.next()
    else {
        return None;
    };
    let mut operation = Operation {
        id,
        began_at: at,
        ended_at: None,
        continues,
        plan,
        outcome: Outcome::Open,
        done: Vec::new(),
        standing: Vec::new(),
    };
    for entry in entries {
        match entry {
            Entry::ActionBegin {
                step,
                action,
                before,
            } => operation.standing.push(Standing {
                step,
                action,
                before,
                after: Value::Null,
            }),
            Entry::ActionDone {
                step,
                action,
                after,
            } => {
                if let Some(standing) = operation
                    .standing
                    .iter_mut()
                    .rfind(|standing| standing.step == step && standing.action == action)
                {
                    standing.after = after;
                }
            }
            Entry::StepDone { step } => operation.done.push(step),
            Entry::ActionUndone { step, action, .. } => operation
                .standing
                .retain(|standing| standing.step != step || standing.action != action),
            Entry::End {
                at,
                outcome,
                problem,
            } => {
                operation.ended_at = Some(at);
                operation.outcome = match outcome.as_str() {
                    "done" => Outcome::Done,
                    "restart" => Outcome::Restart,
                    "undone" => Outcome::Undone,
                    "failed" => Outcome::Failed(problem),
                    _ => Outcome::Interrupted,
                };
            }
            Entry::Begin { .. } | Entry::Satisfied { .. } => {}
        }
    }
    Some(operation)
}
