//! `deskside env diff`: what differs between two snapshots, or a snapshot and now.

use super::present::Present;
use super::{Difference, Place};
use crate::{Answer, Context};
use deskside_envs::snapshot::{Snapshot, difference};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// The answer of `env diff`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DiffReport {
    /// The project's folder.
    pub project: String,
    /// The earlier state.
    pub from: State,
    /// The later state.
    pub to: State,
    /// What differs.
    pub difference: Difference,
}

/// One of the two states.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct State {
    /// The snapshot; none for the environment as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was taken, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub taken_at: jiff::Timestamp,
    /// What led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Answer for DiffReport {
    const SCHEMA: &'static str = "deskside.environment-diff";
}

/// Compares two states. `to` is the environment as it is now when none.
///
/// # Errors
/// When there is no such snapshot, or no environment to compare with.
pub fn diff(
    context: &Context,
    project: Option<&Path>,
    from: &str,
    to: Option<&str>,
) -> Result<DiffReport> {
    let place = Place::find(context, project)?;
    let facts = deskside_probe::collect(&*context.machine);
    let present = Present::look(context, &place, &facts)?;
    let before = present.find(from)?;
    let (after, kept) = match (to, present.snapshot()) {
        (Some(to), _) => (present.find(to)?, true),
        (None, Some(now)) => (now, false),
        (None, None) => {
            return Err(Problem::new(
                Code::EnvironmentMissing,
                format!(
                    "there is no whole environment at {}",
                    place.environment.display()
                ),
            )
            .hint("make it again: deskside env rebuild")
            .hint("compare two snapshots: deskside env diff 1 0"));
        }
    };
    Ok(DiffReport {
        project: place.project.display().to_string(),
        from: state(before, true),
        to: state(after, kept),
        difference: difference(before, after),
    })
}

fn state(snapshot: &Snapshot, kept: bool) -> State {
    State {
        id: kept.then(|| snapshot.id.clone()),
        taken_at: snapshot.taken_at,
        reason: kept.then(|| snapshot.reason.clone()),
    }
}
