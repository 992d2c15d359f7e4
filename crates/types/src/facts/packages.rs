//! Packages of the operating system, and what their manager is set to: what a plan of the system layer rests on.
//!
//! Sources: dpkg(1) and its status file, sources.list(5), apt_preferences(5), dkms(8), modprobe.d(5).

use crate::known::Known;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Packages of a machine with dpkg and apt. Only those that matter to accelerators are listed.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Packages {
    /// Packages that matter, by name.
    pub installed: Known<Vec<Package>>,
    /// dpkg was interrupted: its journal of updates is not empty.
    pub interrupted: Known<bool>,
    /// Sources of packages, in the order they are read.
    pub sources: Known<Vec<PackageSource>>,
    /// Files of trusted keys, by path.
    pub keyrings: Known<Vec<String>>,
    /// What is in those of them that lie below `/etc/apt`, where a person or a script put them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_files: Vec<KeyFile>,
    /// Pins: which origin is preferred for what.
    pub pins: Known<Vec<Pin>>,
    /// Another package manager at work.
    pub lock_holder: Known<LockHolder>,
    /// Kernels in `/boot`, oldest first.
    pub kernels: Known<Vec<InstalledKernel>>,
    /// Free space of the file system of `/boot`, in bytes.
    pub boot_free_bytes: Known<u64>,
    /// Traces of NVIDIA's `.run` installer, by path.
    pub runfile: Known<Vec<String>>,
    /// CUDA folders under `/usr/local`, links left out.
    pub cuda_folders: Known<Vec<String>>,
    /// Where `/usr/local/cuda` leads, one step: a folder, or `/etc/alternatives/cuda` where packages keep it.
    #[serde(default)]
    pub cuda_link: Known<String>,
    /// Files of `/etc/ld.so.conf.d` that are about CUDA, NVIDIA or ROCm, by path.
    #[serde(default)]
    pub linker_files: Known<Vec<String>>,
    /// Lines of the X server's settings under `/etc/X11` that name NVIDIA's driver.
    #[serde(default)]
    pub display_lines: Known<Vec<SettingLine>>,
    /// How unattended upgrades are set.
    #[serde(default)]
    pub unattended: Known<UnattendedUpgrades>,
    /// Module sources that DKMS builds.
    pub dkms: Known<Vec<DkmsTree>>,
    /// Lines of `/etc/modprobe.d` about GPU drivers.
    pub module_lines: Known<Vec<SettingLine>>,
    /// Lines of shell profiles that name CUDA or ROCm.
    pub profile_lines: Known<Vec<SettingLine>>,
    /// Groups of the person's account as the next login will have them.
    pub account_groups: Known<Vec<String>>,
    /// Public keys for signing kernel modules that are on this machine, by path.
    pub signing_keys: Known<Vec<String>>,
    /// The clock says a time before this distribution was released.
    pub clock_behind: Known<bool>,
}

impl Packages {
    /// The package of that name, whatever its state.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.installed
            .value()
            .and_then(|packages| packages.iter().find(|package| package.name == name))
    }

    /// Whether a package is installed in full.
    pub fn has(&self, name: &str) -> bool {
        self.package(name)
            .is_some_and(|package| package.state == PackageState::Installed)
    }
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its state.
    pub state: PackageState,
    /// It is held: not upgraded and not removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Where it was built, told by its version and its maintainer: `ubuntu`, `graphics-drivers`, `nvidia`, `pop`,
    /// `debian`, `amd`.
    pub origin: Known<String>,
}

/// A package's state, as dpkg has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PackageState {
    /// Installed and configured.
    Installed,
    /// Unpacked, configuring failed or never ran.
    HalfConfigured,
    /// Unpacking broke off.
    HalfInstalled,
    /// Removed, its configuration stays.
    ConfigFiles,
}

impl PackageState {
    /// dpkg left it unfinished.
    pub fn is_broken(self) -> bool {
        matches!(self, Self::HalfConfigured | Self::HalfInstalled)
    }
}

/// A source of packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageSource {
    /// The file it stands in.
    pub file: String,
    /// The line it begins at, from 1.
    pub line: u32,
    /// In deb822 form, a paragraph of a `.sources` file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paragraph: bool,
    /// Not switched off.
    pub enabled: bool,
    /// Its address, without credentials.
    pub uri: String,
    /// Its suite, for example `jammy-updates`; `/` for a flat archive.
    pub suite: String,
    /// Its components: `main`, `restricted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// The key file it is bound to; absent where it is bound to none.
    pub signed_by: Known<String>,
    /// The whole line as it stands there (one-line form only).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pin {
    /// The file.
    pub file: String,
    /// Packages it is for, as apt_preferences(5) has them.
    pub packages: String,
    /// What is pinned: `release o=NVIDIA`.
    pub pin: String,
    /// Its priority.
    pub priority: i32,
}

/// A process that works on packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockHolder {
    /// Its number.
    pub pid: u32,
    /// Its program, where it is known.
    pub program: Known<String>,
}

/// A kernel that can be booted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstalledKernel {
    /// Its release, as `uname -r` would say.
    pub release: String,
    /// Its headers are there, so that modules can be built for it.
    pub headers: Known<bool>,
}

/// A module's source under DKMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DkmsTree {
    /// The module's name.
    pub module: String,
    /// Its version.
    pub version: String,
    /// Kernels it was built for.
    pub built_for: Vec<String>,
}

/// How apt's settings have upgrades that nobody asks for (unattended-upgrade(8), `/etc/apt/apt.conf.d`).
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnattendedUpgrades {
    /// They are switched on. The package that does them must be there, too.
    pub on: bool,
    /// Patterns of packages that they leave alone, as they stand in the settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_alone: Vec<String>,
    /// The files that such patterns stand in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// A file of keys that apt trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyFile {
    /// Its path.
    pub file: String,
    /// The fingerprints of the keys in it, in capital hex.
    pub fingerprints: Vec<String>,
}

/// A line of a settings file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingLine {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What it says, as it stands there.
    pub text: String,
    /// It is a part of something longer: it goes on in the next line, goes on from the one before, or stands in a
    /// here-document. It can't be taken out by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bound: bool,
}
