//! Python environments on top of uv: uv itself, the right framework build, first projects, the steps of `up`.
//!
//! Invariant: nothing of a person's is overwritten or removed; an environment that was half made is made anew,
//! a folder that is no environment is left alone and named.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod build;
pub mod check;
pub mod environment;
pub mod index;
pub mod manifest;
pub mod plan;
pub mod project;
pub mod snapshot;
pub mod uv;

pub use environment::{holds, is_made_by, perform, prepare, undo};

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
