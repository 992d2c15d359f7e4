//! What one change of this machine was: an operation of Deskside's, or a run of a package manager that whoever asked for.

use crate::{Answer, Context};
use deskside_operate::Operation;
use deskside_types::changes::{ChangeKind, SystemChange};
use deskside_types::facts::{PackageState, Packages};
use deskside_types::plan::Undo;
use deskside_types::{Code, Known, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `explain ID`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangeReport {
    /// Its identity, as `history` lists it.
    pub id: String,
    /// What it was, in a sentence.
    pub what: String,
    /// When it began: in UTC where Deskside did it, else in the machine's local time, as the package managers' logs have it.
    pub began: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The program that did it.
    pub by: String,
    /// The account that asked for it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The command, where the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How it ended, in a word or in the package manager's words.
    pub outcome: String,
    /// Steps of an operation of Deskside's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepReport>,
    /// Packages that another tool changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PackageReport>,
    /// The command that shows how it would be taken back; none where nothing of it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back: Option<String>,
}

/// A step of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StepReport {
    /// What it did.
    pub title: String,
    /// Why.
    pub why: String,
    /// It was carried out and proven.
    pub done: bool,
    /// Something of it stands.
    pub stands: bool,
    /// How far it can be taken back.
    pub undo: Undo,
}

/// A package, as it was changed and as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PackageReport {
    /// Its name.
    pub name: String,
    /// What was done.
    pub kind: ChangeKind,
    /// The version before; none where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version afterwards; none where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Whether it is now as this change left it; unknown where the list of packages can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands: Option<bool>,
}

impl Answer for ChangeReport {
    const SCHEMA: &'static str = "deskside.explain-change";
}

/// Explains the change of that name; none where `history` lists none of it.
///
/// # Errors
/// When the journal's folder can't be read, or the name fits several.
pub fn change(context: &Context, id: &str) -> Result<Option<ChangeReport>> {
    let (operations, _) = deskside_operate::history(&*context.machine, &context.directories.state)?;
    let named = |operation: &&Operation| {
        operation.id.0 == id || (id.len() >= 4 && operation.id.0.ends_with(id))
    };
    if let Some(operation) = operations.iter().rfind(named) {
        return Ok(Some(of_operation(operation)));
    }
    let told = deskside_probe::changes(&*context.machine).changes;
    let fitting: Vec<&SystemChange> = told
        .iter()
        .filter(|change| change.id == id || (id.len() >= 4 && change.id.starts_with(id)))
        .collect();
    match fitting.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(of_system(context, one))),
        several => Err(Problem::new(
            Code::Usage,
            format!("{id} is the beginning of {} changes", several.len()),
        )
        .hint(format!("deskside explain {}", several[0].id))),
    }
}

fn of_operation(operation: &Operation) -> ChangeReport {
    let standing = operation.standing_steps();
    let steps = operation
        .plan
        .steps
        .iter()
        .map(|step| StepReport {
            title: step.title.clone(),
            why: step.why.clone(),
            done: operation.done.contains(&step.id),
            stands: standing.contains(&step.title),
            undo: step.undo.clone(),
        })
        .collect();
    ChangeReport {
        id: operation.id.0.clone(),
        what: operation.plan.wish.clone(),
        began: operation.began_at.to_string(),
        ended: operation.ended_at.map(|ended| ended.to_string()),
        by: "deskside".into(),
        asked_by: None,
        command: None,
        outcome: operation.outcome.word().to_string(),
        steps,
        packages: Vec::new(),
        back: (!standing.is_empty()).then(|| format!("deskside undo {} --plan", operation.id)),
    }
}

fn of_system(context: &Context, change: &SystemChange) -> ChangeReport {
    let facts = deskside_probe::collect(&*context.machine);
    let packages: Vec<PackageReport> = change
        .packages
        .iter()
        .map(|package| PackageReport {
            name: package.name.clone(),
            kind: package.kind,
            from: package.from.clone(),
            to: package.to.clone(),
            stands: facts
                .packages
                .value()
                .and_then(|packages| version(packages, &package.name))
                .map(|now| now == package.to),
        })
        .collect();
    let back = packages
        .iter()
        .any(|package| package.stands != Some(false))
        .then(|| format!("deskside plan --wish revert={}", change.id));
    ChangeReport {
        id: change.id.clone(),
        what: what(change),
        began: change.began.clone(),
        ended: change.ended.clone(),
        by: change.tool.clone(),
        asked_by: change.requested_by.clone(),
        command: change.command.clone(),
        outcome: change.error.clone().unwrap_or_else(|| "done".into()),
        steps: Vec::new(),
        packages,
        back,
    }
}

/// The version that is there now; `Some(None)` where it is surely not there, none where that can't be told.
fn version(packages: &Packages, name: &str) -> Option<Option<String>> {
    match &packages.installed {
        Known::Value(_) => Some(
            packages
                .package(name)
                .filter(|package| package.state != PackageState::ConfigFiles)
                .map(|package| package.version.clone()),
        ),
        _ => None,
    }
}

/// What it was, by who asked for it.
fn what(change: &SystemChange) -> String {
    let count = |kinds: &[ChangeKind]| {
        change
            .packages
            .iter()
            .filter(|package| kinds.contains(&package.kind))
            .count()
    };
    let parts: Vec<String> = [
        (count(&[ChangeKind::Install]), "came"),
        (count(&[ChangeKind::Reinstall]), "came anew"),
        (count(&[ChangeKind::Upgrade]), "moved to a newer version"),
        (count(&[ChangeKind::Downgrade]), "moved to an older version"),
        (count(&[ChangeKind::Remove, ChangeKind::Purge]), "went"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let who = match change.tool.as_str() {
        "unattended-upgrades" => "the system's own nightly upgrade, which nobody asked for by hand",
        "packagekit" => "a program of the desktop",
        "dpkg" => "dpkg itself, without apt",
        _ => "somebody's command",
    };
    format!(
        "packages of drivers, toolkits and kernels: {}; by {who}",
        parts.join(", ")
    )
}
