//! Where each distribution of a snapshot can be had.

use super::take::{self, Locked};
use super::{Distribution, Snapshot, Store, Wheel};
use crate::index::exact::{self, Answered};
use crate::index::settings::{self, Settings};
use crate::index::wheel::Platform;
use crate::index::{address, page, wheel};
use deskside_machine::{Machine, Reading};
use serde_json::Value;
use std::path::PathBuf;

/// Where a distribution can be had.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// From a wheel that lies on this machine.
    Lying {
        /// The wheel.
        path: PathBuf,
        /// Its SHA-256 in hex, where it is known.
        sha256: Option<String>,
    },
    /// From an index, or from uv's cache of it.
    Files {
        /// Wheels that fit; where there are several, uv chooses as it did the first time.
        wheels: Vec<Wheel>,
        /// The source archive, where no wheel fits.
        sdist: Option<Wheel>,
    },
    /// From an address or a folder that was named when it was installed: the contents of `direct_url.json`.
    Direct(Value),
    /// From whatever index has that version: the index could not be asked which file that is.
    Version {
        /// Why, in words.
        why: String,
    },
    /// From nowhere: the index answered, and has it no longer.
    Gone {
        /// Versions it still has, newest first.
        others: Vec<String>,
    },
    /// From nowhere, because only what is kept may be used and it is not.
    NotKept,
}

/// What looking for origins needs.
pub struct Looking<'a> {
    /// The snapshot's store.
    pub store: &'a Store,
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// Only what is kept.
    pub offline: bool,
    /// The machine, to leave out wheels for others.
    pub platform: Option<&'a Platform>,
}

/// Deskside's own Python module.
pub const MODULE: &str = "deskside";

/// Indexes are asked by that many threads.
const ASKING: usize = 8;

/// Where each distribution can be had, in the snapshot's order. What is neither kept nor named by the lock file is asked
/// of the person's indexes.
pub fn origins(machine: &dyn Machine, looking: &Looking<'_>) -> Vec<Origin> {
    let locked = locked(machine, looking);
    let mut found: Vec<Option<Origin>> = looking
        .snapshot
        .distributions
        .iter()
        .map(|one| known(machine, looking, &locked, one))
        .collect();
    let open: Vec<usize> = (0..found.len())
        .filter(|place| found[*place].is_none())
        .collect();
    if !open.is_empty() {
        let settings = settings::read(machine);
        for (place, origin) in asked(machine, looking, &settings, &open) {
            found[place] = Some(origin);
        }
    }
    found
        .into_iter()
        .map(|one| one.unwrap_or(Origin::NotKept))
        .collect()
}

/// The files that the snapshot's own lock file names.
fn locked(machine: &dyn Machine, looking: &Looking<'_>) -> Locked {
    let hash = looking.snapshot.files.get("uv.lock");
    let object = hash.and_then(|hash| looking.store.object(machine, hash).ok());
    object
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(|text| take::locked(&text))
        .unwrap_or_default()
}

/// The origin that is known without asking anybody.
fn known(
    machine: &dyn Machine,
    looking: &Looking<'_>,
    locked: &Locked,
    one: &Distribution,
) -> Option<Origin> {
    if let Some(kept) = &one.kept {
        let path = looking.store.wheel_path(kept);
        if machine.exists(&path).unwrap_or(false) {
            return Some(Origin::Lying {
                path,
                sha256: Some(kept.sha256.clone()),
            });
        }
    }
    // The module comes with this program and is kept with its snapshots: whatever an index has under its name is not it.
    if one.name == MODULE {
        return Some(Origin::NotKept);
    }
    // A folder or an address of the person's own: it is where it was, or nowhere.
    if let Some(direct) = &one.direct {
        return Some(Origin::Direct(direct.clone()));
    }
    if looking.offline {
        return Some(Origin::NotKept);
    }
    if let Some(wheel) = &one.wheel {
        return Some(Origin::Files {
            wheels: vec![wheel.clone()],
            sdist: None,
        });
    }
    let files = locked.get(&(one.name.clone(), one.version.clone()))?;
    let wheels = fitting(looking, files.wheels.clone());
    let sdist = files.sdist.clone().filter(|_| wheels.is_empty());
    (!wheels.is_empty() || sdist.is_some()).then_some(Origin::Files { wheels, sdist })
}

/// Asks the indexes for the distributions at these places.
fn asked(
    machine: &dyn Machine,
    looking: &Looking<'_>,
    settings: &Settings,
    open: &[usize],
) -> Vec<(usize, Origin)> {
    let one = |place: usize| {
        (
            place,
            ask(
                machine,
                looking,
                settings,
                &looking.snapshot.distributions[place],
            ),
        )
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = open
            .chunks(open.len().div_ceil(ASKING))
            .map(|part| {
                scope.spawn(move || part.iter().map(|place| one(*place)).collect::<Vec<_>>())
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| match thread.join() {
                Ok(found) => found,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

fn ask(
    machine: &dyn Machine,
    looking: &Looking<'_>,
    settings: &Settings,
    one: &Distribution,
) -> Origin {
    let version = match exact::version(machine, settings, &one.name, &one.version) {
        Ok(Answered::Has(version)) => version,
        Ok(Answered::HasNot { others }) => return Origin::Gone { others },
        Err(why) => return Origin::Version { why },
    };
    let index = version.index;
    let usable = |file: page::File| -> Option<Wheel> {
        Some(Wheel {
            url: address::without_credentials(&file.url),
            sha256: file.sha256?,
            size: file.size,
            index: index.clone(),
        })
    };
    let named = !version.wheels.is_empty() || version.sdist.is_some();
    let wheels: Vec<Wheel> = version.wheels.into_iter().filter_map(usable).collect();
    let exactly: Vec<Wheel> = wheels
        .iter()
        .filter(|wheel| {
            wheel::parse(&address::file_name(&wheel.url))
                .is_some_and(|name| name.tags().iter().any(|tag| one.tags.contains(tag)))
        })
        .cloned()
        .collect();
    let wheels = if exactly.is_empty() {
        fitting(looking, wheels)
    } else {
        exactly
    };
    let sdist = version.sdist.and_then(usable).filter(|_| wheels.is_empty());
    if wheels.is_empty() && sdist.is_none() && named {
        return Origin::Version {
            why: "the index states no SHA-256 for its files, or has none for this machine".into(),
        };
    }
    Origin::Files { wheels, sdist }
}

/// Wheels that may fit this machine and the snapshot's Python: uv decides among them.
fn fitting(looking: &Looking<'_>, wheels: Vec<Wheel>) -> Vec<Wheel> {
    let mut parts = looking.snapshot.python.version.split('.');
    let series = format!(
        "{}{}",
        parts.next().unwrap_or("3"),
        parts.next().unwrap_or("")
    );
    wheels
        .into_iter()
        .filter(|wheel| {
            let name = address::file_name(&wheel.url);
            let Some(parsed) = wheel::parse(&name) else {
                return false;
            };
            let python = parsed.pythons.split('.').any(|tag| {
                tag.starts_with("py") && !tag.starts_with("pypy")
                    || tag.strip_prefix("cp") == Some(&series)
            }) || parsed.abis.contains("abi3");
            let platform = parsed.platforms.contains("any")
                || looking
                    .platform
                    .is_none_or(|platform| platform.fit(parsed.platforms).is_some());
            python && platform
        })
        .collect()
}
