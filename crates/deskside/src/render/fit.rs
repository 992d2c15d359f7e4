//! `fit` as text.

use super::field;
use deskside_app::fit::{
    CalibrationReport, EarlierReport, FitReport, PlaceAdvice, TableReport, Verdict,
};
use deskside_tui::table::Table;
use deskside_tui::{Meaning, Ui};
use deskside_types::units::{bytes, duration, number};
use std::time::Duration;

fn size(count: f64) -> String {
    bytes(count.max(0.0) as u64)
}

/// Draws the answer about one model.
pub fn fit(ui: &Ui, report: &FitReport) {
    let model = &report.model;
    let counted = if model.weights_counted {
        "counted"
    } else {
        "computed"
    };
    ui.answer(&format!(
        "{}  {:.2} billion parameters, {} of weights ({counted}; {})",
        ui.paint(&model.name, Meaning::Subject),
        model.parameters / 1e9,
        size(model.weights_bytes),
        model.format,
    ));
    ui.answer(&format!("{}, in {}", report.work, report.framework));
    ui.answer("");
    let estimate = &report.advice.estimate;
    for term in &estimate.terms {
        ui.answer(&format!(
            "  {:>11}  {:<24} {}",
            size(term.bytes),
            term.name,
            ui.paint(&term.because, Meaning::Quiet)
        ));
    }
    let range = if estimate.lower_bound {
        "at the least: not all of it is known".into()
    } else {
        format!(
            "nine of ten times {} to {}",
            size(estimate.low),
            size(estimate.high)
        )
    };
    ui.answer(&format!(
        "  {:>11}  {}, {range}",
        size(estimate.bytes),
        ui.paint("on one accelerator", Meaning::Subject),
    ));
    ui.answer("");
    places(ui, report);
    ui.answer("");
    if let Some(most) = report
        .advice
        .most
        .as_ref()
        .filter(|_| !estimate.lower_bound)
    {
        let text = if most.batch == 0 {
            "not even one sequence of this length surely fits".to_string()
        } else {
            format!(
                "{} sequence{} of this length, or {} tokens at this batch, surely fit",
                most.batch,
                if most.batch == 1 { "" } else { "s" },
                most.context
            )
        };
        field(ui, "at most", &format!("{text} ({})", most.place));
    }
    if let Some(change) = &report.advice.change {
        field(
            ui,
            "to make it",
            &format!(
                "{} → {}: fits",
                change.steps.join(", "),
                size(change.needed_bytes)
            ),
        );
    }
    for text in &report.measured_here {
        field(ui, "measured", text);
    }
    if let Some(text) = &report.earlier {
        field(ui, "so far", text);
    }
    for assumption in &report.assumptions {
        field(ui, "assumed", assumption);
    }
    field(ui, "read from", &model.read_from);
}

fn places(ui: &Ui, report: &FitReport) {
    let mut table = Table::new()
        .column("where", 0)
        .numbers("memory", 0)
        .column("verdict", 0);
    table = if report.training {
        table.numbers("trained tokens/s", 1)
    } else {
        table
            .numbers("decoded tokens/s", 1)
            .numbers("read tokens/s", 2)
    };
    let job = report
        .advice
        .places
        .iter()
        .any(|place| place.job_hours.is_some());
    if job {
        table = table.numbers("the job", 1).numbers("at most", 2);
    }
    for place in &report.advice.places {
        let mut cells = vec![
            name(place),
            size(place.memory_bytes),
            verdict(place.verdict),
        ];
        let rate = |rate: Option<f64>| rate.map_or_else(|| "-".into(), number_short);
        if report.training {
            cells.push(rate(place.training_tokens_per_second));
        } else {
            cells.push(rate(place.decode_tokens_per_second));
            cells.push(rate(place.prompt_tokens_per_second));
        }
        if job {
            cells.push(place.job_hours.map_or_else(
                || "-".into(),
                |hours| duration(Duration::from_secs_f64((hours * 3600.0).clamp(0.0, 1e12))),
            ));
            cells.push(
                place
                    .job_watt_hours
                    .map_or_else(|| "-".into(), |hours| format!("{} Wh", number_short(hours))),
            );
        }
        table.row(cells);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
}

fn name(place: &PlaceAdvice) -> String {
    if place.count > 1 {
        format!("{} × {}", place.count, place.name)
    } else {
        place.name.clone()
    }
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Fits => "fits",
        Verdict::Tight => "tight",
        Verdict::TooLarge => "too large",
    }
    .into()
}

