//! Everything that lies in an environment, looked at with one question a folder.

use deskside_machine::{FileKind, Machine, Reading, Stat};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Folders looked at before a second thread helps.
const FEW: usize = 32;

/// What lies below a folder: files and links with their stats, links not followed, and folders.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Walk {
    /// The folder.
    pub root: PathBuf,
    /// Everything but folders, by path.
    pub files: HashMap<PathBuf, Stat>,
    /// Folders that could not be listed: of what is in them nothing is known.
    pub unread: Vec<PathBuf>,
}

impl Walk {
    /// Looks at everything below a folder. Compiled files of Python are left out.
    pub fn of(machine: &dyn Machine, root: &Path) -> Self {
        let mut walk = Self {
            root: root.to_path_buf(),
            ..Self::default()
        };
        let mut level = vec![root.to_path_buf()];
        while !level.is_empty() {
            let listings = if level.len() < FEW {
                level.iter().map(|folder| list(machine, folder)).collect()
            } else {
                in_two(machine, &level)
            };
            level = walk.take(listings);
        }
        walk
    }

    /// Takes listings over; answers with the folders in them.
    fn take(&mut self, listings: Vec<Listing>) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        for listing in listings {
            match listing.entries {
                None => self.unread.push(listing.folder),
                Some(entries) => {
                    for (path, stat) in entries {
                        if stat.kind == FileKind::Directory {
                            folders.push(path);
                        } else {
                            self.files.insert(path, stat);
                        }
                    }
                }
            }
        }
        folders
    }

    /// The stat of a file, asked for where the walk does not have it.
    pub fn stat(
        &self,
        machine: &dyn Machine,
        path: &Path,
    ) -> Result<Stat, deskside_machine::DoorError> {
        match self.files.get(path) {
            Some(stat) if stat.kind != FileKind::Link => Ok(stat.clone()),
            _ => machine.stat(path),
        }
    }
}

struct Listing {
    folder: PathBuf,
    entries: Option<Vec<(PathBuf, Stat)>>,
}

fn list(machine: &dyn Machine, folder: &Path) -> Listing {
    let entries = machine.stats(folder).ok().map(|entries| {
        entries
            .into_iter()
            .filter(|(name, _)| name != "__pycache__" && !name.ends_with(".pyc"))
            .map(|(name, stat)| (folder.join(name), stat))
            .collect()
    });
    Listing {
        folder: folder.to_path_buf(),
        entries,
    }
}

/// Two threads: each folder waits for the kernel.
fn in_two(machine: &dyn Machine, level: &[PathBuf]) -> Vec<Listing> {
    std::thread::scope(|scope| {
        let halves: Vec<_> = level
            .chunks(level.len().div_ceil(2))
            .map(|half| {
                scope.spawn(move || {
                    let listings = half.iter().map(|folder| list(machine, folder));
                    listings.collect::<Vec<_>>()
                })
            })
            .collect();
        halves
            .into_iter()
            .flat_map(|half| match half.join() {
                Ok(listings) => listings,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}
