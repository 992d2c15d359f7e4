//! The catalogue of GPUs: memory, bandwidth and power by product name.

use crate::table::{cell, find, rows};
use std::collections::HashMap;
use std::sync::OnceLock;

const CATALOGUE: &str = include_str!("../../data/gpus/catalogue.tsv");
const ALIASES: &str = include_str!("../../data/gpus/aliases.tsv");

/// One product, in one of its variants.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueEntry {
    /// `NVIDIA`, `AMD`, …
    pub vendor: &'static str,
    /// The product name.
    pub name: &'static str,
    /// `consumer`, `workstation`, `datacentre`, `apu`.
    pub class: &'static str,
    /// The architecture.
    pub architecture: Option<&'static str>,
    /// Compute capability or gfx name.
    pub target: Option<&'static str>,
    /// Memory in GB as its maker counts it.
    pub memory_gb: Option<f64>,
    /// Memory bandwidth in GB/s.
    pub bandwidth_gb_per_second: Option<f64>,
    /// Board power in watts.
    pub board_power_watts: Option<f64>,
    /// Launch day.
    pub launched: Option<&'static str>,
    /// Where this is known from; the letters stand at the table's head.
    pub source: &'static str,
}

fn entry(row: &'static str) -> Option<CatalogueEntry> {
    let mut cells = row.split('\t');
    let number = |text: Option<&'static str>| cell(text).and_then(|text| text.parse().ok());
    Some(CatalogueEntry {
        vendor: cells.next()?,
        name: cells.next()?,
        class: cells.next()?,
        architecture: cell(cells.next()),
        target: cell(cells.next()),
        memory_gb: number(cells.next()),
        bandwidth_gb_per_second: number(cells.next()),
        board_power_watts: number(cells.next()),
        launched: cell(cells.next()),
        source: cells.next()?,
    })
}

/// The catalogue, and the places of each bare name in it.
struct Read {
    all: Vec<CatalogueEntry>,
    places: HashMap<String, Vec<usize>>,
}

fn read() -> &'static Read {
    static READ: OnceLock<Read> = OnceLock::new();
    READ.get_or_init(|| {
        let all: Vec<CatalogueEntry> = rows(CATALOGUE).filter_map(entry).collect();
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, entry) in all.iter().enumerate() {
            places.entry(bare(entry.name)).or_default().push(place);
        }
        Read { all, places }
    })
}

/// The whole catalogue.
pub fn gpu_catalogue() -> impl Iterator<Item = &'static CatalogueEntry> {
    read().all.iter()
}

/// The variants of a product, by the name a driver or a PCI id gives it; makers' names and case count for nothing.
pub fn gpu_entries(name: &str) -> Vec<CatalogueEntry> {
    let mut wanted = bare(name);
    if let Some((_, listed)) = find(ALIASES, &wanted).and_then(|row| row.split_once('\t')) {
        wanted = bare(listed);
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    let read = read();
    read.places
        .get(&wanted)
        .into_iter()
        .flatten()
        .filter_map(|place| read.all.get(*place).cloned())
        .collect()
}

fn bare(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.split_whitespace()
        .filter(|word| !matches!(*word, "nvidia" | "amd" | "tesla"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_and_sourced() {
        assert_eq!(gpu_catalogue().count(), rows(CATALOGUE).count());
        for entry in gpu_catalogue() {
            assert!(
                !entry.source.is_empty() && entry.memory_gb.is_some(),
                "{entry:?}"
            );
        }
        let sorted: Vec<&str> = rows(CATALOGUE).collect();
        assert!(
            sorted.windows(2).all(|pair| pair[0] < pair[1]),
            "sorted and without doubles"
        );
        let aliases: Vec<&str> = rows(ALIASES).collect();
        assert!(aliases.windows(2).all(|pair| pair[0] < pair[1]) && ALIASES.contains("# source:"));
        for alias in aliases {
            let (name, listed) = alias.split_once('\t').unwrap();
            assert_eq!(bare(name), name);
            assert!(
                gpu_catalogue().any(|entry| entry.name == listed),
                "{listed}"
            );
        }
    }

    #[test]
    fn names_from_drivers_are_found() {
        for (name, rows, memory) in [
            ("NVIDIA GeForce RTX 4090", 1, Some(24.0)),
            ("GeForce RTX 4090", 1, Some(24.0)),
            ("AMD Radeon RX 7900 XTX", 1, Some(24.0)),
            ("NVIDIA GeForce RTX 3080", 2, Some(10.0)),
            ("Tesla T4", 1, Some(16.0)),
            ("NVIDIA H100 80GB HBM3", 1, Some(80.0)),
            ("NVIDIA A100-SXM4-80GB", 1, Some(80.0)),
            ("", 0, None),
            ("NVIDIA", 0, None),
            ("Voodoo 2", 0, None),
        ] {
            let found = gpu_entries(name);
            assert_eq!(
                (found.len(), found.first().and_then(|entry| entry.memory_gb)),
                (rows, memory),
                "{name}"
            );
        }
    }
}
