//! The queue as text.

use deskside_app::queue::{
    ActReport, CardsReport, JobRow, PsReport, QueueReport, QueuedReport, WaitReport,
};
use deskside_tui::{Meaning, Table, Ui};
use deskside_types::units;
use std::time::Duration;

/// Jobs that are named one by one when they are queued.
const NAMED: usize = 5;

fn warn(ui: &Ui, warnings: &[String]) {
    for warning in warnings {
        ui.talk(&format!(
            "{} {warning}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
}

/// What was queued.
pub fn queued(ui: &Ui, report: &QueuedReport) {
    warn(ui, &report.warnings);
    if let [first, .., last] = report.jobs.as_slice()
        && report.jobs.len() > NAMED
    {
        ui.answer(&format!(
            "queued {} jobs, {} to {}",
            report.jobs.len(),
            first.number,
            last.number
        ));
    } else {
        for job in &report.jobs {
            ui.answer(&format!(
                "queued job {}  {}  {}",
                ui.paint(&job.number.to_string(), Meaning::Subject),
                job.id,
                job.name.replace(char::is_control, " ")
            ));
        }
    }
    if let Some(job) = report.jobs.first() {
        ui.talk(&ui.tint(
            &format!(
                "deskside queue · deskside logs -f {0} · deskside stop {0}",
                job.number
            ),
            Meaning::Quiet,
        ));
    }
}

/// The queue.
pub fn queue(ui: &Ui, report: &QueueReport) {
    warn(ui, &report.warnings);
    if report.running.is_empty() && report.waiting.is_empty() && report.ended.is_empty() {
        ui.talk(&format!(
            "the queue is empty ({}); queue something: {}",
            slots(report.slots),
            ui.tint("deskside run --queue -- COMMAND", Meaning::Hint)
        ));
        return;
    }
    let mut table = Table::new()
        .numbers("job", 0)
        .column("name", 1)
        .column("state", 2)
        .column("why", 3)
        .numbers("priority", 6)
        .column("cards", 5)
        .column("queued", 7)
        .column("command", 4);
    for job in report
        .running
        .iter()
        .chain(&report.waiting)
        .chain(&report.ended)
    {
        table.row([
            job.number.to_string(),
            job.name.clone(),
            state(job),
            job.reason.clone().unwrap_or_default(),
            if job.priority == 0 {
                String::new()
            } else {
                job.priority.to_string()
            },
            claim(job),
            ui.moment(job.submitted_at),
            job.command.clone(),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    let more = report.total.saturating_sub(report.waiting.len());
    let more = if more > 0 {
        format!("; {more} more with --all")
    } else {
        String::new()
    };
    ui.talk(&ui.tint(
        &format!(
            "{} running, {} waiting, {}{more}",
            report.running.len(),
            report.total,
            slots(report.slots)
        ),
        Meaning::Quiet,
    ));
}

fn slots(slots: u32) -> String {
    format!("{slots} {}", if slots == 1 { "slot" } else { "slots" })
}

fn state(job: &JobRow) -> String {
    match job.exit {
        Some(code) if code != 0 => format!("{} ({code})", job.state),
        _ => job.state.clone(),
    }
}

fn claim(job: &JobRow) -> String {
    if job.gpus == 0 {
        return String::new();
    }
    let memory = job
        .vram_bytes
        .map(|bytes| format!(" × {}", units::bytes(bytes)))
        .unwrap_or_default();
    format!("{}{memory}", job.gpus)
}

/// What runs.
pub fn ps(ui: &Ui, report: &PsReport) {
    warn(ui, &report.warnings);
    if report.running.is_empty() {
        let waiting = match report.waiting {
            0 => String::new(),
            count => format!("; {count} waiting: deskside queue"),
        };
        ui.talk(&format!("nothing runs{waiting}"));
        return;
    }
    let mut table = Table::new()
        .numbers("job", 1)
        .column("run", 0)
        .column("name", 2)
        .column("state", 3)
        .numbers("since", 4)
        .numbers("cards", 6)
        .column("why", 5)
        .column("command", 7);
    for row in &report.running {
        table.row([
            row.number
                .map(|number| number.to_string())
                .unwrap_or_default(),
            row.run.clone(),
            row.name.clone(),
            row.state.clone(),
            row.duration_ms
                .map(|ms| units::duration(Duration::from_millis(ms)))
                .unwrap_or_default(),
            match row.cards.len() {
                0 => String::new(),
                count => count.to_string(),
            },
            row.reason.clone().unwrap_or_default(),
            row.command.clone(),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    if report.waiting > 0 {
        ui.talk(&ui.tint(
            &format!("{} waiting: deskside queue", report.waiting),
            Meaning::Quiet,
        ));
    }
}

/// What was done to jobs.
pub fn acted(ui: &Ui, report: &ActReport) {
    for job in &report.jobs {
        let number = job
            .number
            .map_or_else(|| "run".to_string(), |number| format!("job {number}"));
        ui.answer(&format!(
            "{number} ({}) {}",
            job.name.replace(char::is_control, " "),
            job.done
        ));
    }
    warn(ui, &report.warnings);
}

/// What was waited for.
pub fn waited(ui: &Ui, report: &WaitReport) {
    for job in &report.jobs {
        let reason = job
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        ui.answer(&format!(
            "job {} ({}) {}{reason}",
            job.number,
            job.name.replace(char::is_control, " "),
            state(job)
        ));
    }
}

/// The cards.
pub fn cards(ui: &Ui, report: &CardsReport) {
    let mut table = Table::new()
        .numbers("card", 0)
        .column("name", 1)
        .numbers("used", 2)
        .numbers("by jobs", 3)
        .numbers("of", 2)
        .column("", 4)
        .column("identity", 5);
    for card in &report.cards {
        let mut words = Vec::new();
        if card.others {
            words.push("somebody else computes on it");
        }
        if card.exclusive {
            words.push("takes one process only");
        }
        table.row([
            card.place.to_string(),
            card.name.clone(),
            units::bytes(card.memory_used),
            units::bytes(card.memory_of_jobs),
            units::bytes(card.memory_total),
            words.join(", "),
            card.uuid.clone(),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
}
