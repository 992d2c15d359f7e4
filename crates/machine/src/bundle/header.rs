//! `bundle.toml`: what a bundle says about itself.

use deskside_types::facts::{OsKind, UserClass};
use std::path::PathBuf;

/// The format's version that this program writes, and the newest it reads.
pub const VERSION: i64 = 1;

/// What a bundle says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The kernel family.
    pub os: OsKind,
    /// Whether root asked.
    pub user: UserClass,
    /// When it was recorded; a replayed machine's clock stands there.
    pub time: jiff::Timestamp,
    /// Seen on a machine, or made up from documentation.
    pub origin: BundleOrigin,
    /// The recorder's version.
    pub deskside: Option<String>,
    /// Private things were taken out.
    pub redacted: bool,
    /// For people.
    pub notes: String,
    /// Folders whose content is whole: what is not in `fs/` below them is absent.
    pub complete: Vec<PathBuf>,
    /// The folder that the asker stood in.
    pub directory: Option<PathBuf>,
    /// Who asked.
    pub person: PersonRecord,
}

/// Where a bundle comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleOrigin {
    /// A real machine answered.
    Recorded,
    /// Written from documentation; no machine stands behind it.
    Synthetic,
}

/// Who asked, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(default)]
pub struct PersonRecord {
    /// The user's number.
    pub uid: Option<u32>,
    /// The numbers of the groups.
    pub groups: Option<Vec<u32>>,
    /// The user's name.
    pub name: Option<String>,
    /// The machine's name.
    pub host: Option<String>,
    /// Processors the process could use.
    pub processors: Option<u32>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            os: OsKind::Linux,
            user: UserClass::Person,
            time: jiff::Timestamp::UNIX_EPOCH,
            origin: BundleOrigin::Synthetic,
            deskside: None,
            redacted: false,
            notes: String::new(),
            complete: Vec::new(),
            directory: None,
            person: PersonRecord::default(),
        }
    }
}
