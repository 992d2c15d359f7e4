//! `deskside runs`.

use crate::{Answer, Context};
use deskside_track::Store;
use deskside_track::index::{Filter, Listed};
use deskside_types::Result;
use deskside_types::run::RunState;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Only runs of this experiment.
    pub experiment: Option<String>,
    /// Only runs in this state, by its word.
    pub state: Option<String>,
    /// Only runs whose name, identity or command holds this text.
    pub matching: Option<String>,
    /// At most that many, newest first.
    pub limit: usize,
}

/// The answer of `runs`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunsReport {
    /// The runs, newest first.
    pub runs: Vec<RunRow>,
    /// How many there are without the limit.
    pub total: usize,
    /// What a person should know: run folders that can't be read, an index made anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunRow {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The group it belongs to.
    pub experiment: String,
    /// Its state, in a word.
    pub state: String,
    /// Its exit code as a shell shows it, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// When it was made, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub created_at: jiff::Timestamp,
    /// How long its command ran, in milliseconds; until now while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The command.
    pub argv: Vec<String>,
    /// Its results that are numbers; NaN and infinities are `null`.
    pub summary: BTreeMap<String, f64>,
    /// Its params.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Answer for RunsReport {
    const SCHEMA: &'static str = "deskside.runs";
}

impl RunRow {
    pub(crate) fn of(listed: &Listed) -> Self {
        let exit = match &listed.state.state {
            RunState::Finished { exit } | RunState::Stopped { exit, .. } => Some(exit.shell_code()),
            _ => None,
        };
        let span = listed
            .state
            .started_at
            .zip(listed.state.ended_at)
            .map(|(start, end)| end.as_millisecond() - start.as_millisecond());
        Self {
            id: listed.id.0.clone(),
            name: listed.name.clone(),
            experiment: listed.experiment.clone(),
            state: listed.state.state.word().to_string(),
            exit,
            created_at: listed.created_at,
            duration_ms: span.and_then(|span| u64::try_from(span).ok()),
            argv: listed.argv.clone(),
            summary: listed
                .summary
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.number()?)))
                .collect(),
            params: listed.params.clone(),
            tags: listed.tags.clone(),
        }
    }
}

/// Lists runs.
///
/// # Errors
/// When the folder of runs can't be read.
pub fn list(context: &Context, asked: &Asked) -> Result<RunsReport> {
    let filter = Filter {
        experiment: asked.experiment.clone(),
        states: asked.state.iter().cloned().collect(),
        text: asked.matching.clone(),
        limit: Some(asked.limit),
        ..Filter::default()
    };
    let listing = Store::new(&*context.machine, &context.directories).list(&filter)?;
    Ok(RunsReport {
        runs: listing.runs.iter().map(RunRow::of).collect(),
        total: listing.total,
        warnings: listing.warnings,
    })
}
