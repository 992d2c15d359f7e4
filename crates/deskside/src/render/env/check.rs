//! `env check` as text: one block a finding, the cause first, then what proves it, then the commands.

use deskside_app::environment::check::{CheckFinding, CheckReport, CheckSeverity, Outcome, Step};
use deskside_tui::{Meaning, Ui};
use deskside_types::units;

/// Draws a check.
pub fn check(ui: &Ui, report: &CheckReport) {
    for finding in &report.findings {
        block(ui, finding);
        ui.answer("");
    }
    for step in &report.proven {
        proven(ui, step);
    }
    if !report.proven.is_empty() {
        ui.answer("");
    }
    let seen = &report.looked_at;
    let place = ui.short(&report.environment);
    let counts = format!(
        "{}, {}, {} in {:.0} ms",
        units::count(seen.distributions, "package"),
        units::count(seen.files, "file"),
        units::count(seen.requirements, "requirement"),
        report.took_ms
    );
    let (mark, meaning, words) = match (report.findings.len(), report.healthy) {
        (0, _) => (ui.letter("✓", "ok"), Meaning::Good, "is whole".to_string()),
        (count, true) => (
            ui.letter("✓", "ok"),
            Meaning::Good,
            format!("works; {count} worth a look"),
        ),
        (1, false) => (
            ui.letter("✗", "x"),
            Meaning::Bad,
            "has one trouble".to_string(),
        ),
        (count, false) => (
            ui.letter("✗", "x"),
            Meaning::Bad,
            format!("has {count} troubles"),
        ),
    };
    ui.answer(&format!(
        "{} {} {words} ({counts})",
        ui.paint(mark, meaning),
        ui.paint(&place, Meaning::Subject)
    ));
    if seen.hashed > 0 {
        ui.answer(&ui.paint(
            &format!(
                "  contents compared of {}",
                units::count(seen.hashed, "file")
            ),
            Meaning::Quiet,
        ));
    }
    for sentence in &report.not_looked_at {
        let text = ui.wrapped(&format!("  not looked at: {}", ui.short(sentence)), 4);
        ui.answer(&ui.paint(&text, Meaning::Quiet));
    }
}

fn block(ui: &Ui, finding: &CheckFinding) {
    let (word, meaning) = match finding.severity {
        CheckSeverity::Broken => ("broken:", Meaning::Bad),
        CheckSeverity::WillBreak => ("will break:", Meaning::Bad),
        CheckSeverity::Suspicious => ("suspicious:", Meaning::Warning),
    };
    let head = ui.wrapped(&format!("{word} {}", ui.short(&finding.cause)), 2);
    ui.answer(&head.replacen(word, &ui.paint(word, meaning), 1));
    for line in &finding.evidence {
        ui.answer(&ui.wrapped(&format!("  {}", ui.short(line)), 4));
    }
    if !finding.meaning.is_empty() {
        let text = ui.wrapped(&format!("  {}", finding.meaning), 2);
        ui.answer(&ui.paint(&text, Meaning::Quiet));
    }
    for consequence in &finding.consequences {
        let text = ui.wrapped(&format!("  so, too: {}", ui.short(consequence)), 4);
        ui.answer(&ui.paint(&text, Meaning::Quiet));
    }
    for command in &finding.mend {
        let arrow = ui.letter("→", "->");
        ui.answer(&format!(
            "  {} {}",
            ui.paint(arrow, Meaning::Hint),
            ui.paint(command, Meaning::Hint)
        ));
    }
}

fn proven(ui: &Ui, step: &Step) {
    let (mark, meaning) = match step.outcome {
        Outcome::Good => (ui.letter("✓", "ok"), Meaning::Good),
        Outcome::Failed | Outcome::Crashed | Outcome::Hung => (ui.letter("✗", "x"), Meaning::Bad),
    };
    let version = step
        .version
        .as_ref()
        .map(|version| format!(" {version}"))
        .unwrap_or_default();
    let seconds = step
        .seconds
        .map(|seconds| format!(", imported in {seconds:.1} s"))
        .unwrap_or_default();
    let devices: Vec<&str> = step
        .devices
        .iter()
        .map(|device| device.name.as_str())
        .collect();
    let devices = if devices.is_empty() {
        String::new()
    } else {
        format!(", computes on {}", devices.join(", "))
    };
    let how = match step.outcome {
        Outcome::Crashed => ", ends the process",
        Outcome::Hung => ", does not come back",
        Outcome::Good | Outcome::Failed => "",
    };
    ui.answer(&format!(
        "{} {}{version}{seconds}{devices}{how}",
        ui.paint(mark, meaning),
        step.package
    ));
}
