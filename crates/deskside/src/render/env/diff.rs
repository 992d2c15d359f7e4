//! What differs between two states of an environment, as text.

use super::change::packages;
use deskside_app::environment::diff::{DiffReport, State};
use deskside_tui::{Meaning, Ui};

/// Draws the difference.
pub fn diff(ui: &Ui, report: &DiffReport) {
    ui.answer(&format!(
        "{} {}",
        ui.paint("from", Meaning::Quiet),
        state(ui, &report.from)
    ));
    ui.answer(&format!(
        "{}   {}",
        ui.paint("to", Meaning::Quiet),
        state(ui, &report.to)
    ));
    if report.difference.is_empty() {
        ui.answer("nothing differs");
        return;
    }
    for line in packages(ui, &report.difference) {
        ui.answer(&ui.wrapped(&format!("  {line}"), 4));
    }
    if let Some(driver) = &report.difference.nvidia_driver {
        let or_none = |text: &str| {
            if text.is_empty() {
                "none".to_string()
            } else {
                text.to_string()
            }
        };
        ui.answer(&format!(
            "  ~ NVIDIA driver {} {} {}",
            or_none(&driver.from),
            ui.letter("→", "->"),
            or_none(&driver.to)
        ));
    }
    for file in &report.difference.files {
        ui.answer(&format!("  ~ {file}"));
    }
}

fn state(ui: &Ui, state: &State) -> String {
    match (&state.id, &state.reason) {
        (Some(id), Some(reason)) => format!(
            "{} {} ({})",
            ui.paint(id, Meaning::Subject),
            ui.moment(state.taken_at),
            ui.short(reason)
        ),
        _ => "the environment as it is now".to_string(),
    }
}
