//! Plans and the result of `up` as text.

use super::{Lines, field};
use deskside_app::up::{Next, PlanReport, UpReport};
use deskside_tui::sparkline::{is_logarithmic, sparkline};
use deskside_tui::{Meaning, Ui};
use deskside_types::plan::Step;
use deskside_types::units;
use std::time::Duration;

/// Draws a plan: what is satisfied, what will be done, what it costs. `print` takes each line, `paint` colours it.
pub fn plan(
    ui: &Ui,
    report: &PlanReport,
    print: &dyn Fn(&str),
    paint: &dyn Fn(&str, Meaning) -> String,
) {
    let lines = Lines { ui, print, paint };
    lines.head(&report.plan.wish);
    for text in report.machine.iter().chain(&report.why) {
        lines.reason(text);
    }
    for lacking in &report.system.lacking {
        lines.line(
            "!",
            Meaning::Warning,
            &format!("{}. {}", lacking.title, lacking.why),
        );
        for command in &lacking.commands {
            print(&format!("        {}", paint(command, Meaning::Hint)));
        }
        if let Some(note) = &lacking.note {
            print(&ui.wrapped(&format!("    {note}"), 4));
        }
    }
    if report.system.lacking.is_empty() {
        lines.line("=", Meaning::Quiet, "system: nothing to change");
    }
    lines.satisfied(&report.plan);
    for one in &report.plan.steps {
        step(&lines, report, one);
    }
    if let Some(training) = &report.training {
        lines.line(
            ui.letter("▶", ">"),
            Meaning::Good,
            &format!("Train: {training}"),
        );
    }
    print(&format!("  {}", totals(report)));
}

fn step(lines: &Lines<'_>, report: &PlanReport, step: &Step) {
    lines.step(step);
    // What stands at the head of the plan is not said twice.
    if step.why != report.why.join(". ") {
        let ui = lines.ui;
        (lines.print)(&(lines.paint)(
            &ui.wrapped(&format!("    {}", ui.short(&step.why)), 4),
            Meaning::Quiet,
        ));
    }
}

fn totals(report: &PlanReport) -> String {
    if report.plan.is_empty() {
        return "everything is in place".into();
    }
    let steps = match report.plan.steps.len() {
        1 => "1 step".to_string(),
        count => format!("{count} steps"),
    };
    let (bytes, all_known) = report.plan.download_bytes();
    let download = match (bytes, all_known) {
        (0, true) => String::new(),
        (0, false) => ", a download of unknown size".into(),
        (bytes, true) => format!(", about {} to download", units::bytes(bytes)),
        (bytes, false) => format!(", {} or more to download", units::bytes(bytes)),
    };
    format!("{steps}{download}, no root, no reboot")
}

/// Draws what came of it.
pub fn result(ui: &Ui, report: &UpReport) {
    let good = ui.paint(ui.letter("✓", "ok"), Meaning::Good);
    let Some(run) = &report.run else {
        ui.answer(&format!(
            "{good} {} is set up",
            ui.paint(&ui.short(&report.project), Meaning::Subject)
        ));
        next(ui, &report.next);
        return;
    };
    ui.answer("");
    let span = run
        .duration_ms
        .map(|ms| format!(" in {}", units::duration(Duration::from_millis(ms))))
        .unwrap_or_default();
    ui.answer(&format!(
        "{good} {} {}{span}",
        ui.paint(&run.name, Meaning::Subject),
        run.state
    ));
    let names = report
        .curves
        .iter()
        .map(|curve| &curve.name)
        .chain(report.summary.keys());
    let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    for series in &report.curves {
        let curve = sparkline(
            &series.values,
            48.min(ui.width.saturating_sub(40)),
            ui.unicode,
        );
        let scale = if is_logarithmic(&series.values) {
            " (log scale)"
        } else {
            ""
        };
        let ends = format!(
            "{} {} {}{scale}",
            units::number(series.first),
            ui.letter("→", "->"),
            units::number(series.last)
        );
        field(
            ui,
            &format!("{:<width$}", series.name),
            &format!("{}  {ends}", ui.paint(&curve, Meaning::Hint)),
        );
    }
    for (name, value) in &report.summary {
        let text = if name.contains("accuracy") && (0.0..=1.0).contains(value) {
            format!("{:.1} %", value * 100.0)
        } else {
            units::number(*value)
        };
        field(
            ui,
            &format!("{name:<width$}"),
            &ui.paint(&text, Meaning::Subject),
        );
    }
    next(ui, &report.next);
}

fn next(ui: &Ui, next: &[Next]) {
    if next.is_empty() {
        return;
    }
    ui.talk("");
    ui.talk(&ui.tint("next:", Meaning::Subject));
    let width = next
        .iter()
        .map(|one| one.command.chars().count())
        .max()
        .unwrap_or(0);
    for one in next {
        ui.talk(&format!(
            "  {}  {}",
            ui.tint(&format!("{:<width$}", one.command), Meaning::Hint),
            one.why
        ));
    }
}
