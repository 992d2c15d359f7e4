//! Runs as text.

use super::field;
use deskside_app::runs::{CodeDiffReport, ReindexReport, RunRow, RunsReport, ShowReport};
use deskside_tui::sparkline::{is_logarithmic, sparkline};
use deskside_tui::{Meaning, Table, Ui};
use deskside_types::measured::Measured;
use deskside_types::run::{RunExit, RunState};
use deskside_types::units;
use std::collections::BTreeMap;
use std::time::Duration;

/// Metrics with a column of their own in the list.
const METRIC_COLUMNS: usize = 3;

/// Draws the list of runs.
pub fn list(ui: &Ui, report: &RunsReport) {
    for warning in &report.warnings {
        ui.talk(&format!(
            "{} {warning}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
    if report.runs.is_empty() {
        ui.talk(&format!(
            "no runs {}; start one: {}",
            if report.total > 0 { "fit" } else { "yet" },
            ui.tint("deskside run -- COMMAND", Meaning::Hint)
        ));
        return;
    }
    let metrics = common_metrics(&report.runs);
    let mut table = Table::new()
        .column("run", 0)
        .column("name", 1)
        .column("state", 2)
        .numbers("took", 4)
        .column("started", 5);
    for (place, name) in metrics.iter().enumerate() {
        table = table.numbers(name, 3 + place as u8);
    }
    table = table.column("command", 7);
    for run in &report.runs {
        let mut cells = vec![
            run.id.clone(),
            run.name.clone(),
            state_words(&run.state, run.exit),
            took(run.duration_ms),
            ui.moment(run.created_at),
        ];
        cells.extend(metrics.iter().map(|name| {
            run.summary
                .get(name)
                .map(|value| units::number(*value))
                .unwrap_or_default()
        }));
        cells.push(deskside_types::shell::command(&run.argv));
        table.row(cells);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    if report.total > report.runs.len() {
        ui.talk(&format!(
            "{} of {} runs; more with --limit",
            report.runs.len(),
            report.total
        ));
    }
}

/// The metrics that most of the runs have.
fn common_metrics(runs: &[RunRow]) -> Vec<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for name in runs.iter().flat_map(|run| run.summary.keys()) {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(&String, usize)> = counts.into_iter().collect();
    counts.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    counts
        .into_iter()
        .take(METRIC_COLUMNS)
        .map(|(name, _)| name.clone())
        .collect()
}

fn took(duration_ms: Option<u64>) -> String {
    duration_ms
        .map(|ms| units::duration(Duration::from_millis(ms)))
        .unwrap_or_default()
}

fn state_words(state: &str, exit: Option<i32>) -> String {
    match exit {
        Some(0) | None => state.to_string(),
        Some(code) => format!("{state} ({code})"),
    }
}

/// Prints how a run's code differed from its commit.
pub fn code_diff(ui: &Ui, report: &CodeDiffReport) {
    for line in report.diff.lines() {
        ui.answer(line);
    }
    if report.diff.is_empty() {
        ui.talk(match report.commit {
            Some(_) => "its code was its commit's",
            None => "its code was under no version control that was recorded",
        });
    }
}

/// Draws one run.
pub fn show(ui: &Ui, report: &ShowReport) {
    let run = &report.run;
    ui.answer(&format!(
        "{}  {}",
        ui.paint(&run.id.0, Meaning::Subject),
        ui.paint(&run.name.replace(char::is_control, " "), Meaning::Subject)
    ));
    let (words, meaning) = state(&report.state.state);
    let span = report
        .duration_ms
        .map(|ms| format!(", {}", units::duration(Duration::from_millis(ms))))
        .unwrap_or_default();
    field(ui, "state", &format!("{}{span}", ui.paint(&words, meaning)));
    field(
        ui,
        "started",
        &ui.moment(report.state.started_at.unwrap_or(run.created_at)),
    );
    field(ui, "command", &deskside_types::shell::command(&run.argv));
    field(ui, "in", &run.working_directory);
    if run.experiment != "default" && !run.experiment.is_empty() {
        field(ui, "experiment", &run.experiment);
    }
    if let Some(code) = &run.code {
        let short: String = code.commit.chars().take(12).collect();
        let branch = code
            .branch
            .as_ref()
            .map(|branch| format!(" on {branch}"))
            .unwrap_or_default();
        field(
            ui,
            "code",
            &format!(
                "{short}{branch}{}",
                if code.dirty {
                    ", with changes (code/diff.patch)"
                } else {
                    ""
                }
            ),
        );
    }
    if let Some(machine) = &run.machine {
        let accelerators = if machine.gpus.is_empty() {
            machine.cpu.clone()
        } else {
            machine.gpus.join(", ")
        };
        field(
            ui,
            "machine",
            &format!("{}{}{accelerators}", machine.os, ui.letter(" · ", " - ")),
        );
    }
    if let Some(measured) = &report.measured {
        for line in measured_lines(measured) {
            field(ui, "measured", &line);
        }
    }
    if let Some(cost) = &report.cost {
        field(ui, "took", &super::cost::took(cost));
    }
    pairs(
        ui,
        "params",
        run.params
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    pairs(
        ui,
        "tags",
        run.tags
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    metrics(ui, report);
    let metric_names: Vec<&String> = report.metrics.iter().map(|metric| &metric.name).collect();
    pairs(
        ui,
        "summary",
        report
            .summary
            .iter()
            .filter(|(name, _)| !metric_names.contains(name))
            .map(|(name, value)| {
                (
                    name.as_str(),
                    value.as_f64().map(units::number).unwrap_or_else(|| {
                        value
                            .as_str()
                            .map_or_else(|| value.to_string(), str::to_string)
                    }),
                )
            }),
    );
    if let Some(damage) = &report.damage {
        ui.answer(&format!(
            "{} {damage}",
            ui.paint("damaged:", Meaning::Warning)
        ));
    }
    field(
        ui,
        "log",
        &format!(
            "{} ({} shows it)",
            units::bytes(report.log_bytes),
            ui.paint(&format!("deskside logs {}", run.id), Meaning::Hint)
        ),
    );
    field(ui, "folder", &report.folder);
}

fn metrics(ui: &Ui, report: &ShowReport) {
    if report.metrics.is_empty() {
        return;
    }
    ui.answer("");
    let mut table = Table::new()
        .column("metric", 0)
        .column("", 2)
        .numbers("last", 0)
        .numbers("min", 3)
        .numbers("max", 3)
        .numbers("steps", 4);
    for metric in &report.metrics {
        let curve = report
            .curves
            .iter()
            .find(|curve| curve.name == metric.name)
            .map(|curve| {
                let scale = if is_logarithmic(&curve.values) {
                    " log"
                } else {
                    ""
                };
                format!("{}{scale}", sparkline(&curve.values, 32, ui.unicode))
            })
            .unwrap_or_default();
        let number = |value: Option<f64>| value.map(units::number).unwrap_or_default();
        table.row([
            metric.name.clone(),
            curve,
            units::number(metric.last),
            number(metric.min),
            number(metric.max),
            metric.count.to_string(),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    ui.answer("");
}

fn pairs<'a>(ui: &Ui, label: &str, pairs: impl Iterator<Item = (&'a str, String)>) {
    for (place, (name, value)) in pairs.enumerate() {
        field(
            ui,
            if place == 0 { label } else { "" },
            &format!("{name} {} {value}", ui.letter("=", "=")),
        );
    }
}

/// A state in words, with what it means.
pub fn state(state: &RunState) -> (String, Meaning) {
    let exit = |exit: &RunExit| match exit {
        RunExit::ExitCode(0) => String::new(),
        RunExit::ExitCode(code) => format!(" with exit code {code}"),
        RunExit::Signal(signal) => format!(" by signal {signal}"),
    };
    match state {
        RunState::Queued => ("queued".into(), Meaning::Quiet),
        RunState::Starting { .. } => ("starting".into(), Meaning::Warning),
        RunState::Running { process, .. } => (
            format!("running (process {})", process.pid),
            Meaning::Warning,
        ),
        RunState::Finished { exit: how } => {
            let good = matches!(how, RunExit::ExitCode(0));
            (
                format!("finished{}", exit(how)),
                if good { Meaning::Good } else { Meaning::Bad },
            )
        }
        RunState::Stopped { exit: how, reason } => {
            let why = reason.as_ref().map(|why| format!(": {why}"));
            (
                format!("stopped{}{}", exit(how), why.unwrap_or_default()),
                Meaning::Warning,
            )
        }
        RunState::Failed { reason } => (format!("failed: {reason}"), Meaning::Bad),
        RunState::Interrupted => (
            "interrupted: it was ended with the machine".into(),
            Meaning::Warning,
        ),
        RunState::ExitUnknown {
            survivor: Some(process),
        } => (
            format!(
                "exit unknown: its supervisor died; process {} still runs",
                process.pid
            ),
            Meaning::Warning,
        ),
        RunState::ExitUnknown { survivor: None } => {
            ("exit unknown: its supervisor died".into(), Meaning::Warning)
        }
    }
}

/// Draws what rebuilding the index came to.
pub fn reindex(ui: &Ui, report: &ReindexReport) {
    ui.answer(&format!("{} runs are in the index", report.runs));
    for one in &report.unreadable {
        ui.answer(&format!(
            "  {} {}: {} [{}]",
            ui.paint("unreadable:", Meaning::Warning),
            one.id,
            one.problem,
            one.problem.code
        ));
    }
}

/// What a run took of its machine, a line for its processes and one for each card.
fn measured_lines(measured: &Measured) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(bytes) = measured.memory_peak {
        words.push(format!("at most {} of memory", units::bytes(bytes)));
    }
    if let Some(percent) = measured.cpu_percent {
        words.push(format!("{:.1} cores on average", percent / 100.0));
    }
    let mut lines = Vec::new();
    if !words.is_empty() {
        lines.push(words.join(", "));
    }
    for gpu in &measured.gpus {
        let mut words = Vec::new();
        if let Some(bytes) = gpu.memory_peak {
            let whose = if gpu.whole_card {
                " in use on the whole card"
            } else {
                ""
            };
            words.push(format!("at most {}{whose}", units::bytes(bytes)));
        }
        if let Some(percent) = gpu.utilization {
            words.push(format!("busy {percent:.0} %"));
        }
        if let Some(watts) = gpu.power_watts {
            words.push(format!("{watts:.0} W"));
        }
        if let Some(degrees) = gpu.temperature_max {
            words.push(format!("up to {degrees:.0} °C"));
        }
        if let Some(share) = gpu.throttled_share.filter(|share| *share > 0.0) {
            words.push(format!("slowed down {:.0} % of the time", share * 100.0));
        }
        lines.push(format!(
            "GPU {} {}: {}",
            gpu.place,
            gpu.name,
            words.join(", ")
        ));
    }
    lines
}
