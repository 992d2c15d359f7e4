//! What the system layer may lack, and the commands that a person would run: one data file a lack.

use crate::predicate::Predicate;
use serde::Deserialize;
use std::sync::OnceLock;

/// Something that the system layer may lack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lack {
    /// Its stable, dotted identity.
    pub id: String,
    /// What is lacking, in a phrase.
    pub title: String,
    /// Why it matters, in a sentence.
    pub why: String,
    /// Accelerators can't be used while it lacks.
    pub blocks_accelerator: bool,
    /// When it is lacking.
    pub when: Predicate,
    /// The ways to bring it; the first whose condition holds is taken.
    #[serde(default)]
    pub ways: Vec<Way>,
    /// Where this is from.
    pub source: String,
}

/// A way to bring what is lacking.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// When this way is the right one; always, when it is absent.
    pub when: Option<Predicate>,
    /// Commands that a person would run, in order.
    #[serde(default)]
    pub commands: Vec<String>,
    /// What else is to be done or known.
    pub note: Option<String>,
}

const FILES: &[(&str, &str)] = &[
    ("amd-access", include_str!("../data/system/amd-access.toml")),
    ("amd-driver", include_str!("../data/system/amd-driver.toml")),
    (
        "nvidia-driver",
        include_str!("../data/system/nvidia-driver.toml"),
    ),
    (
        "nvidia-gpu-lost",
        include_str!("../data/system/nvidia-gpu-lost.toml"),
    ),
    (
        "nvidia-silent",
        include_str!("../data/system/nvidia-silent.toml"),
    ),
    (
        "nvidia-mismatch",
        include_str!("../data/system/nvidia-mismatch.toml"),
    ),
    ("reboot", include_str!("../data/system/reboot.toml")),
    ("wsl-cuda", include_str!("../data/system/wsl-cuda.toml")),
];

/// Everything that the system layer may lack.
pub fn lacks() -> &'static [Lack] {
    static LACKS: OnceLock<Vec<Lack>> = OnceLock::new();
    // The files are part of the program and a test reads each, so none is passed over here.
    LACKS.get_or_init(|| {
        FILES
            .iter()
            .filter_map(|(_, text)| toml::from_str(text).ok())
            .collect()
    })
}

const SIGNALS: &str = include_str!("../data/system/signals.tsv");

/// A signal's name, and what it says of a program that it ended.
pub fn signal(number: i32) -> Option<(&'static str, &'static str)> {
    let mut fields = crate::table::find(SIGNALS, &number.to_string())?
        .split('\t')
        .skip(1);
    Some((fields.next()?, fields.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_a_sorted_table() {
        let lines: Vec<&str> = crate::table::rows(SIGNALS).collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        for line in lines {
            let number = line.split('\t').next().unwrap().parse().unwrap();
            let (name, meaning) = signal(number).unwrap();
            assert!(name.starts_with("SIG") && !meaning.is_empty(), "{line}");
        }
        assert_eq!(signal(0), None);
    }

    #[test]
    fn every_file_can_be_read_and_names_its_source() {
        for (name, text) in FILES {
            let lack: Lack = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                !lack.source.is_empty() && !lack.ways.is_empty(),
                "{name} says too little"
            );
            assert!(
                lack.ways.last().is_some_and(|way| way.when.is_none()),
                "{name}: the last way must always do"
            );
        }
        assert_eq!(lacks().len(), FILES.len());
    }
}
