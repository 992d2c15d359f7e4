//! The snapshots of an environment as text.

use super::change::packages;
use deskside_app::environment::history::{Entry, EnvironmentHistoryReport};
use deskside_app::environment::{Difference, difference_in_words};
use deskside_tui::table::clip;
use deskside_tui::{Meaning, Table, Ui};

/// Draws the list, newest first.
pub fn history(ui: &Ui, report: &EnvironmentHistoryReport) {
    if let Some(changed) = &report.changed_outside {
        ui.answer(&ui.wrapped(
            &format!(
                "{} the state that is there is in no snapshot yet: it was changed outside Deskside, or a command did not come to its end ({})",
                ui.paint("0", Meaning::Warning),
                difference_in_words(changed)
            ),
            2,
        ));
        for line in packages(ui, changed) {
            ui.answer(&ui.wrapped(&format!("    {line}"), 6));
        }
    }
    if report.snapshots.is_empty() {
        ui.answer("there are no snapshots of this environment yet");
        ui.talk("every change by Deskside takes one; `deskside env snapshot` takes one now");
    } else {
        let mut table = Table::new()
            .numbers("", 0)
            .column("", 1)
            .column("snapshot", 0)
            // The identity tells it, too.
            .column("taken", 5)
            .column("changes", 2)
            .column("Python", 6)
            .column("build", 7)
            .column("wheels", 3)
            .column("why", 4);
        for entry in &report.snapshots {
            table.row(cells(ui, entry));
        }
        for line in table.lines(ui.width, ui.colour) {
            ui.answer(&line);
        }
    }
    for sentence in &report.unreadable {
        ui.talk(&format!(
            "{} {sentence}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
    if !report.there {
        ui.talk(&format!(
            "no whole environment is there; make it again: {}",
            ui.tint("deskside env rebuild", Meaning::Hint)
        ));
    } else if report.snapshots.len() > 1 {
        ui.talk(&format!(
            "go back: {}",
            ui.tint("deskside env rollback [NUMBER]", Meaning::Hint)
        ));
    }
}

fn cells(ui: &Ui, entry: &Entry) -> [String; 9] {
    [
        entry.number.to_string(),
        if entry.present {
            ui.letter("●", "*").to_string()
        } else {
            String::new()
        },
        entry.id.clone(),
        ui.moment(entry.taken_at),
        counts(&entry.difference),
        entry.python.clone(),
        entry.choice.clone().unwrap_or_default(),
        if entry.full {
            "kept".into()
        } else {
            String::new()
        },
        clip(&entry.reason, (ui.width / 3).max(16)),
    ]
}

/// Changes as counts: `+3 ~1 -2`.
fn counts(difference: &Difference) -> String {
    let changed = difference.changed.len() + difference.rebuilt.len();
    let parts: Vec<String> = [
        ("+", difference.added.len()),
        ("~", changed),
        ("-", difference.removed.len()),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(mark, count)| format!("{mark}{count}"))
    .collect();
    parts.join(" ")
}
