//! `notebook` as text.

use deskside_app::notebook::KernelReport;
use deskside_tui::{Meaning, Ui};

/// Draws what became of the kernel specification.
pub fn kernel(ui: &Ui, report: &KernelReport) {
    let good = ui.paint(ui.letter("✓", "ok"), Meaning::Good);
    let state = if report.operation.is_some() {
        "written"
    } else {
        "there already"
    };
    ui.answer(&format!(
        "{good} kernel {} {state}",
        ui.paint(&report.name, Meaning::Subject)
    ));
    ui.answer(&format!("  {}", ui.short(&report.file)));
    let how = if report.in_environment {
        "ipykernel is in the environment"
    } else {
        "ipykernel is not in the environment: uv lays it over for each start, and the environment stays as it is"
    };
    ui.answer(&ui.paint(&ui.wrapped(&format!("  {how}"), 2), Meaning::Quiet));
    let code =
        "VS Code finds the project's .venv by itself: open the folder and choose it as the kernel";
    ui.answer(&ui.paint(&ui.wrapped(&format!("  {code}"), 2), Meaning::Quiet));
}

/// Draws the address.
pub fn address(ui: &Ui, address: &str) {
    ui.answer(address);
}