fn number_short(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        number((value * 10.0).round() / 10.0)
    }
}

/// Draws a predicted table.
pub fn table(ui: &Ui, report: &TableReport) {
    let mut table = Table::new()
        .column("row", 0)
        .column("metric", 0)
        .numbers("value", 0)
        .numbers("low", 1)
        .numbers("high", 1)
        .column("verdict", 0)
        .column("notes", 2);
    for row in &report.rows {
        let memory = row.family.contains("memory")
            || matches!(row.metric.as_str(), "oom" | "file_size" | "cuda_context");
        let cell = |value: Option<f64>| {
            value.map_or_else(
                || "-".into(),
                |value| {
                    if memory {
                        size(value)
                    } else {
                        number_short(value)
                    }
                },
            )
        };
        table.row([
            row.id.clone(),
            row.metric.clone(),
            cell(row.value),
            cell(row.low),
            cell(row.high),
            row.verdict.clone().unwrap_or_else(|| "-".into()),
            row.notes.join("; "),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
}

/// Draws what was measured.
pub fn calibration(ui: &Ui, report: &CalibrationReport) {
    let mut table = Table::new()
        .column("device", 0)
        .column("with", 1)
        .numbers("copy GB/s", 0)
        .numbers("TFLOP/s", 0)
        .numbers("context", 1)
        .numbers("tiny model", 2);
    for one in &report.calibration.devices {
        let cell = |value: Option<f64>, by: f64| {
            value.map_or_else(|| "-".into(), |value| number_small(value / by))
        };
        table.row([
            one.name.clone(),
            one.framework.clone(),
            cell(one.copy_bytes_per_second, 1e9),
            cell(one.matrix_flops, 1e12),
            one.context_bytes.map_or_else(|| "-".into(), size),
            one.tiny_peak_bytes.map_or_else(|| "-".into(), size),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    ui.answer("");
    if let Some(python) = &report.python {
        field(ui, "measured by", python);
    }
    for trouble in &report.troubles {
        field(ui, "not measured", trouble);
    }
    field(
        ui,
        "kept in",
        &format!(
            "{}; estimates count with it until the card or its driver changes",
            report.file
        ),
    );
}

/// Draws how predictions did.
pub fn earlier(ui: &Ui, report: &EarlierReport) {
    let mut table = Table::new()
        .column("run", 0)
        .column("model", 0)
        .numbers("predicted", 0)
        .numbers("measured", 0)
        .numbers("off", 0)
        .column("inside", 1)
        .column("how", 2);
    for run in &report.runs {
        table.row([
            run.name.clone(),
            run.model.clone(),
            size(run.predicted_bytes),
            format!(
                "{}{}",
                size(run.measured_bytes),
                if run.whole_card { " (card)" } else { "" }
            ),
            format!("{:+.0} %", run.error * 100.0),
            if run.inside { "yes" } else { "no" }.into(),
            run.how.clone(),
        ]);
    }
    if report.runs.is_empty() {
        ui.answer("no run can be compared yet: a run needs a measured peak, and parameters that name its model");
    } else {
        for line in table.lines(ui.width, ui.colour) {
            ui.answer(&line);
        }
    }
    if let Some(median) = report.median_error {
        field(
            ui,
            "in all",
            &format!(
                "off by {:.0} % (median), {} of {} inside the interval",
                median * 100.0,
                report.inside,
                report.runs.len()
            ),
        );
    }
    for (why, count) in &report.left_out {
        field(ui, "left out", &format!("{count}: {why}"));
    }
}

/// Three digits that matter, also of what is small.
fn number_small(value: f64) -> String {
    if value >= 10.0 {
        format!("{value:.0}")
    } else if value >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}
