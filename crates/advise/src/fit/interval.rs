//! Intervals: where nine of ten measurements should lie.

use super::term::{Term, total};

/// The interval of a sum whose terms are off independently of each other: doubts add as squares, and what no
/// term names adds a floor.
pub fn of_terms(terms: &[Term], floor: f64) -> (f64, f64) {
    let sum = total(terms);
    let squares: f64 = terms
        .iter()
        .map(|term| (term.bytes * term.doubt).powi(2))
        .sum();
    let half = (squares + (sum * floor).powi(2)).sqrt();
    ((sum - half).max(0.0), sum + half)
}

/// What no term names, as a share of the sum: running a model.
pub const INFERENCE_FLOOR: f64 = 0.04;

/// The same, training one.
pub const TRAINING_FLOOR: f64 = 0.10;

/// How far a speed may be off, as a factor.
pub fn of_speed(value: f64, factor: f64) -> (f64, f64) {
    (value / factor, value * factor)
}
