//! What in an environment is a person's own, and what half of an install left there.
//!
//! Whoever removes an environment asks here first: files that no package claims, files of packages that a person edited,
//! and lines in the scripts that make a shell use it. What an install that was cut off left unpacked is nobody's.

use super::marker::{self, Marker};
use super::{prepare, tree, venv};
use crate::snapshot::damage::{self, Damaged, Depth, How, place};
use crate::snapshot::take::{Installed, installed};
use crate::snapshot::unclaimed::{SCRIPTS, unclaimed};
use crate::snapshot::walk::{self, Walk};
use deskside_knowledge::python::normalised_name;
use deskside_machine::{Machine, Reading, Stat};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What is a person's own. Paths are relative to the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// Files and whole folders that no package claims.
    pub unclaimed: Vec<PathBuf>,
    /// Files of packages that a person edited.
    pub edited: Vec<Edited>,
    /// Scripts that make a shell use the environment, changed since it was made, and `pyvenv.cfg` where it holds a decision.
    pub scripts: Vec<PathBuf>,
}

/// A file of a package that is not as it was installed, and may be a person's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The package's normalised name.
    pub distribution: String,
    /// The file.
    pub path: PathBuf,
    /// Text that nothing was cut off from: nothing says that it does not work.
    pub works: bool,
}

/// Bytes of a file's beginning that tell text from anything else.
const BEGINNING: u64 = 8 << 10;
/// Seconds that making an environment's scripts may take.
const MAKING: i64 = 1;

impl Own {
    /// Looks at every file of an environment.
    pub fn of(machine: &dyn Machine, environment: &Path) -> Self {
        let there = installed(machine, environment);
        let walk = Walk::of(machine, environment);
        let damaged = damage::damaged(machine, &walk, &there, Depth::ChangedSinceInstalled);
        Self::among(machine, environment, &walk, &there, &damaged)
    }

    /// As [`Self::of`], where its files were looked at already.
    pub fn among(
        machine: &dyn Machine,
        environment: &Path,
        walk: &Walk,
        there: &[Installed],
        damaged: &[Damaged],
    ) -> Self {
        let noted = marker::read(machine, environment).unwrap_or_default();
        let mut own = Self::named(
            machine,
            environment,
            &noted,
            walk.files(),
            there,
            edited(machine, environment, there, damaged),
        );
        if noted.underway.is_some() {
            let half = Half::of(machine, environment);
            own.unclaimed = own
                .unclaimed
                .iter()
                .flat_map(|relative| half.persons(machine, environment, walk, relative))
                .collect();
        }
        own
    }

    /// As [`Self::of`], where it is known which files of packages were edited: no file is looked at by itself.
    pub fn knowing(
        machine: &dyn Machine,
        environment: &Path,
        there: &[Installed],
        edited: &[PathBuf],
    ) -> Self {
        let noted = marker::read(machine, environment).unwrap_or_default();
        if noted.underway.is_some() {
            return Self::of(machine, environment);
        }
        let present = walk::paths(machine, environment);
        // One may have gone since.
        let is_there = |path: &&PathBuf| machine.exists(environment.join(path)).unwrap_or(true);
        let edited = edited.iter().filter(is_there).map(|path| Edited {
            distribution: String::new(),
            path: path.clone(),
            works: true,
        });
        Self::named(
            machine,
            environment,
            &noted,
            present.iter().map(PathBuf::as_path),
            there,
            edited.collect(),
        )
    }

    fn named<'a>(
        machine: &dyn Machine,
        environment: &Path,
        noted: &Marker,
        present: impl Iterator<Item = &'a Path>,
        there: &[Installed],
        edited: Vec<Edited>,
    ) -> Self {
        // Nobody works in one that was never whole.
        if noted.making {
            return Self::default();
        }
        Self {
            unclaimed: unclaimed(environment, present, there),
            edited,
            scripts: scripts(machine, environment),
        }
    }

    /// Nothing in it is a person's own.
    pub fn is_empty(&self) -> bool {
        self.paths().next().is_none()
    }

    /// All of it.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let unclaimed = self.unclaimed.iter().chain(&self.scripts);
        let edited = self.edited.iter().map(|one| &one.path);
        unclaimed.chain(edited).map(PathBuf::as_path)
    }

    /// All of it in a row; of many only the first.
    pub fn shown(&self) -> String {
        const SHOWN: usize = 5;
        let all: Vec<String> = self
            .paths()
            .map(|path| path.display().to_string())
            .collect();
        match all.len() {
            count if count > SHOWN => {
                format!("{} and {} more", all[..SHOWN].join(", "), count - SHOWN)
            }
            _ => all.join(", "),
        }
    }
}

