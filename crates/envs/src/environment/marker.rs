//! `.deskside.json` in an environment: what Deskside finished in it, so that half an install is not taken for a whole one.

use deskside_machine::{Durability, ErrorKind, Machine, Reading};
use deskside_types::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The marker's version.
const VERSION: u32 = 1;

/// What Deskside noted in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marker {
    /// The format's version.
    pub version: u32,
    /// The identity it was made with; undo removes no other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The distributions that Deskside put in, in an environment it made; all others are the person's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<String>,
    /// What was there when the install began that has not finished: whatever came since is that install's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underway: Option<Vec<String>>,
    /// The environment is being made; it is not whole while this stands.
    #[serde(default)]
    pub making: bool,
    /// The installs that were finished: the fingerprint of requirements, files and arguments.
    #[serde(default)]
    pub packages: Option<Finished>,
    /// Deskside's own module.
    #[serde(default)]
    pub module: Option<Finished>,
    /// It was made anew from a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Box<Restored>>,
    /// The name of the store with its snapshots: where the project's folder is moved, the store follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

/// From which snapshot an environment was made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// By which attempt: what was there before lies beside under the same identity until it is gone.
    pub by: String,
    /// The snapshot.
    pub snapshot: String,
}

impl Marker {
    /// Whether Deskside made the environment. Into one of the person's own it only put packages.
    pub fn made_here(&self) -> bool {
        self.making || !self.id.is_empty()
    }
}

/// Something that was finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finished {
    /// Of what it was made, as SHA-256.
    pub fingerprint: String,
    /// In words a person can read.
    pub of: Vec<String>,
    /// What was installed then, by normalised name, where nothing else may be there (an exact sync).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub installed: BTreeMap<String, String>,
}

/// The marker's file name.
pub const NAME: &str = ".deskside.json";

/// The marker's path.
pub fn path(environment: &Path) -> PathBuf {
    environment.join(NAME)
}

/// Reads the marker; none when it is not there, damaged or newer.
pub fn read(machine: &dyn Machine, environment: &Path) -> Option<Marker> {
    let bytes = machine.file(path(environment), 1 << 20).ok()?;
    serde_json::from_slice::<Marker>(&bytes)
        .ok()
        .filter(|marker| marker.version <= VERSION)
}

/// Writes the marker whole.
///
/// # Errors
/// When the file can't be written.
pub fn write(machine: &dyn Machine, environment: &Path, marker: &Marker) -> Result<(), Problem> {
    use deskside_machine::Acting;
    deskside_operate::clear_leftovers(machine, &path(environment))?;
    let marker = Marker {
        version: VERSION,
        ..marker.clone()
    };
    let mut text = serde_json::to_string_pretty(&marker).unwrap_or_default();
    text.push('\n');
    Ok(machine.write_file(path(environment), text, 0o644, Durability::Power)?)
}

/// Changes the marker, keeping what else stands in it.
///
/// # Errors
/// When the file can't be written.
pub fn change(
    machine: &dyn Machine,
    environment: &Path,
    change: impl FnOnce(&mut Marker),
) -> Result<(), Problem> {
    let old = read(machine, environment);
    let mut marker = old.clone().unwrap_or_default();
    change(&mut marker);
    let marker = Marker {
        version: VERSION,
        ..marker
    };
    if old.as_ref() == Some(&marker) {
        return Ok(());
    }
    write(machine, environment, &marker)
}

/// Changes the marker as undo does: in an environment of the person's own, an empty one goes.
///
/// # Errors
/// When the file can't be written or removed.
pub fn take_back(
    machine: &dyn Machine,
    environment: &Path,
    take: impl FnOnce(&mut Marker),
) -> Result<(), Problem> {
    use deskside_machine::Acting;
    let mut marker = read(machine, environment).unwrap_or_default();
    take(&mut marker);
    let tells = marker.packages.is_some() || marker.module.is_some() || marker.restored.is_some();
    if marker.made_here() || tells {
        return change(machine, environment, |old| *old = marker);
    }
    deskside_operate::clear_leftovers(machine, &path(environment))?;
    match machine.stat(path(environment)) {
        Err(error) if error.kind == ErrorKind::Absent => Ok(()),
        _ => Ok(machine.remove_file(path(environment))?),
    }
}

/// The fingerprint of some parts; their borders count.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    crate::hex(&hash.finalize())
}
