//! Reports as text. One file a report; nothing here asks a machine anything.

pub mod explain;
pub mod history;
pub mod info;
pub mod plan;
pub mod runs;

use deskside_tui::{Meaning, Ui};

/// A line `label  value`, the label set to a column.
pub fn field(ui: &Ui, label: &str, value: &str) {
    ui.answer(&format!(
        "{} {value}",
        ui.paint(&format!("{label:<11}"), Meaning::Quiet)
    ));
}
