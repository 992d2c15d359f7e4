//! Platforms that a person chooses among, and software that is tied to an accelerator's maker.

use crate::python::normalised_name;
use deskside_types::range::Range;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::OnceLock;

const PLATFORMS: &str = include_str!("../data/choose/platforms.toml");
const SOFTWARE: &str = include_str!("../data/choose/software.toml");

/// Two ends of a price.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ends {
    low: f64,
    high: f64,
}

impl Ends {
    /// As a range.
    pub fn range(self) -> Range {
        Range::between(self.low, self.high)
    }
}

/// What all platforms of a kind have in common.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// `nvidia`, `mac`, `rented`, …
    pub id: String,
    /// In words.
    pub name: String,
    /// What programs reach the accelerator by: `cuda`, `rocm`, `metal`, `cpu`.
    pub stack: String,
    /// What one mainly works with.
    pub driver: String,
    /// What it is best for.
    pub best_for: String,
    /// Its main drawback.
    pub drawback: String,
    /// Where this is known from.
    pub source: String,
}

/// A platform.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Its short name.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// In words.
    pub name: String,
    /// The accelerator; none: whatever the provider has.
    pub accelerator: Option<String>,
    /// Its memory in GB.
    #[serde(default)]
    pub memory_gb: f64,
    /// How many.
    #[serde(default = "one")]
    pub gpus: u32,
    /// What the card costs.
    pub card: Option<Ends>,
    /// What the whole machine costs.
    pub machine: Option<Ends>,
    /// It is bought used.
    #[serde(default)]
    pub used: bool,
    /// The month of the price.
    pub as_of: Option<String>,
    /// Watts of the whole machine at the wall while it works.
    pub watts: Option<Range>,
    /// Who rents it out.
    pub provider: Option<String>,
    /// How many accelerators are rented together.
    #[serde(default)]
    pub counts: Vec<u32>,
    /// `quiet`, `audible`, `loud`, where the person is.
    pub noise: String,
    /// It can be worked with from anywhere.
    #[serde(default)]
    pub portable: bool,
    /// Where this is known from.
    pub source: String,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Platforms {
    kind: Vec<Kind>,
    platform: Vec<Platform>,
}

fn file() -> &'static Platforms {
    static FILE: OnceLock<Platforms> = OnceLock::new();
    FILE.get_or_init(|| crate::table::parsed(PLATFORMS))
}

/// The provider of the platform that stands for a person's own offers, whoever makes them.
pub const OWN_OFFERS: &str = "own offers";

/// All platforms.
pub fn platforms() -> &'static [Platform] {
    &file().platform
}

/// A kind of platform.
pub fn kind(id: &str) -> Option<&'static Kind> {
    file().kind.iter().find(|kind| kind.id == id)
}

/// A source's letters in words; the text itself where it has none.
pub fn source_of(letters: &str) -> String {
    static SOURCES: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    let sources = SOURCES.get_or_init(|| {
        [PLATFORMS, SOFTWARE]
            .into_iter()
            .flat_map(|file| file.lines().take_while(|line| line.starts_with('#')))
            .filter_map(|line| line.strip_prefix("# source ")?.split_once(": "))
            .collect()
    });
    letters
        .split([',', ';'])
        .map(|part| {
            let part = part.trim();
            sources.get(part).copied().unwrap_or(part)
        })
        .collect::<Vec<_>>()
        .join("; ")
}

/// Whether software runs on a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runs {
    /// It does.
    Yes,
    /// Some of it does, or after changes.
    Partly,
    /// Nothing says.
    Unknown,
    /// It does not.
    No,
}

