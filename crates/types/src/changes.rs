//! Changes of the system's packages that were made by whatever tool, as the package managers' own logs tell them.
//!
//! Sources: apt's history.log (apt writes local time without a zone), dpkg.log (dpkg(1), `--log`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One run of a package manager that changed packages of drivers, toolkits or kernels. Other packages are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemChange {
    /// Its identity: `apt-20260424-065054`, from the moment it began.
    pub id: String,
    /// When it began, in the machine's local time: `2026-04-24T06:50:54`.
    pub began: String,
    /// When it ended; none where the log breaks off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The program that asked for it: `unattended-upgrades`, `apt`, `apt-get`, `packagekit`, `dpkg`.
    pub tool: String,
    /// The whole command line, where the log has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The account that asked for it, where the log says: `me (1000)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// What the package manager said where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The packages, in the log's order.
    pub packages: Vec<PackageChange>,
}

/// One package's change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageChange {
    /// Its name, without its architecture.
    pub name: String,
    /// What was done.
    pub kind: ChangeKind,
    /// The version that was there; none where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that was there afterwards; none where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// It came along as a dependency.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
}

/// What was done to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It was not there before.
    Install,
    /// The same version again.
    Reinstall,
    /// A newer version.
    Upgrade,
    /// An older version.
    Downgrade,
    /// It went, its settings stayed.
    Remove,
    /// It went with its settings.
    Purge,
}
