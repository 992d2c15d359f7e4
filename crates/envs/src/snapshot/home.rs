//! Which store is a project's: the one of its path, or, where the project was moved, the one it had at its old path.
//!
//! The environment moves with its project, and its marker names the store. A store whose project is still there stays
//! with that: then the folder is a copy.

use super::store::{Local, key};
use super::{Snapshot, Store};
use crate::environment::marker;
use deskside_machine::{Acting, Directories, Durability, ErrorKind, Machine, Reading};
use deskside_types::Problem;
use std::path::{Path, PathBuf};

/// The store of a project, and how it comes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The store.
    pub store: Store,
    /// Where the project was before, while the store still lies under that path's key.
    pub moved_from: Option<String>,
    /// The project that the environment was copied from; its store is not this project's.
    pub copied_from: Option<String>,
}

/// Finds the store of a project. Changes nothing. `project` is the folder's real path.
pub fn find(machine: &dyn Machine, directories: &Directories, project: &Path) -> Home {
    let own = Store::of(directories, project);
    let plain = Home {
        store: own.clone(),
        moved_from: None,
        copied_from: None,
    };
    let named = marker::read(machine, &project.join(".venv")).and_then(|marker| marker.store);
    let Some(named) = named.filter(|name| is_name(name)) else {
        return plain;
    };
    let earlier = Store::at(&stores(directories).join(named));
    let is_there = |store: &Store| machine.exists(store.folder()).unwrap_or(true);
    if earlier == own || is_there(&own) || !is_there(&earlier) {
        return plain;
    }
    let Some(from) = owner(machine, &earlier).filter(|from| Path::new(from) != project) else {
        return plain;
    };
    if is_gone(machine, Path::new(&from)) {
        Home {
            store: earlier,
            moved_from: Some(from),
            copied_from: None,
        }
    } else {
        Home {
            copied_from: Some(from),
            ..plain
        }
    }
}

/// Gives a store that was found under another path's key the key of the path where its project is now. Killed half way,
/// it is the project's all the same.
///
/// # Errors
/// When it can't be renamed or written.
pub fn adopt(
    machine: &dyn Machine,
    directories: &Directories,
    store: &Store,
    project: &Path,
) -> Result<Store, Problem> {
    let own = Store::of(directories, project);
    machine.rename(store.folder(), own.folder())?;
    let local = Local {
        version: 1,
        project: project.display().to_string(),
        ..own.local(machine)
    };
    machine.write_file(own.local_path(), local.text(), 0o600, Durability::Power)?;
    let environment = project.join(".venv");
    if marker::read(machine, &environment).is_some() {
        marker::change(machine, &environment, |marker| {
            marker.store = Some(own.name());
        })?;
    }
    Ok(own)
}

/// A store whose project's folder is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    /// Where the project was.
    pub project: String,
    /// The store.
    pub store: Store,
    /// What is kept in it.
    pub snapshots: Vec<Snapshot>,
}

/// The stores whose projects' folders are gone, by the projects' paths.
pub fn orphans(machine: &dyn Machine, directories: &Directories) -> Vec<Orphan> {
    let folder = stores(directories);
    let entries = machine.entries(&folder).unwrap_or_default().into_iter();
    let mut all: Vec<Orphan> = entries
        .filter(|entry| is_name(&entry.name))
        .filter_map(|entry| {
            let store = Store::at(&folder.join(&entry.name));
            let project = owner(machine, &store)?;
            let path = Path::new(&project);
            // One that was adopted a moment ago still names the old path.
            (key(path) == entry.name && is_gone(machine, path)).then(|| Orphan {
                snapshots: store.list(machine).unwrap_or_default().snapshots,
                store,
                project,
            })
        })
        .collect();
    all.sort_by(|left, right| left.project.cmp(&right.project));
    all
}

