//! GPUs, their drivers and toolkits.

use crate::known::Known;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A GPU maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// NVIDIA.
    Nvidia,
    /// AMD.
    Amd,
    /// Apple.
    Apple,
    /// Intel.
    Intel,
    /// Another, for example a virtual machine's display.
    Other,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gpu {
    /// Its maker.
    pub vendor: Vendor,
    /// Its product name; from the driver where it answers, else from the PCI id.
    pub name: Known<String>,
    /// `Ada`, `Hopper`, `RDNA3`, `Apple M3`, …
    pub architecture: Known<String>,
    /// NVIDIA's compute capability, for example `8.9`.
    pub compute_capability: Known<String>,
    /// AMD's target, for example `gfx1100`.
    pub gfx_target: Known<String>,
    /// Stable identity given by the driver.
    pub uuid: Known<String>,
    /// Where it sits on the PCI bus; absent for GPUs that are part of the chip.
    pub pci: Option<PciIdentity>,
    /// The kernel driver bound to it: `nvidia`, `nouveau`, `amdgpu`, `vfio-pci`; absent when none is.
    pub kernel_driver: Known<String>,
    /// Its memory.
    pub memory: GpuMemory,
    /// The power limit in force, in watts.
    pub power_limit_watts: Known<f64>,
    /// Used in percent of time, when the facts were taken.
    pub utilization_percent: Known<u32>,
    /// Degrees Celsius, when the facts were taken.
    pub temperature_celsius: Known<u32>,
    /// A screen hangs on it.
    pub display: Known<bool>,
    /// Apple's, where it is one.
    pub apple: Option<AppleGpu>,
    /// NVIDIA driver branches of Ubuntu that list this card, newest first, known from the PCI id alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub driver_branches: Vec<String>,
}

impl Gpu {
    /// Whether frameworks can compute on it at all (not a virtual or integrated Intel display).
    pub fn is_accelerator(&self) -> bool {
        matches!(self.vendor, Vendor::Nvidia | Vendor::Amd | Vendor::Apple)
    }
}

/// A GPU's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GpuMemory {
    /// Bytes in all.
    pub total_bytes: Known<u64>,
    /// Bytes in use when the facts were taken.
    pub used_bytes: Known<u64>,
}

/// Where a GPU sits and what it is by its PCI ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PciIdentity {
    /// `0000:01:00.0`
    pub address: String,
    /// Vendor id in four hex digits.
    pub vendor_id: String,
    /// Device id in four hex digits.
    pub device_id: String,
    /// The link as it is now, for example `16.0 GT/s PCIe x16`. Idle GPUs slow their link down.
    pub link: Known<String>,
    /// The fastest link it can have.
    pub link_max: Known<String>,
}

/// An Apple GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppleGpu {
    /// GPU cores.
    pub cores: Known<u32>,
    /// Metal's version, as the system names it.
    pub metal: Known<String>,
    /// The limit set by `iogpu.wired_limit_mb`, in bytes; absent when the default holds.
    pub wired_limit_bytes: Known<u64>,
}

/// GPU drivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drivers {
    /// NVIDIA's.
    pub nvidia: NvidiaDriver,
    /// AMD's.
    pub amd: AmdDriver,
    /// nouveau, the kernel's own driver for NVIDIA cards, is loaded.
    pub nouveau_loaded: Known<bool>,
}

/// NVIDIA's driver in its three places, which must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NvidiaDriver {
    /// The version of the loaded kernel module.
    pub loaded: Known<String>,
    /// The version of the kernel module on disk, which the next load takes.
    pub on_disk: Known<String>,
    /// The version of the user-space library.
    pub user_space: Known<String>,
    /// `open` or `proprietary`.
    pub flavour: Known<String>,
    /// The newest CUDA version this driver serves, as NVML reports it.
    pub cuda: Known<String>,
    /// What the device library answered: `ok`, or why it did not.
    pub device_library: Known<String>,
}

/// AMD's driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AmdDriver {
    /// The amdgpu kernel module is loaded.
    pub loaded: Known<bool>,
    /// Its own version, where it is the packaged module and not the kernel's.
    pub version: Known<String>,
    /// `/dev/kfd`, the compute interface, is there.
    pub compute_device: Known<bool>,
    /// This process may open the compute interface.
    pub compute_access: Known<bool>,
}

/// The kind of a toolkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolkitKind {
    /// CUDA.
    Cuda,
    /// ROCm.
    Rocm,
    /// Apple's Command Line Tools or Xcode.
    Xcode,
}

/// A toolkit outside Python environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Toolkit {
    /// Its kind.
    pub kind: ToolkitKind,
    /// Its version.
    pub version: Known<String>,
    /// Where it is.
    pub path: String,
    /// `/usr/local/cuda` or `/opt/rocm` leads to it.
    pub default: bool,
}
