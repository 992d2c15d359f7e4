//! Apple silicon by the processor's brand string.

use serde::Deserialize;
use std::sync::OnceLock;

const CHIPS: &str = include_str!("../../data/apple/chips.toml");

/// A chip, in one of the sizes it is sold in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppleChip {
    /// What `machdep.cpu.brand_string` says: `Apple M4 Max`.
    pub brand: String,
    /// Memory bandwidth in GB/s.
    pub bandwidth_gb_per_second: f64,
    /// GPU cores of this size.
    pub gpu_cores: u32,
    /// The most memory it is sold with, in GB.
    pub memory_gb: u32,
    /// The memory figure was checked.
    pub memory_verified: bool,
    /// Where this is known from.
    pub source: String,
}

/// All chips, oldest first, smaller sizes before larger ones.
pub fn apple_chips() -> &'static [AppleChip] {
    #[derive(Deserialize)]
    struct File {
        chip: Vec<AppleChip>,
    }
    static TABLE: OnceLock<Vec<AppleChip>> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    TABLE.get_or_init(|| {
        toml::from_str::<File>(CHIPS)
            .map(|file| file.chip)
            .unwrap_or_default()
    })
}

/// The chip of a brand string; the number of GPU cores chooses where it is sold in two sizes.
///
/// None when a chip has two sizes and the cores are not known.
pub fn apple_chip(brand: &str, gpu_cores: Option<u32>) -> Option<&'static AppleChip> {
    let mut sizes = apple_chips().iter().filter(|chip| chip.brand == brand);
    let first = sizes.next()?;
    let Some(second) = sizes.next() else {
        return Some(first);
    };
    gpu_cores.map(|cores| {
        if cores <= first.gpu_cores {
            first
        } else {
            second
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_are_found_by_brand_and_cores() {
        for (brand, cores, bandwidth) in [
            ("Apple M1", None, Some(68.25)),
            ("Apple M3 Ultra", Some(60), Some(819.3)),
            ("Apple M4 Max", Some(32), Some(410.0)),
            ("Apple M4 Max", Some(40), Some(546.0)),
            ("Apple M4 Max", None, None),
            ("Apple M4 Ultra", Some(80), None),
            ("Intel(R) Core(TM) i7", None, None),
        ] {
            assert_eq!(
                apple_chip(brand, cores).map(|chip| chip.bandwidth_gb_per_second),
                bandwidth,
                "{brand}"
            );
        }
    }

    #[test]
    fn every_chip_has_a_source_and_at_most_two_sizes() {
        assert!(apple_chips().len() > 15);
        for chip in apple_chips() {
            assert!(
                chip.source.starts_with('S') && chip.brand.starts_with("Apple M"),
                "{chip:?}"
            );
            let sizes: Vec<u32> = apple_chips()
                .iter()
                .filter(|other| other.brand == chip.brand)
                .map(|other| other.gpu_cores)
                .collect();
            assert!(
                sizes.len() <= 2 && sizes.windows(2).all(|pair| pair[0] < pair[1]),
                "{}",
                chip.brand
            );
        }
    }
}
