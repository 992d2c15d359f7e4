//! Damaged packages installed again on the way of a sync.
//!
//! uv installs by links to its cache, so a file that was damaged in place is damaged there, too, and installing again
//! would link it again: uv's copy is forgotten first.

use super::INSTALL_DEADLINE;
use super::uv::{command, uv_command};
use super::venv;
use crate::snapshot::damage::{self, Damaged, Depth};
use crate::snapshot::take::{Installed, installed, installed_among};
use crate::snapshot::walk::Walk;
use deskside_machine::{Machine, Progress};
use deskside_types::Problem;
use std::collections::BTreeMap;
use std::path::Path;

/// uv's option that names a package to be installed again.
const AGAIN: &str = "--reinstall-package";

/// uv's arguments that install packages again, by their normalised names.
pub fn arguments(names: &[String]) -> Vec<String> {
    names
        .iter()
        .flat_map(|name| [AGAIN.to_string(), name.clone()])
        .collect()
}

/// The packages that arguments install again.
pub fn named(arguments: &[String]) -> Vec<String> {
    let pairs = arguments.windows(2).filter(|pair| pair[0] == AGAIN);
    pairs.map(|pair| pair[1].clone()).collect()
}

/// Arguments without those that install packages again.
pub fn without(arguments: &[String]) -> Vec<String> {
    let mut rest = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == AGAIN {
            words.next();
        } else {
            rest.push(word.clone());
        }
    }
    rest
}

/// Files of an environment that are not what they should be: by presence and size, and by contents where they were
/// changed after their install. A hundred milliseconds for two hundred packages; nothing is started.
pub fn damaged(machine: &dyn Machine, environment: &Path) -> Vec<Damaged> {
    let there = installed(machine, environment);
    let walk = Walk::of(machine, environment);
    damage::damaged(machine, &walk, &there, Depth::ChangedSinceInstalled)
}

/// Whether the files of these packages are what they should be, as far as [`damaged`] tells.
pub(super) fn are_whole(machine: &dyn Machine, environment: &Path, names: &[String]) -> bool {
    if names.is_empty() {
        return true;
    }
    let is_one = |name: &str| names.iter().any(|wanted| wanted == name);
    let there = installed_among(machine, environment, &is_one);
    // Few files: each is asked for by itself.
    let walk = Walk::default();
    damage::damaged(machine, &walk, &there, Depth::ChangedSinceInstalled).is_empty()
}

/// Packages that came since, or in another version, and whose files are not what their RECORD says: uv linked copies
/// that were changed in another environment. `before` is what was there, by name.
pub(super) fn came_damaged(
    machine: &dyn Machine,
    environment: &Path,
    before: &BTreeMap<String, String>,
) -> Vec<String> {
    let now = venv::distributions(machine, environment);
    let is_new = |name: &str| before.get(name) != now.get(name);
    if !now.keys().any(|name| is_new(name)) {
        return Vec::new();
    }
    let (came, others): (Vec<Installed>, Vec<Installed>) = installed(machine, environment)
        .into_iter()
        .partition(|one| is_new(&one.name));
    let walk = Walk::of(machine, environment);
    let damaged = damage::damaged(machine, &walk, &came, Depth::ChangedSinceUnpacked);
    let mut names: Vec<String> = damaged
        .into_iter()
        // What another package wrote over it is that one's.
        .filter(|file| {
            let claims = came.iter().chain(&others).filter(|one| {
                let site = one.information.parent().unwrap_or(environment);
                let mut files = one.files.iter();
                files.any(|own| damage::place(site, &own.path) == Path::new(&file.path))
            });
            claims.count() < 2
        })
        .map(|file| file.distribution)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Forgets uv's copies of packages.
pub(super) fn forget(
    machine: &dyn Machine,
    environment: &Path,
    uv: &str,
    names: &[String],
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Problem> {
    if names.is_empty() {
        return Ok(());
    }
    let words = [uv, "cache", "clean"].map(String::from).into_iter();
    let argv = words.chain(names.iter().cloned()).collect();
    let command = command(machine, environment, argv).deadline(INSTALL_DEADLINE);
    uv_command(
        machine,
        "forget damaged copies in uv's cache",
        command,
        watch,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_changed_is_told_and_what_was_there_is_not() {
        const VENV: &str = "/p/.venv";
        let sim = deskside_testkit::Sim::linux();
        let site = format!("{VENV}/lib/python3.12/site-packages");
        let put = |name: &str, text: &str, record: &str| {
            let information = format!("{site}/{name}-1.0.dist-info");
            sim.put_file(format!("{site}/{name}.py"), text);
            sim.put_file(format!("{information}/METADATA"), "");
            sim.put_file(format!("{information}/RECORD"), record);
        };
        put("six", "edited here", "six.py,,3\n");
        let before = venv::distributions(&sim, Path::new(VENV));
        put("toolz", "edited elsewhere", "toolz.py,,3\n");
        put("whole", "abc", "whole.py,,3\n");
        // Two that share a file: one of them wrote it last.
        put("one", "abc", "one.py,,3\nboth.py,,1\n");
        put("two", "abc", "two.py,,3\nboth.py,,2\n");
        sim.put_file(format!("{site}/both.py"), "ab");
        let came = |before| came_damaged(&sim, Path::new(VENV), before);
        assert_eq!(came(&before), ["toolz"]);
        let now = venv::distributions(&sim, Path::new(VENV));
        assert!(came(&now).is_empty());
    }

    #[test]
    fn what_is_installed_again_stands_beside_the_other_arguments() {
        let names = ["six".to_string(), "numpy".to_string()];
        let plain: Vec<String> = ["--extra", "cpu"].map(String::from).into();
        let all = [plain.clone(), arguments(&names)].concat();
        assert_eq!(named(&all), names);
        assert_eq!(without(&all), plain);
        assert!(named(&plain).is_empty());
        assert_eq!(without(&["--reinstall-package".to_string()]), [""; 0]);
    }
}
