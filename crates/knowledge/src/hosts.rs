//! The marks by which hosted services are known.

use deskside_types::facts::Provider;
use serde::Deserialize;
use std::sync::OnceLock;

const PROVIDERS: &str = include_str!("../data/hosts/providers.toml");

/// Marks that together tell a provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderMark {
    /// The provider.
    pub provider: Provider,
    /// An environment variable that is set.
    pub variable: Option<String>,
    /// A file that is there.
    pub file: Option<String>,
    /// The machine's maker, as DMI has it.
    pub vendor: Option<String>,
    /// The product's name, as DMI has it.
    pub product: Option<String>,
    /// Where this is known from.
    pub source: String,
}

/// All marks, in the order to try them.
pub fn provider_marks() -> &'static [ProviderMark] {
    #[derive(Deserialize)]
    struct File {
        mark: Vec<ProviderMark>,
    }
    static TABLE: OnceLock<Vec<ProviderMark>> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    TABLE.get_or_init(|| {
        toml::from_str::<File>(PROVIDERS)
            .map(|file| file.mark)
            .unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_has_a_sign_and_a_source() {
        assert!(provider_marks().len() >= 10);
        for mark in provider_marks() {
            assert!(!mark.source.is_empty());
            assert!(
                mark.variable.is_some() || mark.file.is_some() || mark.vendor.is_some(),
                "{mark:?}"
            );
        }
    }
}
