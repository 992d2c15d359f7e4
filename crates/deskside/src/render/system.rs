//! Plans of the system layer as text.

use deskside_app::plan::SystemPlanReport;
use deskside_tui::{Meaning, Ui};
use deskside_types::plan::{Action, Risk, Step, Undo};
use deskside_types::units;

/// Draws a plan: the machine, what was decided, what is satisfied, the steps with their marks, and what no step does.
pub fn plan(ui: &Ui, report: &SystemPlanReport) {
    let system = &report.system;
    ui.answer(&format!(
        "{} {}",
        ui.paint("plan:", Meaning::Subject),
        system.plan.wish
    ));
    let dot = ui.letter("·", "-");
    for text in &report.machine {
        line(ui, dot, Meaning::Quiet, text);
    }
    if let Some(file) = &report.wish_from {
        line(
            ui,
            dot,
            Meaning::Quiet,
            &format!("the wish is from {}", ui.short(file)),
        );
    }
    for why in &system.why {
        line(ui, dot, Meaning::Quiet, why);
    }
    for satisfied in &system.plan.satisfied {
        line(ui, "=", Meaning::Quiet, satisfied);
    }
    for note in &system.notes {
        let mark = if note.blocking { "!" } else { "i" };
        let meaning = if note.blocking {
            Meaning::Warning
        } else {
            Meaning::Quiet
        };
        line(ui, mark, meaning, &note.text);
        for command in &note.commands {
            ui.answer(&format!("        {}", ui.paint(command, Meaning::Hint)));
        }
    }
    for undecided in &system.undecided {
        line(
            ui,
            "?",
            Meaning::Warning,
            &format!("not seen: {}", undecided.because.join("; ")),
        );
    }
    for (place, one) in system.plan.steps.iter().enumerate() {
        step(ui, place + 1, one);
    }
    simulation(ui, report);
    ui.answer(&ui.wrapped(&format!("  {}", totals(report)), 2));
}

fn line(ui: &Ui, mark: &str, meaning: Meaning, text: &str) {
    let text = ui.wrapped(&format!("  {mark} {text}"), 4);
    ui.answer(&text.replacen(mark, &ui.paint(mark, meaning), 1));
}

fn step(ui: &Ui, place: usize, step: &Step) {
    let download = step
        .download_bytes
        .filter(|bytes| *bytes > 0)
        .map(|bytes| format!(" ({})", units::bytes(bytes)))
        .unwrap_or_default();
    let marks = marks(step);
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!(" [{}]", marks.join(", "))
    };
    line(
        ui,
        "+",
        Meaning::Good,
        &format!("{place}. {}{download}{marks}", step.title),
    );
    ui.answer(&ui.paint(
        &ui.wrapped(&format!("      {}", step.why), 6),
        Meaning::Quiet,
    ));
    for action in &step.actions {
        if let Some(text) = shown(action) {
            let text = ui.wrapped(&format!("        {text}"), 10);
            ui.answer(&ui.paint(&text, Meaning::Hint));
        }
    }
    match &step.undo {
        Undo::Exact => {}
        Undo::BestEffort { why } => quiet(ui, &format!("taken back as far as can be: {why}")),
        Undo::None { why } => quiet(ui, &format!("no way back: {why}")),
    }
}

fn quiet(ui: &Ui, text: &str) {
    ui.answer(&ui.paint(&ui.wrapped(&format!("      {text}"), 6), Meaning::Quiet));
}

fn marks(step: &Step) -> Vec<&'static str> {
    let mut marks = Vec::new();
    if step.root {
        marks.push("root");
    }
    if step.reboot {
        marks.push("restart");
    }
    if step.hands_needed.is_some() {
        marks.push("your hands");
    }
    if step.risk == Risk::Severe {
        marks.push("danger");
    }
    marks
}

/// An action in a line; those that only serve the plan itself are not shown.
fn shown(action: &Action) -> Option<String> {
    Some(match action {
        Action::Run { command, .. } => command.to_string(),
        Action::Packages { install, remove } => {
            let mut parts: Vec<String> = install.iter().map(|name| format!("+{name}")).collect();
            parts.extend(remove.iter().map(|name| format!("-{name}")));
            parts.join("  ")
        }
        Action::WriteFile { path, .. } if path.starts_with("/run/") => return None,
        Action::WriteFile { path, .. } => format!("write {path}"),
        Action::EditFile { path, new, .. } => format!("in {path}: {new}"),
        Action::Remove { path } => format!("move aside {path}"),
        Action::Download { url, .. } => format!("download {url}"),
        Action::Key {
            path, fingerprint, ..
        } => format!("key {fingerprint} into {path}"),
        Action::AptSource { name, .. } => format!("write /etc/apt/sources.list.d/{name}"),
        Action::Group { name } => format!("group {name}"),
        Action::AskPerson { instructions } => instructions.clone(),
        _ => return None,
    })
}

fn simulation(ui: &Ui, report: &SystemPlanReport) {
    let simulation = &report.simulation;
    if report.system.plan.is_empty() {
        return;
    }
    if let Some(transaction) = &simulation.transaction {
        line(
            ui,
            "=",
            Meaning::Quiet,
            &format!(
                "apt's own simulation: {} come, {} move, {} go",
                transaction.installs.len(),
                transaction.upgrades.len(),
                transaction.removes.len()
            ),
        );
    }
    if !simulation.refused.is_empty() {
        line(ui, "!", Meaning::Warning, "apt refuses this as things are:");
        for text in &simulation.refused {
            quiet(ui, text);
        }
    }
    if let Some(why) = &simulation.not_simulated {
        line(ui, "i", Meaning::Quiet, &format!("not simulated: {why}"));
    }
}

fn totals(report: &SystemPlanReport) -> String {
    let plan = &report.system.plan;
    if plan.is_empty() {
        return if report.system.notes.iter().any(|note| note.blocking) {
            "nothing is planned".into()
        } else {
            "everything is in place".into()
        };
    }
    let steps = match plan.steps.len() {
        1 => "1 step".to_string(),
        count => format!("{count} steps"),
    };
    let download = match plan.download_bytes() {
        (0, true) => String::new(),
        (bytes, true) => format!(", {} to download", units::bytes(bytes)),
        _ => ", a download of unknown size".into(),
    };
    let root = if plan.needs_root() { "root" } else { "no root" };
    let restart = if plan.steps.iter().any(|step| step.reboot) {
        "one restart"
    } else {
        "no restart"
    };
    format!(
        "{steps}{download}, {root}, {restart}. Nothing was done; `deskside plan --emit sh` prints a script that does it"
    )
}
