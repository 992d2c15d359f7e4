//! Will it fit, and how fast: pure arithmetic over shapes, formats, frameworks and accelerators.
//!
//! One file a family of terms. `docs/fit.md` has the formulas with their sources.

pub mod activations;
pub mod adapter;
pub mod advice;
pub mod cache;
pub mod case;
pub mod change;
pub mod config;
pub mod gguf;
pub mod inference;
pub mod interval;
pub mod optimizer;
pub mod overhead;
pub mod row;
pub mod safetensors;
pub mod shape;
pub mod speed;
pub mod table;
pub mod term;
pub mod training;
pub mod verdict;
pub mod weights;

#[cfg(test)]
mod tests;

use case::{Case, Work};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use term::{Term, total};

/// A sum with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Bytes.
    pub bytes: f64,
    /// Nine of ten measurements should lie above this.
    pub low: f64,
    /// And below this.
    pub high: f64,
    /// The terms.
    pub terms: Vec<Term>,
    /// Something is not counted, because nothing is known of it: it needs this at the least.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lower_bound: bool,
    /// What was assumed.
    pub assumptions: Vec<String>,
}

/// The memory that a case needs.
pub fn estimate(case: &Case) -> Estimate {
    let (terms, floor) = match &case.work {
        Work::Inference(work) => (inference::terms(case, work), interval::INFERENCE_FLOOR),
        Work::Training(work) => (training::terms(case, work), interval::TRAINING_FLOOR),
    };
    let (low, high) = interval::of_terms(&terms, floor);
    Estimate {
        bytes: total(&terms),
        low,
        high,
        terms,
        lower_bound: !case.shape.is_counted_whole(),
        assumptions: case.shape.assumed.clone(),
    }
}
