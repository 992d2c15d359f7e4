//! Everything that lies in an environment, looked at with one question a folder.

use deskside_machine::{Answer, DoorError, FileKind, Machine, Question, Reading, Stat};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Folders looked at before a second thread helps.
const FEW: usize = 32;
/// Folders that are asked for at once.
const AT_ONCE: usize = 64;

/// What lies below a folder: files and links with their stats, links not followed, and folders.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Walk {
    /// The folder.
    pub root: PathBuf,
    /// Everything but folders, by path. Paths as text: hashing them part by part takes as long as looking.
    files: HashMap<OsString, Stat>,
    /// Folders that could not be listed: of what is in them nothing is known.
    pub unread: Vec<PathBuf>,
}

impl Walk {
    /// Looks at everything below a folder. Compiled files of Python are left out where
    /// their source lies beside them.
    pub fn of(machine: &dyn Machine, root: &Path) -> Self {
        let mut walk = Self {
            root: root.to_path_buf(),
            ..Self::default()
        };
        walk.unread = each(machine, root, &STATS, &mut |path, stat| {
            walk.files.insert(path.into_os_string(), stat);
        });
        walk
    }

    /// Everything but folders.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(Path::new)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|stat| stat.size).sum()
    }

    /// The stat of a file, asked for where the walk does not have it.
    pub fn stat(&self, machine: &dyn Machine, path: &Path) -> Result<Stat, DoorError> {
        match self.files.get(path.as_os_str()) {
            Some(stat) if stat.kind != FileKind::Link => Ok(stat.clone()),
            _ => machine.stat(path),
        }
    }
}

/// The paths of everything but folders below a folder, without a look at each. Compiled files of Python are left out
/// as by [`Walk::of`].
pub fn paths(machine: &dyn Machine, root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    each(machine, root, &NAMES, &mut |path, _| found.push(path));
    found
}

/// What is asked of a folder, and what is taken from the answer: names with their kind and what else is wanted.
struct Ask<T> {
    question: fn(PathBuf) -> Question,
    answer: fn(Answer) -> Vec<(String, FileKind, T)>,
}
/// Each entry with its stat.
const STATS: Ask<Stat> = Ask {
    question: |path| Question::Stats { path },
    answer: |answer| match answer {
        Answer::Stats(entries) => entries
            .into_iter()
            .map(|(name, stat)| (name, stat.kind, stat))
            .collect(),
        _ => Vec::new(),
    },
};

/// Each entry's name and kind.
const NAMES: Ask<()> = Ask {
    question: |path| Question::Directory { path },
    answer: |answer| match answer {
        Answer::Entries(entries) => entries
            .into_iter()
            .map(|entry| (entry.name, entry.kind, ()))
            .collect(),
        _ => Vec::new(),
    },
};

/// A folder's entries; none where it can't be listed.
type Listing<T> = (PathBuf, Option<Vec<(String, FileKind, T)>>);

/// Tells of everything but folders below a folder, level by level; answers with the folders that could not be listed.
fn each<T: Send>(
    machine: &dyn Machine,
    root: &Path,
    ask: &Ask<T>,
    tell: &mut dyn FnMut(PathBuf, T),
) -> Vec<PathBuf> {
    let mut unread = Vec::new();
    let mut level = vec![root.to_path_buf()];
    while !level.is_empty() {
        let listings = if level.len() < FEW {
            listed(machine, level, ask)
        } else {
            in_two(machine, level, ask)
        };
        level = Vec::new();
        for (folder, entries) in listings {
            let Some(entries) = entries else {
                unread.push(folder);
                continue;
            };
            let compiled = compiled(&entries);
            for (name, kind, value) in entries {
                if name == "__pycache__" || compiled.contains(&name) {
                    continue;
                }
                let path = folder.join(name);
                match kind {
                    FileKind::Directory => level.push(path),
                    _ => tell(path, value),
                }
            }
        }
    }
    unread
}

/// Compiled files whose source lies beside them: Python makes them again. One that stands alone may be all there is.
fn compiled<T>(entries: &[(String, FileKind, T)]) -> HashSet<String> {
    let names = || entries.iter().map(|(name, _, _)| name.as_str());
    let mut found = HashSet::new();
    for name in names() {
        if let Some(stem) = name.strip_suffix(".pyc")
            && names().any(|other| other.strip_suffix(".py") == Some(stem))
        {
            found.insert(name.to_string());
        }
    }
    found
}

fn listed<T>(machine: &dyn Machine, folders: Vec<PathBuf>, ask: &Ask<T>) -> Vec<Listing<T>> {
    let mut listings = Vec::with_capacity(folders.len());
    for folders in folders.chunks(AT_ONCE) {
        let questions: Vec<Question> = folders.iter().cloned().map(ask.question).collect();
        let answers = machine.ask_all(&questions).into_iter();
        listings.extend(
            folders
                .iter()
                .cloned()
                .zip(answers.map(|answer| answer.ok().map(ask.answer))),
        );
    }
    listings
}

/// Two threads: each folder waits for the kernel.
fn in_two<T: Send>(
    machine: &dyn Machine,
    mut level: Vec<PathBuf>,
    ask: &Ask<T>,
) -> Vec<Listing<T>> {
    let second = level.split_off(level.len() / 2);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| listed(machine, second, ask));
        let mut listings = listed(machine, level, ask);
        match second.join() {
            Ok(others) => listings.extend(others),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        listings
    })
}
