//! `history` and `undo` as text.

use deskside_app::history::HistoryReport;
use deskside_app::undo::{UndoPreview, UndoReport};
use deskside_tui::{Meaning, Ui};
use deskside_types::changes::{ChangeKind, SystemChange};

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
            let cause = problem.causes.first().map(|cause| format!(": {cause}"));
            ui.answer(&ui.wrapped(
                &format!(
                    "    {} {}{} [{}]",
                    ui.paint(ui.letter("✗", "x"), Meaning::Bad),
                    problem.message,
                    cause.unwrap_or_default(),
                    problem.code
                ),
                6,
            ));
        }
    }
    system(ui, &report.system);
    for reason in &report.unread_logs {
        ui.talk(&format!("not read: {reason}"));
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

/// The most changes of other tools that are drawn; JSON has all.
const DRAWN: usize = 12;

/// Draws what the package managers' logs tell, apart from what Deskside's own journal does.
fn system(ui: &Ui, changes: &[SystemChange]) {
    if changes.is_empty() {
        return;
    }
    ui.answer("");
    ui.answer(&ui.paint(
        "drivers, toolkits and kernels, as the package managers' logs tell it",
        Meaning::Subject,
    ));
    for change in changes.iter().take(DRAWN) {
        ui.answer(&format!(
            "{}  {}  by {}{}",
            ui.paint(&change.id, Meaning::Subject),
            change.began.replace('T', " "),
            change.tool,
            change
                .requested_by
                .as_ref()
                .map(|person| format!(", asked for by {person}"))
                .unwrap_or_default()
        ));
        for text in lines(change) {
            ui.answer(&format!("    {}", ui.short(&text)));
        }
        if let Some(error) = &change.error {
            ui.answer(&format!(
                "    {} {error}",
                ui.paint(ui.letter("✗", "x"), Meaning::Bad)
            ));
        }
    }
    if changes.len() > DRAWN {
        ui.talk(&format!(
            "{} older ones: deskside history --json",
            changes.len() - DRAWN
        ));
    }
    ui.talk(&format!(
        "what one was: {}; taken back: {}",
        ui.tint("deskside explain ID", Meaning::Hint),
        ui.tint("deskside undo ID --plan", Meaning::Hint)
    ));
}

/// A change's packages, a line for each step from one version to another.
fn lines(change: &SystemChange) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for package in &change.packages {
        let what = match (package.kind, &package.from, &package.to) {
            (ChangeKind::Upgrade | ChangeKind::Downgrade, Some(from), Some(to)) => {
                format!("{from} to {to}")
            }
            (ChangeKind::Install, _, Some(to)) => format!("{to} came"),
            (ChangeKind::Reinstall, _, Some(to)) => format!("{to} came anew"),
            (_, Some(from), _) => format!("{from} went"),
            _ => "changed".into(),
        };
        match lines.iter_mut().find(|(known, _)| *known == what) {
            Some((_, names)) => names.push(&package.name),
            None => lines.push((what, vec![&package.name])),
        }
    }
    lines
        .into_iter()
        .map(|(what, names)| {
            let more = match names.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            format!("{}{more}: {what}", names[0])
        })
        .collect()
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
    if let Some(text) = elsewhere(ui, preview) {
        print(&ui.wrapped(&format!("  {text}"), 2));
    }
    for title in &preview.steps {
        print(&format!(
            "  {} {}",
            paint("-", Meaning::Warning),
            ui.short(title)
        ));
    }
    if !preview.limits.is_empty() {
        print("  not exactly:");
    }
    for limit in &preview.limits {
        print(&ui.wrapped(&format!("    {}", ui.short(limit)), 4));
    }
}

/// That another project is meant than the one a person stands in.
pub fn elsewhere(ui: &Ui, preview: &UndoPreview) -> Option<String> {
    let project = preview.elsewhere.as_ref()?;
    Some(format!(
        "nothing newer stands: this is of another project than the one here, of {}",
        ui.short(project)
    ))
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
    if report.restart {
        ui.talk("the driver that is loaded is no longer the one on disk: restart the machine");
    }
}
