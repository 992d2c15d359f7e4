//! Taking an operation back, from the journal.

use crate::apply::{self, Turn};
use crate::history::{Operation, Outcome, Standing, history};
use crate::journal::{Entry, OperationId, append};
use crate::root::Place;
use crate::{Workshop, revert};
use deskside_machine::{Progress, Reading};
use deskside_types::plan::{Action, Step, Undo};
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
pub fn undo(
    workshop: &Workshop<'_>,
    wanted: Option<&str>,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Undone> {
    undo_in(&apply::turn(workshop)?, workshop, wanted, watch)
}

/// As [`undo`], in a turn that was taken already.
///
/// # Errors
/// As [`undo`].
pub fn undo_in(
    _turn: &Turn,
    workshop: &Workshop<'_>,
    wanted: Option<&str>,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Undone> {
    let (operations, _) = history(workshop.machine, &workshop.state)?;
    let chosen = choose(&operations, wanted)?;
    let mut undone = Undone {
        operations: Vec::new(),
        wish: chosen.plan.wish.clone(),
        steps: Vec::new(),
        left: Vec::new(),
    };
    let chain = chain(&operations, &chosen);
    for (place, operation) in chain.iter().enumerate() {
        one(workshop, operation, &chain[place + 1..], &mut undone, watch)?;
        undone.operations.push(operation.id.clone());
    }
    Ok(undone)
}

/// An operation with the unfinished attempts it went on with that still stand, newest first: what one `undo` takes back.
pub fn chain(operations: &[Operation], chosen: &Operation) -> Vec<Operation> {
    let mut chain = vec![chosen.clone()];
    while let Some(earlier) = chain
        .last()
        .and_then(|last| last.continues.as_ref())
        .and_then(|id| operations.iter().find(|one| one.id == *id))
        .filter(|one| {
            one.outcome != Outcome::Undone && chain.iter().all(|known| known.id != one.id)
        })
    {
        chain.push(earlier.clone());
    }
    chain
}

/// The step and the action of something that stands; none where the plan does not have them.
fn found<'a>(operation: &'a Operation, standing: &Standing) -> Option<(&'a Step, &'a Action)> {
    let mut steps = operation.plan.steps.iter();
    let step = steps.find(|step| step.id == standing.step)?;
    Some((step, step.actions.get(standing.action)?))
}

/// Whether something taken back later takes this action back with it: what is in an environment goes with it.
fn goes_along<'a>(
    workshop: &Workshop<'_>,
    action: &Action,
    mut later: impl Iterator<Item = (&'a Operation, &'a Standing)>,
) -> Result<bool> {
    let Action::Env { action } = action else {
        return Ok(false);
    };
    later.try_fold(false, |known, (operation, standing)| {
        let with = match found(operation, standing) {
            Some((step, Action::Env { action: other }))
                if !known && !matches!(step.undo, Undo::None { .. }) =>
            {
                let before = &standing.before["domain"];
                workshop
                    .domain
                    .goes_with(workshop.machine, action, other, before)?
            }
            _ => false,
        };
        Ok(known || with)
    })
}

/// Asks for root before anything is taken back, where something that is root's stands.
fn begin_root(workshop: &Workshop<'_>, operation: &Operation) -> Result<()> {
    for standing in &operation.standing {
        if let Some((step, action)) = found(operation, standing)
            && (*action == Action::Reboot || !matches!(step.undo, Undo::None { .. }))
            && let Some(root) = apply::roots(workshop, step, action)?
        {
            return root.begin_undo(&operation.id);
        }
    }
    Ok(())
}

fn one(
    workshop: &Workshop<'_>,
    operation: &Operation,
    earlier: &[Operation],
    undone: &mut Undone,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    begin_root(workshop, operation)?;
    for (place, standing) in operation.standing.iter().enumerate().rev() {
        let Some((step, action)) = found(operation, standing) else {
            continue;
        };
        let later = operation.standing[..place].iter().rev();
        let later = later.map(|standing| (operation, standing));
        let of_earlier = earlier.iter().flat_map(|earlier| {
            let standing = earlier.standing.iter().rev();
            standing.map(move |standing| (earlier, standing))
        });
        let along = goes_along(workshop, action, later.chain(of_earlier))?;
        let left = match &step.undo {
            _ if along => None,
            // What would go on after the restart must not, whatever becomes of the step's other actions.
            Undo::None { why } if *action != Action::Reboot => {
                Some(format!("`{}` stays: {why}", step.title))
            }
            _ => {
                let place = Place {
                    operation: &operation.id,
                    step: &step.id,
                    action: standing.action,
                };
                let (before, after) = (&standing.before, &standing.after);
                match apply::roots(workshop, step, action)? {
                    Some(root) => root.revert(place, action, before, after, watch),
                    None => revert::revert(workshop, action, before, after, watch),
                }
                .map_err(|problem| {
                    problem.within(format!("could not take back `{}`", step.title))
                })?
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
        if *action != Action::Reboot && undone.steps.last() != Some(&step.title) {
            undone.steps.push(step.title.clone());
        }
        // What was left is what taking back answered, not what was feared beforehand.
        undone
            .left
            .extend(left.filter(|left| !undone.left.contains(left)));
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
