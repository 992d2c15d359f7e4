//! `env why` as text.

use deskside_app::environment::WhyReport;
use deskside_tui::{Meaning, Ui};

/// Releases that are listed by name; of more the first and the last are told.
const LISTED: usize = 4;

/// Draws which build fits, and why.
pub fn why(ui: &Ui, report: &WhyReport) {
    let dot = ui.letter("·", "-");
    let mark = |good: bool| {
        if good {
            ui.paint(ui.letter("✓", "ok"), Meaning::Good)
        } else {
            ui.paint(ui.letter("○", "o"), Meaning::Warning)
        }
    };
    let line = |head: &str, meaning: Meaning, text: &str, indent: usize| {
        let whole = ui.wrapped(&format!("{head}{}", ui.short(text)), indent);
        ui.answer(&whole.replacen(head, &ui.paint(head, meaning), 1));
    };
    ui.answer(&format!(
        "{} {}",
        mark(report.is_best),
        ui.paint(&report.choice, Meaning::Subject)
    ));
    let origin = match report.machine.origin.as_str() {
        "assumed" => "assumed machine",
        "recorded" => "recorded machine",
        _ => "this machine",
    };
    line(
        &format!("  {origin}: "),
        Meaning::Quiet,
        &report.machine.shown.join(&format!(" {dot} ")),
        4,
    );
    if !report.machine.taken.is_empty() {
        line(
            "  not named, so taken: ",
            Meaning::Quiet,
            &report.machine.taken.join(&format!(" {dot} ")),
            4,
        );
    }
    for first in &report.first {
        line(
            "  ! ",
            Meaning::Warning,
            &format!("first: {}", first.what),
            4,
        );
        for command in &first.commands {
            ui.answer(&format!("    {}", ui.paint(command, Meaning::Hint)));
        }
        if let Some(note) = &first.note {
            line("    ", Meaning::Quiet, note, 4);
        }
    }
    heading(ui, "Why");
    for row in &report.ruled_out {
        line(
            &format!("  {} ", ui.letter("✗", "x")),
            Meaning::Quiet,
            &format!("{}: {}", builds(&row.builds), row.why),
            4,
        );
    }
    for text in &report.why {
        line(&format!("  {dot} "), Meaning::Quiet, text, 4);
    }
    heading(ui, "How");
    for command in &report.commands {
        ui.answer(&format!("  {}", ui.paint(command, Meaning::Hint)));
    }
    for (name, value) in &report.variables {
        let text = match value {
            Some(value) => format!("export {name}={value}"),
            None => format!("unset {name}"),
        };
        ui.answer(&format!("  {}", ui.paint(&text, Meaning::Hint)));
    }
    if let Some(project) = &report.project {
        line("  or as a project: ", Meaning::Quiet, project, 4);
    }
    line("  index: ", Meaning::Quiet, &index(report), 4);
    line("  Python: ", Meaning::Quiet, &report.pythons, 4);
    if let Some(auto) = &report.uv_auto {
        heading(ui, "uv --torch-backend=auto");
        let release = auto
            .release
            .as_ref()
            .map_or_else(String::new, |release| format!("torch {release} "));
        let text = match (&auto.variant, &auto.wrong) {
            (None, _) => "what it would take can't be told".to_string(),
            (Some(variant), None) => format!("takes {release}({variant}), which serves here too"),
            (Some(variant), Some(wrong)) if release.is_empty() => {
                format!("would take {variant}: {wrong}")
            }
            (Some(variant), Some(wrong)) => format!("would take {release}({variant}): {wrong}"),
        };
        line("  ", Meaning::Quiet, &text, 4);
    }
    if let Some(note) = report.uv_auto.as_ref().and_then(|auto| auto.note.as_ref()) {
        line("  ", Meaning::Quiet, note, 4);
    }
    if !report.better.is_empty() {
        heading(ui, "Better");
        for row in &report.better {
            line(
                &format!("  {} ", ui.letter("→", "->")),
                Meaning::Hint,
                &format!("{}: {}", row.change, row.gives),
                4,
            );
        }
    }
}

fn heading(ui: &Ui, text: &str) {
    ui.answer(&ui.paint(text, Meaning::Subject));
}

fn index(report: &WhyReport) -> String {
    if report.index == "default" {
        "the default one, as it is set up".into()
    } else {
        report.index.clone()
    }
}

/// Builds as a person reads them: all of a few, else the first and the last.
fn builds(all: &[String]) -> String {
    match all {
        [first, .., last] if all.len() > LISTED => {
            format!("{first} to {last} ({} builds)", all.len())
        }
        _ => all.join(", "),
    }
}
