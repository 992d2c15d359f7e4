//! All runs of a person: listing, finding, rebuilding the index. The folders are the truth; the index only makes it quick.

use crate::index::{Filter, Index, Listed};
use crate::resolve::{Called, resolve};
use crate::{Folder, truth};
use deskside_machine::{Acting, Directories, ErrorKind, FileKind, Machine, Reading};
use deskside_types::run::RunId;
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeSet;

/// A person's runs.
#[derive(Clone, Copy)]
pub struct Store<'a> {
    machine: &'a dyn Machine,
    directories: &'a Directories,
}

/// Runs, and what stood in the way of reading them all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// The runs.
    pub runs: Vec<Listed>,
    /// How many there are without the limit.
    pub total: usize,
    /// What a person should know: an index made anew, run folders that can't be read.
    pub warnings: Vec<String>,
}

/// What rebuilding the index came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reindexed {
    /// Runs that are in it now.
    pub runs: usize,
    /// Run folders that can't be read, and why.
    pub unreadable: Vec<(RunId, Problem)>,
}

impl<'a> Store<'a> {
    /// The store of a person on a machine.
    pub fn new(machine: &'a dyn Machine, directories: &'a Directories) -> Self {
        Self {
            machine,
            directories,
        }
    }

    /// The folder of a run, whether it is there or not.
    pub fn folder(&self, id: &RunId) -> Folder {
        Folder::of(self.directories, id)
    }

    /// Brings the index up to date and lists the runs that a filter lets through.
    ///
    /// An index that can't be used is no error: the folders are read instead, and a warning says so.
    ///
    /// # Errors
    /// When the folder of runs is there and can't be read.
    pub fn list(&self, filter: &Filter) -> Result<Listing> {
        let Some(folders) = self.folders()? else {
            return Ok(Listing::default());
        };
        let (mut index, mut warnings) = self.index();
        let tried = self
            .refresh(&mut index, &folders, &mut warnings)
            .and_then(|()| index.list(filter));
        let (runs, total) = match tried {
            Ok(listed) => listed,
            Err(problem) => {
                warnings = vec![format!("{problem}; the run folders were read instead")];
                let mut index =
                    Index::renew(self.machine, self.directories).or_else(|_| Index::in_memory())?;
                self.refresh(&mut index, &folders, &mut warnings)?;
                index.list(filter)?
            }
        };
        Ok(Listing {
            runs,
            total,
            warnings,
        })
    }

    /// One run, read from its folder.
    ///
    /// # Errors
    /// [`Code::RunUnreadable`].
    pub fn read(&self, id: &RunId) -> Result<Listed> {
        Listed::of(self.machine, &self.folder(id))
    }

    /// The run a person means: identity, its beginning or end, name, `latest` or `-`.
    ///
    /// # Errors
    /// [`Code::RunUnknown`] with what was probably meant.
    pub fn find(&self, text: &str) -> Result<RunId> {
        let text = text.trim();
        let folders = self.folders()?.unwrap_or_default();
        let exact = RunId(text.to_string());
        if folders.contains(&exact)
            && self
                .machine
                .exists(self.folder(&exact).record())
                .unwrap_or(false)
        {
            return Ok(exact);
        }
        let (mut index, mut warnings) = self.index();
        let named = self
            .refresh(&mut index, &folders, &mut warnings)
            .and_then(|()| {
                index.names().map_err(|error| {
                    Problem::new(Code::IndexBroken, "could not read the index of runs")
                        .because(error)
                })
            });
        let called: Vec<Called> = match named {
            Ok(names) => names
                .into_iter()
                .map(|(id, name)| Called { id, name })
                .collect(),
            Err(_) => folders
                .iter()
                .rev()
                .map(|id| Called {
                    id: id.clone(),
                    name: String::new(),
                })
                .collect(),
        };
        resolve(text, &called)
    }

    /// Writes what a run's folder says into the index.
    ///
    /// # Errors
    /// When the folder can't be read or the index can't be written. The run itself is whole either way.
    pub fn upsert(&self, id: &RunId) -> Result<()> {
        let listed = self.read(id)?;
        Index::open(self.machine, self.directories)?
            .0
            .put(&[listed])
    }