/// What an environment holds that Deskside did not put there: distributions by name, and what is a person's own.
pub(super) fn held(machine: &dyn Machine, path: &Path, noted: &Marker) -> (Vec<String>, Own) {
    (
        tree::added_by_hand(machine, path, noted),
        Own::of(machine, path),
    )
}

/// Whether it holds any such.
pub(super) fn holds(machine: &dyn Machine, path: &Path, noted: &Marker) -> bool {
    let (packages, own) = held(machine, path, noted);
    !packages.is_empty() || !own.is_empty()
}

/// The damaged files that may be a person's work: readable, not empty, and text or at least not cut off.
pub fn edited(
    machine: &dyn Machine,
    environment: &Path,
    there: &[Installed],
    damaged: &[Damaged],
) -> Vec<Edited> {
    let mut found: Vec<Edited> = damaged
        .iter()
        .filter_map(|file| {
            let path = Path::new(&file.path);
            let relative = path.strip_prefix(environment).ok()?.to_path_buf();
            let is_text = || {
                let beginning = machine.file_part(path, 0, BEGINNING);
                beginning.is_ok_and(|bytes| !bytes.contains(&0))
            };
            let works = match file.how {
                How::Missing | How::Empty | How::Unreadable => return None,
                How::Shorter if !is_text() => return None,
                How::Shorter => false,
                How::Longer | How::Contents => is_text(),
            };
            // What another package wrote over it is that one's.
            let claims = there.iter().filter(|one| {
                let site = one.information.parent().unwrap_or(environment);
                one.files.iter().any(|own| place(site, &own.path) == path)
            });
            (claims.count() < 2).then(|| Edited {
                distribution: file.distribution.clone(),
                path: relative,
                works,
            })
        })
        .collect();
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// Whether a file is what another one is, cut off within a line: that is no work of a person's.
pub(super) fn is_cut_off(file: &[u8], whole: &[u8]) -> bool {
    file.len() < whole.len() && whole.starts_with(file) && file.last() != Some(&b'\n')
}

/// The scripts for shells that are newer than the first file of the environment's making.
fn scripts(machine: &dyn Machine, environment: &Path) -> Vec<PathBuf> {
    let modified = |relative: &Path| {
        let stat = machine.stat(environment.join(relative)).ok()?;
        Some(stat.modified)
    };
    let all: Vec<(PathBuf, i64)> = SCRIPTS
        .iter()
        .map(|name| Path::new("bin").join(name))
        .filter_map(|relative| modified(&relative).map(|modified| (relative, modified)))
        .collect();
    let first = all
        .iter()
        .map(|(_, modified)| *modified)
        .chain(modified(Path::new("pyvenv.cfg")))
        .min()
        .unwrap_or(i64::MAX);
    let settings = machine
        .text(environment.join("pyvenv.cfg"))
        .unwrap_or_default();
    let settings = is_set_by_hand(&settings).then(|| PathBuf::from("pyvenv.cfg"));
    all.into_iter()
        .filter(|(_, modified)| *modified > first.saturating_add(MAKING))
        .map(|(relative, _)| relative)
        .chain(settings)
        .collect()
}

/// What venv, virtualenv and uv write into `pyvenv.cfg` by themselves.
const SETTINGS: [&str; 14] = [
    "home",
    "implementation",
    "uv",
    "virtualenv",
    "version",
    "version_info",
    "version-info",
    "executable",
    "command",
    "base-prefix",
    "base-exec-prefix",
    "base-executable",
    "prompt",
    "relocatable",
];

/// Whether `pyvenv.cfg` holds a decision: the system's packages are let in, or a line that no tool writes.
fn is_set_by_hand(settings: &str) -> bool {
    settings.lines().any(|line| {
        let Some((key, value)) = line.split_once('=') else {
            return false;
        };
        match key.trim() {
            "include-system-site-packages" => value.trim().eq_ignore_ascii_case("true"),
            key => !SETTINGS.contains(&key),
        }
    })
}

/// What tells the leavings of an install that was cut off from a person's files.
struct Half {
    /// Packages that it may have been about, by their normalised names.
    names: HashSet<String>,
}

impl Half {
    /// The packages of the lock file, of the newest snapshots, and of the environment itself.
    fn of(machine: &dyn Machine, environment: &Path) -> Self {
        let lock = environment.parent().unwrap_or(environment).join("uv.lock");
        let lock = machine.file(lock, 64 << 20).unwrap_or_default();
        let lock = String::from_utf8_lossy(&lock);
        let mut names: HashSet<String> = lock
            .lines()
            .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
            .map(normalised_name)
            .collect();
        names.extend(venv::distributions(machine, environment).into_keys());
        let listed =
            prepare::store(machine, environment).and_then(|store| store.list(machine).ok());
        let snapshots = listed.map(|listed| listed.snapshots).unwrap_or_default();
        for snapshot in snapshots.iter().rev().take(2) {
            names.extend(snapshot.distributions.iter().map(|one| one.name.clone()));
        }
        Self { names }
    }

    /// What of an unclaimed file or folder is a person's all the same.
    fn persons(
        &self,
        machine: &dyn Machine,
        environment: &Path,
        walk: &Walk,
        relative: &Path,
    ) -> Vec<PathBuf> {
        let whole = vec![relative.to_path_buf()];
        let parts = ["lib", "lib64", "bin", "share", "etc", "include"];
        if !parts.iter().any(|part| relative.starts_with(part)) {
            return whole;
        }
        let path = environment.join(relative);
        // uv links what it unpacks from its cache, as long as that lies on the same disk.
        let is_linked = |stat: &Stat| stat.links.is_some_and(|links| links > 1);
        let files: Vec<(&Path, bool)> = walk
            .files()
            .filter(|file| file.starts_with(&path))
            .map(|file| {
                (
                    file,
                    walk.stat(machine, file).is_ok_and(|stat| is_linked(&stat)),
                )
            })
            .collect();
        if files.iter().any(|(_, linked)| *linked) {
            let rest = files.iter().filter(|(_, linked)| !linked);
            let relative = rest.filter_map(|(file, _)| file.strip_prefix(environment).ok());
            return relative.map(Path::to_path_buf).collect();
        }
        // One file of the name of a package is as likely a person's own module: it is small, and kept.
        let is_module = relative.extension().is_some_and(|ending| ending == "py");
        match !is_module && self.is_named(relative) || is_entry_point(machine, environment, &path) {
            true => Vec::new(),
            false => whole,
        }
    }

    /// Whether it lies in `site-packages` under the name of a package.
    fn is_named(&self, relative: &Path) -> bool {
        let folder = relative.parent().and_then(Path::file_name);
        let name = relative.file_name().unwrap_or_default().to_string_lossy();
        let first = name.split(['.', '-']).next().unwrap_or_default();
        let first = normalised_name(first);
        folder.is_some_and(|folder| folder == "site-packages")
            && !first.is_empty()
            && self.names.iter().any(|known| {
                let rest = known.strip_prefix(&first);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
    }
}

/// Whether it is a program as uv and pip write them for a package's entry point.
fn is_entry_point(machine: &dyn Machine, environment: &Path, path: &Path) -> bool {
    let bin = environment.join("bin");
    if path.parent() != Some(&*bin) {
        return false;
    }
    let bytes = machine.file_part(path, 0, BEGINNING).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    // All of them look at the name that they were started by, import one name, and are short; a program of a person's does not.
    text.starts_with("#!")
        && bytes.len() < 1024
        && text.contains("\nfrom ")
        && text.contains("sys.argv[0]")
        && text.contains("__name__ == ")
        && text.contains("sys.exit(")
}
