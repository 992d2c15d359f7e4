//! When each minor version of Python was released.

use jiff::civil::Date;
use serde::Deserialize;
use std::sync::OnceLock;

/// A minor version of CPython.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonRelease {
    /// `3.12`
    pub version: String,
    /// The day of its first final release, `2023-10-02`.
    pub released: String,
    /// Where this is known from.
    pub source: String,
}

impl PythonRelease {
    /// The day of its first final release.
    pub fn day(&self) -> Option<Date> {
        self.released.parse().ok()
    }
}

/// All of them, oldest first.
pub fn all() -> &'static [PythonRelease] {
    #[derive(Deserialize)]
    struct File {
        release: Vec<PythonRelease>,
    }
    static TABLE: OnceLock<Vec<PythonRelease>> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    TABLE.get_or_init(|| {
        toml::from_str::<File>(include_str!("../data/python/releases.toml"))
            .map(|file| file.release)
            .unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_releases_are_in_order() {
        let days: Vec<Date> = all().iter().map(|release| release.day().unwrap()).collect();
        assert!(days.len() >= 8 && days.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
