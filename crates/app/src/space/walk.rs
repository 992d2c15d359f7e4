//! Walking folders side by side: what they take, each file's contents counted once, other file systems left alone.

use deskside_machine::{ErrorKind, FileKind, Machine, Reading, Stat, interrupt};
use deskside_types::{Code, Problem, Result};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Threads that walk. More of them only wait for the same disk.
const THREADS: usize = 4;

/// What a folder, or a part of one that is counted by itself, takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Part {
    /// Where it is.
    pub path: PathBuf,
    /// The root it lies in, by its place.
    pub root: usize,
    /// Bytes on the disk; contents with several names count once in each part that names them.
    pub bytes: u64,
    /// Of these the ones that go when the part goes: all names of their contents are in it.
    pub frees: u64,
    /// How many files.
    pub files: u64,
    /// The newest change of any of them, seconds of the epoch.
    pub newest: i64,
}

/// What all of it takes, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The roots in their order, then the parts that were split off.
    pub parts: Vec<Part>,
    /// Bytes of everything together, each contents once.
    pub total: u64,
    /// Folders that could not be read, and why.
    pub unread: Vec<String>,
}

struct Folder {
    path: PathBuf,
    part: usize,
    root: usize,
    device: Option<u64>,
}

#[derive(Default)]
struct Shared {
    folders: Vec<Folder>,
    parts: Vec<Part>,
    total: u64,
    unread: Vec<String>,
    /// Contents with several names: bytes, how many names there are, how many were met in which part.
    linked: HashMap<(u64, u64), Linked>,
    interrupted: bool,
}

struct Linked {
    bytes: u64,
    names: u64,
    met: BTreeMap<usize, u64>,
}

/// Decides whether what lies in a root is a part by itself: root, path, whether it is a folder.
pub(super) type Splits<'a> = &'a (dyn Fn(usize, &Path, bool) -> bool + Sync);

/// Walks roots; those that are not there take nothing.
///
/// # Errors
/// [`Code::Interrupted`] on Ctrl-C.
pub(super) fn walk(machine: &dyn Machine, roots: &[PathBuf], splits: Splits<'_>) -> Result<Walked> {
    let mut shared = Shared::default();
    for (root, path) in roots.iter().enumerate() {
        shared.parts.push(Part {
            path: path.clone(),
            root,
            ..Part::default()
        });
        // A link as a root is followed: people move their caches to other disks.
        let device = machine
            .stat(path)
            .ok()
            .and_then(|stat| Some(stat.place?.device));
        shared.folders.push(Folder {
            path: path.clone(),
            part: root,
            root,
            device,
        });
    }
    // The first root comes first: what lies in two roots is met in order.
    shared.folders.reverse();
    let shared = Mutex::new(shared);
    let (busy, bell) = (AtomicUsize::new(0), Condvar::new());
    std::thread::scope(|scope| {
        for _ in 1..THREADS {
            let walker = std::thread::Builder::new().stack_size(256 << 10);
            // Fewer threads walk as well.
            let _ = walker.spawn_scoped(scope, || work(machine, &shared, &busy, &bell, splits));
        }
        work(machine, &shared, &busy, &bell, splits);
    });
    let mut shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    if shared.interrupted {
        return Err(Problem::new(
            Code::Interrupted,
            "interrupted while it counted; nothing was changed",
        ));
    }
    for linked in shared.linked.values() {
        shared.total += linked.bytes;
        for (part, met) in &linked.met {
            shared.parts[*part].bytes += linked.bytes;
            if *met == linked.names {
                shared.parts[*part].frees += linked.bytes;
            }
        }
    }
    Ok(Walked {
        parts: shared.parts,
        total: shared.total,
        unread: shared.unread,
    })
}

