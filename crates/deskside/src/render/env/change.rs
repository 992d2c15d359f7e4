//! A change of an environment: its plan, and what came of it.

use crate::render::Lines;
use deskside_app::environment::{ChangePlanReport, ChangeReport, Difference};
use deskside_tui::{Meaning, Ui};

/// Packages that are listed by name; of more only the count is told.
const LISTED: usize = 12;

/// Draws the plan. `print` takes each line, `paint` colours it.
pub fn plan(
    ui: &Ui,
    report: &ChangePlanReport,
    print: &dyn Fn(&str),
    paint: &dyn Fn(&str, Meaning) -> String,
) {
    let lines = Lines { ui, print, paint };
    lines.head(&report.plan.wish);
    for text in &report.why {
        lines.reason(text);
    }
    lines.satisfied(&report.plan);
    for step in &report.plan.steps {
        lines.step(step);
    }
    if let Some(expected) = &report.expected {
        for text in packages(ui, expected) {
            print(&ui.wrapped(&format!("      {text}"), 8));
        }
    }
    if report.plan.is_empty() {
        print("  everything is in place");
    }
}

/// Draws what came of it.
pub fn result(ui: &Ui, report: &ChangeReport) {
    let good = ui.paint(ui.letter("✓", "ok"), Meaning::Good);
    let place = ui.paint(&ui.short(&report.environment), Meaning::Subject);
    if report.operation.is_none() {
        // What a person should know stands above it.
        let what = match &report.made_at {
            None => "is as it should be",
            Some(_) => "stays as it is",
        };
        ui.answer(&format!("{good} {place} {what}"));
        return;
    }
    let changes = packages(ui, &report.difference);
    if changes.is_empty() {
        ui.answer(&format!("{good} {place}: the same packages as before"));
    } else {
        ui.answer(&format!("{good} {place}"));
        for text in changes {
            ui.answer(&ui.wrapped(&format!("  {text}"), 4));
        }
    }
}

/// A difference as lines: `+ numpy 2.4.6`, `~ scipy 1.15 → 1.17`, `- six 1.17.0`.
pub fn packages(ui: &Ui, difference: &Difference) -> Vec<String> {
    let arrow = ui.letter("→", "->");
    let mut lines = Vec::new();
    if let Some(python) = &difference.python
        && !python.from.is_empty()
    {
        lines.push(format!("~ Python {} {arrow} {}", python.from, python.to));
    }
    if let Some(choice) = &difference.choice
        && !choice.from.is_empty()
        && !choice.to.is_empty()
    {
        lines.push(format!("~ build {} {arrow} {}", choice.from, choice.to));
    }
    let mut some = |mark: &str, all: Vec<String>| {
        let count = all.len();
        for one in all.iter().take(LISTED) {
            lines.push(format!("{mark} {one}"));
        }
        if count > LISTED {
            lines.push(format!("{mark} and {} more", count - LISTED));
        }
    };
    let named = |all: &[deskside_app::environment::Named]| -> Vec<String> {
        all.iter()
            .map(|one| {
                format!("{} {}", one.name, one.version)
                    .trim_end()
                    .to_string()
            })
            .collect()
    };
    some("+", named(&difference.added));
    some(
        "~",
        difference
            .changed
            .iter()
            .map(|one| format!("{} {} {arrow} {}", one.name, one.from, one.to))
            .collect(),
    );
    some(
        "~",
        named(&difference.rebuilt)
            .into_iter()
            .map(|text| format!("{text} (other files)"))
            .collect(),
    );
    some("-", named(&difference.removed));
    lines
}
