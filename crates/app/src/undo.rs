//! `deskside undo`: takes an operation back.

use crate::environment::{Place, change};
use crate::{Answer, Context, live};
use deskside_machine::{Progress, Reading};
use deskside_operate::Workshop;
use deskside_operate::root::Channel;
use deskside_types::Result;
use deskside_types::plan::Action;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

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

/// The answer of `undo --plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UndoPreview {
    /// The operation that would be taken back.
    pub operation: String,
    /// What it was for.
    pub wish: String,
    /// When it began, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub began_at: jiff::Timestamp,
    /// Steps that would be taken back, in the order it would be done. Those of an unfinished operation it went on
    /// with come after them.
    pub steps: Vec<String>,
}

impl Answer for UndoPreview {
    const SCHEMA: &'static str = "deskside.undo-plan";
}

/// What taking an operation back would do. Changes nothing.
///
/// # Errors
/// When there is nothing to take back.
pub fn preview(context: &Context, operation: Option<&str>) -> Result<UndoPreview> {
    let (operations, _) = deskside_operate::history(&*context.machine, &context.directories.state)?;
    let chosen = deskside_operate::undo::choose(&operations, operation)?;
    let chain = deskside_operate::undo::chain(&operations, &chosen);
    Ok(UndoPreview {
        operation: chosen.id.0.clone(),
        wish: chosen.plan.wish.clone(),
        began_at: chosen.began_at,
        steps: chain.iter().flat_map(|one| one.standing_steps()).collect(),
    })
}

/// Takes back the operation with that identity, or the newest that stands.
///
/// # Errors
/// When there is none, or an action can't be taken back.
pub fn undo(
    context: &Context,
    operation: Option<&str>,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<UndoReport> {
    context.require_live("undo")?;
    refuse_under_a_live_run(context, operation)?;
    let channel = Channel::new(&*context.machine);
    let workshop = Workshop {
        root: Some(&channel),
        ..change::workshop(context)
    };
    let turn = deskside_operate::turn(&workshop)?;
    let environments = environments(context, operation)?;
    let gives_up = restarts(context, operation)?;
    let undone = deskside_operate::undo_in(&turn, &workshop, operation, watch)?;
    if gives_up {
        crate::apply::next::forget(context)?;
    }
    let mut report = UndoReport {
        operations: undone.operations.into_iter().map(|id| id.0).collect(),
        wish: undone.wish,
        steps: undone.steps,
        left: undone.left,
    };
    // The state that came back is remembered like any other, so that nobody takes it for a change made elsewhere.
    let facts = deskside_probe::collect(&*context.machine);
    for folder in environments.iter().filter_map(|path| path.parent()) {
        if !context.machine.exists(folder)? {
            continue;
        }
        let kept = Place::at(context, Some(folder)).and_then(|place| {
            let reason = format!("undo {}", report.wish);
            let operation = report.operations.first().cloned();
            change::keep(&turn, context, &place, &facts, &reason, operation, None)
        });
        if let Err(problem) = kept {
            report.left.push(format!(
                "a snapshot of the environment could not be kept: {problem}"
            ));
        }
    }
    Ok(report)
}

/// Whether what is taken back would have gone on after a restart, and an `up` behind it.
fn restarts(context: &Context, operation: Option<&str>) -> Result<bool> {
    let (operations, _) = deskside_operate::history(&*context.machine, &context.directories.state)?;
    let chosen = deskside_operate::undo::choose(&operations, operation)?;
    let chain = deskside_operate::undo::chain(&operations, &chosen);
    Ok(chain
        .iter()
        .flat_map(|one| &one.plan.steps)
        .any(|step| step.actions.contains(&Action::Reboot)))
}

/// A training that goes on must not lose its environment.
fn refuse_under_a_live_run(context: &Context, operation: Option<&str>) -> Result<()> {
    let environments = environments(context, operation)?;
    let paths: Vec<&Path> = environments.iter().map(PathBuf::as_path).collect();
    live::refuse_under_a_run(context, &paths, "would be taken away")
}

/// The environments that taking an operation back touches.
fn environments(context: &Context, operation: Option<&str>) -> Result<Vec<PathBuf>> {
    let (operations, _) = deskside_operate::history(&*context.machine, &context.directories.state)?;
    let chosen = deskside_operate::undo::choose(&operations, operation)?;
    let chain = deskside_operate::undo::chain(&operations, &chosen);
    let actions = chain
        .iter()
        .flat_map(|one| &one.plan.steps)
        .flat_map(|step| &step.actions);
    let mut environments: Vec<PathBuf> = actions
        .filter_map(|action| match action {
            Action::Env { action } => Some(PathBuf::from(action.path())),
            _ => None,
        })
        .collect();
    environments.sort();
    environments.dedup();
    Ok(environments)
}
