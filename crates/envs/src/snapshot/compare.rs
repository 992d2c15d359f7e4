//! What differs between two snapshots.

use super::Snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What differs between a snapshot and a later one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Distributions that came.
    pub added: Vec<Named>,
    /// Distributions that went.
    pub removed: Vec<Named>,
    /// Distributions with another version.
    pub changed: Vec<Changed>,
    /// Distributions of the same version with other contents: another build, or files changed.
    pub rebuilt: Vec<Named>,
    /// The Python's versions, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Versions>,
    /// The chosen framework builds, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Versions>,
    /// The NVIDIA drivers, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nvidia_driver: Option<Versions>,
    /// Project files that differ, by name.
    pub files: Vec<String>,
}

/// A distribution with its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A distribution whose version changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// Its normalised name.
    pub name: String,
    /// The earlier version.
    pub from: String,
    /// The later version.
    pub to: String,
}

/// Something before and after; empty where there was nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
}

impl Difference {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the same packages are there, of the same contents.
    pub fn same_packages(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.rebuilt.is_empty()
    }
}

/// What differs between a snapshot and a later one.
pub fn difference(before: &Snapshot, after: &Snapshot) -> Difference {
    let by_name = |snapshot: &Snapshot| -> BTreeMap<String, (String, String)> {
        snapshot
            .distributions
            .iter()
            .map(|one| {
                (
                    one.name.clone(),
                    (one.version.clone(), one.contents.clone()),
                )
            })
            .collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let mut difference = Difference::default();
    for (name, (version, contents)) in &new {
        match old.get(name) {
            None => difference.added.push(Named {
                name: name.clone(),
                version: version.clone(),
            }),
            Some((from, _)) if from != version => difference.changed.push(Changed {
                name: name.clone(),
                from: from.clone(),
                to: version.clone(),
            }),
            Some((_, was)) if was != contents => {
                difference.rebuilt.push(Named {
                    name: name.clone(),
                    version: version.clone(),
                });
            }
            Some(_) => {}
        }
    }
    difference.removed = old
        .iter()
        .filter(|(name, _)| !new.contains_key(*name))
        .map(|(name, (version, _))| Named {
            name: name.clone(),
            version: version.clone(),
        })
        .collect();
    let versions = |from: &str, to: &str| {
        (from != to).then(|| Versions {
            from: from.to_string(),
            to: to.to_string(),
        })
    };
    difference.python = versions(&before.python.version, &after.python.version);
    let choice = |snapshot: &Snapshot| {
        snapshot
            .choice
            .as_ref()
            .map_or_else(String::new, |choice| choice.shown())
    };
    difference.choice = versions(&choice(before), &choice(after));
    let driver = |snapshot: &Snapshot| snapshot.machine.nvidia_driver.clone().unwrap_or_default();
    difference.nvidia_driver = versions(&driver(before), &driver(after));
    let names: BTreeSet<&String> = before.files.keys().chain(after.files.keys()).collect();
    difference.files = names
        .into_iter()
        .filter(|name| before.files.get(*name) != after.files.get(*name))
        .cloned()
        .collect();
    difference
}