/// Software that is tied to an accelerator's maker.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Software {
    /// Its name.
    pub name: String,
    /// Distributions that bring it.
    #[serde(default)]
    pub dists: Vec<String>,
    /// Modules that are imported.
    #[serde(default)]
    pub imports: Vec<String>,
    /// Endings of files.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Pieces of Python code.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// The lowest compute capability on CUDA, or `any`.
    pub cuda: String,
    /// Why only some of it runs on CUDA, where that is so.
    pub cuda_partly: Option<String>,
    /// On ROCm.
    pub rocm: Runs,
    /// Why.
    #[serde(default)]
    pub rocm_why: String,
    /// On Metal.
    pub metal: Runs,
    /// Why.
    #[serde(default)]
    pub metal_why: String,
    /// What to use instead.
    pub instead: Option<String>,
    /// Where this is known from.
    pub source: String,
}

/// All such software.
pub fn software() -> &'static [Software] {
    #[derive(Deserialize)]
    struct File {
        software: Vec<Software>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    &FILE.get_or_init(|| crate::table::parsed(SOFTWARE)).software
}

/// Software by its name or by the name of one of its distributions.
pub fn software_named(name: &str) -> Option<&'static Software> {
    let wanted = normalised_name(name);
    software().iter().find(|one| {
        normalised_name(&one.name) == wanted
            || one.dists.iter().any(|dist| normalised_name(dist) == wanted)
            || one
                .imports
                .iter()
                .any(|import| normalised_name(import) == wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_a_kind_an_accelerator_or_a_provider_and_a_source() {
        let mut ids = std::collections::BTreeSet::new();
        for one in platforms() {
            assert!(ids.insert(&one.id), "{} stands twice", one.id);
            let kind = kind(&one.kind).unwrap_or_else(|| panic!("{} has no kind", one.id));
            assert!(matches!(kind.stack.as_str(), "cuda" | "rocm" | "metal"));
            assert!(
                one.accelerator.is_some() != one.provider.is_some(),
                "{}",
                one.id
            );
            assert!(
                !one.source.is_empty()
                    && matches!(one.noise.as_str(), "quiet" | "audible" | "loud")
            );
            assert_eq!(
                one.as_of.is_some(),
                one.card.is_some() || one.machine.is_some(),
                "{}",
                one.id
            );
            if let Some(name) = &one.accelerator {
                let row = crate::models::device_named(name);
                assert!(
                    row.is_some_and(|row| row.memory_gb >= one.memory_gb),
                    "{name}"
                );
            }
            if let Some(name) = one.provider.as_ref().filter(|name| *name != OWN_OFFERS) {
                assert!(
                    crate::prices::offers().any(|row| row.provider == *name),
                    "{name}"
                );
            }
            assert!(one.name.chars().count() <= 28, "{}: wide", one.name);
        }
        assert!(platforms().len() >= 18);
    }

    #[test]
    fn every_offer_that_is_chosen_among_has_a_speed_and_a_target() {
        let mut lacking = Vec::new();
        for row in crate::prices::offers() {
            if platforms()
                .iter()
                .any(|one| one.provider.as_deref() == Some(&row.provider))
            {
                let name = &row.accelerator;
                if crate::models::device_named(name).is_none() {
                    lacking.push(format!("{name}: speed"));
                }
                if crate::prices::target(name).is_none() {
                    lacking.push(format!("{name}: target"));
                }
            }
        }
        assert_eq!(lacking, Vec::<String>::new());
    }

    #[test]
    fn every_software_says_why_it_does_not_run() {
        for one in software() {
            for (runs, why) in [(one.rocm, &one.rocm_why), (one.metal, &one.metal_why)] {
                assert_eq!(runs == Runs::Yes, why.is_empty(), "{}", one.name);
            }
            assert!(
                one.cuda == "any" || one.cuda.parse::<f64>().is_ok(),
                "{}",
                one.name
            );
            assert!(!source_of(&one.source).starts_with('K'), "{}", one.source);
        }
        assert_eq!(
            software_named("Flash_Attn").map(|one| one.name.as_str()),
            Some("flash-attn")
        );
        assert!(software_named("cupy-cuda12x").is_some() && software_named("numpy").is_none());
    }
}
