//! A GPU by the name that a person types: `4090`, `rtx4070ti`, `RX 580`, `a100 80gb`, `DGX Spark`.

use super::{gpu_catalogue, nvidia_devices};
use crate::table::{cell, rows};

const NAMES: &str = include_str!("../../data/gpus/names.tsv");

/// Who makes a GPU, and whether its packages are those of everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// NVIDIA.
    Nvidia,
    /// NVIDIA's modules for robots, whose packages come with JetPack.
    Jetson,
    /// AMD.
    Amd,
    /// Intel.
    Intel,
}

/// A GPU that goes by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedGpu {
    /// Its maker.
    pub maker: Maker,
    /// Its name in full.
    pub name: &'static str,
    /// Compute capability or gfx name, where it has one.
    pub target: Option<&'static str>,
    /// The processor of its machine, where it comes with one only: `aarch64`.
    pub processor: Option<&'static str>,
}

/// Words that tell who makes it, or nothing at all.
const NVIDIAS: &[&str] = &["nvidia", "geforce", "rtx", "gtx", "gt", "quadro", "tesla"];
const AMDS: &[&str] = &["amd", "ati", "radeon", "rx", "instinct", "ryzen"];
const INTELS: &[&str] = &["intel"];
const NOTHING: &[&str] = &[
    "gpu",
    "gpus",
    "graphics",
    "card",
    "laptop",
    "mobile",
    "desktop",
    "edition",
    "founders",
    "workstation",
    "server",
    "generation",
    "series",
    "pcie",
    "nvl",
    "sxm",
    "sxm2",
    "sxm3",
    "sxm4",
    "sxm5",
    "hbm2",
    "hbm2e",
    "hbm3",
    "hbm3e",
    "vram",
    "igpu",
    "max+",
];

/// A name taken apart.
struct Words {
    /// The words that count.
    all: Vec<String>,
    /// The maker that a word names.
    maker: Option<Maker>,
}

