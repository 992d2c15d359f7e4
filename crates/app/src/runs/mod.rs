//! Runs: running one, listing them, looking at one, its log, the index.

mod curve;
mod list;
mod reindex;
mod show;

pub use curve::Curve;
pub use list::{Asked, RunRow, RunsReport, list};
pub use reindex::{ReindexReport, reindex};
pub use show::{MetricReport, ShowReport, curves, show, summary_numbers};

use crate::Context;
use deskside_track::{Folder, Store, logs};
use deskside_types::Result;
use deskside_types::run::StateRecord;
use std::ops::ControlFlow;

/// The folder of the run that a person means.
///
/// # Errors
/// When no run, or more than one, is called that.
pub fn folder(context: &Context, run: &str) -> Result<Folder> {
    if let Some(folder) = crate::queue::folder_of_number(context, run)? {
        return Ok(folder);
    }
    let store = Store::new(&*context.machine, &context.directories);
    match store.find(run) {
        Ok(id) => Ok(store.folder(&id)),
        // A job that waits has a name and an identity already, and no run yet.
        Err(problem) => match crate::queue::job(context, run) {
            Ok(Some(row)) if row.run.is_none() => Err(crate::queue::not_begun(&row)),
            _ => Err(problem),
        },
    }
}

/// Hands a run's log on, from its beginning or its last lines, and goes on until the run is over where asked.
///
/// # Errors
/// When the run or its log can't be read.
pub fn log(
    context: &Context,
    run: &str,
    lines: Option<usize>,
    follow: bool,
    hear: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Option<StateRecord>> {
    let folder = folder(context, run)?;
    let from = lines.map_or(logs::Start::Beginning, logs::Start::LastLines);
    if follow {
        logs::follow(&*context.machine, &folder, from, hear)
    } else {
        logs::read(&*context.machine, &folder, from, hear).map(|()| None)
    }
}
