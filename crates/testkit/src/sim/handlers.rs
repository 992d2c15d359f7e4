//! Scripted programs: what commands and launched children do to the simulated machine.

use super::Sim;
use super::state::SimState;
use deskside_machine::{
    Answer, Child, Command, DoorError, Ended, ErrorKind, Launch, Output, Progress, Started,
};
use deskside_types::run::{ProcessIdentity, RunExit};
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};

type Matches<W> = Box<dyn Fn(&[W]) -> bool + Send + Sync>;
type RunCommand = dyn Fn(&mut SimState, &Command) -> Result<Output, DoorError> + Send + Sync;
type RunLaunch = dyn Fn(&mut SimState, &Launch) -> Result<SimLaunched, DoorError> + Send + Sync;

/// Programs by what their command line looks like; the one registered last is tried first.
#[derive(Default)]
pub(crate) struct Handlers {
    commands: Mutex<Vec<(Matches<String>, Arc<RunCommand>)>>,
    launches: Mutex<Vec<(Matches<OsString>, Arc<RunLaunch>)>>,
}

/// What a launched child comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimLaunched {
    /// How it ends.
    pub exit: RunExit,
    /// What it says, added to its log.
    pub log: Vec<u8>,
    /// A signal passed on to it, where the person stops it.
    pub forwarded: Option<i32>,
}

impl SimLaunched {
    /// Ends with this exit code after saying this.
    pub fn exit(code: i32, log: impl Into<Vec<u8>>) -> Self {
        Self {
            exit: RunExit::ExitCode(code),
            log: log.into(),
            forwarded: None,
        }
    }
}

impl Sim {
    /// Registers a program: which command lines it answers, and what it does. It may change the machine.
    pub fn on_command(
        &self,
        matches: impl Fn(&[String]) -> bool + Send + Sync + 'static,
        run: impl Fn(&mut SimState, &Command) -> Result<Output, DoorError> + Send + Sync + 'static,
    ) -> &Self {
        let mut commands = self
            .handlers
            .commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        commands.push((Box::new(matches), Arc::new(run)));
        self
    }

    /// Registers what one exact command line says on stdout, with exit code 0.
    pub fn on_exact(&self, argv: &[&str], stdout: impl Into<String>) -> &Self {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        let stdout = stdout.into();
        self.on_command(
            move |asked| asked == argv,
            move |_, _| Ok(output(0, stdout.as_str(), "")),
        )
    }

    /// Registers a program that can be launched.
    pub fn on_launch(
        &self,
        matches: impl Fn(&[OsString]) -> bool + Send + Sync + 'static,
        run: impl Fn(&mut SimState, &Launch) -> Result<SimLaunched, DoorError> + Send + Sync + 'static,
    ) -> &Self {
        let mut launches = self
            .handlers
            .launches
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        launches.push((Box::new(matches), Arc::new(run)));
        self
    }

    pub(crate) fn run(
        &self,
        command: &Command,
        what: String,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        let handler = {
            let commands = self
                .handlers
                .commands
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            commands
                .iter()
                .rev()
                .find(|(matches, _)| matches(&command.argv))
                .map(|(_, run)| Arc::clone(run))
        };
        let handler =
            handler.ok_or_else(|| DoorError::new(ErrorKind::Absent, what, "no such program"))?;
        let mut output = handler(&mut self.state(), command)?;
        for bytes in [&output.stderr, &output.stdout] {
            String::from_utf8_lossy(bytes)
                .lines()
                .for_each(|line| watch(Progress::Line(line)));
        }
        for bytes in [&mut output.stdout, &mut output.stderr] {
            if bytes.len() > command.limit {
                let half = command.limit / 2;
                let tail = bytes.split_off(bytes.len() - (command.limit - half));
                bytes.truncate(half);
                bytes.extend(tail);
            }
        }
        Ok(Answer::Output(output))
    }
}

/// A command's output in short.
pub fn output(code: i32, stdout: impl Into<Vec<u8>>, stderr: impl Into<Vec<u8>>) -> Output {
    Output {
        code,
        stdout: stdout.into(),
        stderr: stderr.into(),
    }
}

struct SimChild {
    sim: Sim,
    started: Started,
    ended: Ended,
}

impl Child for SimChild {
    fn started(&self) -> &Started {
        &self.started
    }

    fn wait(&mut self) -> Result<Ended, DoorError> {
        self.sim.state().end_process(self.started.process.pid);
        Ok(self.ended.clone())
    }
}

pub(crate) fn launch(sim: &Sim, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
    let program = launch
        .argv
        .first()
        .map(|word| word.to_string_lossy().into_owned())
        .unwrap_or_default();
    let what = format!("start {program}");
    let handler = {
        let launches = sim
            .handlers
            .launches
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        launches
            .iter()
            .rev()
            .find(|(matches, _)| matches(&launch.argv))
            .map(|(_, run)| Arc::clone(run))
    };
    let handler = handler
        .ok_or_else(|| DoorError::new(ErrorKind::Absent, what.clone(), "no such program"))?;
    let mut state = sim.state();
    state
        .append(&launch.log, b"")
        .map_err(|failure| DoorError::new(failure.0, what, failure.1))?;
    let pid = state.start_process();
    let launched = handler(&mut state, launch)?;
    let log_error = state
        .append(&launch.log, &launched.log)
        .err()
        .map(|failure| failure.1.to_string());
    let start_time = state
        .processes
        .get(&pid)
        .map_or(0, |process| process.start_time);
    let boot_id = format!("00000000-0000-4000-8000-{:012}", state.boot);
    drop(state);
    Ok(Box::new(SimChild {
        sim: sim.clone(),
        started: Started {
            process: ProcessIdentity {
                pid,
                start_time,
                boot_id,
            },
        },
        ended: Ended {
            exit: launched.exit,
            forwarded: launched.forwarded,
            log_error,
        },
    }))
}
