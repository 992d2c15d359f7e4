//! A run in the foreground: this process watches it, passes output and signals on, and writes its end.

use crate::request::{Event, Finished, Request};
use crate::sample::{self, Root, Sampler, Subject};
use crate::{build, code, command, environment};
use deskside_machine::{
    Acting, Child, Directories, DoorError, Durability, ErrorKind, Launch, Machine, Moment, Reading,
};
use deskside_track::secrets::{shown_command, shown_named, shown_value};
use deskside_track::{Folder, Store, record, shared};
use deskside_types::run::{Place, RUN_FOLDER_VERSION, RunId, RunRecord, RunState, StateRecord};
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The experiment of runs that were given none.
pub(crate) const DEFAULT_EXPERIMENT: &str = "default";

/// A run that took less is worth neither a sync of its end, which would take as long as the run, nor a write of the index.
const A_MOMENT: Duration = Duration::from_secs(1);

/// Runs a command as a run, to its end.
///
/// # Errors
/// [`Code::CommandNotFound`], [`Code::CommandNotExecutable`], or [`Code::RunFolder`] when the run could not be recorded;
/// then nothing was started. A command that fails is no error: its exit is in the answer.
pub fn foreground(
    machine: Arc<dyn Machine>,
    directories: &Directories,
    request: Request,
) -> Result<Finished> {
    foreground_with(machine.as_ref(), directories, request, &mut |_| {})
}

/// As [`foreground`], and tells of the run's identity before it starts, and of warnings as they come.
///
/// # Errors
/// As [`foreground`].
pub fn foreground_with(
    machine: &dyn Machine,
    directories: &Directories,
    request: Request,
    hear: &mut dyn FnMut(Event),
) -> Result<Finished> {
    if request.argv.is_empty() {
        return Err(Problem::new(Code::Usage, "there is no command to run")
            .hint("write it after two dashes: `deskside run -- python train.py`"));
    }
    let mut warnings = Vec::new();
    let mut warn = |text: String, hear: &mut dyn FnMut(Event)| {
        hear(Event::Warning(text.clone()));
        warnings.push(text);
    };
    let run = Run::make(machine, directories, request, &mut |text| warn(text, hear)).map_err(
        |problem| match problem.code {
            Code::RunFolder => problem,
            _ => problem
                .within("could not make a run")
                .coded(Code::RunFolder),
        },
    )?;
    let folder = run.folder.clone();
    hear(Event::Made {
        id: folder.id().clone(),
        folder: folder.path().into(),
    });

    let mut child = match machine.launch(&run.launch) {
        Ok(child) => child,
        Err(error) => return Err(run.never_started(machine, directories, &error)),
    };
    let started = machine.now()?;
    let process = child.started().process.clone();
    let running = StateRecord {
        state: RunState::Running {
            process,
            supervisor: Some(run.supervisor.clone()),
        },
        started_at: Some(started.wall),
        ended_at: None,
    };
    if let Err(problem) = record::write_state(machine, &folder, &running, Durability::Process) {
        // The command runs already: its work is worth more than its record.
        warn(
            format!("that the run started could not be written: {problem}"),
            hear,
        );
    }
    let (finished, late) = run.watch(machine, child.as_mut(), running, started)?;
    late.into_iter().for_each(|text| warn(text, hear));
    if finished.elapsed >= A_MOMENT {
        // The folder is the truth; what the index does not know, the next listing reads.
        let _ = Store::new(machine, directories).upsert(folder.id());
    }
    Ok(Finished {
        warnings,
        ..finished
    })
}

/// A run whose folder is made and whose command is about to start.
struct Run {
    folder: Folder,
    supervisor: deskside_types::run::ProcessIdentity,
    launch: Launch,
    sample_every: Option<Duration>,
}

/// What samples a run beside the thread that passes its output on.
const STACK: usize = 256 << 10;

