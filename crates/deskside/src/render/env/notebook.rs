//! JupyterLab on an environment.

use deskside_app::notebook::NotebookReport;
use deskside_tui::{Meaning, Ui};

/// The kernel specification that was written.
pub fn kernel(ui: &Ui, report: &NotebookReport) {
    let good = ui.paint(ui.letter("✓", "ok"), Meaning::Good);
    ui.answer(&format!(
        "{good} Jupyter lists the environment: {}",
        ui.short(&report.kernel)
    ));
    if !report.kernel_in_environment {
        ui.answer("  ipykernel is not in it, and comes from an environment of Jupyter's own");
    }
    ui.answer("  VS Code finds .venv by itself when it opens the folder");
}

/// Where it answers. It is talk: the token is for the person at this terminal only.
pub fn address(ui: &Ui, address: &str) {
    ui.insist(&format!(
        "JupyterLab answers at {}",
        ui.tint(address, Meaning::Subject)
    ));
    ui.insist("Ctrl-C ends it");
}

/// It has ended.
pub fn ended(ui: &Ui, report: &NotebookReport) {
    let log = report.log.clone().unwrap_or_default();
    ui.answer(&format!(
        "JupyterLab has ended; its log is in {}",
        ui.short(&log)
    ));
}
