//! Thinking about fit, speed, cost and choice, purely.
//!
//! Invariant: pure. Every number is explained by what it rests on.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests fail by panicking"))]

pub mod choose;
pub mod cost;
pub mod fit;
pub mod memory;

pub use memory::{ModelMemory, model_memory};
