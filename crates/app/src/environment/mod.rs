//! Environments of projects: `deskside env …`. One file a question.
//!
//! A command that changes an environment is prepared (looked at, decided, resolved into a plan; nothing of the person's
//! is touched), then carried out by [`change::carry_out`], which keeps a snapshot before and after.

pub mod change;
pub mod check;
mod place;

pub use change::{ChangePlanReport, ChangeReport, Prepared, carry_out};
pub use deskside_envs::snapshot::compare::{Changed, Difference, Named, Versions};
pub use place::{Place, uv_state};
