//! What every use case is given: a machine, and where the person's things lie on it.

use deskside_machine::{Directories, Host, Machine, Replay};
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
            machine,
            directories,
            recorded: false,
        })
    }

    /// The machine in a bundle.
    ///
    /// # Errors
    /// When the bundle can't be read.
    pub fn recorded(path: &Path) -> Result<Self> {
        let machine: Arc<dyn Machine> = Arc::new(Replay::open(path)?);
        let directories = Directories::of(&*machine).map_err(Problem::from)?;
        Ok(Self {
            machine,
            directories,
            recorded: true,
        })
    }

    /// The machine in the bundle where one is named, else this one.
    ///
    /// # Errors
    /// When the bundle can't be read, or nothing says where the person lives.
    pub fn open(bundle: Option<&Path>) -> Result<Self> {
        match bundle {
            Some(path) => Self::recorded(path),
            None => Self::here(Arc::new(Host::new())),
        }
    }

    /// Refuses a recorded machine.
    ///
    /// # Errors
    /// [`Code::BundleReadOnly`] when it is one.
    pub fn require_live(&self, command: &str) -> Result<()> {
        if self.recorded {
            return Err(Problem::new(
                Code::BundleReadOnly,
                format!(
                    "`deskside {command}` changes a machine, and a bundle is only the record of one"
                ),
            )
            .hint("leave --machine away to work on this machine"));
        }
        Ok(())
    }
}
