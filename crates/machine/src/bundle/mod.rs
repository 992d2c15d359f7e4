//! Evidence bundles: what was seen of a machine, in a folder that a person can also write by hand.
//!
//! The format is documented in `docs/evidence-bundles.md`. This module holds the bundle in memory
//! ([`Bundle`]), reads and writes it ([`Bundle::load`], [`Bundle::save`]), and takes private things
//! out of it ([`Redactor`]). What a bundle answers is decided in [`crate::wrappers::Replay`].
//!
//! Invariant: whatever a bundle holds, nothing outside it is read, and a hostile one is refused
//! with a [`Problem`] and never a panic.

mod archive;
mod base64;
mod emit;
mod folder;
mod header;
mod parse;
mod paths;
mod raw;
mod records;
mod redact;
mod tables;
mod toml_text;

pub use header::{BundleOrigin, Header, PersonRecord, VERSION};
pub use paths::{Tree, without_surplus_parents};
pub use records::{CommandRecord, Node, Outcome, SpaceRecord, StatRecord, Variables};
pub use redact::Redactor;

pub(crate) use paths::{Resolved, insert, resolve};
pub(crate) use tables::device_outcome;

use crate::command::Output;
use crate::question::Entry;
use deskside_types::{Code, Problem};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The most a bundle may unpack to, in bytes.
pub const TOTAL_LIMIT: u64 = 256 << 20;
/// The most one file of a bundle may hold, in bytes.
pub const FILE_LIMIT: u64 = 64 << 20;
/// The most files, folders and links a bundle may hold.
pub const ENTRY_LIMIT: usize = 100_000;
/// The most folders inside each other.
pub const DEPTH_LIMIT: usize = 64;

/// An evidence bundle in memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bundle {
    /// `bundle.toml`.
    pub header: Header,
    /// `fs/`: files, folders and links at their absolute paths.
    pub tree: Tree,
    /// What paths came to that have no value: `[outcomes]` of `bundle.toml`.
    pub outcomes: BTreeMap<PathBuf, Outcome>,
    /// `[path]` of `stats.toml`.
    pub stats: BTreeMap<PathBuf, StatRecord>,
    /// `[space]` of `stats.toml`.
    pub spaces: BTreeMap<PathBuf, SpaceRecord>,
    /// `listings.toml`.
    pub listings: BTreeMap<PathBuf, Vec<Entry>>,
    /// `cmd/`, by exact argv.
    pub commands: BTreeMap<Vec<String>, CommandRecord>,
    /// `failed.toml`: the command whose failure is asked about, and what it said.
    pub failed: Option<(Vec<String>, Output)>,
    /// `device/`, by library name.
    pub devices: BTreeMap<String, serde_json::Value>,
    /// `env.toml`.
    pub variables: Variables,
    /// What was read past: unknown keys and files, names that are no UTF-8.
    pub warnings: Vec<String>,
}

impl Bundle {
    /// Reads a bundle: a folder, a `.tar.zst` or a `.tar`, told apart by what is there.
    ///
    /// # Errors
    /// [`Code::BundleUnreadable`] when it is not one or damaged, [`Code::BundleNewer`] when a newer
    /// version wrote it, [`Code::BundleHostile`] when it would lead outside itself or is oversized.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Problem> {
        let path = path.as_ref();
        let raw = if std::fs::metadata(path)
            .map_err(|error| folder::unreadable(path, &error))?
            .is_dir()
        {
            folder::read(path)?
        } else {
            archive::read(path)?
        };
        parse::bundle(raw).map_err(|problem| {
            problem.within(format!(
                "could not read the evidence bundle {}",
                path.display()
            ))
        })
    }

    /// Writes it: into an archive where the path ends in `.tar.zst` or `.tar`, else into a folder,
    /// which must be empty, absent, or itself a bundle that is replaced whole.
    ///
    /// # Errors
    /// [`Code::Effect`] and its relatives when the place can't be written or holds something else.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Problem> {
        let path = path.as_ref();
        let raw = emit::raw(self)?;
        match archive::Packing::of(path) {
            Some(packing) => archive::write(path, &raw, packing, self.header.time.as_second()),
            None => folder::write(path, &raw),
        }
    }
}

/// A bundle that can't be understood.
fn unreadable(message: impl Into<String>) -> Problem {
    Problem::new(Code::BundleUnreadable, message)
}

/// A bundle that must not be trusted.
fn hostile(message: impl Into<String>) -> Problem {
    Problem::new(Code::BundleHostile, message)
}
