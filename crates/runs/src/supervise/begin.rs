//! What a claimed job's run is made of: what is kept in its folder, its record, and the command that is to be started in it.

use crate::foreground::{DEFAULT_EXPERIMENT, prefer_program_of};
use crate::queue::{Claimed, Row, Spec, Surroundings, Word, vault};
use crate::{build, command, environment, snapshot};
use deskside_machine::supervise::Command;
use deskside_machine::{Acting, Directories, Machine, Reading};
use deskside_track::secrets::{shown_named, shown_value};
use deskside_track::{Folder, record};
use deskside_types::Result;
use deskside_types::run::{
    Place, ProcessIdentity, RUN_FOLDER_VERSION, RunRecord, RunState, StateRecord,
};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// A run that is about to start.
pub(super) struct Begun {
    pub number: i64,
    pub folder: Folder,
    pub command: Command,
    /// Written when its process is known, behind its state.
    pub record: RunRecord,
    /// Cards it is bound to.
    pub cards: Vec<String>,
}

/// Makes it. The inner answer says why the job must be held instead.
pub(super) fn begin(
    machine: &dyn Machine,
    directories: &Directories,
    own: &ProcessIdentity,
    claimed: &Claimed,
    spec: &Spec,
    surroundings: &Surroundings,
) -> Result<std::result::Result<Begun, String>> {
    let folder = Folder::of(directories, &claimed.run);
    let (mut variables, gone) = vault::put_together(machine, surroundings);
    if !gone.is_empty() {
        return Ok(Err(format!(
            "{} was kept in memory only and is gone since the restart; set it and `deskside queue release {}`",
            gone.join(", "),
            claimed.row.number
        )));
    }
    if surroundings.code.is_some() {
        // Laying a copy out takes a while, in which the folder says whose it is. Else its first state is that it runs.
        let state = StateRecord {
            state: RunState::Starting {
                supervisor: own.clone(),
            },
            started_at: None,
            ended_at: None,
        };
        record::begin(machine, &folder, &state)?;
    }
    // Of an attempt that never began: a run without traces never ran, and this one must not look as if it had.
    machine.remove_file(folder.log())?;
    machine.remove_file(folder.begun())?;
    let directory = match &surroundings.code {
        Some(code) => {
            snapshot::lay_out(machine, directories, code, &surroundings.directory, &folder)?
        }
        None => surroundings.directory.clone(),
    };
    let mut argv: Vec<OsString> = spec.argv.iter().map(Word::os).collect();
    if let Some(path) = &surroundings.environment {
        prefer_program_of(machine, path, &mut argv);
        activate(&mut variables, path);
    }
    for (name, value) in &surroundings.build_variables {
        match value {
            // What a person set themselves is meant.
            Some(value) => {
                variables
                    .entry(name.clone())
                    .or_insert_with(|| value.into());
            }
            None => drop(variables.remove(name)),
        }
    }
    name_run(&mut variables, &folder, own, &claimed.row, spec);
    bind_cards(&mut variables, &claimed.row);
    if let Some(code) = &surroundings.code {
        snapshot::prefer_kept(machine, &mut variables, code, &folder);
    }
    keep_surroundings(machine, &folder, &directory, surroundings, &variables);
    let run = run_record(machine, claimed, spec, surroundings, &directory, &variables)?;
    Ok(Ok(Begun {
        number: claimed.row.number,
        record: run,
        cards: claimed.row.cards.clone(),
        command: Command {
            argv,
            directory,
            environment: variables,
            log: folder.log(),
            begun: folder.begun(),
        },
        folder,
    }))
}

