//! Whether two names mean one accelerator: makers, forms and memory are written in many ways.

use crate::hardware::{CatalogueEntry, gpu_catalogue, gpu_entries};
use std::sync::OnceLock;

/// Words that tell a form or a maker and not a product.
const NOISE: &[&str] = &[
    "nvidia",
    "amd",
    "geforce",
    "radeon",
    "instinct",
    "tesla",
    "quadro",
    "pcie",
    "nvlink",
    "nvl",
    "hgx",
    "hbm3",
    "hbm2e",
    "hbm2",
    "blackwell",
    "server",
    "workstation",
    "edition",
    "se",
    "gpu",
    "graphics",
    "generation",
];

fn words(name: &str) -> Vec<String> {
    name.to_ascii_lowercase()
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .flat_map(|word| {
            // `RTX4090` is written as one word by many.
            let split = ["rtx", "gtx", "rx"]
                .into_iter()
                .find(|line| {
                    word.strip_prefix(line)
                        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
                })
                .map_or(0, str::len);
            [&word[..split], &word[split..]]
                .into_iter()
                .filter(|part| !part.is_empty())
                .map(str::to_string)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_memory(word: &str) -> Option<u32> {
    word.strip_suffix("gb")?.parse().ok()
}

fn core(words: &[String]) -> Vec<&str> {
    let mut core: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| {
            !NOISE.contains(word)
                && is_memory(word).is_none()
                && *word != "gb"
                && !word.starts_with("sxm")
        })
        .collect();
    // `4090` is an RTX 4090 for whoever leaves the line's name away.
    if core.len() == 1 && core[0].len() == 4 && core[0].bytes().all(|digit| digit.is_ascii_digit())
    {
        core.insert(0, "rtx");
    }
    // An `A6000` is an RTX A6000; an A100 or A10 is no such card.
    if core.len() == 1
        && core[0].len() == 5
        && core[0].strip_prefix('a').is_some_and(|rest| {
            rest.ends_with("000") && rest.bytes().all(|digit| digit.is_ascii_digit())
        })
    {
        core.insert(0, "rtx");
    }
    core
}

/// Whether a number of one stands in the other, too, as it does in any two names of one product; also where one has none.
/// What is told apart that quickly need not be taken to pieces.
fn share_a_number(one: &str, other: &str) -> bool {
    let runs = |text: &str| -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        let mut start = None;
        for (at, byte) in text.bytes().chain([b' ']).enumerate() {
            match (byte.is_ascii_digit(), start) {
                (true, None) => start = Some(at),
                (false, Some(from)) => {
                    all.push((from, at));
                    start = None;
                }
                _ => {}
            }
        }
        all
    };
    let (left, right) = (runs(one), runs(other));
    left.is_empty()
        || right.is_empty()
        || left.iter().any(|(from, to)| {
            right
                .iter()
                .any(|(start, end)| one[*from..*to] == other[*start..*end])
        })
}

/// Whether `name` means `row`. Memory counts where `name` tells it and the row's is known; interconnects never do.
pub fn is_same_accelerator(name: &str, row: &str, row_memory_gb: Option<f64>) -> bool {
    share_a_number(name, row) && Name::of(name).means(&Name::of(row), row_memory_gb)
}

/// A name taken to pieces once.
struct Name {
    core: Vec<String>,
    /// An old Quadro RTX 6000, an RTX 6000 Ada and an RTX PRO 6000 are three products.
    quadro: bool,
    memory_gb: Option<u32>,
}

impl Name {
    fn of(name: &str) -> Self {
        let words = words(name);
        Self {
            core: core(&words).into_iter().map(str::to_string).collect(),
            quadro: words.iter().any(|word| word == "quadro"),
            memory_gb: words.iter().find_map(|word| is_memory(word)),
        }
    }

    fn means(&self, row: &Self, row_memory_gb: Option<f64>) -> bool {
        !self.core.is_empty()
            && self.core == row.core
            && self.quadro == row.quadro
            && match (self.memory_gb, row_memory_gb) {
                (Some(wanted), Some(has)) => (f64::from(wanted) - has).abs() < 1.0,
                _ => true,
            }
    }
}

/// The catalogue's names, taken to pieces once.
fn catalogue_names() -> &'static [(Name, &'static CatalogueEntry)] {
    static ALL: OnceLock<Vec<(Name, &'static CatalogueEntry)>> = OnceLock::new();
    ALL.get_or_init(|| {
        gpu_catalogue()
            .map(|entry| (Name::of(entry.name), entry))
            .collect()
    })
}

/// The product's row in the catalogue of GPUs.
pub(super) fn catalogued(name: &str) -> Option<CatalogueEntry> {
    gpu_entries(name).into_iter().next().or_else(|| {
        let wanted = Name::of(name);
        catalogue_names()
            .iter()
            .find(|(row, entry)| wanted.means(row, entry.memory_gb))
            .map(|(_, entry)| (*entry).clone())
    })
}

/// The power of an accelerator's board in watts, as its maker says it.
pub fn board_watts(name: &str) -> Option<f64> {
    catalogued(name)?.board_power_watts
}

/// Its compute capability or gfx name.
pub fn target(name: &str) -> Option<&'static str> {
    catalogued(name)?.target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_are_found_by_short_names() {
        assert_eq!(board_watts("RTX 4090"), Some(450.0));
        assert_eq!(board_watts("NVIDIA GeForce RTX 3090"), Some(350.0));
        assert!(board_watts("H100").is_some() && board_watts("Voodoo 2").is_none());
    }

    #[test]
    fn names_of_one_product_meet() {
        for (name, row, memory, same) in [
            ("NVIDIA GeForce RTX 4090", "RTX 4090", Some(24.0), true),
            ("4090", "RTX 4090", Some(24.0), true),
            ("rtx4090", "RTX 4090", Some(24.0), true),
            ("RTX 4090", "RTX 4080", Some(16.0), false),
            ("NVIDIA H100 80GB HBM3", "H100 SXM5", Some(80.0), true),
            ("NVIDIA A100-SXM4-80GB", "A100 PCIe", Some(80.0), true),
            ("NVIDIA A100-SXM4-80GB", "A100 SXM", Some(40.0), false),
            ("A100", "A100 SXM", Some(40.0), true),
            ("RTX 6000 Ada", "Quadro RTX 6000", Some(24.0), false),
            ("Quadro RTX 6000", "Quadro RTX 6000", Some(24.0), true),
            (
                "RTX PRO 6000 Blackwell Workstation Edition",
                "RTX Pro 6000 SE",
                Some(96.0),
                true,
            ),
            ("Apple M4 Max", "Apple M4 Max", None, true),
            ("Apple M4", "Apple M4 Max", None, false),
            ("Tesla T4", "T4", Some(16.0), true),
            ("A6000", "RTX A6000", Some(48.0), true),
            ("", "T4", None, false),
            ("NVIDIA", "T4", None, false),
        ] {
            assert_eq!(is_same_accelerator(name, row, memory), same, "{name} {row}");
        }
    }
}
