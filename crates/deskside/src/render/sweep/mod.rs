//! Sweeps as text.

mod live;

pub use live::Live;

use deskside_app::sweep::{
    BestReport, SweepActReport, SweepBegun, SweepPlanReport, SweepReport, SweepsReport, TrialRow,
};
use deskside_tui::sparkline::sparkline;
use deskside_tui::{Meaning, Table, Ui};
use deskside_types::units;
use std::time::Duration;

/// Why so many columns of parameters are drawn and no more: the others are in --json and in the CSV.
const MOST_PARAMETERS: usize = 8;

fn warn(ui: &Ui, warnings: &[String]) {
    for warning in warnings {
        ui.talk(&format!(
            "{} {warning}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
}

fn span(seconds: u64) -> String {
    units::duration(Duration::from_secs(seconds))
}

/// What would be run.
pub fn plan(ui: &Ui, report: &SweepPlanReport) {
    let points = match report.points {
        Some(u64::MAX) => "more points than can be counted".to_string(),
        Some(points) => format!("{points} points"),
        None => "points without end".to_string(),
    };
    let runs = if report.runs == report.trials {
        String::new()
    } else {
        format!(", {} runs", report.runs)
    };
    ui.answer(&format!(
        "{}: {}, {points}; {} trials{runs}, {} at once",
        ui.paint(&report.name, Meaning::Subject),
        report.method,
        report.trials,
        report.parallel
    ));
    if let Some(goal) = &report.goal {
        ui.answer(&format!("goal: {goal}"));
    }
    match (report.seconds, report.earlier_runs) {
        (Some(seconds), earlier) => ui.answer(&format!(
            "about {}, by the median of {earlier} earlier run{}",
            span(seconds),
            if earlier == 1 { "" } else { "s" }
        )),
        (None, _) => ui.answer("how long: not known, this script has not run to its end here"),
    }
    ui.answer(if report.examples {
        "for example:"
    } else {
        "first:"
    });
    for command in &report.commands {
        ui.answer(&format!("  {command}"));
    }
}

/// A sweep that goes on by itself from now on.
pub fn begun(ui: &Ui, report: &SweepBegun) {
    warn(ui, &report.warnings);
    ui.answer(&format!(
        "sweep {}  {}: {}, {} trials",
        ui.paint(&report.id, Meaning::Subject),
        report.name,
        report.method,
        report.trials
    ));
    ui.talk(&ui.tint(
        &format!(
            "deskside sweep show {0} · deskside sweep stop {0}",
            report.id
        ),
        Meaning::Quiet,
    ));
}

/// The same beside the answer.
pub fn talk_begun(ui: &Ui, report: &SweepBegun) {
    warn(ui, &report.warnings);
    ui.talk(&format!(
        "sweep {}: {}, {} trials, {} at once; Ctrl-C only stops looking on",
        report.id, report.method, report.trials, report.parallel
    ));
}

/// All sweeps.
pub fn list(ui: &Ui, report: &SweepsReport) {
    warn(ui, &report.warnings);
    if report.sweeps.is_empty() {
        ui.talk(
            "there is no sweep; begin one: deskside sweep 'python train.py --lr {lr}' lr=1e-4,1e-3",
        );
        return;
    }
    let mut table = Table::new()
        .column("sweep", 0)
        .column("name", 1)
        .column("state", 2)
        .numbers("trials", 3)
        .numbers("failed", 5)
        .numbers("best", 4)
        .column("metric", 6)
        .column("method", 7)
        .column("begun", 8);
    for sweep in &report.sweeps {
        table.row([
            sweep.id.clone(),
            sweep.name.clone(),
            sweep.course.clone(),
            format!("{}/{}", sweep.ended, most(sweep.most)),
            if sweep.failed == 0 {
                String::new()
            } else {
                sweep.failed.to_string()
            },
            sweep.best.map(units::number).unwrap_or_default(),
            sweep.metric.clone().unwrap_or_default(),
            sweep.method.clone(),
            ui.moment(sweep.created_at),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
}

fn most(most: u64) -> String {
    if most > 1 << 50 {
        "many".into()
    } else {
        most.to_string()
    }
}

/// What was done to a sweep.
pub fn acted(ui: &Ui, report: &SweepActReport) {
    let jobs = match report.jobs {
        0 => String::new(),
        1 => ", with one job".into(),
        jobs => format!(", with {jobs} jobs"),
    };
    ui.answer(&format!(
        "sweep {} ({}) {}{jobs}",
        report.id, report.name, report.done
    ));
    let next = if report.done == "stopped" {
        "resume"
    } else {
        "show"
    };
    ui.talk(&ui.tint(
        &format!("deskside sweep {next} {}", report.id),
        Meaning::Quiet,
    ));
}

/// The best trial.
pub fn best(ui: &Ui, report: &BestReport) {
    ui.talk(&format!(
        "trial {} of sweep {}: {} {} (the best of {})",
        report.trial.trial,
        report.id,
        report.metric,
        value(ui, &report.trial),
        report.of
    ));
    ui.answer(&report.command);
}

fn value(ui: &Ui, trial: &TrialRow) -> String {
    match (trial.value, trial.spread) {
        (Some(value), Some(spread)) => format!(
            "{} {} {}",
            units::number(value),
            ui.letter("±", "+-"),
            units::number(spread)
        ),
        (Some(value), None) => units::number(value),
        (None, _) => String::new(),
    }
}

/// How it stands, in one line.
fn standing(report: &SweepReport) -> String {
    let counts = &report.counts;
    let parts = [
        (counts.done, "done"),
        (counts.running, "running"),
        (counts.waiting, "waiting"),
        (counts.pruned, "pruned"),
        (counts.failed, "failed"),
        (counts.cut_off, "cut off"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let said = if said.is_empty() {
        "nothing yet".into()
    } else {
        said.join(", ")
    };
    let left = match report.seconds_left {
        Some(seconds) if seconds > 0 => format!(", about {} left", span(seconds)),
        _ => String::new(),
    };
    format!("{said} of {}{left}", most(report.most))
}

fn best_line(ui: &Ui, report: &SweepReport) -> Option<String> {
    let best = report
        .trials
        .first()
        .filter(|trial| trial.state == "done" && trial.value.is_some())?;
    let metric = report.metric.as_ref()?;
    let values: Vec<String> = report
        .parameters
        .iter()
        .filter_map(|name| Some(format!("{name}={}", best.values.get(name)?)))
        .collect();
    Some(format!(
        "best {metric} {}: trial {}, {}",
        value(ui, best),
        best.trial,
        values.join(" ")
    ))
}

/// A sweep.
pub fn show(ui: &Ui, report: &SweepReport, limit: usize) {
    ui.answer(&format!(
        "{}  {} {} {}: {}",
        ui.paint(&report.name, Meaning::Subject),
        report.id,
        ui.letter("·", "-"),
        report.course,
        standing(report)
    ));
    if let Some(why) = &report.why {
        ui.answer(&format!("{} {why}", ui.paint("ended:", Meaning::Warning)));
    }
    ui.answer(&ui.wrapped(&format!("  {}", report.command), 4));
    if let Some(best) = best_line(ui, report) {
        ui.answer(&ui.wrapped(&best, 2));
    }
    if report.best_so_far.len() > 1 {
        ui.answer(&format!(
            "best so far  {}  {} to {}",
            sparkline(&report.best_so_far, 40, ui.unicode),
            units::number(report.best_so_far[0]),
            report
                .best_so_far
                .last()
                .copied()
                .map(units::number)
                .unwrap_or_default()
        ));
    }
    if !report.importance.is_empty() {
        let parts: Vec<String> = report
            .importance
            .iter()
            .map(|one| format!("{} {:.2}", one.parameter, one.part))
            .collect();
        let line = format!(
            "what matters (variance of ranks explained alone, {} trials): {}",
            report.counts.done,
            parts.join(", ")
        );
        ui.answer(&ui.wrapped(&line, 2));
    }
    if report.trials.is_empty() {
        return;
    }
    ui.answer("");
    let shown: Vec<&TrialRow> = report.trials.iter().take(limit).collect();
    for line in table(ui, report, &shown).lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    let more = report.trials.len().saturating_sub(limit);
    if more > 0 {
        ui.talk(&ui.tint(
            &format!("{more} more: deskside sweep show {} --all", report.id),
            Meaning::Quiet,
        ));
    }
}

fn table(ui: &Ui, report: &SweepReport, trials: &[&TrialRow]) -> Table {
    let mut table = Table::new().numbers("trial", 0).column("state", 1);
    if let Some(metric) = &report.metric {
        table = table.numbers(metric, 1);
    }
    // A parameter that never varies needs no column.
    let varies = |name: &&String| {
        let first = report
            .trials
            .first()
            .and_then(|trial| trial.values.get(*name));
        report.trials.len() == 1
            || report
                .trials
                .iter()
                .any(|trial| trial.values.get(*name) != first)
    };
    let names: Vec<&String> = report
        .parameters
        .iter()
        .filter(varies)
        .take(MOST_PARAMETERS)
        .collect();
    for (at, name) in names.iter().enumerate() {
        table = table.numbers(name, 2 + u8::try_from(at).unwrap_or(u8::MAX / 2));
    }
    table = table
        .numbers("job", 20)
        .numbers("time", 21)
        .column("why", 22);
    for trial in trials {
        let mut cells = vec![trial.trial.to_string(), trial.state.clone()];
        if report.metric.is_some() {
            cells.push(value(ui, trial));
        }
        cells.extend(
            names
                .iter()
                .map(|name| trial.values.get(*name).cloned().unwrap_or_default()),
        );
        let jobs: Vec<String> = trial
            .runs
            .iter()
            .filter_map(|run| Some(run.job?.to_string()))
            .collect();
        cells.push(match jobs.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [first, .., last] => format!("{first}-{last}"),
        });
        let spent: u64 = trial.runs.iter().filter_map(|run| run.duration_ms).sum();
        cells.push(if spent > 0 {
            units::duration(Duration::from_millis(spent))
        } else {
            String::new()
        });
        cells.push(trial.why.clone().unwrap_or_default());
        table.row(cells);
    }
    table
}
