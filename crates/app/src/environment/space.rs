//! Whether the disks have room for a change, measured before it begins.
//!
//! What is known beforehand are the sizes of wheels. What they hold is larger, so less free space than that is surely too
//! little; that there is more promises nothing.

use super::Difference;
use deskside_envs::environment::uv::command;
use deskside_envs::index::address;
use deskside_envs::index::wheel::{self, Platform};
use deskside_envs::snapshot::take::locked;
use deskside_machine::{Machine, Reading, Space};
use deskside_types::plan::{Comparison, Premise};
use std::path::{Path, PathBuf};

/// What is to be installed.
pub(super) struct Installing {
    /// The least that each package takes, in bytes.
    pub sizes: Vec<u64>,
    /// How many of them uv's cache lacks.
    pub downloads: usize,
}

impl Installing {
    /// What a difference brings, by the sizes that a lock file states.
    pub fn of(
        difference: &Difference,
        lock: &str,
        platform: Option<&Platform>,
        downloads: usize,
    ) -> Self {
        let locked = locked(lock);
        let added = difference.added.iter().map(|one| (&one.name, &one.version));
        let changed = difference.changed.iter().map(|one| (&one.name, &one.to));
        let size = |(name, version): (&String, &String)| {
            let files = locked.get(&(name.clone(), version.clone()))?;
            let fits = |url: &str| {
                let file = address::file_name(url);
                wheel::parse(&file).is_some_and(|parsed| {
                    platform.is_none_or(|platform| platform.fit(parsed.platforms).is_some())
                })
            };
            let fitting = files.wheels.iter().filter(|one| fits(&one.url));
            fitting.filter_map(|one| one.size).min()
        };
        Self {
            sizes: added.chain(changed).filter_map(size).collect(),
            downloads,
        }
    }

    fn all(&self) -> u64 {
        self.sizes.iter().sum()
    }

    /// Which of them are downloaded is not known: the smallest.
    fn downloaded(&self) -> u64 {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        sizes.iter().take(self.downloads).sum()
    }
}

/// What a plan needs at the least, as premises: in uv's cache for what is downloaded, and beside the project for all of
/// it, where uv can't link from one to the other. `cache` is uv's cache folder.
pub(super) fn premises(
    machine: &dyn Machine,
    cache: Option<PathBuf>,
    environment: &Path,
    installing: &Installing,
) -> Vec<Premise> {
    let project = environment.parent().unwrap_or(environment);
    let one_disk = cache
        .as_ref()
        .is_none_or(|cache| are_one(machine.space(cache).ok(), machine.space(project).ok()));
    let by_links = machine.variable("UV_LINK_MODE").as_deref() == Some("symlink");
    let mut needed = Vec::new();
    match cache {
        Some(cache) if !one_disk => {
            needed.push((cache, installing.downloaded()));
            if !by_links {
                needed.push((project.to_path_buf(), installing.all()));
            }
        }
        _ => needed.push((project.to_path_buf(), installing.downloaded())),
    }
    needed
        .into_iter()
        .filter(|(_, bytes)| *bytes > 0)
        .map(|(folder, bytes)| Premise {
            fact: format!("free:{}", folder.display()),
            operator: Comparison::AtLeast,
            value: bytes.into(),
        })
        .collect()
}

/// Two folders are taken to be on one file system when its size and what is free of it are the same.
fn are_one(left: Option<Space>, right: Option<Space>) -> bool {
    const MEANWHILE: u64 = 16 << 20;
    match (left, right) {
        (Some(left), Some(right)) => {
            left.total == right.total && left.free.abs_diff(right.free) < MEANWHILE
        }
        _ => true,
    }
}

/// uv's cache folder.
pub(super) fn cache(machine: &dyn Machine, uv: &str, environment: &Path) -> Option<PathBuf> {
    let argv = [uv, "cache", "dir"].map(String::from).to_vec();
    let output = machine.command(command(machine, environment, argv)).ok()?;
    let text = output.succeeded().then(|| output.text())?;
    let line = text.trim();
    line.starts_with('/').then(|| PathBuf::from(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_surely_needed_is_the_smallest_that_fits() {
        let installing = Installing {
            sizes: vec![30, 10, 20],
            downloads: 2,
        };
        assert_eq!((installing.all(), installing.downloaded()), (60, 30));
        let space = |total, free| {
            Some(Space {
                total,
                free,
                read_only: false,
            })
        };
        assert!(are_one(space(1 << 40, 5), space(1 << 40, 4096)));
        assert!(!are_one(space(1 << 40, 5), space(1 << 30, 5)));
        assert!(!are_one(space(1 << 40, 5), space(1 << 40, 1 << 30)));
        assert!(are_one(None, space(1, 1)));
    }
}
