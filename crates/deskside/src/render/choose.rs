//! `choose` as text.

use super::field;
use deskside_app::choose::{Cell, ChooseReport, PlatformReport};
use deskside_tui::table::Table;
use deskside_tui::{Meaning, Ui};

/// Draws the comparison; `whole`: with the reason of each cell.
pub fn choose(ui: &Ui, report: &ChooseReport, whole: bool) {
    ui.answer(&ui.wrapped(&report.choice.sentence, 2));
    for (place, flip) in report.choice.flips.iter().enumerate() {
        let head = if place == 0 { "turns with" } else { "" };
        field_wrapped(ui, head, &flip.text);
    }
    if report.choice.platform.is_some() && report.choice.flips.is_empty() {
        field(ui, "turns with", "nothing plausible");
    }
    ui.answer("");
    table(ui, report);
    ui.answer("");
    if whole {
        for one in &report.platforms {
            platform(ui, one, &report.currency);
            ui.answer("");
        }
    } else {
        kinds(ui, report);
        ui.answer("");
    }
    asked(ui, report);
    for warning in &report.warnings {
        ui.talk(&format!(
            "{} {warning}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
    if !whole {
        ui.talk("why: `deskside choose … --why PLATFORM`, -v for all of them");
    }
}

fn table(ui: &Ui, report: &ChooseReport) {
    let mut table = Table::new()
        .column("platform", 0)
        .column("fits", 0)
        .numbers("speed", 1)
        .numbers(&format!("{} a month", report.currency), 0)
        .numbers("at once", 2)
        .column("code", 2)
        .column("why not", 3);
    for one in &report.platforms {
        let mark = if Some(&one.id) == report.choice.platform.as_ref() {
            ui.letter("→ ", "> ")
        } else if one.qualifies {
            "  "
        } else {
            ui.letter("× ", "x ")
        };
        table.row([
            format!("{mark}{}", one.name),
            one.fits.value.clone(),
            one.speed.value.replace(" tok/s", "/s"),
            one.month.value.clone(),
            one.capital
                .map_or_else(|| "-".into(), |capital| format!("{:.0}", capital.base)),
            one.code.value.clone(),
            one.against
                .first()
                .map_or(String::new(), |against| against.text.clone()),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    let (best, not) = (ui.letter("→", ">"), ui.letter("×", "x"));
    ui.answer(&ui.paint(
        &format!("{best} recommended, {not} something is against it; speeds: estimated tokens/s"),
        Meaning::Quiet,
    ));
}

/// What platforms of a kind are for, once a kind.
fn kinds(ui: &Ui, report: &ChooseReport) {
    let mut told: Vec<&str> = Vec::new();
    for one in &report.platforms {
        if told.contains(&one.kind.as_str()) {
            continue;
        }
        told.push(&one.kind);
        let line = format!(
            "{}: {}. Best for {}. But {}.",
            one.kind, one.driver.value, one.best_for.value, one.drawback.value
        );
        let text = ui.wrapped(&line, 2);
        ui.answer(&text.replacen(&one.kind, &ui.paint(&one.kind, Meaning::Subject), 1));
    }
}

fn platform(ui: &Ui, one: &PlatformReport, currency: &str) {
    ui.answer(&format!(
        "{} ({}, {})",
        ui.paint(&one.name, Meaning::Subject),
        one.id,
        one.accelerator
    ));
    for against in &one.against {
        field_wrapped(ui, "against", &against.text);
    }
    cell(ui, "fits", &one.fits);
    cell(ui, "speed", &one.speed);
    for work in &one.works {
        let rate = work.tokens_per_second.map_or(String::new(), |rate| {
            format!(
                ", {rate:.1} tokens/s {}",
                if work.measured_here {
                    "by measurement here"
                } else {
                    "estimated"
                }
            )
        });
        let text = match &work.trouble {
            Some(trouble) => trouble.clone(),
            None => format!(
                "{:.1} to {:.1} GiB of {:.1}{rate}",
                work.needed_low_bytes / GIB,
                work.needed_high_bytes / GIB,
                work.memory_bytes / GIB
            ),
        };
        field_wrapped(ui, "", &format!("{}: {text}", work.label));
    }
    cell(ui, "hours/week", &one.hours_a_week);
    cell(ui, &format!("{currency}/month"), &one.month);
    for term in &one.terms {
        field_wrapped(
            ui,
            "",
            &format!("{:.2} {}: {}", term.money, term.name, term.because),
        );
    }
    if let Some(capital) = one.capital {
        field(
            ui,
            "at once",
            &format!(
                "{:.0} ({:.0}-{:.0}) {currency}",
                capital.base, capital.low, capital.high
            ),
        );
    }
    cell(ui, "driver", &one.driver);
    cell(ui, "best for", &one.best_for);
    cell(ui, "drawback", &one.drawback);
    cell(ui, "noise", &one.noise);
    cell(ui, "portable", &one.portable);
    cell(ui, "code", &one.code);
    for software in &one.software {
        let instead = software
            .instead
            .as_ref()
            .map_or(String::new(), |text| format!(" Instead: {text}."));
        field_wrapped(
            ui,
            "",
            &format!(
                "{} ({}): {}.{instead} [{}]",
                software.software, software.runs, software.because, software.source
            ),
        );
    }
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

fn cell(ui: &Ui, label: &str, cell: &Cell) {
    field_wrapped(ui, label, &format!("{}: {}", cell.value, cell.because));
}

fn asked(ui: &Ui, report: &ChooseReport) {
    for (place, work) in report.asked.works.iter().enumerate() {
        field_wrapped(
            ui,
            if place == 0 { "for" } else { "" },
            &format!(
                "{}, {:.1} h a week: {} (read from {})",
                work.label, work.hours_a_week, work.how, work.read_from
            ),
        );
    }
    field_wrapped(ui, "hours on", &report.asked.hours_on);
    for (place, code) in report.asked.code.iter().enumerate() {
        field_wrapped(
            ui,
            if place == 0 { "code" } else { "" },
            &format!("{} ({})", code.software, code.seen.join(", ")),
        );
    }
    for text in &report.assumptions {
        field_wrapped(ui, "assumed", text);
    }
    for text in &report.conventions {
        field_wrapped(ui, "counted as", text);
    }
}

/// A line `label  value`, wrapped under its value.
fn field_wrapped(ui: &Ui, label: &str, value: &str) {
    let text = ui.wrapped(&format!("{label:<11} {value}"), 12);
    ui.answer(&text.replacen(label, &ui.paint(label, Meaning::Quiet), 1));
}
