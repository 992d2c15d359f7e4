//! What takes space, as text.

use deskside_app::space::{GcReport, KeepReport, SpaceReport};
use deskside_tui::{Meaning, Table, Ui};
use deskside_types::units;

/// Paths of one run that are named once they are gone; the others are counted.
const NAMED: usize = 4;

/// Draws what takes the space.
pub fn space(ui: &Ui, report: &SpaceReport) {
    for warning in &report.warnings {
        ui.talk(&format!("{} {warning}", ui.tint("note:", Meaning::Warning)));
    }
    for disk in &report.disks {
        let used = disk.total.saturating_sub(disk.free);
        let share = used as f64 / disk.total.max(1) as f64;
        let text = format!(
            "{}  {} free of {} ({:.0} % full)",
            ui.short(&format!("{}/", disk.path.trim_end_matches('/'))),
            units::bytes(disk.free),
            units::bytes(disk.total),
            share * 100.0
        );
        let meaning = if share > 0.95 {
            Meaning::Bad
        } else if share > 0.85 {
            Meaning::Warning
        } else {
            Meaning::Subject
        };
        ui.answer(&ui.paint(&text, meaning));
    }
    let mut table = Table::new()
        .numbers("size", 0)
        .numbers("frees", 3)
        .column("what", 0)
        .numbers("count", 4)
        .column("again", 1)
        .column("command", 2);
    for line in &report.lines {
        table.row([
            units::bytes(line.bytes),
            if line.frees == line.bytes {
                String::new()
            } else {
                units::bytes(line.frees)
            },
            ui.short(&line.what),
            line.count.to_string(),
            if line.again { "yes" } else { "no" }.into(),
            line.command
                .as_deref()
                .map(|command| ui.short(command))
                .unwrap_or_default(),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    ui.answer(&format!(
        "{} in all; contents with several names count once",
        units::bytes(report.bytes)
    ));
    for named in &report.only_named {
        ui.answer(&format!("not counted: {named}"));
    }
}

/// Draws which checkpoints go, or went.
pub fn keep(ui: &Ui, report: &KeepReport) {
    keep_lines(ui, report, &|line| ui.answer(line));
    if let Some(operation) = &report.operation {
        ui.talk(&format!("they come back with `deskside undo {operation}`; their space is free after `deskside space gc`"));
    }
}

/// The same beside a question.
pub fn keep_talk(ui: &Ui, report: &KeepReport) {
    keep_lines(ui, report, &|line| ui.insist(line));
}

fn keep_lines(ui: &Ui, report: &KeepReport, print: &dyn Fn(&str)) {
    for warning in &report.warnings {
        ui.talk(&format!("{} {warning}", ui.tint("note:", Meaning::Warning)));
    }
    if report.going == 0 && report.staying == 0 {
        print("no run that is over has checkpoints in its folder");
        return;
    }
    for run in &report.runs {
        print(&format!(
            "{}  {}: {}, {} stay",
            run.run,
            run.name,
            units::bytes(run.bytes),
            run.staying
        ));
        // What is to go is named to the last path; what has gone stands in the history.
        let named = match report.operation {
            Some(_) => NAMED,
            None => usize::MAX,
        };
        for path in run.going.iter().take(named) {
            print(&format!("  - {}", ui.short(path)));
        }
        if run.going.len() > named {
            print(&format!("  - and {} more", run.going.len() - named));
        }
    }
    let done = if report.operation.is_some() {
        "are in the trash"
    } else {
        "go into the trash"
    };
    print(&format!(
        "{} ({}) {done}, {} stay",
        units::count(report.going, "checkpoint"),
        units::bytes(report.bytes),
        report.staying
    ));
}

/// Draws what is in the trash, or was.
pub fn gc(ui: &Ui, report: &GcReport) {
    gc_lines(ui, report, &|line| ui.answer(line));
}

/// The same beside a question.
pub fn gc_talk(ui: &Ui, report: &GcReport) {
    gc_lines(ui, report, &|line| ui.insist(line));
}

fn gc_lines(ui: &Ui, report: &GcReport, print: &dyn Fn(&str)) {
    if report.count == 0 {
        print("the trash is empty");
        return;
    }
    let things = units::count(report.count, "thing");
    let bytes = units::bytes(report.bytes);
    if report.gone {
        print(&format!("{things} are gone for good: {bytes} are free"));
        return;
    }
    for path in report.paths.iter().take(20) {
        print(&format!("  - {}", ui.short(path)));
    }
    print(&format!(
        "{things}, {bytes}: undo can't bring them back then"
    ));
}
