//! Operating system, boot, processor, memory, disks, session.

use crate::known::Known;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kernel family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OsKind {
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
}

/// Operating system, kernel, boot and surroundings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct System {
    /// The kernel family.
    pub kind: OsKind,
    /// The distribution or macOS release.
    pub os: Known<OperatingSystem>,
    /// The running kernel's release, as `uname -r`.
    pub kernel: Known<String>,
    /// The hardware architecture: `x86_64`, `aarch64`.
    pub architecture: Known<String>,
    /// This process is translated for another architecture than the machine's (Rosetta 2): then its
    /// Python would be the wrong one, too. Absent where there is no such translation.
    #[serde(default)]
    pub translated: Known<bool>,
    /// The C library version, for example `2.35` (Linux with glibc).
    pub glibc: Known<String>,
    /// How the machine was booted.
    pub boot: Known<BootMode>,
    /// Secure Boot.
    pub secure_boot: Known<SecureBoot>,
    /// Windows Subsystem for Linux, where this is one.
    pub wsl: Known<Wsl>,
    /// The container this runs in (`docker`, `podman`, `lxc`, `systemd-nspawn`), where it does.
    pub container: Known<String>,
    /// The hosted service this seems to be rented from.
    pub provider: Known<Provider>,
    /// The machine's maker and model, for example `Mac15,14` or `ASUS ProArt X670E`.
    pub model: Known<String>,
    /// How the person reaches the machine.
    pub session: Session,
    /// Who asks.
    pub person: Person,
    /// An update asks for a reboot.
    pub reboot_required: Known<bool>,
    /// The kernel that the next boot starts, where it is not the running one.
    pub newer_kernel: Known<String>,
}

/// A distribution or macOS release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatingSystem {
    /// `ubuntu`, `debian`, `pop`, `macos`, …
    pub id: String,
    /// The name for people, for example `Ubuntu 22.04.5 LTS`.
    pub name: String,
    /// `22.04`, `12`, `15.6`.
    pub version: Option<String>,
    /// The release's code name, for example `jammy`.
    pub codename: Option<String>,
    /// The Ubuntu release a derivative is built on.
    pub ubuntu_codename: Option<String>,
    /// Distributions this one is like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub like: Vec<String>,
}

/// How a machine was booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BootMode {
    /// UEFI firmware.
    Uefi,
    /// Legacy BIOS.
    Bios,
    /// Apple's own boot chain.
    Apple,
}

/// The state of Secure Boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecureBoot {
    /// Enforced: unsigned kernel modules are refused.
    On,
    /// Off.
    Off,
}

/// Windows Subsystem for Linux.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wsl {
    /// 1 or 2.
    pub version: u8,
    /// `/dev/dxg`, the way to the GPU, is there.
    pub gpu_device: Known<bool>,
    /// Windows' `libcuda.so.1` is there.
    pub cuda_library: Known<bool>,
}

/// A hosted service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Runpod.
    Runpod,
    /// Lambda.
    Lambda,
    /// Google Colab.
    Colab,
    /// Another virtual machine host.
    Other,
}

/// How a person reaches the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Over SSH.
    pub remote: bool,
    /// `wayland`, `x11`, or none.
    pub display: Option<String>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// Root or not.
    pub class: UserClass,
    /// The groups of this process, by name where it is known.
    pub groups: Known<Vec<String>>,
}

/// Root or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserClass {
    /// Not root.
    Person,
    /// Root.
    Root,
}

/// The processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    /// Its name.
    pub model: Known<String>,
    /// Physical cores.
    pub cores: Known<u32>,
    /// Hardware threads.
    pub threads: Known<u32>,
    /// Performance cores, on processors with two kinds (Apple).
    pub performance_cores: Known<u32>,
    /// Processors the process may use: a container's or `taskset`'s limit. Never more than `threads`.
    pub usable: Known<u32>,
}

/// Main memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Installed, in bytes.
    pub total_bytes: Known<u64>,
    /// Available to a new program, in bytes.
    pub available_bytes: Known<u64>,
    /// Swap, in bytes.
    pub swap_bytes: Known<u64>,
    /// A cgroup's limit, in bytes, where one is below the total.
    pub limit_bytes: Known<u64>,
    /// `/dev/shm`, which data loaders use, in bytes.
    pub shared_bytes: Known<u64>,
    /// The GPU uses the same memory (Apple silicon).
    pub unified: bool,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// `ext4`, `apfs`, …
    pub filesystem: String,
    /// Its size, in bytes.
    pub total_bytes: Known<u64>,
    /// Free for this person, in bytes.
    pub free_bytes: Known<u64>,
    /// Mounted read-only.
    pub read_only: bool,
}
