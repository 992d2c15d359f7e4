//! The mechanism: plans are carried out here, and only here, so that there is one history.
//!
//! A plan is complete before anything happens; carrying it out makes no choices. For every step:
//! check (satisfied steps are passed over), journal "begin" with what undo will need, act, verify,
//! journal "done". Killed at any effect, the same plan carried out again finishes the work.
//!
//! Invariant: nothing here knows what a driver or a Python environment is. What only a domain
//! knows how to do is injected as a [`Domain`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests fail by panicking"))]

pub mod apply;
mod attempt;
pub mod check;
pub mod domain;
mod history;
pub mod journal;
mod kept;
mod perform;
pub mod premise;
mod revert;
pub mod root;
pub mod system;
pub mod undo;

pub use apply::{Applied, Event, Turn, apply, apply_in, turn};
pub use domain::{Domain, NoDomain};
pub use history::{Operation, Outcome, history};
pub use journal::OperationId;
pub use kept::clear_leftovers;
pub use undo::{Undone, undo, undo_in};

use deskside_machine::Machine;
use std::path::PathBuf;

/// Everything that carrying out a plan needs beside the plan.
pub struct Workshop<'a> {
    /// The machine.
    pub machine: &'a dyn Machine,
    /// What the domains know how to do.
    pub domain: &'a dyn Domain,
    /// The folder of journals, lock and kept files: the state directory.
    pub state: PathBuf,
    /// Who carries out what needs root; none where nobody may.
    pub root: Option<&'a dyn root::Root>,
}

/// SHA-256 in hex: how contents are named in plans and journals.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
