//! Beginning a sweep.

use super::SweepRequest;
use super::request::runs;
use crate::run::surroundings_of_folder;
use crate::{Answer, Context};
use deskside_runs::queue::{Queue, vault};
use deskside_runs::sweep::{Method, Sweep, go};
use deskside_runs::{snapshot, submit};
use deskside_types::Result;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// The answer of a sweep that was begun.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepBegun {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How trials are chosen.
    pub method: String,
    /// Trials at the most.
    pub trials: u64,
    /// Runs at the most: trials times seeds.
    pub runs: u64,
    /// Runs at once.
    pub parallel: u32,
    /// The code is kept as it is now.
    pub code_kept: bool,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for SweepBegun {
    const SCHEMA: &'static str = "deskside.sweep-begun";
}

/// Begins a sweep: from now on it goes on by itself.
///
/// # Errors
/// When it can't be begun; then nothing was.
pub fn begin(context: &Context, request: &SweepRequest) -> Result<SweepBegun> {
    context.require_live("sweep")?;
    let machine = &*context.machine;
    let mut definition = request.definition(context)?;
    let mut warnings = Vec::new();
    let mut surroundings = surroundings_of_folder(context)?;
    vault::take_along(machine, &request.options.variables, &mut surroundings)?;
    if !request.options.live {
        let directory = surroundings.directory.clone();
        surroundings.code =
            snapshot::keep(machine, &context.directories, &directory, &mut |warning| {
                warnings.push(warning)
            })?;
    }
    definition.surroundings = surroundings;
    let point = definition.point(0).unwrap_or_default();
    let (job, surroundings) = definition.job(0, 0, &point, Path::new("/"));
    submit::possible(machine, &surroundings, &[job])?;
    if definition.method == Method::Tpe {
        // A sweep that nobody can be asked for would be over before its first trial.
        super::optuna::command(context, &definition)?;
    }
    let queue = Queue::open(machine, &context.directories)?;
    let slots = queue.slots()?;
    drop(queue);
    if !definition.claim.any() && definition.parallel > slots {
        warnings.push(format!(
            "{} at once were asked for, and the queue has {slots} slot{}: `deskside queue slots {}` lets them run side by side",
            definition.parallel,
            if slots == 1 { "" } else { "s" },
            definition.parallel
        ));
    }
    let sweep = Sweep::make(machine, &context.directories, definition)?;
    go(machine, &context.directories, &sweep.definition)?;
    let definition = &sweep.definition;
    Ok(SweepBegun {
        id: definition.id.0.clone(),
        name: definition.name.clone(),
        method: definition.method.word().into(),
        trials: definition.most(),
        runs: runs(definition),
        parallel: definition.parallel,
        code_kept: definition.surroundings.code.is_some(),
        warnings,
    })
}
