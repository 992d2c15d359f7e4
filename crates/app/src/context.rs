//! What every use case is given: a machine, and where the person's things lie on it.

use deskside_machine::{Directories, ErrorKind, Heeding, Machine, Reading, Replay};
use deskside_types::{Code, Problem, Result};
use std::path::Path;
use std::sync::Arc;

/// A machine and the person's directories on it.
#[derive(Clone)]
pub struct Context {
    /// The machine.
    pub machine: Arc<dyn Machine>,
    /// The person's directories.
    pub directories: Directories,
    /// It is a recorded one: nothing on it can be changed.
    pub recorded: bool,
    /// The machine that projects are read on: this one, also when a recorded machine is planned for.
    pub projects: Arc<dyn Machine>,
}

impl Context {
    /// The machine this program runs on.
    ///
    /// # Errors
    /// When nothing says where the person lives.
    pub fn here(machine: Arc<dyn Machine>) -> Result<Self> {
        let directories = Directories::of(&*machine).map_err(|error| {
            Problem::from(error).hint("set HOME, or DESKSIDE_HOME=/some/folder")
        })?;
        Ok(Self {
            projects: machine.clone(),
            machine,
            directories,
            recorded: false,
        })
    }

    /// The machine in a bundle.
    ///
    /// # Errors
    /// When the bundle can't be read.
    pub fn recorded(path: &Path, here: Arc<dyn Machine>) -> Result<Self> {
        Self::replay(Replay::open(path)?, here)
    }

    /// A recorded machine.
    ///
    /// # Errors
    /// When the home has a name that can't be used.
    pub fn replay(replay: Replay, here: Arc<dyn Machine>) -> Result<Self> {
        let machine: Arc<dyn Machine> = Arc::new(replay);
        let directories = match Directories::of(&*machine) {
            Ok(directories) => directories,
            // Who writes a machine down by hand need not know its variables.
            Err(error) if error.kind == ErrorKind::Absent => {
                Directories::below(machine.working_directory()?)
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            projects: here,
            machine,
            directories,
            recorded: true,
        })
    }

    /// Looks and decides, and answers that it was interrupted where a question met Ctrl-C: what was made of a question
    /// without an answer (no uv, a silent index, a Python that does not start) is not true then.
    ///
    /// # Errors
    /// As `look`; [`Code::Interrupted`].
    pub fn heeding<T>(&self, look: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let machine = Arc::new(Heeding::new(self.machine.clone()));
        let context = Self {
            projects: if self.recorded {
                self.projects.clone()
            } else {
                machine.clone()
            },
            machine: machine.clone(),
            ..self.clone()
        };
        let answer = look(&context);
        match &answer {
            Err(problem) if problem.code == Code::Interrupted => answer,
            _ if machine.was_interrupted() => Err(Problem::new(Code::Interrupted, "interrupted")
                .because("it was stopped while it looked at the machine; what it found so far says nothing")
                .hint("run the same command again")),
            _ => answer,
        }
    }

    /// Refuses a recorded machine.
    ///
    /// # Errors
    /// [`Code::BundleReadOnly`] when it is one.
    pub fn require_live(&self, command: &str) -> Result<()> {
        if self.recorded {
            Err(Self::refusal(command))
        } else {
            Ok(())
        }
    }

    /// Why a command that changes something takes no bundle.
    pub fn refusal(command: &str) -> Problem {
        let problem = Problem::new(
            Code::BundleReadOnly,
            format!(
                "`deskside {command}` changes a machine, and a bundle is only the record of one"
            ),
        );
        if command.starts_with("env") {
            // A project's files are the same on every machine: only which of its builds is taken differs.
            return problem
                .hint("a project's files serve every machine: leave --machine away, and run `deskside env sync` on the other one")
                .hint("which build that machine gets: deskside env why torch --machine FILE");
        }
        problem.hint("leave --machine away to work on this machine; `deskside up --plan` takes it")
    }
}
