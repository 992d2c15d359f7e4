//! Reports as text. One file a report; nothing here asks a machine anything.

pub mod cost;
pub mod env;
pub mod explain;
pub mod fit;
pub mod history;
pub mod info;
pub mod notebook;
pub mod plan;
pub mod runs;
pub mod system;

use deskside_tui::table::clip;
use deskside_tui::{Meaning, Ui};

/// A value is cut behind that many characters: garbage in a file must not fill the screen.
const LONGEST: usize = 1000;

/// A line `label  value`, the label set to a column.
pub fn field(ui: &Ui, label: &str, value: &str) {
    let value = clip(&value.replace('\n', " "), LONGEST);
    ui.answer(&format!(
        "{} {value}",
        ui.paint(&format!("{label:<11}"), Meaning::Quiet)
    ));
}
