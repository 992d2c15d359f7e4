//! Accelerators as estimates of speed need them.

use crate::table::{cell, rows};
use std::sync::OnceLock;

const DEVICES: &str = include_str!("../../data/models/devices.tsv");

/// An accelerator as speed estimates need it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRow {
    /// The piece of its name that it is known by.
    pub key: &'static str,
    /// Memory in GB as its maker counts it; of Apple chips, of the largest model sold.
    pub memory_gb: f64,
    /// Memory bandwidth in GB/s.
    pub bandwidth_gb_per_second: f64,
    /// The share of it that decoding reaches at the best.
    pub reach: f64,
    /// Matrix work reached while a prompt is read, in TFLOP/s.
    pub prompt_tflops: f64,
    /// Peak 16-bit matrix work without sparsity, in TFLOP/s.
    pub peak_tflops: f64,
    /// Vector work in fp32, in TFLOP/s.
    pub vector_tflops: f64,
    /// 16-bit matrix work that training is counted with, in TFLOP/s: less than the peak where the card can't hold that.
    pub training_tflops: f64,
    /// Several of it in one server have links of their own (NVLink, Infinity Fabric), and need not go by PCIe.
    pub linked: bool,
    /// It computes in bf16; without it 16-bit work is done in fp16.
    pub bf16: bool,
    /// Published training speeds of it were compared with ours.
    pub training_seen: bool,
    /// Where this is known from.
    pub source: &'static str,
}

impl DeviceRow {
    /// It is one of Apple's chips.
    pub fn is_apple(&self) -> bool {
        let mut letters = self.key.bytes();
        letters.next() == Some(b'm') && letters.next().is_some_and(|digit| digit.is_ascii_digit())
    }

    /// Its memory is the main memory.
    pub fn is_unified(&self) -> bool {
        self.is_apple() || matches!(self.key, "gb10" | "840m" | "iris xe" | "arc graphics 130v")
    }
}

/// A row, and what a name must hold to be it.
struct Listed {
    row: DeviceRow,
    /// The whole key between spaces.
    piece: String,
    /// The key without the line's name: `4090 24GB` is an RTX 4090 for whoever leaves it away.
    short: Option<String>,
}

fn device(row: &'static str) -> Option<DeviceRow> {
    let mut cells = row.split('\t');
    let key = cells.next()?;
    let mut number = || cells.next().and_then(|text| text.parse::<f64>().ok());
    let (memory_gb, bandwidth_gb_per_second, reach) = (number()?, number()?, number()?);
    let (prompt_tflops, peak_tflops, vector_tflops) = (number()?, number()?, number()?);
    let training_tflops = match cell(cells.next()) {
        Some(text) => text.parse().ok()?,
        None => peak_tflops,
    };
    let remarks = cells.next()?;
    let has = |word: &str| remarks.split(' ').any(|one| one == word);
    Some(DeviceRow {
        key,
        memory_gb,
        bandwidth_gb_per_second,
        reach,
        prompt_tflops,
        peak_tflops,
        vector_tflops,
        training_tflops,
        linked: has("linked"),
        bf16: !has("fp16"),
        training_seen: has("seen"),
        source: cells.next()?,
    })
}

fn listed() -> &'static [Listed] {
    static ALL: OnceLock<Vec<Listed>> = OnceLock::new();
    ALL.get_or_init(|| {
        rows(DEVICES)
            .filter_map(device)
            .map(|row| {
                let key = row.key.replace('-', " ");
                let short = key
                    .strip_prefix("rtx ")
                    .filter(|rest| rest.len() >= 4)
                    .map(|rest| format!(" {rest} "));
                Listed {
                    piece: format!(" {key} "),
                    short,
                    row,
                }
            })
            .collect()
    })
}

/// All accelerators.
pub fn devices() -> impl Iterator<Item = &'static DeviceRow> {
    listed().iter().map(|one| &one.row)
}

/// An accelerator by any name that a driver, a shop or a table gives it: the longest key that its name holds.
pub fn device_named(name: &str) -> Option<&'static DeviceRow> {
    let name: String = name
        .to_lowercase()
        .replace(['\u{2011}', '_'], "-")
        .replace("geforce ", "")
        .replace("radeon ", "");
    let words: Vec<&str> = name
        .split([' ', '-', '/', '(', ')', '[', ']', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let text = format!(" {} ", words.join(" "));
    listed()
        .iter()
        .filter(|one| {
            text.contains(&one.piece)
                || one
                    .short
                    .as_deref()
                    .is_some_and(|short| text.contains(short))
        })
        .map(|one| &one.row)
        .max_by_key(|row| row.key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_sourced_and_sorted() {
        assert_eq!(devices().count(), rows(DEVICES).count());
        let keys: Vec<&str> = devices().map(|row| row.key).collect();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
        for row in devices() {
            for letters in row.source.split('+') {
                assert!(DEVICES.contains(&format!("# source {letters}:")), "{row:?}");
            }
            // What training is counted with may be less than the data sheet has, and never more.
            assert!(
                row.training_tflops > 0.0 && row.training_tflops <= row.peak_tflops,
                "{row:?}"
            );
        }
    }

    #[test]
    fn what_hangs_on_pcie_and_what_lacks_bf16_is_known() {
        for (name, linked, bf16) in [
            ("H100 SXM", true, true),
            ("H100 PCIe", false, true),
            ("A100 PCIe 80GB", false, true),
            ("A100-SXM4-80GB", true, true),
            ("RTX 4090", false, true),
            ("RTX PRO 6000", false, true),
            ("L40S", false, true),
            ("T4", false, false),
            ("Tesla V100-SXM2-16GB", true, false),
            ("RTX 2080 Ti", false, false),
            ("Quadro RTX 6000", false, false),
        ] {
            let row = device_named(name).unwrap();
            assert_eq!((row.linked, row.bf16), (linked, bf16), "{name}: {row:?}");
        }
    }

    #[test]
    fn accelerators_are_found_by_any_name() {
        for (name, key) in [
            ("NVIDIA GeForce RTX 4090", Some("rtx 4090")),
            ("4090 24GB", Some("rtx 4090")),
            ("4070 Ti 12GB", Some("rtx 4070 ti")),
            ("M3 Max 40\u{2011}Core GPU 64GB", Some("m3 max")),
            ("Apple M3 Max 30-core GPU", Some("m3 max 30")),
            ("Apple M1 7-core GPU", Some("m1 7-core")),
            ("h100_80gb", Some("h100")),
            ("a100_40gb", Some("a100-40gb")),
            ("A100-SXM4-80GB", Some("a100")),
            ("RTX 6000 Ada 48GB", Some("rtx 6000 ada")),
            ("A6000 48GB", Some("rtx a6000")),
            ("HGX B300", Some("b300")),
            ("Apple M4 Pro", Some("m4 pro")),
            ("Voodoo 2", None),
        ] {
            assert_eq!(device_named(name).map(|device| device.key), key, "{name}");
        }
    }
}
