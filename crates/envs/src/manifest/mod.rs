//! A project's own files: `pyproject.toml` and `uv.lock`, and how they come from what a folder has.

pub mod as_of;
pub mod conda;
pub mod document;
mod doubles;
mod extras;
pub mod named;
pub mod pip;
pub mod resolve;
mod settings;
pub mod steps;
mod take_in;

pub use document::Manifest;

use crate::build::IndexChoice;

/// An accelerator build of a framework, as a project names it: an extra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The extra's name: `cpu`, `cu126`, `rocm72`.
    pub extra: String,
    /// Its requirements.
    pub requirements: Vec<String>,
    /// The index it comes from; the default one when none.
    pub index: Option<IndexChoice>,
    /// The marker under which that index is asked.
    pub marker: Option<String>,
}
