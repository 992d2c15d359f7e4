//! GPUs of a Linux machine: the bus first, then what their drivers tell.

pub(crate) mod amd;
mod matching;
pub(crate) mod nvidia;
pub(crate) mod nvml;
pub(crate) mod pci;

use crate::look::exists;
use crate::start::Start;
use deskside_machine::Machine;
use deskside_types::Known;
use deskside_types::facts::{Gpu, GpuMemory, Vendor};
use nvml::Nvml;
use pci::PciDevice;

/// Whether anything of NVIDIA's is there, or may be, so that its library is worth asking.
pub(crate) fn nvidia_may_be_there(
    machine: &dyn Machine,
    bus: &Known<Vec<PciDevice>>,
    start: &Start,
) -> bool {
    let on_bus = bus
        .as_ref()
        .map(|bus| bus.iter().any(|device| device.vendor() == Vendor::Nvidia));
    let through_windows = start
        .wsl
        .as_ref()
        .map(|wsl| wsl.gpu_device.value() == Some(&true));
    let may_be = |fact: &Known<bool>| matches!(fact, Known::Value(true) | Known::Unknown { .. });
    may_be(&on_bus)
        || may_be(&through_windows)
        || [
            "/dev/nvidiactl",
            "/proc/driver/nvidia/version",
            "/sys/module/nvidia/version",
        ]
        .iter()
        .any(|path| may_be(&exists(machine, path)))
        // A library without a card in sight knows best why that is.
        || !crate::driver::nvidia::user_space(machine).is_absent()
}

/// All GPUs, in the order of their PCI addresses.
pub(crate) fn linux(
    machine: &dyn Machine,
    start: &Start,
    bus: &Known<Vec<PciDevice>>,
    nvml: &Nvml,
) -> Known<Vec<Gpu>> {
    if bus.value().is_none() && nvml.devices.is_empty() {
        return bus.as_ref().map(|_| Vec::new());
    }
    let bus: Vec<PciDevice> = bus.value().cloned().unwrap_or_default();
    // Under WSL the bus shows Microsoft's stand-in for the GPU that the library speaks of.
    let stand_in = |device: &PciDevice| {
        start.in_wsl() && device.vendor_id == "1414" && !nvml.devices.is_empty()
    };
    let bus: Vec<PciDevice> = bus.into_iter().filter(|device| !stand_in(device)).collect();
    let (of_nvidia, others): (Vec<PciDevice>, Vec<PciDevice>) = bus
        .into_iter()
        .partition(|device| device.vendor() == Vendor::Nvidia);
    let topology = if others.iter().any(|device| device.vendor() == Vendor::Amd) {
        amd::topology(machine)
    } else {
        Known::Absent
    };
    let mut gpus = nvidia::gpus(machine, start, &of_nvidia, nvml);
    gpus.extend(others.iter().map(|device| match device.vendor() {
        Vendor::Amd => amd::gpu(machine, device, &topology),
        _ => plain(machine, device),
    }));
    let address = |gpu: &Gpu| {
        gpu.pci
            .as_ref()
            .map(|pci| pci.address.clone())
            .unwrap_or_default()
    };
    gpus.sort_by_key(address);
    Known::Value(gpus)
}

/// A GPU that frameworks do not compute on: only its place and its driver are told.
fn plain(machine: &dyn Machine, device: &PciDevice) -> Gpu {
    fn unread<T>() -> Known<T> {
        Known::unknown("not read for this maker")
    }
    Gpu {
        vendor: device.vendor(),
        name: Known::unknown(format!(
            "PCI id {}:{} is in no table",
            device.vendor_id, device.device_id
        )),
        architecture: unread(),
        compute_capability: Known::Absent,
        gfx_target: Known::Absent,
        uuid: Known::Absent,
        pci: Some(pci::identity(machine, device)),
        kernel_driver: device.driver.clone(),
        memory: GpuMemory {
            total_bytes: unread(),
            used_bytes: unread(),
        },
        power_limit_watts: unread(),
        utilization_percent: unread(),
        temperature_celsius: unread(),
        display: pci::screen(machine, device),
        apple: None,
        driver_branches: Vec::new(),
    }
}
