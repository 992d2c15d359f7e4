//! Snapshots that go, as text.

use deskside_app::environment::gc::{GcPreview, GcReport};
use deskside_tui::{Meaning, Ui};
use deskside_types::units;

/// Draws what would go, as an answer.
pub fn preview(ui: &Ui, preview: &GcPreview) {
    draw(ui, preview, &|line| ui.answer(line), &|text, meaning| {
        ui.paint(text, meaning)
    });
}

/// Draws what is about to go, beside the answer.
pub fn preview_talk(ui: &Ui, preview: &GcPreview) {
    draw(ui, preview, &|line| ui.insist(line), &|text, meaning| {
        ui.tint(text, meaning)
    });
}

fn draw(
    ui: &Ui,
    preview: &GcPreview,
    print: &dyn Fn(&str),
    paint: &dyn Fn(&str, Meaning) -> String,
) {
    for one in &preview.snapshots {
        let full = if one.full { ", with its wheels" } else { "" };
        print(&format!(
            "  {} {} {} ({}{full})",
            paint("-", Meaning::Warning),
            one.id,
            ui.moment(one.taken_at),
            ui.short(&one.reason)
        ));
    }
    if preview.wheels > 0 {
        print(&format!(
            "  {} {} wheels that no snapshot needs, {}; undo does not bring them back",
            paint("-", Meaning::Warning),
            preview.wheels,
            units::bytes(preview.wheel_bytes)
        ));
    }
    if nothing(preview) {
        print("nothing goes");
    }
    print(&format!("{} snapshots stay", preview.staying));
}

/// Whether nothing goes.
pub fn nothing(preview: &GcPreview) -> bool {
    preview.snapshots.is_empty() && preview.wheels == 0 && preview.objects == 0
}

/// Draws what went.
pub fn gc(ui: &Ui, report: &GcReport) {
    if nothing(&report.gone) {
        ui.answer(&format!(
            "nothing had to go; {} snapshots stay",
            report.gone.staying
        ));
        return;
    }
    let good = ui.paint(ui.letter("✓", "ok"), Meaning::Good);
    let mut text = format!("{good} removed {} snapshots", report.gone.snapshots.len());
    if report.gone.wheels > 0 {
        text.push_str(&format!(
            " and {} wheels ({})",
            report.gone.wheels,
            units::bytes(report.gone.wheel_bytes)
        ));
    }
    ui.answer(&format!("{text}; {} stay", report.gone.staying));
    if report.operation.is_some() {
        ui.talk("`deskside undo` brings the snapshots back until the next `env gc`");
    }
}
