//! What providers charge beside the hourly price, and how long a start takes.

use deskside_types::range::Range;
use serde::Deserialize;
use std::sync::OnceLock;

const PROVIDERS: &str = include_str!("../../data/prices/providers.toml");

/// A provider's terms.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderTerms {
    /// The provider, as offers name it.
    pub name: String,
    /// A GB that is kept for a month.
    pub storage_per_gb_month: Range,
    /// A GB that is taken out; none where it was not read.
    pub egress_per_gb: Option<Range>,
    /// Minutes from renting to ready.
    pub startup_minutes: Range,
    /// The currency's letters.
    pub currency: String,
    /// Year and month.
    pub as_of: String,
    /// Where this is known from.
    pub source: String,
}

/// A provider's terms, where they were read.
pub fn provider_terms(name: &str) -> Option<&'static ProviderTerms> {
    table().iter().find(|terms| terms.name == name)
}

fn table() -> &'static [ProviderTerms] {
    #[derive(Deserialize)]
    struct File {
        provider: Vec<ProviderTerms>,
    }
    static TABLE: OnceLock<Vec<ProviderTerms>> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    TABLE.get_or_init(|| {
        toml::from_str::<File>(PROVIDERS)
            .map(|file| file.provider)
            .unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::offers;

    #[test]
    fn every_provider_has_offers_and_ordered_terms() {
        assert!(table().len() >= 3);
        for terms in table() {
            assert!(
                offers().any(|row| row.provider == terms.name),
                "{}",
                terms.name
            );
            assert!(terms.storage_per_gb_month.is_ordered() && terms.startup_minutes.is_ordered());
            assert!(!terms.source.is_empty() && terms.as_of.len() == 7);
        }
        assert!(provider_terms("nobody").is_none());
    }
}
