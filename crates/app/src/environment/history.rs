//! `deskside env history`: the snapshots of an environment.

use super::present::Present;
use super::{Difference, Place};
use crate::{Answer, Context};
use deskside_envs::snapshot::{Snapshot, difference};
use deskside_types::Result;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// The answer of `env history`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EnvironmentHistoryReport {
    /// The project's folder.
    pub project: String,
    /// The environment's folder.
    pub environment: String,
    /// Whether a whole environment is there now.
    pub there: bool,
    /// What the environment differs in from the newest snapshot: it was changed outside Deskside since. That state is
    /// number 0, and kept nowhere yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_outside: Option<Difference>,
    /// Newest first.
    pub snapshots: Vec<Entry>,
    /// Snapshots that can't be read, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

/// One snapshot of the list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Entry {
    /// How many states it lies back; 0 is the one that is there now.
    pub number: usize,
    /// Its identity.
    pub id: String,
    /// When it was taken, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub taken_at: jiff::Timestamp,
    /// What led to it.
    pub reason: String,
    /// The operation that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The state that is there now.
    pub present: bool,
    /// Its wheels are kept, so that it restores without an index.
    pub full: bool,
    /// Its Python's version.
    pub python: String,
    /// The framework build in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
    /// How many distributions it has.
    pub distributions: usize,
    /// What differs from the snapshot before it; nothing for the oldest.
    pub difference: Difference,
}

impl Answer for EnvironmentHistoryReport {
    const SCHEMA: &'static str = "deskside.environment-history";
}

/// Lists the snapshots.
///
/// # Errors
/// When there is no project, or its snapshots can't be listed.
pub fn history(context: &Context, project: Option<&Path>) -> Result<EnvironmentHistoryReport> {
    let place = Place::find(context, project)?;
    let facts = deskside_probe::collect(&*context.machine);
    let present = Present::look(context, &place, &facts)?;
    let first = present.first_number();
    let all = &present.listed.snapshots;
    let snapshots = all
        .iter()
        .enumerate()
        .rev()
        .map(|(at, snapshot)| {
            let number = first + all.len() - 1 - at;
            let before = at.checked_sub(1).and_then(|at| all.get(at));
            let is_present = match &present.unrecorded {
                Some(id) => *id == snapshot.id,
                None => number == 0 && present.now.is_some(),
            };
            entry(number, snapshot, before, is_present)
        })
        .collect();
    Ok(EnvironmentHistoryReport {
        project: place.project.display().to_string(),
        environment: place.environment.display().to_string(),
        there: present.now.is_some(),
        changed_outside: match (present.newest(), present.snapshot()) {
            (Some(newest), Some(now)) if first > 0 => Some(difference(newest, now)),
            _ => None,
        },
        snapshots,
        unreadable: present.listed.unreadable.clone(),
    })
}

fn entry(number: usize, snapshot: &Snapshot, before: Option<&Snapshot>, present: bool) -> Entry {
    Entry {
        number,
        id: snapshot.id.clone(),
        taken_at: snapshot.taken_at,
        reason: snapshot.reason.clone(),
        operation: snapshot.operation.clone(),
        present,
        full: snapshot.full,
        python: snapshot.python.version.clone(),
        choice: snapshot.choice.as_ref().map(|choice| choice.shown()),
        distributions: snapshot.distributions.len(),
        difference: before
            .map(|before| difference(before, snapshot))
            .unwrap_or_default(),
    }
}
