//! Answers of `deskside env` as text, one file a report.

pub mod change;
pub mod check;
pub mod diff;
pub mod gc;
pub mod history;
pub mod keep;
pub mod why;
