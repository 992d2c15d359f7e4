//! Carrying out a plan.

use crate::journal::{Entry, JOURNAL_VERSION, OperationId, append};
use crate::root::{self, Place, Root};
use crate::{Workshop, attempt, check, history, perform, premise};
use deskside_machine::{ErrorKind, Held, Progress, Reading, interrupt};
use deskside_types::plan::{Action, Plan, Step};
use deskside_types::run::RunId;
use deskside_types::{Code, Problem, Result};
use std::time::Duration;

/// What is heard while a plan is carried out.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step begins.
    Begin {
        /// The step.
        step: &'a Step,
        /// Its place, from 1.
        place: usize,
        /// How many there are.
        of: usize,
    },
    /// Something goes on within the step.
    Progress(Progress<'a>),
    /// A step was satisfied already.
    Satisfied {
        /// The step.
        step: &'a Step,
    },
    /// A step was carried out and proven.
    Done {
        /// The step.
        step: &'a Step,
        /// How long it took.
        span: Duration,
    },
}

/// What carrying out a plan came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The operation in the journal; none when there was nothing to do.
    pub operation: Option<OperationId>,
    /// Steps carried out, by id.
    pub done: Vec<String>,
    /// Steps that were satisfied already, by id.
    pub satisfied: Vec<String>,
    /// The machine must be restarted now; the same plan then goes on.
    pub restart: bool,
}

/// Carries out a plan: locks, journals, acts, verifies. An empty plan does nothing and leaves no trace.
///
/// # Errors
/// Refused before anything is done when a step needs root or hands; afterwards the first step
/// that fails ends it, and carrying out the plan again goes on from there.
pub fn apply(
    workshop: &Workshop<'_>,
    plan: &Plan,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Applied> {
    if plan.is_empty() {
        return Ok(nothing());
    }
    refuse_what_needs_more(workshop, plan)?;
    apply_in(&turn(workshop)?, workshop, plan, listen)
}

/// As [`apply`], in a turn that was taken already: for a caller that writes something of its own before and after.
///
/// # Errors
/// As [`apply`].
pub fn apply_in(
    _turn: &Turn,
    workshop: &Workshop<'_>,
    plan: &Plan,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Applied> {
    if plan.is_empty() {
        return Ok(nothing());
    }
    refuse_what_needs_more(workshop, plan)?;
    // Another operation may have changed what the plan rests on while this one waited for nothing but its turn.
    premise::require_files(workshop.machine, plan)?;
    let earlier = history::close_unfinished(workshop)?;
    let continues = history::unfinished_attempt(&earlier, &plan.wish);
    let now = history::later_than_all(&earlier, workshop.machine.now()?.wall);
    let operation = OperationId(RunId::new(now, workshop.machine.random()? as u32).0);
    append(
        workshop.machine,
        &workshop.state,
        &operation,
        &Entry::Begin {
            version: JOURNAL_VERSION,
            at: now,
            continues: continues.clone(),
            plan: plan.clone(),
        },
    )?;
    let mut applied = Applied {
        operation: Some(operation.clone()),
        done: Vec::new(),
        satisfied: Vec::new(),
        restart: false,
    };
    let outcome = begin_root(workshop, &operation, plan).and_then(|()| {
        let before = attempt::earlier(workshop.machine, &earlier, continues.as_ref(), plan);
        steps(workshop, &operation, plan, &before, &mut applied, listen)
    });
    let at = workshop.machine.now()?.wall;
    let end = match &outcome {
        Ok(()) => Entry::End {
            at,
            outcome: if applied.restart { "restart" } else { "done" }.into(),
            problem: None,
        },
        Err(problem) if problem.code == Code::Interrupted => Entry::End {
            at,
            outcome: "interrupted".into(),
            problem: None,
        },
        Err(problem) => Entry::End {
            at,
            outcome: "failed".into(),
            problem: Some(Box::new(problem.clone())),
        },
    };
    // When the end can't be written (a full disk), the first failure is what the person must hear of;
    // an operation without an end counts as interrupted.
    let written = append(workshop.machine, &workshop.state, &operation, &end);
    outcome.and(written).map(|()| applied)
}

/// What an empty plan comes to.
fn nothing() -> Applied {
    Applied {
        operation: None,
        done: Vec::new(),
        satisfied: Vec::new(),
        restart: false,
    }
}

/// The right to change this machine: held by one command at a time, given back when it is dropped.
pub struct Turn {
    _held: Box<dyn Held>,
}

/// Takes the lock that keeps two operations apart.
///
/// # Errors
/// [`Code::Locked`] with who holds it.
pub fn turn(workshop: &Workshop<'_>) -> Result<Turn> {
    workshop
        .machine
        .lock(&workshop.state.join("lock"), Duration::ZERO)
        .map(|held| Turn { _held: held })
        .map_err(|error| match error.kind {
            ErrorKind::Busy => Problem::new(
                Code::Locked,
                "another Deskside command is changing this machine",
            )
            .because(error.detail)
            .hint("wait until it has ended, then run the same command again"),
            _ => error.into(),
        })
}

fn refuse_what_needs_more(workshop: &Workshop<'_>, plan: &Plan) -> Result<()> {
    for step in &plan.steps {
        if workshop.root.is_none() && is_roots(step) {
            return Err(Problem::new(
                Code::NeedsRoot,
                format!("the step `{}` needs root", step.title),
            )
            .because(&step.why));
        }
        if workshop.root.is_none()
            && let Some(hands) = &step.hands_needed
        {
            return Err(Problem::new(
                Code::NeedsHands,
                format!("the step `{}` needs a person first", step.title),
            )
            .hint(hands.clone()));
        }
    }
    Ok(())
}

/// Whether something in the step is root's.
fn is_roots(step: &Step) -> bool {
    step.root
        || step
            .actions
            .iter()
            .any(|action| root::is_roots(step, action))
}

/// Who carries the action out as root; none where it is the person's.
pub(crate) fn roots<'a>(
    workshop: &Workshop<'a>,
    step: &Step,
    action: &Action,
) -> Result<Option<&'a dyn Root>> {
    match workshop.root {
        _ if !root::is_roots(step, action) => Ok(None),
        Some(root) => Ok(Some(root)),
        None => Err(Problem::new(
            Code::NeedsRoot,
            format!("the step `{}` needs root", step.title),
        )),
    }
}

