//! Public catalogues that offers are refreshed from.

use serde::Deserialize;
use std::sync::OnceLock;

/// A catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueSource {
    /// Its short name.
    pub id: String,
    /// How it is read: `gpuhunt`, `gpu-pricing`, `skypilot`.
    pub format: String,
    /// Where it lies.
    pub base: String,
    /// Each provider as it calls it, and as we do.
    pub providers: Vec<(String, String)>,
    /// Where this is known from; the letters stand at the file's head.
    pub source: String,
}

/// All, in the order in which they are asked: where two have a provider, the first that answers counts.
pub fn catalogue_sources() -> &'static [CatalogueSource] {
    #[derive(Deserialize)]
    struct File {
        source: Vec<CatalogueSource>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    &FILE
        .get_or_init(|| crate::table::parsed(include_str!("../../data/offers/sources.toml")))
        .source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_whole() {
        for one in catalogue_sources() {
            assert!(
                one.base.starts_with("https://") && !one.providers.is_empty(),
                "{one:?}"
            );
            assert!(matches!(
                one.format.as_str(),
                "gpuhunt" | "gpu-pricing" | "skypilot"
            ));
        }
        assert_eq!(catalogue_sources().len(), 3);
    }
}
