//! `deskside undo`: takes an operation back.

use crate::environment::{Place, change};
use crate::{Answer, Context, live};
use deskside_machine::{Progress, Reading};
use deskside_operate::Workshop;
use deskside_operate::root::Channel;
use deskside_types::plan::{Action, Undo};
use deskside_types::{Code, Problem, Result};
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
    /// The driver that is loaded is not the one on disk any more: the machine must be restarted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
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
    /// Steps that can't be taken back exactly, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// It needs root.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub root: bool,
    /// The project whose environment it changes, where a person stands in another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
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
    let mut limits = Vec::new();
    for step in chain.iter().flat_map(|one| one.standing()) {
        match &step.undo {
            Undo::Exact => {}
            Undo::BestEffort { why } => limits.push(format!("{}: {why}", step.title)),
            Undo::None { why } => limits.push(format!("{} stays: {why}", step.title)),
        }
    }
    Ok(UndoPreview {
        limits,
        root: chain
            .iter()
            .flat_map(|one| one.standing())
            .any(|step| step.root),
        elsewhere: elsewhere(context, operation)?,
        operation: chosen.id.0.clone(),
        wish: chosen.plan.wish.clone(),
        began_at: chosen.began_at,
        steps: chain.iter().flat_map(|one| one.standing_steps()).collect(),
    })
}

/// The change of another tool's that a name means, where no operation of Deskside's has it.
///
/// # Errors
/// When the journal's folder can't be read, or the name fits several.
pub fn of_another_tool(context: &Context, id: &str) -> Result<Option<String>> {
    let found = crate::explain::change(context, id)?;
    Ok(found
        .filter(|change| change.by != "deskside")
        .map(|change| change.id))
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
    let system = preview(context, operation)?.root;
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
        restart: false,
    };
    // The state that came back is remembered like any other, so that nobody takes it for a change made elsewhere.
    let facts = deskside_probe::collect(&*context.machine);
    let nvidia = &facts.drivers.nvidia;
    report.restart = system
        && nvidia.loaded.value().is_some()
        && nvidia.loaded.value() != nvidia.on_disk.value();
    for folder in environments.iter().filter_map(|path| path.parent()) {
        if !context.machine.exists(folder)? {
            continue;
        }
        let kept = Place::at(context, Some(folder)).and_then(|place| {
            let operation = report.operations.first().cloned();
            let reason = format!("undo of {}", name_of(context, &place, operation.as_deref()));
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

/// What an operation was, as the snapshot that it led to says it (`env add numpy`); else its identity.
fn name_of(context: &Context, place: &Place, operation: Option<&str>) -> String {
    let snapshots = place.store.list(&*context.machine).unwrap_or_default();
    let mut all = snapshots.snapshots.into_iter().rev();
    all.find(|one| one.operation.is_some() && one.operation.as_deref() == operation)
        .map(|one| one.reason)
        .or_else(|| operation.map(String::from))
        .unwrap_or_default()
}

/// The project that an operation is about, where a person stands in another one.
fn elsewhere(context: &Context, operation: Option<&str>) -> Result<Option<String>> {
    let Ok(here) = Place::find(context, None) else {
        return Ok(None);
    };
    let environments = environments(context, operation)?;
    let mut projects = environments.iter().filter_map(|path| path.parent());
    let first = projects.next();
    Ok(first
        .filter(|first| *first != here.project && projects.all(|other| other != here.project))
        .map(|first| first.display().to_string()))
}

/// A training that goes on must not lose its environment, nor the driver it runs on.
fn refuse_under_a_live_run(context: &Context, operation: Option<&str>) -> Result<()> {
    let (operations, _) = deskside_operate::history(&*context.machine, &context.directories.state)?;
    let chosen = deskside_operate::undo::choose(&operations, operation)?;
    let driver = deskside_operate::undo::chain(&operations, &chosen)
        .iter()
        .flat_map(|one| one.standing())
        .any(|step| step.root && step.reboot);
    if driver && let Some(run) = live::going_on(context).first() {
        return Err(Problem::new(
            Code::Locked,
            format!("run {run} goes on, and the driver would be changed under it"),
        )
        .hint("wait for its end, or stop it with Ctrl-C where it runs, then run the same command again"));
    }
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
