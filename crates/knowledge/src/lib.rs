//! What Deskside knows: one data file per thing known under `data/`, each with its source, compiled in;
//! and the predicates that data files are written in.
//!
//! Invariant: pure. No input, no output, no clock; every lookup is a function of its arguments.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod breakages;
pub mod choose;
pub mod conda;
pub mod environment;
pub mod errors;
pub mod evidence;
pub mod frameworks;
pub mod hardware;
pub mod hosts;
pub mod messages;
pub mod models;
pub mod platforms;
pub mod predicate;
pub mod prices;
pub mod python;
pub mod python_releases;
pub mod runtimes;
pub mod system;
mod table;
pub mod tariffs;
pub mod version;
