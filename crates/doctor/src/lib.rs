//! Thinking about what is wrong, purely: facts and evidence in, findings out.
//!
//! Thin so far: it says what could not be seen, and how to let it be seen. Causes of breakages
//! are to come as data files under `knowledge`.
//!
//! Invariant: pure. No machine, no clock; the same facts give the same findings.

pub mod unseen;

pub use unseen::{Unseen, unseen};
