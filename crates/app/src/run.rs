//! `deskside run`: a command, tracked.

use crate::cost::RunCost;
use crate::{Answer, Context};
use deskside_envs::snapshot::{Choice, home};
use deskside_machine::{Machine, Reading};
use deskside_runs::queue::Surroundings;
use deskside_runs::{BuildRecord, Finished, Request};
use deskside_track::{Folder, record};
use deskside_types::Result;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is to be run.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// The command, program first.
    pub argv: Vec<OsString>,
    /// A name for it.
    pub name: Option<String>,
    /// The group of runs it belongs to.
    pub experiment: Option<String>,
    /// Params beside those read from the command line.
    pub params: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Milliseconds between two samples; 0 for none.
    pub sample_ms: Option<u64>,
}

/// The answer of `run`, beside the command's own output.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunReport {
    /// The run's identity.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state, in a word.
    pub state: String,
    /// Its exit code as a shell shows it.
    pub exit: i32,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What it took, at the person's own tariff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<RunCost>,
    /// What a person should know: a log that is not whole, an index that could not be written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The run's folder.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Answer for RunReport {
    const SCHEMA: &'static str = "deskside.run";
}

/// Runs a command, tracked, with its output passed through.
///
/// # Errors
/// When it could not be started; its own failure is its exit code and no error.
pub fn run(context: &Context, request: RunRequest) -> Result<RunReport> {
    context.require_live("run")?;
    let machine = &*context.machine;
    let environment = environment_of_folder(machine);
    let choice = chosen(context, environment.as_deref());
    let finished = deskside_runs::foreground(
        context.machine.clone(),
        &context.directories,
        Request {
            argv: request.argv,
            name: request.name,
            experiment: request.experiment,
            params: request.params,
            tags: request.tags,
            environment,
            sample_ms: request.sample_ms,
            variables: choice
                .as_ref()
                .map(|choice| choice.variables.clone())
                .unwrap_or_default()
                .into_iter()
                // What a person set themselves is meant.
                .filter(|(name, value)| value.is_none() || machine.variable(name).is_none())
                .collect(),
            build: choice.map(|choice| BuildRecord {
                framework: choice.framework,
                variant: choice.variant,
                extra: choice.extra,
                why: choice.why,
                ..BuildRecord::default()
            }),
            ..Request::default()
        },
    )?;
    let mut report = report(&*context.machine, &finished);
    report.cost = Folder::at(&finished.folder).and_then(|folder| {
        let record = record::read(machine, &folder).ok()?;
        crate::cost::of_one(context, &folder, &record, &finished.state)
    });
    Ok(report)
}

/// The framework build that was chosen for the environment a command is to run in.
fn chosen(context: &Context, environment: Option<&Path>) -> Option<Choice> {
    let machine = &*context.machine;
    let used = environment
        .map(Path::to_path_buf)
        .or_else(|| machine.variable("VIRTUAL_ENV").map(PathBuf::from));
    used.as_deref()
        .and_then(Path::parent)
        .and_then(|project| machine.real_path(project).ok())
        .and_then(|project| {
            home::find(machine, &context.directories, &project)
                .store
                .local(machine)
                .choice
        })
}

/// Where a command that is queued here runs: this folder, its environment, and the framework build of that.
pub(crate) fn surroundings_of_folder(context: &Context) -> Result<Surroundings> {
    let machine = &*context.machine;
    let environment = environment_of_folder(machine);
    let choice = chosen(context, environment.as_deref());
    Ok(Surroundings {
        directory: machine.working_directory()?,
        environment,
        build_variables: choice
            .as_ref()
            .map(|choice| choice.variables.clone())
            .unwrap_or_default()
            .into_iter()
            .collect(),
        build: choice.map(|choice| BuildRecord {
            framework: choice.framework,
            variant: choice.variant,
            extra: choice.extra,
            why: choice.why,
            ..BuildRecord::default()
        }),
        ..Surroundings::default()
    })
}

/// The environment of the folder a person stands in, where none is active: what they would have activated.
fn environment_of_folder(machine: &dyn Machine) -> Option<PathBuf> {
    if ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().any(|name| {
        machine
            .variable(name)
            .is_some_and(|value| !value.is_empty())
    }) {
        return None;
    }
    let environment = machine.working_directory().ok()?.join(".venv");
    machine
        .exists(environment.join("pyvenv.cfg"))
        .ok()?
        .then_some(environment)
}

pub(crate) fn report(machine: &dyn Machine, finished: &Finished) -> RunReport {
    let name = Folder::at(&finished.folder)
        .and_then(|folder| record::read(machine, &folder).ok())
        .map_or_else(|| finished.id.0.clone(), |record| record.name);
    RunReport {
        id: finished.id.0.clone(),
        name,
        state: finished.state.state.word().to_string(),
        exit: finished.exit.shell_code(),
        duration_ms: u64::try_from(finished.elapsed.as_millis()).unwrap_or(u64::MAX),
        cost: None,
        warnings: finished.warnings.clone(),
        folder: finished.folder.clone(),
    }
}
