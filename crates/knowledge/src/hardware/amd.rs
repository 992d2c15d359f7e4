//! AMD: device names by PCI id, GPU targets by the kernel's number.

use crate::table::find;
use serde::Deserialize;
use std::sync::OnceLock;

const DEVICES: &str = include_str!("../../data/amd/devices.tsv");
const TARGETS: &str = include_str!("../../data/amd/targets.toml");

/// The product name of a PCI device id and revision, each in hex digits.
pub fn amd_device_name(device: &str, revision: &str) -> Option<&'static str> {
    let key = format!(
        "{}\t{:0>2}",
        device.to_ascii_lowercase(),
        revision.to_ascii_lowercase()
    );
    find(DEVICES, &key)?.splitn(3, '\t').nth(2)
}

/// The target name of the kernel's `gfx_target_version`: 90010 is `gfx90a`, 110000 is `gfx1100`.
///
/// The number is major * 10000 + minor * 100 + step; in the name the step is one hex digit
/// (Linux, `drivers/gpu/drm/amd/amdkfd/kfd_topology.c`, and ROCT-Thunk-Interface).
pub fn amd_gfx(version: u32) -> Option<String> {
    let (major, minor, step) = (version / 10_000, version / 100 % 100, version % 100);
    if major == 0 || minor > 15 || step > 15 {
        return None;
    }
    Some(format!("gfx{major}{minor:x}{step:x}"))
}

/// A GPU target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmdTarget {
    /// `gfx1100`
    pub name: String,
    /// `RDNA3`
    pub architecture: String,
    /// Products with it, for a person to read.
    pub products: String,
    /// ROCm versions of PyTorch wheels that carry code for it, newest first.
    pub pytorch_rocm: Vec<String>,
    /// AMD's current ROCm documentation lists it.
    pub in_rocm_documentation: bool,
    /// AMD's own builds for many targets are tested on it.
    pub therock_tested: bool,
    /// The `HSA_OVERRIDE_GFX_VERSION` with which it runs code for a sibling, by public practice.
    #[serde(rename = "override")]
    pub override_version: Option<String>,
    /// Where this is known from.
    pub source: String,
}

/// All targets, newest families first.
pub fn amd_targets() -> &'static [AmdTarget] {
    #[derive(Deserialize)]
    struct File {
        target: Vec<AmdTarget>,
    }
    static TABLE: OnceLock<Vec<AmdTarget>> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    TABLE.get_or_init(|| {
        toml::from_str::<File>(TARGETS)
            .map(|file| file.target)
            .unwrap_or_default()
    })
}

/// The target of that name (`gfx1100`).
pub fn amd_target(name: &str) -> Option<&'static AmdTarget> {
    amd_targets().iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::rows;

    #[test]
    fn the_kernels_number_becomes_the_compilers_name() {
        for (version, name) in [
            (110_000, Some("gfx1100")),
            (100_300, Some("gfx1030")),
            (100_306, Some("gfx1036")),
            (90_010, Some("gfx90a")),
            (90_402, Some("gfx942")),
            (90_008, Some("gfx908")),
            (110_501, Some("gfx1151")),
            (120_001, Some("gfx1201")),
            (90_500, Some("gfx950")),
            (0, None),
            (9_999, None),
            (90_099, None),
        ] {
            assert_eq!(amd_gfx(version).as_deref(), name, "{version}");
        }
        assert!(amd_gfx(u32::MAX).is_none());
    }

    #[test]
    fn names_come_from_device_and_revision() {
        assert_eq!(
            amd_device_name("744C", "c8"),
            Some("AMD Radeon RX 7900 XTX")
        );
        assert_eq!(amd_device_name("744c", "CC"), Some("AMD Radeon RX 7900 XT"));
        assert_eq!(amd_device_name("74a1", "0"), Some("AMD Instinct MI300X"));
        assert_eq!(amd_device_name("744c", "77"), None);
        assert_eq!(amd_device_name("", ""), None);
    }

    #[test]
    fn tables_are_whole_sorted_and_sourced() {
        assert!(DEVICES.contains("# source:"));
        let keys: Vec<&str> = rows(DEVICES).map(|row| &row[..7]).collect();
        assert!(keys.len() > 600 && keys.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(rows(DEVICES).all(|row| row.split('\t').count() == 3));
        assert!(amd_targets().len() > 20);
        for target in amd_targets() {
            assert!(
                target.name.starts_with("gfx") && target.source.starts_with('S'),
                "{target:?}"
            );
        }
        let mut names: Vec<&str> = amd_targets()
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), amd_targets().len());
        assert_eq!(amd_target("gfx1100").unwrap().architecture, "RDNA3");
        assert_eq!(
            amd_target("gfx1031").unwrap().override_version.as_deref(),
            Some("10.3.0")
        );
    }
}
