//! Display and accelerator devices on the PCI bus, from sysfs (kernel documentation, sysfs-bus-pci).

use crate::look::{known, names, seen_names, text};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{PciIdentity, Vendor};

const BUS: &str = "/sys/bus/pci/devices";

/// A device that may be a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PciDevice {
    /// `0000:01:00.0`
    pub address: String,
    pub vendor_id: String,
    pub device_id: String,
    pub revision: Option<String>,
    pub driver: Known<String>,
}

impl PciDevice {
    pub(crate) fn vendor(&self) -> Vendor {
        match self.vendor_id.as_str() {
            "10de" => Vendor::Nvidia,
            "1002" | "1022" => Vendor::Amd,
            "8086" => Vendor::Intel,
            "106b" => Vendor::Apple,
            _ => Vendor::Other,
        }
    }

    /// A file of the device in sysfs.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{BUS}/{}/{name}", self.address)
    }
}

/// The GPUs on the bus, by address. A machine without the bus has none.
pub(crate) fn devices(machine: &dyn Machine) -> Known<Vec<PciDevice>> {
    let addresses = match names(machine, BUS) {
        Known::Value(addresses) => addresses,
        Known::Absent => return Known::Value(Vec::new()),
        Known::Unknown { unknown } => return Known::unknown(unknown),
    };
    let mut devices = Vec::new();
    let mut unreadable = None;
    for address in addresses.into_iter().filter(|address| is_address(address)) {
        match text(machine, &format!("{BUS}/{address}/class")) {
            Known::Value(class) => devices.extend(device(machine, &address, &class)),
            Known::Absent => {}
            Known::Unknown { unknown } => unreadable = Some(unknown),
        }
    }
    devices.sort_by(|one, other| one.address.cmp(&other.address));
    match unreadable {
        Some(reason) if devices.is_empty() => Known::unknown(reason),
        _ => Known::Value(devices),
    }
}

fn device(machine: &dyn Machine, address: &str, class: &str) -> Option<PciDevice> {
    let class = hex(class)?;
    let id = |name: &str| {
        text(machine, &format!("{BUS}/{address}/{name}"))
            .value()
            .and_then(|text| hex(text))
            .map(|id| format!("{id:04x}"))
    };
    let vendor_id = id("vendor")?;
    if !is_gpu(class, &vendor_id) {
        return None;
    }
    let driver = known(machine.link(format!("{BUS}/{address}/driver"))).and_then(|target| {
        target
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .into()
    });
    Some(PciDevice {
        address: address.to_string(),
        vendor_id,
        device_id: id("device")?,
        revision: text(machine, &format!("{BUS}/{address}/revision"))
            .value()
            .and_then(|text| hex(text))
            .map(|id| format!("{id:02x}")),
        driver,
    })
}

/// Display controllers (class 03), and processing accelerators (class 12) of the makers of GPUs.
fn is_gpu(class: u32, vendor_id: &str) -> bool {
    match class >> 16 {
        0x03 => true,
        0x12 => matches!(vendor_id, "10de" | "1002"),
        _ => false,
    }
}

/// `0x10de` as a number.
fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// domain:bus:device.function
fn is_address(name: &str) -> bool {
    name.len() >= 12
        && name
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.')
}

/// An address in the form sysfs uses: NVML writes the domain with eight digits and in capitals.
pub(crate) fn normal_address(text: &str) -> Option<String> {
    let (domain, rest) = text.trim().split_once(':')?;
    let domain = u32::from_str_radix(domain, 16).ok()?;
    let rest = rest.to_ascii_lowercase();
    let (bus, function) = rest.split_once(':')?;
    let shaped = bus.len() == 2 && function.len() == 4 && function.as_bytes()[2] == b'.';
    shaped.then(|| format!("{domain:04x}:{rest}"))
}

