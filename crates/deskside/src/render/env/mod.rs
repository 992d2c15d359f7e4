//! Answers of `deskside env` as text, one file a report.

pub mod change;
pub mod check;
