//! Runs: running one, listing them, looking at one, its log, the index.

mod curve;
mod list;
mod reindex;
mod show;

pub use curve::Curve;
pub use list::{Asked, RunRow, RunsReport, list};
pub use reindex::{ReindexReport, reindex};
pub use show::{MetricReport, ShowReport, curves, show, summary_numbers};

use crate::{Answer, Context};
use deskside_machine::{Acting, Effect, ErrorKind, Reading};
use deskside_track::{Folder, Store, logs};
use deskside_types::run::StateRecord;
use deskside_types::{Code, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::Duration;

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

/// Waits until a job of the queue has begun; its run's folder.
fn begun(context: &Context, run: &str) -> Result<Folder> {
    loop {
        match folder(context, run) {
            Err(problem) if problem.code == Code::JobState => {
                let over = crate::queue::job(context, run)?
                    .is_none_or(|row| row.state == deskside_runs::queue::JobState::Ended);
                if over {
                    return Err(problem);
                }
            }
            found => return found,
        }
        let span = Duration::from_millis(200);
        context.machine.effect(&Effect::Sleep { span })?;
    }
}

/// The answer of `show --diff`: how the code of a run differed from its commit.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CodeDiffReport {
    /// The run's identity.
    pub id: String,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The differences as git prints them; empty where there were none.
    pub diff: String,
}

impl Answer for CodeDiffReport {
    const SCHEMA: &'static str = "deskside.code-diff";
}

/// Bytes of a patch that are read.
const LARGEST_PATCH: u64 = 64 << 20;

/// How the code of a run differed from its commit.
///
/// # Errors
/// When no run is called that, or its folder can't be read.
pub fn code_diff(context: &Context, run: &str) -> Result<CodeDiffReport> {
    let folder = folder(context, run)?;
    let machine = &*context.machine;
    let record = deskside_track::record::read(machine, &folder)?;
    let diff = match machine.file(folder.diff(), LARGEST_PATCH) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind == ErrorKind::Absent => String::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(CodeDiffReport {
        id: folder.id().0.clone(),
        commit: record.code.map(|code| code.commit),
        diff,
    })
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
    let folder = match folder(context, run) {
        // Who follows a job that waits means what it will say.
        Err(problem) if follow && problem.code == Code::JobState => begun(context, run)?,
        found => found?,
    };
    let from = lines.map_or(logs::Start::Beginning, logs::Start::LastLines);
    if follow {
        logs::follow(&*context.machine, &folder, from, hear)
    } else {
        logs::read(&*context.machine, &folder, from, hear).map(|()| None)
    }
}
