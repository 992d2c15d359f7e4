//! Conda packages in the terms of a Python package index.

use serde::Deserialize;
use std::sync::OnceLock;

/// A conda package that the index has under another name, or does not have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CondaPackage {
    /// Its name in conda.
    pub name: String,
    /// Its name on the index; none where it is not to be had there.
    pub python: Option<String>,
    /// What takes its place.
    #[serde(default)]
    pub why: String,
    /// Where this is known from.
    pub source: String,
}

fn all() -> &'static [CondaPackage] {
    #[derive(Deserialize)]
    struct File {
        package: Vec<CondaPackage>,
    }
    static TABLE: OnceLock<Vec<CondaPackage>> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    TABLE.get_or_init(|| {
        toml::from_str::<File>(include_str!("../data/python/conda.toml"))
            .map(|file| file.package)
            .unwrap_or_default()
    })
}

/// What is known of a conda package by its name; none where the index is taken to have it under the same name.
/// Packages of R (`r-…`) are never Python's.
pub fn package(name: &str) -> Option<&'static CondaPackage> {
    let known = |wanted: &str| all().iter().find(|package| package.name == wanted);
    known(name).or_else(|| name.starts_with("r-").then(|| known("r-base")).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads() {
        assert!(all().len() > 50);
        for package in all() {
            assert_eq!(
                package.python.is_none(),
                !package.why.is_empty(),
                "{}",
                package.name
            );
            assert!(!package.source.is_empty());
        }
        assert_eq!(
            package("pytorch").and_then(|one| one.python.as_deref()),
            Some("torch")
        );
        assert!(package("numpy").is_none() && package("r-ggplot2").is_some());
    }
}