/// The projects that have a store, where they are still there.
pub fn projects(machine: &dyn Machine, directories: &Directories) -> Vec<PathBuf> {
    let folder = stores(directories);
    let entries = machine.entries(&folder).unwrap_or_default().into_iter();
    entries
        .filter(|entry| is_name(&entry.name))
        .filter_map(|entry| owner(machine, &Store::at(&folder.join(&entry.name))))
        .map(PathBuf::from)
        .filter(|path| !is_gone(machine, path))
        .collect()
}

/// The folder that all stores lie in.
pub fn stores(directories: &Directories) -> PathBuf {
    directories.data.join("environments")
}

/// The project that a store says it belongs to.
fn owner(machine: &dyn Machine, store: &Store) -> Option<String> {
    let noted = store.local(machine).project;
    if !noted.is_empty() {
        return Some(noted);
    }
    let newest = store.list(machine).ok()?.snapshots.pop()?;
    Some(newest.project)
}

fn is_gone(machine: &dyn Machine, path: &Path) -> bool {
    machine
        .stat(path)
        .is_err_and(|error| error.kind == ErrorKind::Absent)
}

/// Whether a text is the name of a store's folder, and leads nowhere else.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::marker::Marker;
    use deskside_testkit::Sim;

    fn machine() -> (Sim, Directories) {
        let sim = Sim::linux();
        let directories = Directories::of(&sim).unwrap();
        (sim, directories)
    }

    /// A project whose environment names the store of its path.
    fn project(sim: &Sim, directories: &Directories, path: &str) -> Store {
        let store = Store::of(directories, Path::new(path));
        let local = Local {
            project: path.into(),
            ..Local::default()
        };
        sim.put_file(store.local_path(), local.text());
        mark(sim, path, &store);
        store
    }

    fn mark(sim: &Sim, path: &str, store: &Store) {
        let marker = Marker {
            store: Some(store.name()),
            ..Marker::default()
        };
        marker::write(sim, &Path::new(path).join(".venv"), &marker).unwrap();
    }

    #[test]
    fn a_store_follows_its_project() {
        let (sim, directories) = machine();
        let store = project(&sim, &directories, "/home/user/old");
        let find = |path: &str| find(&sim, &directories, Path::new(path));
        assert_eq!(find("/home/user/old").store, store);
        assert!(orphans(&sim, &directories).is_empty());
        sim.rename("/home/user/old", "/home/user/new").unwrap();
        let gone = orphans(&sim, &directories);
        assert_eq!(
            (gone.len(), gone[0].project.as_str()),
            (1, "/home/user/old")
        );
        let home = find("/home/user/new");
        assert_eq!(home.store, store);
        assert_eq!(home.moved_from.as_deref(), Some("/home/user/old"));
        let own = adopt(&sim, &directories, &home.store, Path::new("/home/user/new")).unwrap();
        let home = find("/home/user/new");
        assert_eq!((home.store, home.moved_from), (own.clone(), None));
        assert_eq!(own.local(&sim).project, "/home/user/new");
        assert!(orphans(&sim, &directories).is_empty());
        // And once more, with nothing changed in between.
        sim.rename("/home/user/new", "/home/user/newer").unwrap();
        let home = find("/home/user/newer");
        assert_eq!(
            (home.store, home.moved_from.as_deref()),
            (own, Some("/home/user/new"))
        );
    }

    #[test]
    fn a_copy_has_its_own() {
        let (sim, directories) = machine();
        let store = project(&sim, &directories, "/home/user/old");
        mark(&sim, "/home/user/copy", &store);
        let home = find(&sim, &directories, Path::new("/home/user/copy"));
        assert_ne!(home.store, store);
        assert_eq!(home.copied_from.as_deref(), Some("/home/user/old"));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_no_name() {
        let (sim, directories) = machine();
        for name in ["../../etc", "", ".", "a/b"] {
            let marker = Marker {
                store: Some(name.into()),
                ..Marker::default()
            };
            let project = Path::new("/home/user/p");
            marker::write(&sim, &project.join(".venv"), &marker).unwrap();
            let home = find(&sim, &directories, project);
            assert_eq!(home.store, Store::of(&directories, project), "{name}");
        }
    }
}
