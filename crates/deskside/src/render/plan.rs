//! Plans and the result of `up` as text.

use super::field;
use deskside_app::up::{PlanReport, UpReport};
use deskside_tui::sparkline::sparkline;
use deskside_tui::{Meaning, Ui};
use deskside_types::units;
use std::time::Duration;

/// Draws a plan: what is satisfied, what will be done, what it costs.
pub fn plan(ui: &Ui, report: &PlanReport, print: &dyn Fn(&str)) {
    let paint = |text: &str, meaning| ui.tint(text, meaning);
    print(&format!("{} {}", paint("plan:", Meaning::Subject), report.plan.wish));
    for line in &report.machine {
        print(&format!("  {} {line}", paint(ui.letter("·", "-"), Meaning::Quiet)));
    }
    for line in &report.why {
        print(&format!("  {} {line}", paint(ui.letter("·", "-"), Meaning::Quiet)));
    }
    for lacking in &report.system.lacking {
        print(&format!("  {} {}: {}", paint("!", Meaning::Warning), lacking.title, lacking.why));
        for command in &lacking.commands {
            print(&format!("      {}", paint(command, Meaning::Hint)));
        }
        if let Some(note) = &lacking.note {
            print(&format!("      {note}"));
        }
    }
    if report.system.lacking.is_empty() {
        print(&format!("  {} system: nothing to change", paint("=", Meaning::Quiet)));
    }
    for satisfied in &report.plan.satisfied {
        print(&format!("  {} {satisfied}", paint("=", Meaning::Quiet)));
    }
    for step in &report.plan.steps {
        let download = step.download_bytes.filter(|bytes| *bytes > 0).map(|bytes| paint(&format!(" (about {})", units::bytes(bytes)), Meaning::Quiet)).unwrap_or_default();
        print(&format!("  {} {}{download}", paint("+", Meaning::Good), step.title));
        print(&format!("      {}", paint(&step.why, Meaning::Quiet)));
    }
    if let Some(training) = &report.training {
        print(&format!("  {} train: {}", paint(ui.letter("▶", ">"), Meaning::Good), training));
    }
    let (bytes, _) = report.plan.download_bytes();
    if report.plan.is_empty() {
        print("  everything is in place");
    } else {
        let of = if report.plan.steps.len() == 1 { "1 step".to_string() } else { format!("{} steps", report.plan.steps.len()) };
        let download = if bytes > 0 { format!(", about {} to download", units::bytes(bytes)) } else { String::new() };
        print(&format!("  {of}{download}, no root, no reboot"));
    }
}

/// Draws what came of it.
pub fn result(ui: &Ui, report: &UpReport) {
    let Some(run) = &report.run else {
        ui.answer(&format!("{} {} is set up", ui.paint(ui.letter("✓", "ok"), Meaning::Good), ui.paint(&report.project, Meaning::Subject)));
        next(ui, &report.next);
        return;
    };
    ui.answer("");
    let span = run.duration_ms.map(|ms| format!(" in {}", units::duration(Duration::from_millis(ms)))).unwrap_or_default();
    ui.answer(&format!("{} {} {}{span}", ui.paint(ui.letter("✓", "ok"), Meaning::Good), ui.paint(&run.name, Meaning::Subject), run.state));
    for series in &report.curves {
        let curve = sparkline(&series.values, 48.min(ui.width.saturating_sub(40)), ui.unicode);
        field(ui, &series.name, &format!("{}  {} {} {}", ui.paint(&curve, Meaning::Hint), units::number(series.first), ui.letter("→", "->"), units::number(series.last)));
    }
    for (name, value) in &report.summary {
        let text = if name.contains("accuracy") { format!("{:.1} %", value * 100.0) } else { units::number(*value) };
        field(ui, name, &ui.paint(&text, Meaning::Subject));
    }
    next(ui, &report.next);
}

fn next(ui: &Ui, next: &[deskside_app::up::Next]) {
    if next.is_empty() {
        return;
    }
    ui.talk("");
    ui.talk(&ui.tint("next:", Meaning::Subject));
    for one in next {
        ui.talk(&format!("  {}  {}", ui.tint(&format!("{:<44}", one.command), Meaning::Hint), one.why));
    }
}