/// Where it sits, with its link now and at best.
pub(crate) fn identity(machine: &dyn Machine, device: &PciDevice) -> PciIdentity {
    let link = |kind: &str| {
        let speed = text(machine, &device.path(&format!("{kind}_link_speed")));
        let width = text(machine, &device.path(&format!("{kind}_link_width")));
        match (speed, width) {
            (Known::Value(speed), Known::Value(width)) => link(&speed, &width),
            (Known::Unknown { unknown }, _) | (_, Known::Unknown { unknown }) => {
                Known::unknown(unknown)
            }
            _ => Known::Absent,
        }
    };
    PciIdentity {
        address: device.address.clone(),
        vendor_id: device.vendor_id.clone(),
        device_id: device.device_id.clone(),
        link: link("current"),
        link_max: link("max"),
    }
}

/// `16.0 GT/s PCIe` and `16` as `16.0 GT/s PCIe x16`. Parts of the processor have no link: width 0 or 255.
/// A device that fell off the bus has one of unknown speed.
fn link(speed: &str, width: &str) -> Known<String> {
    match width.parse::<u32>() {
        Ok(0 | 255) => Known::Absent,
        Ok(_) if speed.starts_with("Unknown") => {
            Known::unknown("the device does not tell its link's speed")
        }
        Ok(width) => Known::Value(format!("{speed} x{width}")),
        Err(_) => Known::unknown("the link's width is no number"),
    }
}

/// Whether a screen hangs on it, by the states of its connectors (kernel documentation, DRM sysfs).
pub(crate) fn screen(machine: &dyn Machine, device: &PciDevice) -> Known<bool> {
    let mut connectors = 0;
    for card in seen_names(machine, &device.path("drm"))
        .into_iter()
        .filter(|name| name.starts_with("card"))
    {
        let folder = device.path(&format!("drm/{card}"));
        for connector in seen_names(machine, &folder)
            .into_iter()
            .filter(|name| name.starts_with(&format!("{card}-")))
        {
            match text(machine, &format!("{folder}/{connector}/status")) {
                Known::Value(status) if status == "connected" => return Known::Value(true),
                Known::Value(_) => connectors += 1,
                Known::Absent | Known::Unknown { .. } => {}
            }
        }
    }
    if connectors > 0 {
        Known::Value(false)
    } else {
        Known::unknown("no driver shows its connectors")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_told_by_class_and_maker() {
        for (class, vendor, gpu) in [
            (0x03_0000, "10de", true),
            (0x03_0200, "10de", true),
            (0x03_8000, "1002", true),
            (0x12_0000, "1002", true),
            (0x12_0000, "1d0f", false),
            (0x04_0300, "10de", false),
            (0x02_0000, "8086", false),
        ] {
            assert_eq!(is_gpu(class, vendor), gpu, "{class:06x} {vendor}");
        }
    }

    #[test]
    fn addresses_become_the_form_of_sysfs() {
        for (text, normal) in [
            ("00000000:01:00.0", Some("0000:01:00.0")),
            ("0000:0B:00.0", Some("0000:0b:00.0")),
            ("00010000:C1:00.0", Some("10000:c1:00.0")),
            ("01:00.0", None),
            ("", None),
            (":::", None),
            ("0:\u{fc}\u{fc}:a", None),
        ] {
            assert_eq!(normal_address(text).as_deref(), normal, "{text}");
        }
        assert!(
            is_address("0000:01:00.0")
                && is_address("10000:e1:00.0")
                && !is_address("../../etc/x")
                && !is_address("0000")
        );
        assert_eq!(hex("0x030000\n"), Some(0x03_0000));
        assert_eq!(hex("30000"), None);
    }

    #[test]
    fn links_are_put_together() {
        assert_eq!(
            link("16.0 GT/s PCIe", "16"),
            Known::Value("16.0 GT/s PCIe x16".into())
        );
        assert_eq!(link("Unknown", "255"), Known::Absent);
        assert_eq!(link("2.5 GT/s PCIe", "0"), Known::Absent);
        assert!(link("Unknown", "63").reason().is_some());
        assert!(link("2.5 GT/s PCIe", "x").reason().is_some());
    }
}
