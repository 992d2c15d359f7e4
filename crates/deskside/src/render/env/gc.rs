//! Snapshots that go, as text.

use deskside_app::environment::gc::{GcPreview, GcReport};
use deskside_tui::{Meaning, Ui};
use deskside_types::{shell, units};

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
            "  {} {}, {}, which no snapshot needs; undo does not bring wheels back",
            paint("-", Meaning::Warning),
            units::count(preview.wheels, "wheel"),
            units::bytes(preview.wheel_bytes)
        ));
    }
    for environment in &preview.environments {
        print(&ui.wrapped(
            &format!(
                "  {} {}, left by a command that was cut off; snapshots have all that is in it, undo does not bring it back",
                paint("-", Meaning::Warning),
                ui.short(environment)
            ),
            4,
        ));
    }
    if preview.gone {
        print(&ui.wrapped(
            &format!(
                "{} is gone: all that is kept of it goes",
                ui.short(&preview.project)
            ),
            2,
        ));
    } else {
        if nothing(preview) {
            print("nothing goes");
        }
        print(&stay(preview.staying));
    }
    told(ui, preview, print);
}

/// What a person should know beside what goes.
fn told(ui: &Ui, preview: &GcPreview, print: &dyn Fn(&str)) {
    for warning in &preview.warnings {
        print(&ui.wrapped(&format!("warning: {}", ui.short(warning)), 2));
    }
    for one in &preview.others {
        let wheels = match one.wheel_bytes {
            0 => String::new(),
            bytes => format!(", {} of wheels", units::bytes(bytes)),
        };
        print(&ui.wrapped(
            &format!(
                "{} is gone, and {} of it {} kept{wheels}",
                ui.short(&one.project),
                units::count(one.snapshots, "snapshot"),
                if one.snapshots == 1 { "is" } else { "are" },
            ),
            2,
        ));
        print(&format!(
            "  remove them: deskside env gc --project {}",
            shell::quoted(&one.project)
        ));
    }
}

fn stay(count: usize) -> String {
    let verb = if count == 1 { "stays" } else { "stay" };
    format!("{} {verb}", units::count(count, "snapshot"))
}

/// Whether nothing goes.
pub fn nothing(preview: &GcPreview) -> bool {
    preview.snapshots.is_empty()
        && preview.wheels == 0
        && preview.objects == 0
        && preview.environments.is_empty()
        && !preview.gone
}

/// Draws what went.
pub fn gc(ui: &Ui, report: &GcReport) {
    if nothing(&report.gone) {
        ui.answer(&format!("nothing had to go; {}", stay(report.gone.staying)));
        told(ui, &report.gone, &|line| ui.talk(line));
        return;
    }
    let good = ui.paint(ui.letter("✓", "ok"), Meaning::Good);
    let mut parts = vec![units::count(report.gone.snapshots.len(), "snapshot")];
    if report.gone.wheels > 0 {
        parts.push(format!(
            "{} ({})",
            units::count(report.gone.wheels, "wheel"),
            units::bytes(report.gone.wheel_bytes)
        ));
    }
    if !report.gone.environments.is_empty() {
        parts.push(units::count(
            report.gone.environments.len(),
            "old environment",
        ));
    }
    let stays = stay(report.gone.staying);
    ui.answer(&format!("{good} removed {}; {stays}", parts.join(" and ")));
    told(ui, &report.gone, &|line| ui.talk(line));
    if report.operation.is_some() {
        ui.talk("`deskside undo` brings the snapshots back until the next `env gc`");
    }
}
