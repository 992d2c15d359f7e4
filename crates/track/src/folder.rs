//! The names of things in a run's folder. `docs/run-folder.md` describes each.

use deskside_machine::Directories;
use deskside_types::run::RunId;
use std::path::{Path, PathBuf};

/// A run's folder: where its files are, whether they are there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    id: RunId,
    path: PathBuf,
}

impl Folder {
    /// The folder of a run in the person's store.
    pub fn of(directories: &Directories, id: &RunId) -> Self {
        Self {
            id: id.clone(),
            path: directories.runs().join(&id.0),
        }
    }

    /// A folder somewhere else, for example a copied one; none when its name is no run identity.
    pub fn at(path: impl Into<PathBuf>) -> Option<Self> {
        let path = path.into();
        let name = path.file_name()?.to_str()?;
        RunId::is_valid(name).then(|| Self {
            id: RunId(name.to_string()),
            path: path.clone(),
        })
    }

    /// The run's identity, which is the folder's name.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the run is: [`deskside_types::run::RunRecord`]. A folder without it is no run yet.
    pub fn record(&self) -> PathBuf {
        self.path.join("run.toml")
    }

    /// Where it is in its life: [`deskside_types::run::StateRecord`].
    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// Name, experiment and tags said after it was made; they win over `run.toml`.
    pub fn details(&self) -> PathBuf {
        self.path.join("details.json")
    }

    /// What it printed.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Made when a queued command began, right behind its log.
    pub fn begun(&self) -> PathBuf {
        self.path.join("begun")
    }

    /// Locked by the supervisor of a queued run for the run's life.
    pub fn supervisor_lock(&self) -> PathBuf {
        self.path.join("supervisor.lock")
    }

    /// Metric segments of training code.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics")
    }

    /// Segments of the machine's own measurements.
    pub fn system(&self) -> PathBuf {
        self.path.join("system")
    }

    /// What those come to: [`deskside_types::measured::Measured`].
    pub fn measured(&self) -> PathBuf {
        self.path.join("system/summary.json")
    }

    /// Files the run produced.
    pub fn artifacts(&self) -> PathBuf {
        self.path.join("artifacts")
    }

    /// How the code differed from its commit.
    pub fn diff(&self) -> PathBuf {
        self.path.join("code/diff.patch")
    }

    /// The packages of the environment it ran in, `name==version` a line.
    pub fn packages(&self) -> PathBuf {
        self.path.join("environment/packages.txt")
    }

    /// The framework build that was chosen for the machine, and why.
    pub fn build(&self) -> PathBuf {
        self.path.join("environment/build.toml")
    }

    /// A copy of the project's `uv.lock`.
    pub fn lock(&self) -> PathBuf {
        self.path.join("environment/uv.lock")
    }

    /// Parameters that training code set.
    pub fn params(&self) -> PathBuf {
        self.path.join("params.json")
    }

    /// Results that training code set.
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }
}
