//! The dashboard: what the command line answers, as pages.
//!
//! Nothing is here yet but the crate's place and its edges (`app`, `types`).
//!
//! Invariant: a page shows nothing that no command shows.