impl Run {
    fn make(
        machine: &dyn Machine,
        directories: &Directories,
        request: Request,
        warn: &mut dyn FnMut(String),
    ) -> Result<Self> {
        let now = machine.now()?;
        let supervisor = machine.own_process()?;
        let directory = match &request.directory {
            Some(directory) if directory.is_absolute() => directory.clone(),
            Some(directory) => machine.working_directory()?.join(directory),
            None => machine.working_directory()?,
        };
        let folder = Folder::of(directories, &fresh_id(machine, directories, &now)?);
        let argv: Vec<String> = request
            .argv
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let shown = shown_command(&argv);
        let mut params = command::params_of(&shown);
        params.extend(
            request
                .params
                .iter()
                .map(|(name, value)| (name.clone(), shown_named(name, value))),
        );

        let mut launch = Launch {
            argv: request.argv.clone(),
            directory: request.directory.clone(),
            variables: request
                .environment
                .as_deref()
                .map(|path| environment::activation(machine, path))
                .unwrap_or_default(),
            log: folder.log(),
            foreground: !request.silent,
            to_stderr: false,
        };
        launch.variables.extend(
            request
                .variables
                .iter()
                .map(|(name, value)| (name.clone(), value.as_ref().map(OsString::from))),
        );
        if let Some(path) = &request.environment {
            prefer_program_of(machine, path, &mut launch.argv);
        }
        let recorded = environment::recorded(machine, &launch.variables);
        set_names(
            &mut launch.variables,
            &folder,
            request.name.as_deref(),
            request.experiment.as_deref(),
        );

        let state = StateRecord {
            state: RunState::Starting {
                supervisor: supervisor.clone(),
            },
            started_at: None,
            ended_at: None,
        };
        // What can't be said to other machines keeps no run from starting.
        let _ = shared::sign(machine, directories);
        let kept = Self::keep_surroundings(machine, &folder, &directory, &request, &state, warn);
        let code = kept.inspect_err(|_| forget(machine, &folder))?;
        let run = RunRecord {
            version: RUN_FOLDER_VERSION,
            id: folder.id().clone(),
            name: request
                .name
                .map_or_else(|| command::run_name(&shown), |name| shown_value(&name)),
            experiment: request
                .experiment
                .or_else(|| machine.variable("DESKSIDE_EXPERIMENT"))
                .map_or_else(|| DEFAULT_EXPERIMENT.into(), |name| shown_value(&name)),
            created_at: now.wall,
            argv: shown,
            working_directory: directory.display().to_string(),
            project: request.project.map(|path| path.display().to_string()),
            params,
            tags: request
                .tags
                .into_iter()
                .map(|(name, value)| {
                    let shown = shown_named(&name, &value);
                    (name, shown)
                })
                .collect(),
            place: Place::Here,
            code,
            environment: recorded,
            machine: request.machine,
        };
        record::write(machine, &folder, &run).inspect_err(|_| forget(machine, &folder))?;
        Ok(Self {
            folder,
            supervisor,
            launch,
            sample_every: sample::every(request.sample_ms),
        })
    }

    /// `state` first, so that the folder says at once whose it is; then code and environment; `run.toml` makes it a run.
    fn keep_surroundings(
        machine: &dyn Machine,
        folder: &Folder,
        directory: &Path,
        request: &Request,
        state: &StateRecord,
        warn: &mut dyn FnMut(String),
    ) -> Result<Option<deskside_types::run::CodeState>> {
        record::begin(machine, folder, state)?;
        let code = code::code_state(machine, directory, folder, warn);
        if let Some(path) = request
            .environment
            .clone()
            .or_else(|| environment::active(machine))
            && let Err(why) = environment::keep_packages(machine, &path, folder)
        {
            warn(format!(
                "the packages of {} were not recorded: {why}",
                path.display()
            ));
        }
        let project = request.project.as_deref().unwrap_or(directory);
        if let Err(why) = build::keep_lock(machine, project, folder) {
            warn(format!("the project's uv.lock was not recorded: {why}"));
        }
        if let Some(record) = &request.build
            && let Err(why) = build::keep_build(machine, record, folder)
        {
            warn(format!("the framework build was not recorded: {why}"));
        }
        Ok(code)
    }

    /// Waits for the end of the command while a thread beside samples it.
    fn sampled<T>(
        &self,
        machine: &dyn Machine,
        process: u32,
        started: Moment,
        wait: impl FnOnce() -> T,
    ) -> T {
        let Some(every) = self.sample_every else {
            return wait();
        };
        let subject = Subject {
            folder: self.folder.clone(),
            root: Root::Process(process),
            cards: Vec::new(),
        };
        std::thread::scope(|scope| {
            let (end, over) = channel::<()>();
            let sampler = Sampler::new(subject, every, started.monotonic);
            // Without a thread there are no samples; the command has begun and goes on.
            let _ = std::thread::Builder::new()
                .name("deskside-sample".into())
                .stack_size(STACK)
                .spawn_scoped(scope, move || sample_until(machine, sampler, &over));
            let ended = wait();
            drop(end);
            ended
        })
    }

    fn never_started(
        &self,
        machine: &dyn Machine,
        directories: &Directories,
        error: &DoorError,
    ) -> Problem {
        let problem = not_started(&self.launch.argv, error);
        let ended_at = machine.now().ok().map(|moment| moment.wall);
        let state = StateRecord {
            state: RunState::Failed {
                reason: problem.to_string(),
            },
            started_at: None,
            ended_at,
        };
        // Where even that can't be written, the truth rule says that it never started.
        let _ = record::write_state(machine, &self.folder, &state, Durability::Process);
        let _ = Store::new(machine, directories).upsert(self.folder.id());
        problem
    }

