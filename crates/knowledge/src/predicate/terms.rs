//! Conditions that several rules share, by name: `data/terms.toml`. A rule that means "a GPU that is meant for computing" says
//! so in the same words as every other rule, and a mistake in them is mended in one place.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

const FILE: &str = include_str!("../../data/terms.toml");

/// Every term as it is written. A test reads each, so none is passed over here.
pub(super) fn terms() -> &'static BTreeMap<String, Value> {
    static TERMS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    TERMS.get_or_init(|| toml::from_str(FILE).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence;
    use crate::predicate::Predicate;

    #[test]
    fn every_term_can_be_read_and_names_what_is_there() {
        let file: BTreeMap<String, Value> = toml::from_str(FILE).unwrap();
        assert!(!file.is_empty());
        for (name, term) in &file {
            let term =
                Predicate::from_value(term).unwrap_or_else(|error| panic!("{name}: {error}"));
            for item in term.items() {
                assert!(
                    evidence::item(item).is_some(),
                    "{name}: no evidence `{item}`"
                );
            }
        }
        let nothing = serde_json::json!({ "is": "no-such-term" });
        assert!(Predicate::from_value(&nothing).is_err());
    }
}
