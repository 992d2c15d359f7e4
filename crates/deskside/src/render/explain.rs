//! `explain` as text.

use deskside_app::explain::{ChangeReport, ExplainReport, PackageReport};
use deskside_tui::{Meaning, Ui};
use deskside_types::plan::Undo;

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

/// The most packages that are named; JSON has all.
const NAMED: usize = 20;

/// Draws what a change was.
pub fn change(ui: &Ui, report: &ChangeReport) {
    ui.answer(&ui.wrapped(
        &format!(
            "{} {}",
            ui.paint(&report.id, Meaning::Subject),
            ui.short(&report.what)
        ),
        2,
    ));
    let asked = report
        .asked_by
        .as_ref()
        .map(|person| format!(", asked for by {person}"))
        .unwrap_or_default();
    let ended = report
        .ended
        .as_ref()
        .map_or(", which did not end".into(), |ended| format!(" to {ended}"));
    ui.answer(&format!(
        "  {}{ended}, by {}{asked}",
        report.began, report.by
    ));
    if let Some(command) = &report.command {
        ui.answer(&ui.wrapped(&format!("  command: {command}"), 4));
    }
    ui.answer(&ui.wrapped(&format!("  outcome: {}", report.outcome), 4));
    for step in &report.steps {
        let (mark, meaning) = match (step.stands, step.done) {
            (true, _) => (ui.letter("✓", "+"), Meaning::Good),
            (false, true) => (ui.letter("·", "-"), Meaning::Quiet),
            (false, false) => (ui.letter("✗", "x"), Meaning::Warning),
        };
        let state = match (step.stands, step.done) {
            (true, true) => "",
            (true, false) => " (begun)",
            (false, true) => " (nothing of it stands)",
            (false, false) => " (not carried out)",
        };
        ui.answer(&format!(
            "  {} {}{state}",
            ui.paint(mark, meaning),
            ui.short(&step.title)
        ));
        ui.answer(&ui.wrapped(&format!("      {}", step.why), 6));
        match &step.undo {
            Undo::Exact => {}
            Undo::BestEffort { why } => {
                ui.answer(&ui.wrapped(&format!("      taken back as far as can be: {why}"), 6));
            }
            Undo::None { why } => {
                ui.answer(&ui.wrapped(&format!("      no way back: {why}"), 6));
            }
        }
    }
    for package in report.packages.iter().take(NAMED) {
        ui.answer(&format!("  {}", line(package)));
    }
    if report.packages.len() > NAMED {
        ui.talk(&format!(
            "{} more packages: deskside explain {} --json",
            report.packages.len() - NAMED,
            report.id
        ));
    }
    match &report.back {
        Some(command) => ui.talk(&format!(
            "what taking it back would be: {}",
            ui.tint(command, Meaning::Hint)
        )),
        None => ui.talk("nothing of it stands"),
    }
}

fn line(package: &PackageReport) -> String {
    let version = match (&package.from, &package.to) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (None, Some(to)) => format!("{to} came"),
        (Some(from), None) => format!("{from} went"),
        (None, None) => "changed".into(),
    };
    let now = match package.stands {
        Some(true) => "",
        Some(false) => "; changed since",
        None => "; what is there now can't be read",
    };
    format!("{}: {version}{now}", package.name)
}
