//! Whether an environment is what a snapshot has, file by file.

use super::venv;
use crate::snapshot::Snapshot;
use crate::snapshot::damage::{self, Damaged, Depth};
use crate::snapshot::origin::MODULE;
use crate::snapshot::take::{Installed, installed};
use crate::snapshot::walk::Walk;
use deskside_machine::Machine;
use std::collections::BTreeMap;
use std::path::Path;

/// What was found when an environment was compared with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// Distributions that are missing, too many, or not the same, a sentence each.
    pub differing: Vec<String>,
    /// Files that are not what their RECORD says.
    pub damaged: Vec<Damaged>,
}

impl Proof {
    /// Whether the environment is what the snapshot has.
    pub fn holds(&self) -> bool {
        self.differing.is_empty() && self.damaged.is_empty()
    }

    /// What is not as it should be, at most ten sentences.
    pub fn sentences(&self) -> Vec<String> {
        let files = self.damaged.iter().map(|file| {
            format!(
                "{} of {} is not what its RECORD says",
                file.path, file.distribution
            )
        });
        let mut all: Vec<String> = self.differing.iter().cloned().chain(files).collect();
        if all.len() > 10 {
            let more = all.len() - 9;
            all.truncate(9);
            all.push(format!("and {more} more"));
        }
        all
    }
}

/// Compares an environment with a snapshot. `built` names distributions that were built anew and may differ in contents,
/// `hashed` those whose files are compared by their hashes; of the others, sizes and what was changed in uv's cache.
pub fn prove(
    machine: &dyn Machine,
    environment: &Path,
    snapshot: &Snapshot,
    built: &[String],
    hashed: &[String],
) -> Proof {
    let there = installed(machine, environment);
    let walk = Walk::of(machine, environment);
    let mut proof = Proof {
        differing: differing(snapshot, &there, built),
        damaged: Vec::new(),
    };
    let (deep, plain): (Vec<Installed>, Vec<Installed>) = there
        .into_iter()
        .partition(|one| hashed.contains(&one.name));
    proof.damaged = damage::damaged(machine, &walk, &plain, Depth::ChangedSinceUnpacked);
    proof
        .damaged
        .extend(damage::damaged(machine, &walk, &deep, Depth::Every));
    proof
}

fn differing(snapshot: &Snapshot, there: &[Installed], built: &[String]) -> Vec<String> {
    // Of two versions of one distribution, the one that sorts last is brought back.
    let wanted: BTreeMap<&str, (&str, &str)> = snapshot
        .distributions
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                (one.version.as_str(), one.contents.as_str()),
            )
        })
        .collect();
    let now: Vec<(String, String, String)> = there
        .iter()
        .map(|one| (one.name.clone(), one.version.clone(), one.contents.clone()))
        .collect();
    let mut differing = Vec::new();
    for (name, (version, contents)) in &wanted {
        match now.iter().find(|(own, _, _)| own == name) {
            None if *name == MODULE => {}
            None => differing.push(format!("{name} {version} is not there")),
            Some(_) if built.iter().any(|own| own == name) => {}
            Some((_, own, _)) if own != version => {
                differing.push(format!("{name} is {own} and not {version}"));
            }
            Some((_, _, own)) if own != contents => {
                differing.push(format!("{name} {version} has other files than it had"));
            }
            Some(_) => {}
        }
    }
    differing.extend(
        now.iter()
            .filter(|(name, _, _)| !wanted.contains_key(name.as_str()))
            .map(|(name, version, _)| format!("{name} {version} is there and should not be")),
    );
    differing
}

/// Whether the distributions of an environment have the snapshot's names and versions: what a check can tell at once.
pub fn same_versions(machine: &dyn Machine, environment: &Path, snapshot: &Snapshot) -> bool {
    let mut now = venv::distributions(machine, environment);
    let mut wanted: BTreeMap<String, String> = snapshot
        .distributions
        .iter()
        .map(|one| (one.name.clone(), one.version.clone()))
        .collect();
    if !now.contains_key(MODULE) {
        wanted.remove(MODULE);
    }
    // What a project builds of itself may have another version by now.
    for one in &snapshot.distributions {
        if one.direct.is_some() && now.contains_key(&one.name) {
            wanted.remove(&one.name);
            now.remove(&one.name);
        }
    }
    now == wanted
}

/// Whether nothing is lost when an environment goes: every distribution of it stands in one of the snapshots.
pub fn is_remembered(there: &[Installed], snapshots: &[Snapshot]) -> bool {
    // Of one without a RECORD no snapshot can have more than its name.
    let now: Vec<&Installed> = there.iter().filter(|one| !one.files.is_empty()).collect();
    let stands = |snapshot: &Snapshot| {
        now.iter().all(|one| {
            snapshot.distributions.iter().any(|kept| {
                (&kept.name, &kept.version, &kept.contents)
                    == (&one.name, &one.version, &one.contents)
            })
        })
    };
    now.is_empty() || snapshots.iter().any(stands)
}
