//! What it costs: buy or not, keep or sell, this job here or rented. Three questions, never mixed.
//!
//! Everything is linear in the hours of use but for the hours beyond those the machine is on anyway, so that a break-even is
//! solved and not searched. Each input is a number of [`case::Values`]; the ends of their ranges give the low and the high case.

pub mod break_even;
pub mod capital;
pub mod case;
pub mod compare;
pub mod electricity;
pub mod history;
pub mod job;
pub mod own;
pub mod rent;
pub mod run;
pub mod sensitivity;
pub mod speed;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod laws;

pub use case::{Case, Field, Question, Ranges, Values};
pub use compare::{Comparison, Side, compare};

use schemars::JsonSchema;
use serde::Serialize;

/// One named part of a sum of money.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Term {
    /// Its name.
    pub name: String,
    /// Money for the span that the sum is for; negative where it comes back.
    pub money: f64,
    /// What it rests on, in words.
    pub because: String,
}

impl Term {
    pub(crate) fn new(name: &str, money: f64, because: String) -> Self {
        Self {
            name: name.into(),
            money,
            because,
        }
    }
}
