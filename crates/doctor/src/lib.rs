//! Facts and knowledge in, findings out.
//!
//! [`Scene`] is what was seen of a machine: its facts, and texts by the names of `knowledge/data/evidence`. [`diagnose`]
//! judges every breakage over it, follows what explains what down to the roots, and says what it ruled out.
//!
//! Invariant: pure; the same facts and knowledge give the same findings in the same order.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests fail by panicking"))]

mod diagnose;
mod explain;
mod failure;
mod judge;
mod offer;
mod report;
mod scene;
mod unseen;

pub use deskside_knowledge::breakages::{Area, Severity};
pub use diagnose::{diagnose, in_order, recognises};
pub use failure::{Failure, failure};
pub use judge::without_controls;
pub use report::{
    AreaState, Confidence, Consequence, Diagnosis, EvidenceLine, Finding, FixOffer, NotSeen,
    RuledOut, Suspect, Unexplained,
};
pub use scene::{Document, EXIT, OUTPUT, Scene};
pub use unseen::{Unseen, unseen};