/// Asks for root before anything is done, where something that is root's is still to be done.
fn begin_root(workshop: &Workshop<'_>, operation: &OperationId, plan: &Plan) -> Result<()> {
    let Some(root) = workshop.root else {
        return Ok(());
    };
    for step in plan.steps.iter().filter(|step| is_roots(step)) {
        if !check::all_hold(workshop.machine, workshop.domain, &step.check)? {
            return root.begin(operation, plan);
        }
    }
    Ok(())
}

fn steps(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    plan: &Plan,
    earlier: &attempt::Earlier,
    applied: &mut Applied,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    for (index, step) in plan.steps.iter().enumerate() {
        if interrupt::requested() {
            return Err(
                Problem::new(Code::Interrupted, "interrupted between two steps")
                    .hint("run the same command again: it goes on from here"),
            );
        }
        let is_done = earlier.done.contains(&step.id);
        let is_half = is_roots(step)
            && earlier.begun.contains(&step.id)
            && !step.actions.contains(&Action::Reboot);
        if is_done || (!is_half && check::all_hold(workshop.machine, workshop.domain, &step.check)?)
        {
            append(
                workshop.machine,
                &workshop.state,
                operation,
                &Entry::Satisfied {
                    step: step.id.clone(),
                },
            )?;
            applied.satisfied.push(step.id.clone());
            listen(Event::Satisfied { step });
            continue;
        }
        listen(Event::Begin {
            step,
            place: index + 1,
            of: plan.steps.len(),
        });
        let began = workshop.machine.now()?.monotonic;
        let restarts = step.actions.contains(&Action::Reboot);
        // Once restarted, a machine is not restarted again: what is still lacking is a failure to be told.
        if !(restarts && earlier.restarted || earlier.asked.contains(&step.id)) {
            actions(workshop, operation, step, listen)?;
            if restarts {
                applied.restart = true;
                return Ok(());
            }
        }
        proven(workshop, operation, step)?;
        applied.done.push(step.id.clone());
        listen(Event::Done {
            step,
            span: workshop.machine.now()?.monotonic.saturating_sub(began),
        });
    }
    whole(workshop, plan)
}

/// Proves what counts only since the restart, once all is done: that the driver answers.
fn whole(workshop: &Workshop<'_>, plan: &Plan) -> Result<()> {
    for step in plan.steps.iter().filter(|step| step.reboot) {
        let failing = check::first_failing(workshop.machine, workshop.domain, &step.verify)?;
        if let Some(failing) = failing {
            return Err(unproven(
                format!(
                    "everything was carried out, but `{}` does not hold",
                    step.title
                ),
                failing,
            ));
        }
    }
    Ok(())
}

fn unproven(message: String, failing: String) -> Problem {
    Problem::new(Code::VerifyFailed, message)
        .because(format!("expected that {failing}"))
        .hint("run the same command again; if it stays, `deskside history` shows what was done")
}

fn actions(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    step: &Step,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    let machine = workshop.machine;
    let within = |problem: Problem| problem.within(format!("the step `{}` failed", step.title));
    for (place, action) in step.actions.iter().enumerate() {
        let place = Place {
            operation,
            step: &step.id,
            action: place,
        };
        let name = place.name();
        let root = roots(workshop, step, action)?;
        let before = match root {
            Some(root) => root.prepare(place, action),
            None => perform::prepare(workshop, operation, &name, action),
        }
        .map_err(within)?;
        let before = match action {
            Action::Reboot => attempt::marked(machine, before),
            _ => before,
        };
        append(
            machine,
            &workshop.state,
            operation,
            &Entry::ActionBegin {
                step: step.id.clone(),
                action: place.action,
                before: before.clone(),
            },
        )?;
        let mut watch = |progress: Progress<'_>| listen(Event::Progress(progress));
        let after = match root {
            Some(root) => root.perform(place, action, &before, &mut watch),
            None => perform::perform(workshop, operation, &name, action, &before, &mut watch),
        }
        .map_err(within)?;
        append(
            machine,
            &workshop.state,
            operation,
            &Entry::ActionDone {
                step: step.id.clone(),
                action: place.action,
                after,
            },
        )?;
    }
    Ok(())
}

fn proven(workshop: &Workshop<'_>, operation: &OperationId, step: &Step) -> Result<()> {
    let machine = workshop.machine;
    let failing = check::first_failing(machine, workshop.domain, &step.verify)
        .map_err(|problem| problem.within(format!("the step `{}` failed", step.title)))?;
    // What a person does at the restart is proven with the whole, after it.
    let later = step.reboot && step.hands_needed.is_some();
    if let Some(failing) = failing
        && !later
    {
        return Err(unproven(
            format!(
                "the step `{}` was carried out, but its proof failed",
                step.title
            ),
            failing,
        ));
    }
    append(
        machine,
        &workshop.state,
        operation,
        &Entry::StepDone {
            step: step.id.clone(),
        },
    )
}
