//! GPU drivers of a Linux machine.

pub(crate) mod nvidia;

use crate::gpu::nvml::Nvml;
use crate::look::{exists, known, text};
use crate::start::Start;
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{AmdDriver, Drivers, NvidiaDriver};

/// The drivers.
pub(crate) fn linux(
    machine: &dyn Machine,
    start: &Start,
    nvml: &Nvml,
    nvidia_involved: bool,
) -> Drivers {
    Drivers {
        nvidia: nvidia::driver(machine, start, nvml, nvidia_involved),
        amd: AmdDriver {
            loaded: exists(machine, "/sys/module/amdgpu"),
            version: text(machine, "/sys/module/amdgpu/version"),
            compute_device: exists(machine, "/dev/kfd"),
            compute_access: match exists(machine, "/dev/kfd") {
                Known::Value(true) => known(machine.access("/dev/kfd", true)),
                Known::Value(false) | Known::Absent => Known::Absent,
                Known::Unknown { unknown } => Known::unknown(unknown),
            },
        },
        nouveau_loaded: exists(machine, "/sys/module/nouveau"),
    }
}

/// A system these drivers do not exist for.
pub(crate) fn none() -> Drivers {
    Drivers {
        nvidia: NvidiaDriver {
            loaded: Known::Absent,
            on_disk: Known::Absent,
            user_space: Known::Absent,
            flavour: Known::Absent,
            cuda: Known::Absent,
            device_library: Known::Absent,
        },
        amd: AmdDriver {
            loaded: Known::Absent,
            version: Known::Absent,
            compute_device: Known::Absent,
            compute_access: Known::Absent,
        },
        nouveau_loaded: Known::Absent,
    }
}
