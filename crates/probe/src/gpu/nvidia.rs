//! NVIDIA GPUs: what the PCI id tells, completed by what NVML answers.

use super::matching::pairs;
use super::nvml::{Nvml, NvmlDevice};
use super::pci::{self, PciDevice};
use crate::start::Start;
use deskside_knowledge::hardware::{nvidia_architecture, nvidia_device};
use deskside_machine::Machine;
use deskside_types::Known;
use deskside_types::facts::{Gpu, GpuMemory, Vendor};

/// Puts bus and library together.
pub(crate) fn gpus(
    machine: &dyn Machine,
    start: &Start,
    bus: &[PciDevice],
    nvml: &Nvml,
) -> Vec<Gpu> {
    let answered = nvml.outcome.value().is_some_and(|outcome| outcome == "ok");
    let on_bus: Vec<&str> = bus.iter().map(|pci| pci.address.as_str()).collect();
    let in_library: Vec<Option<&str>> = nvml
        .devices
        .iter()
        .map(|device| device.address.as_deref())
        .collect();
    pairs(&on_bus, &in_library, answered, start.contained())
        .into_iter()
        .map(|pair| {
            let pci = pair.on_bus.map(|at| &bus[at]);
            let device = pair.in_library.map(|at| &nvml.devices[at]);
            gpu(machine, pci, device, nvml, start)
        })
        .collect()
}

fn gpu(
    machine: &dyn Machine,
    pci: Option<&PciDevice>,
    device: Option<&NvmlDevice>,
    nvml: &Nvml,
    start: &Start,
) -> Gpu {
    let table = pci.and_then(|pci| nvidia_device(&pci.device_id));
    let silence = silence(nvml, pci);
    let from =
        |read: fn(&NvmlDevice) -> Known<u64>| device.map_or_else(|| Known::unknown(&silence), read);
    let capability = match device.map(|device| device.compute_capability.clone()) {
        Some(Known::Value(capability)) => Known::Value(capability),
        other => match table.as_ref().and_then(|table| table.compute_capability) {
            Some(capability) => Known::Value(capability.to_string()),
            None => other.unwrap_or_else(|| Known::unknown(&silence)),
        },
    };
    let architecture = match (
        &table,
        capability
            .value()
            .and_then(|capability| nvidia_architecture(capability)),
    ) {
        (Some(table), _) => Known::Value(table.architecture.to_string()),
        (None, Some(architecture)) => Known::Value(architecture.name.clone()),
        (None, None) => Known::unknown("the device is not in the table of PCI ids"),
    };
    let name = match device.map(|device| device.name.clone()) {
        Some(Known::Value(name)) => Known::Value(name),
        other => match table.as_ref().filter(|table| !table.names.is_empty()) {
            Some(table) => Known::Value(
                table
                    .names
                    .iter()
                    .map(|name| with_maker(name))
                    .collect::<Vec<_>>()
                    .join(" or "),
            ),
            None => match (other, pci) {
                (Some(Known::Unknown { unknown }), None) => Known::unknown(unknown),
                (_, Some(pci)) => {
                    Known::unknown(format!("PCI id 10de:{} is not in the table", pci.device_id))
                }
                _ => Known::unknown(&silence),
            },
        },
    };
    let display = match (device.map(|device| device.display.clone()), pci) {
        (Some(Known::Value(active)), _) => Known::Value(active),
        (_, Some(pci)) => pci::screen(machine, pci),
        (other, None) => other.unwrap_or_else(|| Known::unknown(&silence)),
    };
    Gpu {
        vendor: Vendor::Nvidia,
        name,
        architecture,
        compute_capability: capability,
        gfx_target: Known::Absent,
        uuid: device.map_or_else(|| Known::unknown(&silence), |device| device.uuid.clone()),
        pci: pci.map(|pci| pci::identity(machine, pci)),
        kernel_driver: match pci {
            Some(pci) => pci.driver.clone(),
            // WSL shows no NVIDIA device on its bus: the GPU comes through Windows' paravirtual driver.
            None if start.in_wsl() => Known::Value("dxgkrnl".into()),
            None => Known::unknown("the device is not on the PCI bus that is shown here"),
        },
        memory: GpuMemory {
            total_bytes: from(|device| device.memory_total.clone()),
            used_bytes: from(|device| device.memory_used.clone()),
        },
        power_limit_watts: device.map_or_else(
            || Known::unknown(&silence),
            |device| device.power_limit.clone(),
        ),
        utilization_percent: device.map_or_else(
            || Known::unknown(&silence),
            |device| device.utilization.clone(),
        ),
        temperature_celsius: device.map_or_else(
            || Known::unknown(&silence),
            |device| device.temperature.clone(),
        ),
        display,
        apple: None,
        driver_branches: table
            .map(|table| {
                table
                    .branches
                    .iter()
                    .map(|branch| (*branch).to_string())
                    .collect()
            })
            .unwrap_or_default(),
    }
}

/// Why NVML says nothing of a device.
fn silence(nvml: &Nvml, pci: Option<&PciDevice>) -> String {
    match &nvml.outcome {
        Known::Value(outcome) if outcome == "ok" => "NVML does not list this device".into(),
        Known::Value(code) => format!("NVML: {code}"),
        Known::Unknown { unknown } => unknown.clone(),
        Known::Absent => match pci.map(|pci| &pci.driver) {
            Some(Known::Value(driver)) if driver != "nvidia" => {
                format!("only NVIDIA's driver tells, and {driver} is bound")
            }
            _ => "only NVIDIA's driver tells, and its library is not installed".into(),
        },
    }
}

/// Older ids are listed without their maker, whom NVML always names.
fn with_maker(name: &str) -> String {
    if name.starts_with("NVIDIA")
        || name.starts_with("Tesla")
        || name.starts_with("Quadro")
        || name.starts_with("NVS")
    {
        name.to_string()
    } else {
        format!("NVIDIA {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_are_named_once() {
        assert_eq!(
            with_maker("GeForce GTX 1080 Ti"),
            "NVIDIA GeForce GTX 1080 Ti"
        );
        assert_eq!(
            with_maker("NVIDIA GeForce RTX 4090"),
            "NVIDIA GeForce RTX 4090"
        );
        assert_eq!(with_maker("Tesla T4"), "Tesla T4");
    }
}
