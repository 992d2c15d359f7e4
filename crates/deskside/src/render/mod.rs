//! Reports as text. One file a report; nothing here asks a machine anything.

pub mod choose;
pub mod cost;
pub mod doctor;
pub mod env;
pub mod explain;
pub mod fit;
pub mod history;
pub mod info;
pub mod notebook;
pub mod offers;
pub mod plan;
pub mod queue;
pub mod runs;
pub mod space;
pub mod sweep;
pub mod system;
pub mod watch;

use deskside_tui::table::clip;
use deskside_tui::{Meaning, Ui};
use deskside_types::plan::{Plan, Step};
use deskside_types::units;

/// A value is cut behind that many characters: garbage in a file must not fill the screen.
const LONGEST: usize = 1000;

/// The lines of a plan. `print` takes each line, `paint` colours it.
pub struct Lines<'a> {
    /// Widths and letters.
    pub ui: &'a Ui,
    /// Takes a line.
    pub print: &'a dyn Fn(&str),
    /// Colours a text.
    pub paint: &'a dyn Fn(&str, Meaning) -> String,
}

impl Lines<'_> {
    /// What is wished.
    pub fn head(&self, wish: &str) {
        (self.print)(&format!(
            "{} {}",
            (self.paint)("plan:", Meaning::Subject),
            self.ui.short(wish)
        ));
    }

    /// A line behind a mark, in the mark's colour.
    pub fn line(&self, mark: &str, meaning: Meaning, text: &str) {
        let text = self
            .ui
            .wrapped(&format!("  {mark} {}", self.ui.short(text)), 4);
        (self.print)(&text.replacen(mark, &(self.paint)(mark, meaning), 1));
    }

    /// A reason.
    pub fn reason(&self, text: &str) {
        self.line(self.ui.letter("·", "-"), Meaning::Quiet, text);
    }

    /// What is there already.
    pub fn satisfied(&self, plan: &Plan) {
        for satisfied in &plan.satisfied {
            self.line("=", Meaning::Quiet, &format!("{satisfied}: done already"));
        }
    }

    /// A step, with what it downloads.
    pub fn step(&self, step: &Step) {
        let download = step
            .download_bytes
            .filter(|bytes| *bytes > 0)
            .map(|bytes| format!(" (about {})", units::bytes(bytes)))
            .unwrap_or_default();
        self.line("+", Meaning::Good, &format!("{}{download}", step.title));
    }
}

/// A line `label  value`, the label set to a column.
pub fn field(ui: &Ui, label: &str, value: &str) {
    let value = clip(&value.replace('\n', " "), LONGEST);
    ui.answer(&format!(
        "{} {value}",
        ui.paint(&format!("{label:<11}"), Meaning::Quiet)
    ));
}
