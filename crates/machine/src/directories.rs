//! Where a person's things lie: the XDG directories, all movable with `DESKSIDE_HOME`.

use crate::extension::Reading;
use crate::{DoorError, ErrorKind, Machine};
use std::path::PathBuf;

/// The folders Deskside uses. None is made before something is written into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// The person's home.
    pub home: PathBuf,
    /// The person's own settings and knowledge.
    pub config: PathBuf,
    /// Runs, their index, environments' records.
    pub data: PathBuf,
    /// Journal and logs.
    pub state: PathBuf,
    /// What can be had again.
    pub cache: PathBuf,
    /// Where first projects are made.
    pub projects: PathBuf,
}

impl Directories {
    /// Reads them from the environment.
    ///
    /// # Errors
    /// When neither `DESKSIDE_HOME` nor `HOME` says where the person lives, or a folder's name is no UTF-8 text:
    /// plans and journals hold paths as text.
    pub fn of(machine: &dyn Machine) -> Result<Self, DoorError> {
        let directories = Self::read(machine)?;
        let all = [
            &directories.home,
            &directories.config,
            &directories.data,
            &directories.state,
            &directories.cache,
            &directories.projects,
        ];
        // The door shows bytes of a variable that are no UTF-8 as U+FFFD.
        let odd = all
            .into_iter()
            .find(|path| path.to_str().is_none_or(|text| text.contains('\u{FFFD}')));
        match odd.map(|path| path.display().to_string()) {
            Some(shown) => Err(DoorError::new(
                ErrorKind::Failed,
                format!("use the folder {shown}"),
                "its name holds bytes that are no UTF-8 text, which plans can't name",
            )),
            None => Ok(directories),
        }
    }

    /// The usual ones below a home: for a machine that somebody wrote down without its variables.
    pub fn below(home: PathBuf) -> Self {
        Self {
            config: home.join(".config/deskside"),
            data: home.join(".local/share/deskside"),
            state: home.join(".local/state/deskside"),
            cache: home.join(".cache/deskside"),
            projects: home.join("deskside"),
            home,
        }
    }

    fn read(machine: &dyn Machine) -> Result<Self, DoorError> {
        let folder = |name: &str| {
            machine
                .variable(name)
                .filter(|value| value.starts_with('/'))
                .map(PathBuf::from)
        };
        let moved = machine
            .variable("DESKSIDE_HOME")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from);
        if let Some(moved) = moved {
            let moved = if moved.is_absolute() {
                moved
            } else {
                machine.working_directory()?.join(moved)
            };
            return Ok(Self {
                home: folder("HOME").unwrap_or_else(|| moved.clone()),
                config: moved.join("config"),
                data: moved.join("data"),
                state: moved.join("state"),
                cache: moved.join("cache"),
                projects: moved.join("projects"),
            });
        }
        let home = folder("HOME").ok_or_else(|| {
            DoorError::new(
                ErrorKind::Absent,
                "find the home folder",
                "HOME is not set to an absolute path",
            )
        })?;
        let place = |variable: &str, fallback: &str| {
            folder(variable)
                .unwrap_or_else(|| home.join(fallback))
                .join("deskside")
        };
        Ok(Self {
            config: place("XDG_CONFIG_HOME", ".config"),
            data: place("XDG_DATA_HOME", ".local/share"),
            state: place("XDG_STATE_HOME", ".local/state"),
            cache: place("XDG_CACHE_HOME", ".cache"),
            projects: home.join("deskside"),
            home,
        })
    }

    /// The folder of run folders.
    pub fn runs(&self) -> PathBuf {
        self.data.join("runs")
    }

    /// The index of runs.
    pub fn index(&self) -> PathBuf {
        self.data.join("index.sqlite")
    }

    /// The folder of the queue: its database, its bell, its locks, kept code.
    pub fn queue(&self) -> PathBuf {
        self.state.join("queue")
    }

    /// The folder of journals.
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }
}
