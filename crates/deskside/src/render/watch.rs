//! What watches the machine, as text.

use super::{Lines, field};
use deskside_app::sampler::SamplerReport;
use deskside_app::usage::{UsageGpu, UsageReport};
use deskside_tui::{Meaning, Table, Ui};
use deskside_types::units;

/// Draws the use of the machine.
pub fn usage(ui: &Ui, report: &UsageReport) {
    for warning in &report.warnings {
        ui.talk(&format!("{} {warning}", ui.tint("note:", Meaning::Warning)));
    }
    let span = format!("{} to {}", ui.moment(report.since), ui.moment(report.until));
    field(ui, "span", &format!("{span}, {:.0} hours", report.hours));
    let share = |hours: f64, of: f64| match of > 0.0 {
        true => format!(" ({:.0} %)", hours / of * 100.0),
        false => String::new(),
    };
    match report.on_hours {
        Some(on) => field(
            ui,
            "on",
            &format!("{on:.1} hours{}", share(on, report.hours)),
        ),
        None => field(ui, "on", "not known: no sampler"),
    }
    let runs = units::count(report.runs, "run");
    let held = report.held_hours;
    field(
        ui,
        "held",
        &format!("{held:.1} hours{} by {runs}", share(held, report.hours)),
    );
    match report.busy_hours {
        Some(busy) => {
            let share = share(busy, report.hours);
            field(
                ui,
                "busy",
                &format!("{busy:.1} hours{share}: {}", report.busy_means),
            );
        }
        None => field(ui, "busy", "not known: nothing was sampled"),
    }
    if let Some(since) = report.sampled_since {
        field(ui, "sampled", &format!("since {}", ui.moment(since)));
    }
    for gpu in &report.gpus {
        field(ui, &format!("GPU {}", gpu.place), &card(gpu));
    }
    if report.days.len() < 2 {
        return;
    }
    let mut table = Table::new()
        .column("day", 0)
        .numbers("on", 1)
        .numbers("held", 0)
        .numbers("busy", 0)
        .column("", 2);
    let shown =
        |hours: Option<f64>| hours.map_or_else(|| "-".into(), |hours| format!("{hours:.1}"));
    for day in &report.days {
        let [busy, on] = [day.busy_hours, day.on_hours].map(Option::unwrap_or_default);
        table.row([
            day.date.clone(),
            shown(day.on_hours),
            shown(Some(day.held_hours)),
            shown(day.busy_hours),
            bar(ui, busy, day.held_hours, on),
        ]);
    }
    ui.answer("");
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    let [busy, held, on] = [
        ui.letter("█", "#"),
        ui.letter("▓", "="),
        ui.letter("░", "-"),
    ];
    ui.talk(&format!("{busy} computing  {held} held by a run  {on} on"));
}

fn card(gpu: &UsageGpu) -> String {
    let mut words = Vec::new();
    words.extend(gpu.name.clone());
    words.extend(
        gpu.utilization
            .map(|percent| format!("{percent:.0} % on average")),
    );
    words.extend(gpu.kwh.map(|kwh| format!("{kwh:.2} kWh")));
    words.extend(
        gpu.idle_watts
            .map(|watts| format!("{watts:.0} W when idle")),
    );
    words.join(", ")
}

/// A day in 24 letters: so many hours computing, held, on.
fn bar(ui: &Ui, busy: f64, held: f64, on: f64) -> String {
    let letter = |hour: f64| {
        if hour < busy {
            ui.letter("█", "#")
        } else if hour < held {
            ui.letter("▓", "=")
        } else if hour < on {
            ui.letter("░", "-")
        } else {
            ui.letter("·", ".")
        }
    };
    (0..24).map(|hour| letter(f64::from(hour) + 0.5)).collect()
}

/// Draws the state of the machine's sampler.
pub fn sampler(ui: &Ui, report: &SamplerReport) {
    if let Some(plan) = &report.plan {
        let lines = Lines {
            ui,
            print: &|line| ui.answer(line),
            paint: &|text, meaning| ui.paint(text, meaning),
        };
        lines.head(&plan.wish);
        for step in &plan.steps {
            lines.step(step);
            lines.reason(&step.why);
        }
        return;
    }
    let state = match (report.running, &report.started_by) {
        (true, Some(by)) => format!("runs, started by {by}"),
        (true, None) => "runs in a terminal".into(),
        (false, Some(by)) => format!("switched on ({by}), and does not run"),
        (false, None) => "off".into(),
    };
    field(ui, "sampler", &state);
    let history = match report.days {
        0 => "nothing yet".into(),
        days => format!(
            "{}, {}",
            units::count(days, "day"),
            units::bytes(report.bytes)
        ),
    };
    field(ui, "history", &history);
    if let Some(last) = report.last {
        field(ui, "newest", &ui.moment(last));
    }
    field(ui, "folder", &ui.short(&report.folder));
    if let Some(operation) = &report.operation {
        ui.talk(&format!("deskside undo {operation} takes it back"));
    }
    for warning in &report.warnings {
        ui.talk(&format!("{} {warning}", ui.tint("note:", Meaning::Warning)));
    }
    if !report.running && report.started_by.is_none() {
        ui.talk(&ui.tint("deskside sampler on", Meaning::Hint));
    }
}
