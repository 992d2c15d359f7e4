//! Runs on disk: the run folder, metric segments, the index of runs, logs, and the Python module.
//!
//! The folder is the truth and self-contained; the index can be rebuilt from folders. Files go
//! through the door ([`deskside_machine::Machine`]); only SQLite opens its one file itself.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "tests make their own files and processes"
    )
)]

pub mod folder;
pub mod index;
pub mod logs;
pub mod measured;
pub mod module;
pub mod record;
pub mod secrets;
pub mod segment;
pub mod shared;
pub mod store;
pub mod summary;
pub mod truth;

mod resolve;

pub use folder::Folder;
pub use store::Store;
pub use truth::truth;

#[cfg(test)]
mod python_tests;
#[cfg(test)]
mod store_tests;
