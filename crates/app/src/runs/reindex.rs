//! `deskside reindex`.

use crate::{Answer, Context};
use deskside_track::Store;
use deskside_types::{Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `reindex`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReindexReport {
    /// Runs that are in the index now.
    pub runs: usize,
    /// Run folders that can't be read, by identity, and why.
    pub unreadable: Vec<Unreadable>,
}

/// A run folder that can't be read.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Unreadable {
    /// The run.
    pub id: String,
    /// Why.
    pub problem: Problem,
}

impl Answer for ReindexReport {
    const SCHEMA: &'static str = "deskside.reindex";
}

/// Builds the index anew from the run folders.
///
/// # Errors
/// When the folder of runs can't be read or the index can't be written.
pub fn reindex(context: &Context) -> Result<ReindexReport> {
    let done = Store::new(&*context.machine, &context.directories).reindex()?;
    Ok(ReindexReport {
        runs: done.runs,
        unreadable: done
            .unreadable
            .into_iter()
            .map(|(id, problem)| Unreadable { id: id.0, problem })
            .collect(),
    })
}
