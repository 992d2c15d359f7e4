//! For tests only: [`Sim`], a simulated machine.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod sim;
pub mod skip;

pub use sim::{Sim, SimLaunched, SimNode, SimProcess, SimState};
pub use skip::skip;
