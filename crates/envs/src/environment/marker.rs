//! `.deskside.json` in an environment: what Deskside finished in it, so that half an install is not taken for a whole one.

use deskside_machine::{DoorError, Durability, Machine, Reading};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
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
    /// The distributions that Deskside left it with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<String>,
    /// The environment is being made; it is not whole while this stands.
    #[serde(default)]
    pub making: bool,
    /// The installs that were finished: the fingerprint of requirements, files and arguments.
    #[serde(default)]
    pub packages: Option<Finished>,
    /// Deskside's own module.
    #[serde(default)]
    pub module: Option<Finished>,
}

/// Something that was finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Of what it was made, as SHA-256.
    pub fingerprint: String,
    /// In words a person can read.
    pub of: Vec<String>,
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
pub fn write(machine: &dyn Machine, environment: &Path, marker: &Marker) -> Result<(), DoorError> {
    use deskside_machine::Acting;
    let marker = Marker {
        version: VERSION,
        ..marker.clone()
    };
    let mut text = serde_json::to_string_pretty(&marker).unwrap_or_default();
    text.push('\n');
    machine.write_file(path(environment), text, 0o644, Durability::Power)
}

/// Changes the marker, keeping what else stands in it.
///
/// # Errors
/// When the file can't be written.
pub fn change(
    machine: &dyn Machine,
    environment: &Path,
    change: impl FnOnce(&mut Marker),
) -> Result<(), DoorError> {
    let mut marker = read(machine, environment).unwrap_or_default();
    change(&mut marker);
    write(machine, environment, &marker)
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
