//! A snapshot that was kept, as text.

use deskside_app::environment::keep::SnapshotReport;
use deskside_tui::{Meaning, Ui};
use deskside_types::units;

/// Draws it.
pub fn snapshot(ui: &Ui, report: &SnapshotReport) {
    let good = ui.paint(ui.letter("✓", "ok"), Meaning::Good);
    let id = ui.paint(&report.id, Meaning::Subject);
    let what = if report.new {
        "kept"
    } else {
        "the newest snapshot has this state already"
    };
    ui.answer(&format!(
        "{good} {id}: {what}, {}",
        units::count(report.distributions, "package")
    ));
    if report.full {
        ui.answer(&format!(
            "  its wheels are kept, too ({}): it restores without an index",
            units::bytes(report.kept_bytes)
        ));
    }
    for sentence in &report.not_kept {
        ui.answer(&ui.wrapped(
            &format!("  {} {sentence}", ui.paint("not kept:", Meaning::Warning)),
            4,
        ));
    }
    if !report.not_kept.is_empty() {
        ui.answer("  so it needs an index, or uv's cache, to be brought back");
    }
}
