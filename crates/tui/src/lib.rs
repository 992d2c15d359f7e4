//! Drawing on a terminal: what may be printed where, colours by meaning, tables, sparklines, progress.
//!
//! Invariant: nothing here decides anything about a machine; it is told what to draw.
//! Everything is legible without colour, without Unicode, and through a pipe.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests fail by panicking"))]

pub mod palette;
pub mod progress;
pub mod sparkline;
pub mod table;
pub mod top;
pub mod ui;

pub use palette::Meaning;
pub use progress::Steps;
pub use table::Table;
pub use ui::{Surroundings, Ui, When};