fn words(name: &str) -> Words {
    let lower = name.to_ascii_lowercase();
    let outside = lower.split(['(', ')']).step_by(2).collect::<String>();
    let raw: Vec<&str> = outside
        .split([' ', '-', '_', '/', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let mut maker = None;
    let mut all = Vec::new();
    for (place, word) in raw.iter().enumerate() {
        // `rtx4090` is `rtx` and `4090`.
        let (family, rest) = ["geforce", "radeon", "rtx", "gtx", "rx", "gt"]
            .iter()
            .find_map(|family| {
                let rest = word.strip_prefix(family)?;
                rest.starts_with(|letter: char| letter.is_ascii_digit())
                    .then_some((*family, rest))
            })
            .unwrap_or((word, ""));
        if NVIDIAS.contains(&family) {
            maker = maker.or(Some(Maker::Nvidia));
        } else if AMDS.contains(&family) {
            maker = maker.or(Some(Maker::Amd));
        } else if INTELS.contains(&family) {
            maker = maker.or(Some(Maker::Intel));
        } else if !NOTHING.contains(&family)
            && !is_memory(family)
            && raw.get(place + 1).is_none_or(|next| *next != "gb")
        {
            all.push(family.trim_end_matches('+').to_string());
        }
        if !rest.is_empty() {
            all.push(rest.to_string());
        }
    }
    Words { all, maker }
}

/// `80gb`, or `gb` alone.
fn is_memory(word: &str) -> bool {
    word.strip_suffix("gb")
        .is_some_and(|number| number.chars().all(|letter| letter.is_ascii_digit()))
}

fn listed() -> impl Iterator<Item = NamedGpu> {
    let own = rows(NAMES).filter_map(|row| {
        let mut cells = row.split('\t');
        cells.next()?;
        Some(NamedGpu {
            maker: match cells.next()? {
                "nvidia" => Maker::Nvidia,
                "jetson" => Maker::Jetson,
                "amd" => Maker::Amd,
                _ => Maker::Intel,
            },
            name: cells.next()?,
            target: cell(cells.next()),
            processor: cell(cells.next()),
        })
    });
    own.chain(products())
}

/// What the catalogue and the list of PCI ids name.
fn products() -> impl Iterator<Item = NamedGpu> {
    let catalogue = gpu_catalogue().map(|entry| NamedGpu {
        maker: if entry.vendor == "AMD" {
            Maker::Amd
        } else {
            Maker::Nvidia
        },
        name: entry.name,
        target: entry.target,
        processor: None,
    });
    let devices = nvidia_devices().flat_map(|device| {
        let target = device.compute_capability;
        device.names.into_iter().map(move |name| NamedGpu {
            maker: Maker::Nvidia,
            name,
            target,
            processor: None,
        })
    });
    catalogue.chain(devices).filter(|gpu| gpu.target.is_some())
}

/// The GPUs that go by a name, one for each target; several where the name leaves it open. The first of a target is the
/// one with the shortest name. Makers' and families' words, memory sizes and case count for nothing, but a maker that is
/// named holds.
pub fn gpus_called(name: &str) -> Vec<NamedGpu> {
    let wanted = words(name);
    let key = wanted.all.concat();
    // A maker alone names nothing, but for Intel, whose graphics are all answered alike.
    if key.len() < 2 {
        return match wanted.maker {
            Some(Maker::Intel) => listed()
                .filter(|gpu| gpu.maker == Maker::Intel && gpu.name == "Intel graphics")
                .collect(),
            _ => Vec::new(),
        };
    }
    let of_maker = |gpu: &NamedGpu| {
        wanted.maker.is_none_or(|maker| {
            maker == gpu.maker || (maker == Maker::Nvidia && gpu.maker == Maker::Jetson)
        })
    };
    // The names that people type come first: they say what a bare `a100` is.
    let typed: Vec<NamedGpu> = rows(NAMES)
        .zip(listed())
        .filter(|(row, gpu)| {
            of_maker(gpu)
                && row
                    .split('\t')
                    .next()
                    .is_some_and(|own| words(own).all.concat() == key)
        })
        .map(|(_, gpu)| gpu)
        .collect();
    if !typed.is_empty() {
        return one_for_each_target(typed);
    }
    let all: Vec<(NamedGpu, Vec<String>)> = products()
        .filter(of_maker)
        .map(|gpu| {
            let words = words(gpu.name).all;
            (gpu, words)
        })
        .collect();
    let exact: Vec<NamedGpu> = all
        .iter()
        .filter(|(_, words)| words.concat() == key)
        .map(|(gpu, _)| gpu.clone())
        .collect();
    // A workstation's bare number (`6000`) is several generations' name.
    let is_bare =
        key.len() == 4 && key.ends_with("000") && key.bytes().all(|byte| byte.is_ascii_digit());
    if !exact.is_empty() && !is_bare {
        return one_for_each_target(exact);
    }
    let holds = |words: &[String]| {
        wanted.all.iter().all(|part| {
            words.iter().any(|word| {
                word == part
                    || (part.len() > 2
                        && part.contains(|letter: char| letter.is_ascii_alphabetic())
                        && part.contains(|letter: char| letter.is_ascii_digit())
                        && word.starts_with(part.as_str()))
            })
        })
    };
    let wider = all
        .iter()
        .filter(|(_, words)| holds(words))
        .map(|(gpu, _)| gpu.clone());
    one_for_each_target(exact.into_iter().chain(wider).collect())
}

fn one_for_each_target(mut all: Vec<NamedGpu>) -> Vec<NamedGpu> {
    all.sort_by_key(|gpu| gpu.name.len());
    let mut found: Vec<NamedGpu> = Vec::new();
    for gpu in all {
        if found
            .iter()
            .all(|other| (other.maker, other.target) != (gpu.maker, gpu.target))
        {
            found.push(gpu);
        }
    }
    found
}

/// All names, for one that is misspelt.
pub fn gpu_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = listed().map(|gpu| gpu.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::{amd_target, nvidia_architecture};

    #[test]
    fn names_that_people_type_are_found() {
        for (name, target) in [
            ("4090", "8.9"),
            ("RTX 4090", "8.9"),
            ("rtx4090", "8.9"),
            ("nvidia geforce rtx 4090", "8.9"),
            ("4090 laptop", "8.9"),
            ("RTX 4070 Ti SUPER", "8.9"),
            ("4070ti", "8.9"),
            ("3090", "8.6"),
            ("RTX 3090 24GB", "8.6"),
            ("3060 12 GB", "8.6"),
            ("2080ti", "7.5"),
            ("1080 Ti", "6.1"),
            ("gtx1060", "6.1"),
            ("GTX 970", "5.2"),
            ("a100", "8.0"),
            ("A100 80GB", "8.0"),
            ("A100-SXM4-40GB", "8.0"),
            ("h100", "9.0"),
            ("H100 80GB HBM3", "9.0"),
            ("H100 NVL", "9.0"),
            ("GH200", "9.0"),
            ("GB200", "10.0"),
            ("B200", "10.0"),
            ("GB10", "12.1"),
            ("DGX Spark", "12.1"),
            ("dgx-spark", "12.1"),
            ("Tesla T4", "7.5"),
            ("t4", "7.5"),
            ("V100", "7.0"),
            ("p100", "6.0"),
            ("K80", "3.7"),
            ("L40S", "8.9"),
            ("A6000", "8.6"),
            ("RTX 6000 Ada", "8.9"),
            ("RTX PRO 6000", "12.0"),
            ("Titan V", "7.0"),
            ("RX 580", "gfx803"),
            ("580", "gfx803"),
            ("RX 7900 XTX", "gfx1100"),
            ("7900xtx", "gfx1100"),
            ("rx6600", "gfx1032"),
            ("6700 XT", "gfx1031"),
            ("9070 XT", "gfx1201"),
            ("RX 9060 XT", "gfx1200"),
            ("780M", "gfx1103"),
            ("Strix Halo", "gfx1151"),
            ("Ryzen AI Max+ 395", "gfx1151"),
            ("MI300X", "gfx942"),
            ("mi300", "gfx942"),
            ("Radeon VII", "gfx906"),
            ("Vega 64", "gfx900"),
            ("Jetson Orin Nano", "8.7"),
        ] {
            let found = gpus_called(name);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert_eq!(found[0].target, Some(target), "{name}: {found:?}");
        }
    }

    #[test]
    fn makers_hold_and_what_is_open_is_left_open() {
        for name in [
            "Intel Arc A770",
            "arc",
            "B580",
            "UHD Graphics",
            "iris xe",
            "intel",
        ] {
            let found = gpus_called(name);
            assert!(
                found.len() == 1 && found[0].maker == Maker::Intel,
                "{name}: {found:?}"
            );
        }
        for name in [
            "jetson",
            "Jetson AGX Orin",
            "NVIDIA Jetson Orin Nano",
            "thor",
        ] {
            assert_eq!(gpus_called(name)[0].maker, Maker::Jetson, "{name}");
        }
        for name in ["6000", "RTX 4000", "titan", "titan x"] {
            assert!(
                gpus_called(name).len() > 1,
                "{name}: {:?}",
                gpus_called(name)
            );
        }
        for name in [
            "", "nvidia", "gtx 580", "voodoo 2", "rx 4090", "RTX 4091", "x", "gb",
        ] {
            assert!(
                gpus_called(name).is_empty(),
                "{name}: {:?}",
                gpus_called(name)
            );
        }
    }

    #[test]
    fn the_table_is_sorted_and_its_targets_are_known() {
        assert!(NAMES.contains("# source S3"));
        let lines: Vec<&str> = rows(NAMES).collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        for (row, gpu) in lines.iter().zip(listed()) {
            assert_eq!(row.split('\t').count(), 6, "{row}");
            match (gpu.maker, gpu.target) {
                (Maker::Nvidia, Some(target)) => {
                    assert!(nvidia_architecture(target).is_some(), "{row}");
                }
                // Older than any target that frameworks know.
                (Maker::Amd, Some("gfx803")) | (Maker::Jetson, _) => {}
                (Maker::Amd, Some(target)) => assert!(amd_target(target).is_some(), "{row}"),
                (Maker::Intel, target) => assert_eq!(target, None, "{row}"),
                _ => panic!("{row}"),
            }
        }
    }
}
