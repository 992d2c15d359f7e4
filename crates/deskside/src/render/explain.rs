//! `explain` as text.

use deskside_app::explain::ExplainReport;
use deskside_tui::{Meaning, Ui};

/// Draws an explanation.
pub fn explain(ui: &Ui, report: &ExplainReport) {
    ui.answer(&format!(
        "{} {}",
        ui.paint(report.code.text(), Meaning::Subject),
        ui.paint(&report.title, Meaning::Subject)
    ));
    ui.answer(&format!("{} (exit code {})", report.meaning, report.exit));
    for remedy in &report.remedy {
        ui.answer(&format!(
            "  {} {remedy}",
            ui.paint(ui.letter("→", "-"), Meaning::Hint)
        ));
    }
}
