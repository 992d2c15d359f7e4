//! `history` and `undo` as text.

use deskside_app::history::HistoryReport;
use deskside_app::undo::{UndoPreview, UndoReport};
use deskside_tui::{Meaning, Ui};

/// Draws the list of operations.
pub fn history(ui: &Ui, report: &HistoryReport) {
    if report.operations.is_empty() {
        ui.answer("nothing was done to this machine yet");
    }
    for operation in &report.operations {
        let meaning = match operation.outcome.as_str() {
            "done" => Meaning::Good,
            "failed" => Meaning::Bad,
            "undone" => Meaning::Quiet,
            _ => Meaning::Warning,
        };
        ui.answer(&format!(
            "{}  {}  {}  {}",
            ui.paint(&operation.id, Meaning::Subject),
            ui.moment(operation.began_at),
            ui.paint(&format!("{:<11}", operation.outcome), meaning),
            ui.short(&operation.wish)
        ));
        for title in &operation.done {
            ui.answer(&format!(
                "    {} {}",
                ui.paint(ui.letter("✓", "+"), Meaning::Good),
                ui.short(title)
            ));
        }
        if let Some(problem) = &operation.problem {
            ui.answer(&format!(
                "    {} {problem} [{}]",
                ui.paint(ui.letter("✗", "x"), Meaning::Bad),
                problem.code
            ));
        }
    }
    for problem in &report.unreadable {
        ui.problem(problem);
    }
    if report
        .operations
        .iter()
        .any(|operation| operation.outcome != "undone" && !operation.done.is_empty())
    {
        ui.talk(&format!(
            "take one back: {}",
            ui.tint("deskside undo [ID]", Meaning::Hint)
        ));
    }
}

/// Draws what would be taken back, as an answer.
pub fn preview(ui: &Ui, preview: &UndoPreview) {
    draw(ui, preview, &|line| ui.answer(line), &|text, meaning| {
        ui.paint(text, meaning)
    });
}

/// Draws what is about to be taken back, beside the answer.
pub fn preview_talk(ui: &Ui, preview: &UndoPreview) {
    draw(ui, preview, &|line| ui.insist(line), &|text, meaning| {
        ui.tint(text, meaning)
    });
}

fn draw(
    ui: &Ui,
    preview: &UndoPreview,
    print: &dyn Fn(&str),
    paint: &dyn Fn(&str, Meaning) -> String,
) {
    print(&format!(
        "{} {} ({})",
        paint("undo:", Meaning::Subject),
        ui.short(&preview.wish),
        ui.moment(preview.began_at)
    ));
    for title in &preview.steps {
        print(&format!(
            "  {} {}",
            paint("-", Meaning::Warning),
            ui.short(title)
        ));
    }
}

/// Draws what was taken back.
pub fn undo(ui: &Ui, report: &UndoReport) {
    ui.answer(&format!("took back: {}", ui.short(&report.wish)));
    for title in &report.steps {
        ui.answer(&format!(
            "  {} {}",
            ui.paint("-", Meaning::Warning),
            ui.short(title)
        ));
    }
    for left in &report.left {
        ui.answer(&format!("  {} {left}", ui.paint("left:", Meaning::Quiet)));
    }
}
