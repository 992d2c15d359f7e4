//! A project's own files: `pyproject.toml` and `uv.lock`, and how they come from what a folder has.

pub mod as_of;
pub mod conda;
pub mod document;
pub mod resolve;
pub mod steps;
pub mod variants;

pub use document::Manifest;

/// An accelerator build of a framework, as a project names it: an extra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The extra's name: `cpu`, `cu126`, `rocm72`.
    pub extra: String,
    /// Its requirements.
    pub requirements: Vec<String>,
    /// The index it comes from; the default one when none.
    pub index: Option<Index>,
    /// The marker under which that index is asked.
    pub marker: Option<String>,
}

/// A package index by a name that the project gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// `pytorch-cu126`
    pub name: String,
    /// Its address.
    pub url: String,
}