fn run_record(
    machine: &dyn Machine,
    claimed: &Claimed,
    spec: &Spec,
    surroundings: &Surroundings,
    directory: &Path,
    variables: &BTreeMap<String, OsString>,
) -> Result<RunRecord> {
    let shown = spec.shown();
    let mut params = command::params_of(&shown);
    params.extend(
        spec.params
            .iter()
            .map(|(name, value)| (name.clone(), shown_named(name, value))),
    );
    let mut tags: BTreeMap<String, String> = spec
        .tags
        .iter()
        .map(|(name, value)| (name.clone(), shown_named(name, value)))
        .collect();
    tags.insert("job".into(), claimed.row.number.to_string());
    if claimed.row.attempt > 1 {
        tags.insert("attempt".into(), claimed.row.attempt.to_string());
    }
    Ok(RunRecord {
        version: RUN_FOLDER_VERSION,
        id: claimed.run.clone(),
        name: claimed.row.name.clone(),
        experiment: spec
            .experiment
            .as_deref()
            .map_or_else(|| DEFAULT_EXPERIMENT.into(), shown_value),
        created_at: machine.now()?.wall,
        argv: shown,
        working_directory: directory.display().to_string(),
        project: surroundings
            .project
            .as_ref()
            .or(surroundings.code.as_ref().map(|code| &code.root))
            .map(|path| path.display().to_string()),
        params,
        tags,
        place: Place::Here,
        code: surroundings
            .code
            .as_ref()
            .and_then(|code| code.state.clone()),
        environment: environment::recorded_of(variables),
        machine: None,
    })
}

/// What is kept of the environment it runs in; what can't be kept never keeps a job from starting.
fn keep_surroundings(
    machine: &dyn Machine,
    folder: &Folder,
    directory: &Path,
    surroundings: &Surroundings,
    variables: &BTreeMap<String, OsString>,
) {
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .iter()
        .find_map(|name| variables.get(*name))
        .map(Path::new);
    if let Some(path) = active {
        let _ = environment::keep_packages(machine, path, folder);
    }
    let project = surroundings.project.as_deref().unwrap_or(directory);
    let _ = build::keep_lock(machine, project, folder);
    if let Some(record) = &surroundings.build {
        let _ = build::keep_build(machine, record, folder);
    }
}

/// What a virtual environment's `activate` script sets.
fn activate(variables: &mut BTreeMap<String, OsString>, environment: &Path) {
    let mut path = environment.join("bin").into_os_string();
    if let Some(before) = variables.get("PATH") {
        path.push(":");
        path.push(before);
    }
    variables.insert("PATH".into(), path);
    variables.insert("VIRTUAL_ENV".into(), environment.into());
    variables.remove("PYTHONHOME");
}

/// What the Python module needs to find the run, and the names that win over those training code gives.
fn name_run(
    variables: &mut BTreeMap<String, OsString>,
    folder: &Folder,
    own: &ProcessIdentity,
    row: &Row,
    spec: &Spec,
) {
    let mut set = |name: &str, value: OsString| variables.insert(name.into(), value);
    set("DESKSIDE_RUN", folder.path().into());
    set("DESKSIDE_JOB", row.number.to_string().into());
    set(
        "DESKSIDE_SUPERVISOR",
        format!("{}:{}", own.pid, own.start_time).into(),
    );
    if let Some(name) = &spec.name {
        set("DESKSIDE_NAME", name.into());
    }
    if let Some(experiment) = &spec.experiment {
        set("DESKSIDE_EXPERIMENT", experiment.into());
    }
}

/// By their identities, never by their places, which differ between libraries and change with the order of the bus.
fn bind_cards(variables: &mut BTreeMap<String, OsString>, row: &Row) {
    if row.cards.is_empty() {
        return;
    }
    let all = row.cards.join(",");
    if row
        .cards
        .iter()
        .any(|card| card.starts_with("GPU-") || card.starts_with("MIG-"))
    {
        variables.insert("CUDA_VISIBLE_DEVICES".into(), all.clone().into());
        variables.insert("CUDA_DEVICE_ORDER".into(), "PCI_BUS_ID".into());
    }
    // AMD's identities begin the same way (`GPU-` and sixteen digits).
    if row
        .cards
        .iter()
        .all(|card| card.starts_with("GPU-") && card.len() == 20)
    {
        variables.remove("CUDA_VISIBLE_DEVICES");
        variables.insert("ROCR_VISIBLE_DEVICES".into(), all.into());
    }
}