    /// Removes a run with everything in its folder.
    ///
    /// # Errors
    /// When it still goes on, or can't be removed.
    pub fn remove(&self, id: &RunId) -> Result<()> {
        let folder = self.folder(id);
        if let Ok(state) = truth(self.machine, &folder)
            && !state.state.is_over()
        {
            return Err(
                Problem::new(Code::RunUnreadable, format!("run {id} still goes on"))
                    .hint(format!("stop it first: `deskside stop {id}`"))
                    .coded(Code::Effect),
            );
        }
        self.machine.remove_tree(folder.path())?;
        if let Ok((mut index, _)) = Index::open(self.machine, self.directories) {
            let _ = index.remove(id); // the next listing drops what has no folder
        }
        Ok(())
    }

    /// Makes the index anew from the folders.
    ///
    /// # Errors
    /// When the folder of runs can't be read, or a new index can't be made.
    pub fn reindex(&self) -> Result<Reindexed> {
        let folders = self.folders()?.unwrap_or_default();
        if folders.is_empty() && !self.machine.exists(&self.directories.data)? {
            return Ok(Reindexed::default());
        }
        let mut index = Index::renew(self.machine, self.directories)?;
        let mut runs = Vec::new();
        let mut unreadable = Vec::new();
        for id in folders {
            match self.read(&id) {
                Ok(listed) => runs.push(listed),
                Err(problem) => unreadable.push((id, problem)),
            }
        }
        index.put(&runs)?;
        Ok(Reindexed {
            runs: runs.len(),
            unreadable,
        })
    }

    /// The identities of the folders; none when there is no folder of runs.
    fn folders(&self) -> Result<Option<BTreeSet<RunId>>> {
        match self.machine.entries(self.directories.runs()) {
            Ok(entries) => Ok(Some(
                entries
                    .into_iter()
                    .filter(|entry| {
                        matches!(entry.kind, FileKind::Directory | FileKind::Link)
                            && RunId::is_valid(&entry.name)
                    })
                    .map(|entry| RunId(entry.name))
                    .collect(),
            )),
            Err(error) if error.kind == ErrorKind::Absent => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn index(&self) -> (Index, Vec<String>) {
        match Index::open(self.machine, self.directories) {
            Ok((index, warning)) => (index, warning.into_iter().collect()),
            Err(problem) => {
                // A SQLite without memory for an empty database is a machine without memory: nothing else works there either.
                let index = Index::in_memory().expect("an empty database in memory can be made");
                (
                    index,
                    vec![format!("{problem}; the run folders were read instead")],
                )
            }
        }
    }

    /// Adds folders that are new, settles runs that may have ended, forgets folders that are gone.
    fn refresh(
        &self,
        index: &mut Index,
        folders: &BTreeSet<RunId>,
        warnings: &mut Vec<String>,
    ) -> Result<()> {
        let broken = |error: rusqlite::Error| {
            Problem::new(Code::IndexBroken, "could not read the index of runs").because(error)
        };
        let known = index.known().map_err(broken)?;
        for (id, _) in known.iter().filter(|(id, _)| !folders.contains(id)) {
            index.remove(id)?;
        }
        let settled: BTreeSet<&RunId> = known
            .iter()
            .filter(|(_, live)| !live)
            .map(|(id, _)| id)
            .collect();
        let mut fresh = Vec::new();
        for id in folders.iter().filter(|id| !settled.contains(id)) {
            match self.read(id) {
                Ok(listed) => {
                    let same = index
                        .one(id)
                        .map_err(broken)?
                        .is_some_and(|before| before == listed);
                    if !same {
                        fresh.push(listed);
                    }
                }
                Err(problem) if self.is_half_made(id) => drop(problem),
                Err(problem) => warnings.push(problem.to_string()),
            }
        }
        if !fresh.is_empty() {
            index.put(&fresh)?;
        }
        Ok(())
    }

    /// A folder without `run.toml` is one that is being made, or whose making was cut off: no run, and no trouble.
    fn is_half_made(&self, id: &RunId) -> bool {
        matches!(self.machine.exists(self.folder(id).record()), Ok(false))
    }
}
