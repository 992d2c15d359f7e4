//! One term of a sum, and what its size rests on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One named term.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Term {
    /// Its name: `weights`, `cache`, …
    pub name: String,
    /// Bytes.
    pub bytes: f64,
    /// How far it may be off, as a share of itself, in nine of ten cases.
    pub doubt: f64,
    /// What it rests on.
    pub because: String,
}

impl Term {
    /// A term.
    pub fn new(name: &str, bytes: f64, doubt: f64, because: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.max(0.0),
            doubt,
            because: because.into(),
        }
    }
}

/// The sum of terms.
pub fn total(terms: &[Term]) -> f64 {
    terms.iter().map(|term| term.bytes).sum()
}
