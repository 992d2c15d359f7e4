//! The system layer: drivers, toolkits, access.
//!
//! [`plan`] turns facts and a wish into a plan: pure, total, the same for the same facts. What each archive holds, who
//! builds what, and what each step is for is data in `knowledge/data/platforms`. [`script`] prints a plan as a POSIX
//! script, [`transaction`] reads what apt says of one. Plans are carried out by `operate`. [`assess`] says at a glance what is lacking.
//!
//! Invariant: one source for the driver, never two; every package is named exactly, no pattern reaches apt; at most one
//! restart; what can't be seen is said and never guessed.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests fail by panicking"))]

mod after;
mod assess;
mod branch;
mod draft;
mod names;
mod planner;
mod present;
mod recipes;
mod revert;
mod rules;
pub mod script;
pub mod transaction;
mod wish;

pub use assess::{Assessment, Lacking, Undecided, assess};
pub use draft::{Note, SystemPlan};
pub use planner::plan;
pub use revert::revert;
pub use rules::rules;
pub use wish::{Part, Wish};
