//! Taking an operation back, from the journal.

use crate::history::{Operation, Outcome, history};
use crate::journal::{Entry, OperationId, append};
use crate::{Workshop, apply, revert};
use deskside_machine::Reading;
use deskside_types::plan::Undo;
use deskside_types::{Code, Problem, Result};

/// What taking an operation back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The operations taken back, newest first.
    pub operations: Vec<OperationId>,
    /// What they were for.
    pub wish: String,
    /// Steps taken back, by title, in the order it was done.
    pub steps: Vec<String>,
    /// What was left as it is, and why.
    pub left: Vec<String>,
}

/// The operation that a plain `undo` would take back: the newest with something standing.
///
/// # Errors
/// When there is none, or no operation has that identity.
pub fn choose(operations: &[Operation], wanted: Option<&str>) -> Result<Operation> {
    let found = match wanted {
        Some(text) => operations.iter().rfind(|operation| {
            operation.id.0 == text || (text.len() >= 4 && operation.id.0.ends_with(text))
        }),
        None => operations.iter().rfind(|operation| {
            operation.outcome != Outcome::Undone && !operation.standing.is_empty()
        }),
    };
    match (found, wanted) {
        (Some(operation), _) if operation.outcome == Outcome::Undone => Err(Problem::new(
            Code::UndoImpossible,
            format!("{} was taken back already", operation.id),
        )),
        (Some(operation), _) => Ok(operation.clone()),
        (None, Some(text)) => Err(Problem::new(
            Code::UndoImpossible,
            format!("there is no operation {text}"),
        )
        .hint("`deskside history` lists them")),
        (None, None) => Err(Problem::new(
            Code::UndoImpossible,
            "there is nothing to undo",
        )),
    }
}

/// Takes an operation back, and the unfinished ones it went on with. Survives being killed: calling it again goes on.
///
/// # Errors
/// When an action can't be taken back; those before it are, and stay so.
pub fn undo(workshop: &Workshop<'_>, wanted: Option<&str>) -> Result<Undone> {
    let _lock = apply::lock(workshop)?;
    let (operations, _) = history(workshop.machine, &workshop.state)?;
    let chosen = choose(&operations, wanted)?;
    let mut undone = Undone {
        operations: Vec::new(),
        wish: chosen.plan.wish.clone(),
        steps: Vec::new(),
        left: Vec::new(),
    };
    for operation in chain(&operations, &chosen) {
        one(workshop, &operation, &mut undone)?;
        undone.operations.push(operation.id);
    }
    Ok(undone)
}

/// An operation with the unfinished ones it went on with that still stand, newest first: what one `undo` takes back.
pub fn chain(operations: &[Operation], chosen: &Operation) -> Vec<Operation> {
    let mut chain = vec![chosen.clone()];
    while let Some(earlier) = chain
        .last()
        .and_then(|last| last.continues.as_ref())
        .and_then(|id| operations.iter().find(|one| one.id == *id))
        .filter(|one| one.outcome != Outcome::Undone && chain.iter().all(|known| known.id != one.id))
    {
        chain.push(earlier.clone());
    }
    chain
}

fn one(workshop: &Workshop<'_>, operation: &Operation, undone: &mut Undone) -> Result<()> {
    for standing in operation.standing.iter().rev() {
        let Some(step) = operation
            .plan
            .steps
            .iter()
            .find(|step| step.id == standing.step)
        else {
            continue;
        };
        let Some(action) = step.actions.get(standing.action) else {
            continue;
        };
        let left = match &step.undo {
            Undo::None { why } => Some(format!("`{}` stays: {why}", step.title)),
            Undo::Exact | Undo::BestEffort { .. } => {
                revert::revert(workshop, action, &standing.before, &standing.after).map_err(
                    |problem| problem.within(format!("could not take back `{}`", step.title)),
                )?
            }
        };
        append(
            workshop.machine,
            &workshop.state,
            &operation.id,
            &Entry::ActionUndone {
                step: standing.step.clone(),
                action: standing.action,
                left: left.clone(),
            },
        )?;
        if undone.steps.last() != Some(&step.title) {
            undone.steps.push(step.title.clone());
            if let Undo::BestEffort { why } = &step.undo {
                undone.left.push(format!("`{}`: {why}", step.title));
            }
        }
        undone.left.extend(left);
    }
    let at = workshop.machine.now()?.wall;
    append(
        workshop.machine,
        &workshop.state,
        &operation.id,
        &Entry::End {
            at,
            outcome: "undone".into(),
            problem: None,
        },
    )
}
