//! What each error code means at length: the text behind `deskside explain CODE`.

use deskside_types::Code;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// One error code, explained.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// What it is, in a phrase.
    pub title: String,
    /// What it means and what usually leads to it.
    pub meaning: String,
    /// What to do, in the order to try it.
    pub remedy: Vec<String>,
}

/// The explanation of a code.
pub fn explanation(code: Code) -> Option<&'static Explanation> {
    table().get(code.text())
}

fn table() -> &'static BTreeMap<String, Explanation> {
    static TABLE: OnceLock<BTreeMap<String, Explanation>> = OnceLock::new();
    // The file is part of the program and its form is tested, so an empty table is never seen.
    TABLE.get_or_init(|| toml::from_str(include_str!("../data/errors.toml")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_and_nothing_else_is() {
        let parsed: BTreeMap<String, Explanation> =
            toml::from_str(include_str!("../data/errors.toml")).expect("errors.toml");
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.text()).collect();
        for code in &codes {
            assert!(parsed.contains_key(*code), "{code} has no explanation");
        }
        for (code, explanation) in &parsed {
            assert!(codes.contains(&code.as_str()), "{code} does not exist");
            assert!(
                !explanation.remedy.is_empty() && explanation.meaning.len() > 40,
                "{code} says too little"
            );
        }
    }
}
