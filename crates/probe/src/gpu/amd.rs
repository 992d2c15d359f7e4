//! AMD GPUs: the amdgpu driver's files in sysfs (kernel documentation, amdgpu) and the compute driver's topology (KFD).

use super::pci::{self, PciDevice};
use crate::look::{number, seen_names, text};
use deskside_knowledge::hardware::{amd_device_name, amd_gfx, amd_target};
use deskside_machine::Machine;
use deskside_types::Known;
use deskside_types::facts::{Gpu, GpuMemory, Vendor};

const TOPOLOGY: &str = "/sys/class/kfd/kfd/topology/nodes";
const NAMES: &str = "/usr/share/libdrm/amdgpu.ids";

/// One GPU in KFD's topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KfdNode {
    pub address: String,
    pub gfx: Option<String>,
}

/// The GPUs of the topology; absent without the compute driver.
pub(crate) fn topology(machine: &dyn Machine) -> Known<Vec<KfdNode>> {
    crate::look::names(machine, TOPOLOGY).and_then(|names| {
        let mut nodes = Vec::new();
        let mut unreadable = None;
        for name in names {
            match text(machine, &format!("{TOPOLOGY}/{name}/properties")) {
                Known::Value(properties) => nodes.extend(node(&properties)),
                Known::Absent => {}
                Known::Unknown { unknown } => unreadable = Some(unknown),
            }
        }
        match unreadable {
            Some(reason) if nodes.is_empty() => Known::unknown(reason),
            _ => Known::Value(nodes),
        }
    })
}

/// A node's properties; none for a processor, whose `simd_count` is 0.
fn node(properties: &str) -> Option<KfdNode> {
    let get = |key: &str| {
        properties.lines().find_map(|line| {
            line.split_once(' ')
                .filter(|(name, _)| *name == key)?
                .1
                .trim()
                .parse::<u32>()
                .ok()
        })
    };
    get("simd_count").filter(|count| *count > 0)?;
    let location = get("location_id")?;
    let (bus, device, function) = (location >> 8 & 0xff, location >> 3 & 0x1f, location & 7);
    Some(KfdNode {
        address: format!(
            "{:04x}:{bus:02x}:{device:02x}.{function}",
            get("domain").unwrap_or(0)
        ),
        gfx: get("gfx_target_version").and_then(amd_gfx),
    })
}

/// One GPU.
pub(crate) fn gpu(
    machine: &dyn Machine,
    device: &PciDevice,
    topology: &Known<Vec<KfdNode>>,
) -> Gpu {
    let bound = device
        .driver
        .value()
        .is_some_and(|driver| driver == "amdgpu");
    let told = |fact: Known<u64>| match fact {
        Known::Absent if !bound => {
            Known::unknown("only the amdgpu driver tells, and it is not bound")
        }
        fact => fact,
    };
    let gfx = match topology {
        Known::Value(nodes) => match nodes.iter().find(|node| node.address == device.address) {
            Some(KfdNode { gfx: Some(gfx), .. }) => Known::Value(gfx.clone()),
            Some(KfdNode { gfx: None, .. }) => Known::unknown("the compute driver names no target"),
            None => Known::unknown("the compute driver does not list this device"),
        },
        Known::Absent => Known::unknown("the amdgpu driver's compute part (KFD) is not there"),
        Known::Unknown { unknown } => Known::unknown(unknown),
    };
    let architecture = gfx.as_ref().and_then(|gfx| match amd_target(gfx) {
        Some(target) => Known::Value(target.architecture.clone()),
        None => Known::unknown(format!("{gfx} is not in the table of targets")),
    });
    let sensors = seen_names(machine, &device.path("hwmon"))
        .into_iter()
        .next()
        .map(|name| device.path(&format!("hwmon/{name}")));
    let sensor = |name: &str| {
        sensors.as_ref().map_or(Known::Absent, |folder| {
            number(machine, &format!("{folder}/{name}"))
        })
    };
    let small = |number: u64| {
        u32::try_from(number).map_or_else(
            |_| Known::unknown("the number is out of range"),
            Known::Value,
        )
    };
    Gpu {
        vendor: Vendor::Amd,
        name: name(machine, device),
        architecture,
        compute_capability: Known::Absent,
        gfx_target: gfx,
        uuid: text(machine, &device.path("unique_id")),
        pci: Some(pci::identity(machine, device)),
        kernel_driver: device.driver.clone(),
        memory: GpuMemory {
            total_bytes: told(number(machine, &device.path("mem_info_vram_total"))),
            used_bytes: told(number(machine, &device.path("mem_info_vram_used"))),
        },
        // Microwatts and thousandths of a degree (kernel documentation, hwmon sysfs interface).
        power_limit_watts: told(sensor("power1_cap")).map(|microwatts| microwatts as f64 / 1e6),
        utilization_percent: told(number(machine, &device.path("gpu_busy_percent")))
            .and_then(small),
        temperature_celsius: told(sensor("temp1_input"))
            .and_then(|thousandths| small(thousandths / 1000)),
        display: pci::screen(machine, device),
        apple: None,
        driver_branches: Vec::new(),
    }
}

/// The product's name: our table, the machine's own newer one, or what the card's firmware says.
fn name(machine: &dyn Machine, device: &PciDevice) -> Known<String> {
    let revision = device.revision.as_deref().unwrap_or("00");
    if let Some(name) = amd_device_name(&device.device_id, revision) {
        return Known::Value(name.to_string());
    }
    if let Known::Value(table) = text(machine, NAMES)
        && let Some(name) = name_in(&table, &device.device_id, revision)
    {
        return Known::Value(name);
    }
    match text(machine, &device.path("product_name")) {
        Known::Value(name) if !name.is_empty() => Known::Value(name),
        _ => Known::unknown(format!(
            "PCI id 1002:{} revision {revision} is not in the table",
            device.device_id
        )),
    }
}

/// A row `device id, revision, name` of libdrm's `amdgpu.ids`.
fn name_in(table: &str, device: &str, revision: &str) -> Option<String> {
    table.lines().find_map(|line| {
        let mut cells = line.splitn(3, ',').map(str::trim);
        let same = cells.next()?.eq_ignore_ascii_case(device)
            && cells.next()?.eq_ignore_ascii_case(revision);
        cells.next().filter(|_| same).map(str::to_string)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_matched_by_their_place_on_the_bus() {
        let properties = "cpu_cores_count 0\nsimd_count 192\ngfx_target_version 110000\nvendor_id 4098\nlocation_id 768\ndomain 0\ndrm_render_minor 128\n";
        assert_eq!(
            node(properties),
            Some(KfdNode {
                address: "0000:03:00.0".into(),
                gfx: Some("gfx1100".into())
            })
        );
        assert_eq!(node("cpu_cores_count 16\nsimd_count 0\n"), None);
        assert_eq!(
            node("simd_count 8\nlocation_id 49921\ndomain 1\n")
                .unwrap()
                .address,
            "0001:c3:00.1"
        );
        for broken in [
            "",
            "simd_count",
            "simd_count x",
            "simd_count 8",
            "simd_count 99999999999",
        ] {
            assert_eq!(node(broken), None, "{broken}");
        }
    }

    #[test]
    fn names_are_found_in_the_machines_own_table() {
        let table = "# List\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\nbroken,\n";
        assert_eq!(
            name_in(table, "744c", "c8").as_deref(),
            Some("AMD Radeon RX 7900 XTX")
        );
        assert_eq!(name_in(table, "744c", "00"), None);
    }
}
