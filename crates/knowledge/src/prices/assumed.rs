//! What is assumed where a person gives nothing and nothing was measured.

use deskside_types::range::Range;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

const ASSUMED: &str = include_str!("../../data/prices/defaults.toml");

/// An assumption.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    /// The low end.
    low: f64,
    /// What is counted with.
    base: f64,
    /// The high end.
    high: f64,
    /// Where this is from; the letters stand at the file's head.
    pub source: String,
}

impl Assumed {
    /// Its range.
    pub fn range(&self) -> Range {
        Range {
            low: self.low,
            base: self.base,
            high: self.high,
        }
    }

    /// Its source in words: what the letters stand for.
    pub fn because(&self) -> String {
        let words: Vec<&str> = self
            .source
            .split(", ")
            .filter_map(|letters| {
                let head = format!("# source {letters}: ");
                ASSUMED.lines().find_map(|line| line.strip_prefix(&head))
            })
            .collect();
        if words.is_empty() {
            self.source.clone()
        } else {
            words.join("; ")
        }
    }
}

/// An assumption by its name.
pub fn assumed(name: &str) -> Option<&'static Assumed> {
    table().get(name)
}

fn table() -> &'static BTreeMap<String, Assumed> {
    static TABLE: OnceLock<BTreeMap<String, Assumed>> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    TABLE.get_or_init(|| toml::from_str(ASSUMED).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assumption_is_ordered_and_says_where_it_is_from() {
        assert!(table().len() >= 19);
        for (name, one) in table() {
            assert!(one.range().is_ordered(), "{name}");
            assert!(one.because().len() > 10, "{name}: {}", one.because());
        }
        assert!(assumed("busy_hours_a_day").is_some() && assumed("luck").is_none());
    }
}
