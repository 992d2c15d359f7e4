//! A plan in few lines, for review.

use deskside_provision::SystemPlan;
use deskside_types::plan::{Action, Check, Step, Undo};
use std::fmt::Write;

pub fn print(plan: &SystemPlan) -> String {
    let mut text = String::new();
    for why in &plan.why {
        let _ = writeln!(text, "  because {why}");
    }
    for (place, step) in plan.plan.steps.iter().enumerate() {
        let _ = writeln!(text, "  {}. {} [{}]", place + 1, step.title, marks(step));
        for action in &step.actions {
            let _ = writeln!(text, "       {}", self::action(action));
        }
        if step.check != step.verify {
            let _ = writeln!(text, "       then {}", checks(&step.verify));
        }
    }
    for satisfied in &plan.plan.satisfied {
        let _ = writeln!(text, "  = {satisfied}");
    }
    for note in &plan.notes {
        let mark = if note.blocking { "!" } else { "i" };
        let _ = writeln!(text, "  {mark} {}", note.text);
    }
    for undecided in &plan.undecided {
        let _ = writeln!(
            text,
            "  ? {}: {}",
            undecided.id,
            undecided.because.join("; ")
        );
    }
    text
}

fn marks(step: &Step) -> String {
    let mut marks = vec![format!("{:?}", step.risk).to_lowercase()];
    if step.root {
        marks.push("root".into());
    }
    if step.reboot {
        marks.push("reboot".into());
    }
    if step.hands_needed.is_some() {
        marks.push("hands".into());
    }
    marks.push(
        match step.undo {
            Undo::Exact => "undo exact",
            Undo::BestEffort { .. } => "undo best effort",
            Undo::None { .. } => "no undo",
        }
        .into(),
    );
    marks.join(", ")
}

fn action(action: &Action) -> String {
    match action {
        Action::Run { command, undo } => match undo {
            Some(undo) => format!("{command}   (back: {undo})"),
            None => command.to_string(),
        },
        Action::Packages { install, remove } => {
            let mut parts: Vec<String> = install.iter().map(|name| format!("+{name}")).collect();
            parts.extend(remove.iter().map(|name| format!("-{name}")));
            parts.join(" ")
        }
        Action::WriteFile { path, .. } => format!("write {path}"),
        Action::EditFile { path, new, .. } => format!("edit {path}: {new}"),
        Action::Remove { path } => format!("move aside {path}"),
        Action::Download { url, .. } => format!("download {url}"),
        Action::Key {
            path, fingerprint, ..
        } => format!("key {path} {fingerprint}"),
        Action::AptSource { name, contents } => {
            format!("source {name}: {}", contents.trim().replace('\n', " | "))
        }
        Action::Group { name } => format!("group {name}"),
        Action::Reboot => "restart".into(),
        Action::AskPerson { instructions } => format!("a person: {instructions}"),
        other => format!("{other:?}"),
    }
}

fn checks(checks: &[Check]) -> String {
    checks
        .iter()
        .map(deskside_operate::check::phrase)
        .collect::<Vec<_>>()
        .join("; ")
}
