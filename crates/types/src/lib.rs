//! Plain data that every other crate speaks in: facts, plans, runs, metrics, problems, units.
//!
//! Invariant: no input, no output, no clock, no async. A value here can be written by hand,
//! sent as JSON and read back unchanged.

pub mod changes;
pub mod code;
pub mod facts;
pub mod known;
pub mod measured;
pub mod metric;
pub mod plan;
pub mod problem;
pub mod range;
pub mod run;
pub mod shell;
pub mod spelling;
pub mod units;

pub use code::{Code, Exit};
pub use facts::Facts;
pub use known::Known;
pub use problem::{Problem, Result};
