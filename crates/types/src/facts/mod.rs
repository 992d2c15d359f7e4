//! What is known about one machine. Every command that thinks about a machine thinks about this struct.

mod accelerator;
mod packages;
mod python;
mod system;

pub use accelerator::{
    AmdDriver, AppleGpu, Drivers, Gpu, GpuMemory, NvidiaDriver, PciIdentity, Toolkit, ToolkitKind,
    Vendor,
};
pub use packages::{
    DkmsTree, InstalledKernel, KeyFile, LockHolder, Package, PackageSource, PackageState, Packages,
    Pin, SettingLine, UnattendedUpgrades,
};
pub use python::{
    EnvironmentKind, Framework, PythonEnvironment, PythonInterpreter, PythonOrigin, Tool,
};
pub use system::{
    BootMode, Cpu, Disk, Memory, OperatingSystem, OsKind, Person, Provider, SecureBoot, Session,
    System, UserClass, Wsl,
};

use crate::known::Known;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The facts of one machine at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// When they were taken (the bundle's time when replayed), RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub taken_at: jiff::Timestamp,
    /// Operating system, kernel, boot.
    pub system: System,
    /// The processor.
    pub cpu: Cpu,
    /// Main memory.
    pub memory: Memory,
    /// Mounted disks a person may work on.
    pub disks: Known<Vec<Disk>>,
    /// Accelerators in the order of their PCI addresses.
    pub gpus: Known<Vec<Gpu>>,
    /// GPU drivers.
    pub drivers: Drivers,
    /// CUDA and ROCm toolkits outside Python environments.
    pub toolkits: Known<Vec<Toolkit>>,
    /// Packages of the operating system; absent where there is no dpkg.
    #[serde(default = "not_recorded")]
    pub packages: Known<Packages>,
    /// Python interpreters found.
    pub pythons: Vec<PythonInterpreter>,
    /// uv, which resolves and installs Python packages.
    pub uv: Known<Tool>,
    /// Other tools that capabilities rest on: `git`, `c++`, `ssh`, `rsync`.
    pub tools: Vec<Tool>,
    /// Python environments found, with the frameworks in them.
    pub environments: Vec<PythonEnvironment>,
}

/// Facts written before packages were looked at.
fn not_recorded() -> Known<Packages> {
    Known::unknown("not recorded")
}

impl Facts {
    /// The GPUs where they are known, else none.
    pub fn known_gpus(&self) -> &[Gpu] {
        self.gpus.value().map_or(&[], Vec::as_slice)
    }

    /// The tool of that name, where it was found.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }
}
