//! For tests only: [`Sim`], a simulated machine, and the [`conformance`] suite that holds it to
//! what the real one does.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod apt;
pub mod conformance;
pub mod sim;
pub mod skip;
pub mod tools;

pub use sim::{Sim, SimLaunched, SimNode, SimProcess, SimResponse, SimState};
pub use skip::skip;
