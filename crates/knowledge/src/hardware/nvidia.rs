//! NVIDIA: devices by PCI id, architectures by compute capability.

use crate::table::{cell, find, rows};
use serde::Deserialize;
use std::sync::OnceLock;

const DEVICES: &str = include_str!("../../data/nvidia/devices.tsv");
const ARCHITECTURES: &str = include_str!("../../data/nvidia/architectures.toml");

/// What an NVIDIA device is by its PCI device id alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvidiaDevice {
    /// The device id in four lower-case hex digits.
    pub id: &'static str,
    /// The chip, for example `AD102`.
    pub chip: Option<&'static str>,
    /// The architecture, for example `Ada`.
    pub architecture: &'static str,
    /// The compute capability, where chip or product leave no doubt.
    pub compute_capability: Option<&'static str>,
    /// Ubuntu driver branches that list it, newest first: `595-open`, `580`, …
    pub branches: Vec<&'static str>,
    /// It runs NVIDIA's open kernel modules.
    pub open_modules: bool,
    /// Where this is known from; the letters stand at the table's head.
    pub source: &'static str,
    /// Products with this id; usually one.
    pub names: Vec<&'static str>,
}

fn device(row: &'static str) -> Option<NvidiaDevice> {
    let mut cells = row.split('\t');
    Some(NvidiaDevice {
        id: cells.next()?,
        chip: cell(cells.next()),
        architecture: cells.next()?,
        compute_capability: cell(cells.next()),
        branches: cell(cells.next())
            .map(|text| text.split(',').collect())
            .unwrap_or_default(),
        open_modules: cells.next() == Some("open"),
        source: cells.next()?,
        names: cell(cells.next())
            .map(|text| text.split(" | ").collect())
            .unwrap_or_default(),
    })
}

/// The device of a PCI device id in four hex digits, upper or lower case.
pub fn nvidia_device(id: &str) -> Option<NvidiaDevice> {
    find(DEVICES, &id.to_ascii_lowercase()).and_then(device)
}

/// All devices, by id.
pub fn nvidia_devices() -> impl Iterator<Item = NvidiaDevice> {
    rows(DEVICES).filter_map(device)
}

/// Which of NVIDIA's kernel modules drive an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelModules {
    /// The proprietary ones only.
    Proprietary,
    /// The open ones only.
    Open,
    /// Both up to branch 610; the open ones only from branch 615.
    Either,
    /// Jetson's own.
    Jetson,
}

/// One architecture at one compute capability.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NvidiaArchitecture {
    /// `Ada`
    pub name: String,
    /// `8.9`
    pub compute_capability: String,
    /// The first CUDA toolkit that compiles for it.
    pub min_cuda: String,
    /// The last one, where there is a last.
    pub max_cuda: Option<String>,
    /// The driver branch that first knew it, where that is known.
    pub min_driver: Option<String>,
    /// The last driver branch, where there is a last.
    pub last_driver_branch: Option<String>,
    /// The kernel modules that drive it.
    pub kernel_modules: KernelModules,
    /// Products.
    pub examples: String,
    /// Where this is known from.
    pub source: String,
}

/// All architectures, oldest first.
pub fn nvidia_architectures() -> &'static [NvidiaArchitecture] {
    #[derive(Deserialize)]
    struct File {
        architecture: Vec<NvidiaArchitecture>,
    }
    static TABLE: OnceLock<Vec<NvidiaArchitecture>> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    TABLE.get_or_init(|| {
        toml::from_str::<File>(ARCHITECTURES)
            .map(|file| file.architecture)
            .unwrap_or_default()
    })
}

/// The architecture of a compute capability (`8.9`).
pub fn nvidia_architecture(compute_capability: &str) -> Option<&'static NvidiaArchitecture> {
    nvidia_architectures()
        .iter()
        .find(|row| row.compute_capability == compute_capability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_sorted_and_sourced() {
        let devices: Vec<NvidiaDevice> = nvidia_devices().collect();
        assert_eq!(devices.len(), rows(DEVICES).count());
        assert!(devices.len() > 500, "{}", devices.len());
        assert!(
            devices.windows(2).all(|pair| pair[0].id < pair[1].id),
            "ids are sorted and unique"
        );
        for device in &devices {
            assert!(
                device.id.len() == 4 && u16::from_str_radix(device.id, 16).is_ok(),
                "{device:?}"
            );
            assert!(device.source.starts_with('S'), "{device:?}");
            assert!(!device.branches.is_empty(), "{device:?}");
            assert!(
                nvidia_architectures()
                    .iter()
                    .any(|row| row.name == device.architecture),
                "{device:?}"
            );
            assert_eq!(nvidia_device(device.id).as_ref(), Some(device));
            if let Some(row) = device.compute_capability.and_then(nvidia_architecture) {
                assert_eq!(row.name, device.architecture, "{device:?}");
            }
        }
        assert!(
            nvidia_architectures()
                .iter()
                .all(|row| row.source.starts_with('S'))
        );
        assert_eq!(
            toml::from_str::<toml::Table>(ARCHITECTURES).unwrap()["architecture"]
                .as_array()
                .unwrap()
                .len(),
            nvidia_architectures().len()
        );
    }

    #[test]
    fn well_known_cards_are_what_they_are() {
        for (id, name, architecture, capability, open, newest) in [
            (
                "2684",
                "NVIDIA GeForce RTX 4090",
                "Ada",
                Some("8.9"),
                true,
                "615-open",
            ),
            (
                "1b06",
                "GeForce GTX 1080 Ti",
                "Pascal",
                Some("6.1"),
                false,
                "580",
            ),
            (
                "2330",
                "NVIDIA H100 80GB HBM3",
                "Hopper",
                Some("9.0"),
                true,
                "615-open",
            ),
            ("1EB8", "Tesla T4", "Turing", Some("7.5"), true, "615-open"),
            (
                "2b85",
                "NVIDIA GeForce RTX 5090",
                "Blackwell",
                Some("12.0"),
                true,
                "615-open",
            ),
            (
                "2901",
                "NVIDIA B200",
                "Blackwell",
                Some("10.0"),
                true,
                "615-open",
            ),
            (
                "2e12",
                "NVIDIA GB10",
                "Blackwell",
                Some("12.1"),
                true,
                "615-open",
            ),
            (
                "29bb",
                "NVIDIA DRIVE P2021",
                "Blackwell",
                None,
                true,
                "615-open",
            ),
            (
                "20b5",
                "NVIDIA A100 80GB PCIe",
                "Ampere",
                Some("8.0"),
                true,
                "615-open",
            ),
        ] {
            let device = nvidia_device(id).unwrap();
            assert_eq!(device.names[0], name);
            assert_eq!(
                (
                    device.architecture,
                    device.compute_capability,
                    device.open_modules
                ),
                (architecture, capability, open),
                "{name}"
            );
            assert_eq!(device.branches[0], newest, "{name}");
        }
        for id in ["ffff", "", "26", "26844", "zzzz"] {
            assert_eq!(nvidia_device(id), None, "{id}");
        }
        assert_eq!(
            nvidia_architecture("7.0")
                .unwrap()
                .last_driver_branch
                .as_deref(),
            Some("580")
        );
        assert_eq!(
            nvidia_architecture("12.0").unwrap().kernel_modules,
            KernelModules::Open
        );
        assert_eq!(nvidia_architecture("1.0"), None);
    }
}