    /// Waits for the end and writes it.
    fn watch(
        &self,
        machine: &dyn Machine,
        child: &mut dyn Child,
        running: StateRecord,
        started: Moment,
    ) -> Result<(Finished, Vec<String>)> {
        let mut warnings = Vec::new();
        let process = child.started().process.pid;
        let ended = self.sampled(machine, process, started, || child.wait());
        let ended = ended.map_err(|error| {
            Problem::from(error)
                .within(format!("lost sight of run {}", self.folder.id()))
                .coded(Code::RunFolder)
                .hint(format!(
                    "see whether it goes on: `deskside show {}`",
                    self.folder.id()
                ))
        })?;
        let now = machine.now()?;
        let exit = ended.exit;
        let state = match ended.forwarded {
            Some(_) => RunState::Stopped { exit, reason: None },
            None => RunState::Finished { exit },
        };
        let state = StateRecord {
            state,
            ended_at: Some(now.wall),
            ..running
        };
        if let Some(why) = ended.log_error {
            warnings.push(format!(
                "the log is not whole: {why}; the command itself went on"
            ));
        }
        let elapsed = now.monotonic.saturating_sub(started.monotonic);
        let durability = if elapsed < A_MOMENT {
            Durability::Process
        } else {
            Durability::Power
        };
        if let Err(problem) = record::write_state(machine, &self.folder, &state, durability) {
            warnings.push(format!(
                "the end of the run could not be written: {problem}"
            ));
        }
        let finished = Finished {
            id: self.folder.id().clone(),
            folder: self.folder.path().into(),
            state,
            exit,
            elapsed,
            warnings: Vec::new(),
        };
        Ok((finished, warnings))
    }
}

fn sample_until(machine: &dyn Machine, mut sampler: Sampler, over: &Receiver<()>) {
    loop {
        let Ok(now) = machine.now() else { return };
        let patience = sampler.due().saturating_sub(now.monotonic);
        match over.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => sampler.take(machine),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return sampler.finish(machine),
        }
    }
}

/// Why a command could not be started, and what to do about it.
pub(crate) fn not_started(argv: &[OsString], error: &DoorError) -> Problem {
    let program = argv
        .first()
        .map(|word| shown_value(&word.to_string_lossy()))
        .unwrap_or_default();
    match error.kind {
            ErrorKind::Absent => Problem::new(Code::CommandNotFound, format!("the command {program} was not found"))
                .because(&error.detail)
                .hint(not_found_hint(&program)),
            ErrorKind::Denied => Problem::new(Code::CommandNotExecutable, format!("the command {program} can't be executed"))
                .because(&error.detail)
                .hint(format!("look at it with `ls -l {program}`; a script needs `chmod +x` and a first line such as #!/usr/bin/env python3")),
            // The door's own words may hold the whole command line.
            _ => Problem::from(DoorError { what: format!("start {program}"), ..error.clone() })
                .coded(Code::RunFolder),
        }
}

/// An identity that no folder has yet.
fn fresh_id(machine: &dyn Machine, directories: &Directories, now: &Moment) -> Result<RunId> {
    for _ in 0..16 {
        let random = machine.random()?;
        let id = RunId::new(now.wall, (random ^ random >> 32) as u32);
        if !machine.exists(directories.runs().join(&id.0))? {
            return Ok(id);
        }
    }
    Err(
        Problem::new(Code::RunFolder, "no free identity for a run was found")
            .hint("wait a second and run the same command again"),
    )
}

/// A program of the virtual environment is meant before one of PATH.
pub(crate) fn prefer_program_of(machine: &dyn Machine, environment: &Path, argv: &mut [OsString]) {
    let Some(program) = argv.first_mut() else {
        return;
    };
    if program.to_string_lossy().contains('/') {
        return;
    }
    let candidate = environment.join("bin").join(&*program);
    if machine.exists(&candidate).unwrap_or(false) {
        *program = candidate.into_os_string();
    }
}

/// What the Python module needs to find the run, and the names that win over those training code gives.
fn set_names(
    variables: &mut BTreeMap<String, Option<OsString>>,
    folder: &Folder,
    name: Option<&str>,
    experiment: Option<&str>,
) {
    variables.insert(
        "DESKSIDE_RUN".into(),
        Some(folder.path().as_os_str().to_owned()),
    );
    // A run inside a run is not meant by the outer one's name.
    variables.insert("DESKSIDE_NAME".into(), name.map(OsString::from));
    if let Some(experiment) = experiment {
        variables.insert("DESKSIDE_EXPERIMENT".into(), Some(experiment.into()));
    }
}

/// Takes away what was made of a folder that never became a run.
fn forget(machine: &dyn Machine, folder: &Folder) {
    // A folder without `run.toml` is no run: leaving it harms nobody.
    let _ = machine.remove_tree(folder.path());
}

pub(crate) fn not_found_hint(program: &str) -> String {
    if program.ends_with(".py") {
        format!("run it with Python: `deskside run -- python {program}`")
    } else {
        format!(
            "check its name and PATH (`command -v {program}`), or activate the environment it is installed in"
        )
    }
}