fn lock<'a>(shared: &'a Mutex<Shared>) -> MutexGuard<'a, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(
    machine: &dyn Machine,
    shared: &Mutex<Shared>,
    busy: &AtomicUsize,
    bell: &Condvar,
    splits: Splits<'_>,
) {
    loop {
        let folder = {
            let mut state = lock(shared);
            loop {
                if interrupt::requested() {
                    state.interrupted = true;
                }
                if state.interrupted {
                    bell.notify_all();
                    return;
                }
                if let Some(folder) = state.folders.pop() {
                    busy.fetch_add(1, Ordering::SeqCst);
                    break folder;
                }
                if busy.load(Ordering::SeqCst) == 0 {
                    bell.notify_all();
                    return;
                }
                state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let listed = machine.stats(&folder.path);
        let mut state = lock(shared);
        match listed {
            Ok(entries) => entries
                .into_iter()
                .for_each(|(name, stat)| meet(&mut state, &folder, &name, &stat, splits)),
            Err(error) if error.kind == ErrorKind::Absent => {}
            // A file as a root, or a folder of somebody else's.
            Err(error) => state.unread.push(error.reason()),
        }
        busy.fetch_sub(1, Ordering::SeqCst);
        bell.notify_all();
    }
}

fn meet(state: &mut Shared, folder: &Folder, name: &str, stat: &Stat, splits: Splits<'_>) {
    let is_folder = stat.kind == FileKind::Directory;
    let device = stat.place.map(|place| place.device);
    if is_folder && device.is_some() && folder.device.is_some() && device != folder.device {
        return;
    }
    let path = folder.path.join(name);
    let mut part = folder.part;
    let is_split = folder.part == folder.root && splits(folder.root, &path, is_folder);
    if is_split {
        part = state.parts.len();
        state.parts.push(Part {
            path: path.clone(),
            root: folder.root,
            ..Part::default()
        });
    }
    // A folder's size says nothing of its room on the disk.
    let size = if is_folder { 0 } else { stat.size };
    let bytes = stat.place.map_or(size, |place| place.allocated);
    let of = &mut state.parts[part];
    of.newest = of.newest.max(stat.modified);
    if is_folder {
        of.bytes += bytes;
        of.frees += bytes;
        state.total += bytes;
        state.folders.push(Folder {
            path,
            part,
            root: folder.root,
            device: folder.device,
        });
        return;
    }
    of.files += 1;
    match (stat.place, stat.links) {
        (Some(place), Some(names)) if names > 1 => {
            let linked = state
                .linked
                .entry((place.device, place.inode))
                .or_insert_with(|| Linked {
                    bytes,
                    names,
                    met: BTreeMap::new(),
                });
            *linked.met.entry(part).or_default() += 1;
        }
        _ => {
            of.bytes += bytes;
            of.frees += bytes;
            state.total += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::disallowed_methods,
        reason = "links and holes are the real file system's"
    )]
    use super::*;
    use deskside_machine::Host;

    #[test]
    fn contents_with_two_names_count_once_and_go_only_with_both() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (home.path().join("one"), home.path().join("other"));
        std::fs::create_dir_all(one.join("deep/checkpoint-5")).unwrap();
        std::fs::create_dir(&other).unwrap();
        std::fs::write(one.join("deep/a"), vec![1; 100_000]).unwrap();
        std::fs::hard_link(one.join("deep/a"), one.join("again")).unwrap();
        std::fs::write(one.join("shared"), vec![1; 50_000]).unwrap();
        std::fs::hard_link(one.join("shared"), other.join("shared")).unwrap();
        std::fs::write(one.join("deep/checkpoint-5/w"), vec![1; 30_000]).unwrap();
        std::os::unix::fs::symlink("/", other.join("root")).unwrap();
        let roots = [one.clone(), other, home.path().join("none")];
        let split =
            |_: usize, path: &Path, is_folder: bool| is_folder && path.ends_with("checkpoint-5");
        let walked = walk(&Host::new(), &roots, &split).unwrap();
        let [first, second, none, checkpoint] = walked.parts.as_slice() else {
            panic!("{walked:?}");
        };
        assert_eq!(
            (first.files, second.files, checkpoint.files, none.files),
            (3, 2, 1, 0)
        );
        assert!((150_000..190_000).contains(&first.bytes), "{first:?}");
        assert!((100_000..140_000).contains(&first.frees), "{first:?}");
        assert!(
            (50_000..70_000).contains(&second.bytes) && second.frees < 10_000,
            "{second:?}"
        );
        assert!(
            (30_000..50_000).contains(&checkpoint.bytes),
            "{checkpoint:?}"
        );
        assert!((180_000..230_000).contains(&walked.total), "{walked:?}");
        assert!(walked.unread.is_empty());
    }
}
