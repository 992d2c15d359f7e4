//! Systems a person may name when asking which build would fit.

use serde::Deserialize;

/// A Linux distribution's release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSystem {
    /// `ubuntu`
    pub id: String,
    /// `24.04`
    pub version: String,
    /// The name for people.
    pub name: String,
    /// The version of its C library.
    pub glibc: String,
    /// Where this is known from.
    pub source: String,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSystems {
    /// The one that is taken for a family first.
    #[serde(rename = "system")]
    pub all: Vec<NamedSystem>,
}

file!(
    /// Systems by name.
    systems: NamedSystems = "../../data/frameworks/systems.toml"
);
