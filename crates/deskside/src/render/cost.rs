//! `cost` as text.

use super::field;
use deskside_app::cost::{
    BreakEven, CostReport, FlipReport, Input, Origin, RunCost, SinceReport, Term,
};
use deskside_tui::table::Table;
use deskside_tui::{Meaning, Ui};
use deskside_types::range::Range;
use deskside_types::units::number;

/// What takes longer is as good as never.
const LONGEST_DAYS: f64 = 50.0 * 365.0;

/// Runs that are listed; the sums are of all.
const SHOWN_RUNS: usize = 20;

fn money(value: f64) -> String {
    // Never `-0.00`.
    let text = format!("{value:.2}");
    if text == "-0.00" { "0.00".into() } else { text }
}

fn short(value: f64) -> String {
    number((value * 1e4).round() / 1e4)
}

/// Draws the answer to a question.
pub fn cost(ui: &Ui, report: &CostReport) {
    if let Some(name) = &report.name {
        ui.answer(&ui.paint(name, Meaning::Subject).to_string());
    }
    ui.answer(
        &ui.paint(&report.verdict.sentence, Meaning::Subject)
            .to_string(),
    );
    ui.answer("");
    let (own, rent) = if report.span == "job" {
        ("what it adds here", "rented")
    } else {
        ("owning, a month", "renting, a month")
    };
    let currency = &report.currency;
    sum(ui, own, &report.own, report.cases.base.own, currency);
    ui.answer("");
    sum(ui, rent, &report.rent, report.cases.base.rent, currency);
    ui.answer("");
    cases(ui, report);
    ui.answer("");
    figures(ui, report);
    for (place, flip) in report.flips.iter().enumerate() {
        field(ui, if place == 0 { "turns at" } else { "" }, &flipped(flip));
    }
    if report.flips.is_empty() {
        field(ui, "turns at", "nothing plausible turns it alone");
    }
    ui.answer("");
    inputs(ui, &report.inputs);
    ui.answer("");
    for line in &report.conventions {
        field(ui, "counted as", line);
    }
    for line in &report.left_out {
        field(ui, "left out", line);
    }
    if !report.offers.is_empty() {
        let line: Vec<String> = report
            .offers
            .iter()
            .map(|offer| format!("{} {} {:.2}", offer.provider, offer.tier, offer.per_hour))
            .collect();
        field(
            ui,
            "offers",
            &format!("{} {currency} an hour each", line.join(", ")),
        );
    }
    warnings(ui, &report.warnings);
}

fn warnings(ui: &Ui, warnings: &[String]) {
    for warning in warnings {
        ui.talk(&format!(
            "{} {warning}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
}

fn sum(ui: &Ui, title: &str, terms: &[Term], whole: f64, currency: &str) {
    for term in terms {
        ui.answer(&format!(
            "  {:>10}  {:<18} {}",
            money(term.money),
            term.name,
            ui.paint(&term.because, Meaning::Quiet)
        ));
    }
    ui.answer(&format!(
        "  {:>10}  {}",
        money(whole),
        ui.paint(&format!("{title} ({currency})"), Meaning::Subject)
    ));
}

fn cases(ui: &Ui, report: &CostReport) {
    let own = if report.span == "job" {
        "here"
    } else {
        "owning"
    };
    let mut table = Table::new()
        .column("case", 0)
        .numbers(own, 0)
        .numbers("renting", 0);
    let even = report.cases.base.break_even.is_some();
    if even {
        table = table.column("owning costs less", 1);
    }
    for (name, side) in [
        ("low: all in favour of owning", &report.cases.low),
        ("base", &report.cases.base),
        ("high: all against it", &report.cases.high),
    ] {
        let mut cells = vec![name.to_string(), money(side.own), money(side.rent)];
        if let Some(even) = side.break_even {
            cells.push(break_even(even));
        }
        table.row(cells);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
}

fn break_even(even: BreakEven) -> String {
    match even {
        BreakEven::Always => "at any use".into(),
        BreakEven::Never => "never".into(),
        BreakEven::From { hours } => format!("from {hours:.1} busy hours a day"),
        BreakEven::UpTo { hours } => format!("up to {hours:.1} busy hours a day"),
        BreakEven::Between { from, to } => format!("from {from:.1} to {to:.1} busy hours a day"),
    }
}

fn figures(ui: &Ui, report: &CostReport) {
    let (figures, currency) = (&report.figures, &report.currency);
    if report.span == "job" {
        field(
            ui,
            "energy",
            &format!(
                "{:.2} kWh here, {} {currency}",
                figures.kwh,
                money(figures.electricity)
            ),
        );
        if let Some(worth) = figures.worth_of_an_hour {
            field(
                ui,
                "time",
                &format!(
                    "renting costs no more once an hour sooner is worth {} {currency}",
                    money(worth)
                ),
            );
        }
        return;
    }
    if let Some(days) = figures.payback_days.filter(|days| *days < LONGEST_DAYS) {
        field(
            ui,
            "paid back",
            &format!(
                "after {days:.0} days of such use ({:.1} months, {:.0} busy hours); what it sells for and interest left out",
                figures.payback_months.unwrap_or_default(),
                figures.payback_busy_hours.unwrap_or_default()
            ),
        );
    } else {
        field(
            ui,
            "paid back",
            "not within fifty years of such use: running it costs about as much as renting",
        );
    }
    if let (Some(own), Some(rent)) = (figures.own_per_busy_hour, figures.rent_per_busy_hour) {
        field(
            ui,
            "an hour",
            &format!(
                "{own:.3} {currency} owned, {rent:.3} rented, a busy hour with everything in it"
            ),
        );
    }
    if let (Some(saving), Some(value)) = (figures.saving_nominal, figures.net_present_value) {
        field(
            ui,
            "in all",
            &format!(
                "owning saves {} {currency} without interest, {} with it (net present value)",
                money(saving),
                money(value)
            ),
        );
    }
    field(
        ui,
        "energy",
        &format!(
            "{:.0} kWh a year at the wall, {} {currency}",
            figures.kwh,
            money(figures.electricity)
        ),
    );
}

fn flipped(flip: &FlipReport) -> String {
    format!(
        "{} = {} instead of {} ({}, {})",
        flip.key,
        short(flip.to),
        short(flip.from),
        flip.unit,
        origin(flip.origin)
    )
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Measured => "measured",
        Origin::Given => "given",
        Origin::Table => "table",
        Origin::Default => "assumed",
        Origin::LeftOut => "left out",
    }
}

fn range(value: Range) -> String {
    if value.is_exact() {
        short(value.base)
    } else {
        format!(
            "{} ({} to {})",
            short(value.base),
            short(value.low),
            short(value.high)
        )
    }
}

/// What nothing stands behind comes first: it is to be looked at.
fn inputs(ui: &Ui, inputs: &[Input]) {
    for (label, wanted) in [
        ("assumed", Origin::Default),
        ("by tables", Origin::Table),
        ("measured", Origin::Measured),
        ("given", Origin::Given),
    ] {
        let some = inputs.iter().filter(|input| input.origin == wanted);
        for (place, input) in some.enumerate() {
            let dated = input
                .as_of
                .as_ref()
                .map_or(String::new(), |day| format!(", {day}"));
            field(
                ui,
                if place == 0 { label } else { "" },
                &format!(
                    "{:<27} {} {}  {}",
                    input.key,
                    range(input.value),
                    input.unit,
                    ui.paint(&format!("{}{dated}", input.because), Meaning::Quiet)
                ),
            );
        }
    }
    let nothing: Vec<&str> = inputs
        .iter()
        .filter(|input| input.origin == Origin::LeftOut)
        .map(|input| input.key.as_str())
        .collect();
    if !nothing.is_empty() {
        field(
            ui,
            "for nothing",
            &format!(
                "{}: not given, and nothing is assumed, as asked",
                nothing.join(", ")
            ),
        );
    }
}

/// Draws what runs took.
pub fn since(ui: &Ui, report: &SinceReport) {
    let currency = &report.currency;
    if report.runs.is_empty() {
        ui.talk(&format!(
            "no runs since {}; the three questions: {}",
            ui.moment(report.since),
            ui.tint("deskside cost buy|keep|job", Meaning::Hint)
        ));
        warnings(ui, &report.warnings);
        return;
    }
    let rented = if report.rented_runs > 0 {
        format!(
            "; {} of the runs would have cost {} {currency} rented",
            report.rented_runs,
            money(report.rented)
        )
    } else {
        String::new()
    };
    ui.answer(
        &ui.paint(
            &format!(
                "{} runs since {}: {:.1} h, {} kWh, {} {currency} of electricity{rented}",
                report.runs.len(),
                ui.moment(report.since),
                report.run_hours,
                short((report.watt_hours.base / 10.0).round() / 100.0),
                money(report.money.base)
            ),
            Meaning::Subject,
        )
        .to_string(),
    );
    ui.answer("");
    let mut table = Table::new()
        .column("run", 0)
        .column("name", 1)
        .numbers("hours", 0)
        .numbers("Wh", 0)
        .column("energy is", 1)
        .numbers(currency, 0)
        .numbers("rented", 1);
    for run in report.runs.iter().take(SHOWN_RUNS) {
        table.row([
            run.id.clone(),
            run.name.replace(char::is_control, " "),
            format!("{:.2}", run.hours),
            watt_hours(run.watt_hours),
            if run.measured {
                "measured"
            } else {
                "estimated"
            }
            .into(),
            format!("{:.3}", run.money.base),
            run.rented
                .map_or_else(|| "-".into(), |rented| format!("{rented:.3}")),
        ]);
    }
    for line in table.lines(ui.width, ui.colour) {
        ui.answer(&line);
    }
    if report.runs.len() > SHOWN_RUNS {
        ui.talk(&format!(
            "{SHOWN_RUNS} of {} runs; --json has all",
            report.runs.len()
        ));
    }
    ui.answer("");
    field(
        ui,
        "energy",
        &format!(
            "{} Wh in all; {:.0} % of it rests on measured accelerators, the rest is estimated",
            watt_hours(report.watt_hours),
            report.measured_share * 100.0
        ),
    );
    field(
        ui,
        "money",
        &format!(
            "{} to {} {currency} at {} a kWh ({})",
            money(report.money.low),
            money(report.money.high),
            range(report.per_kwh),
            report.tariff_from
        ),
    );
    field(
        ui,
        "held",
        &format!(
            "{:.1} h in which at least one of them went on",
            report.held_hours
        ),
    );
    if report.run_hours > report.held_hours * 1.01 {
        field(
            ui,
            "",
            "some ran at one time, and each counts with the whole machine: energy and money are rather high",
        );
    }
    for line in &report.left_out {
        field(ui, "left out", line);
    }
    warnings(ui, &report.warnings);
}

/// What one run took, in a line.
pub fn took(cost: &RunCost) -> String {
    let rented = cost.rented.map_or(String::new(), |rented| {
        format!("; rented {} {}", small(rented), cost.currency)
    });
    format!(
        "{} Wh ({}), {} {}{rented}",
        short(cost.watt_hours.base),
        if cost.measured {
            "measured"
        } else {
            "estimated"
        },
        small(cost.money.base),
        cost.currency
    )
}

/// Money of which little is spent: four places.
fn small(value: f64) -> String {
    if value >= 1.0 {
        money(value)
    } else {
        format!("{value:.4}")
    }
}

fn watt_hours(value: Range) -> String {
    if value.is_exact() {
        format!("{:.1}", value.base)
    } else {
        format!("{:.1} ({:.1} to {:.1})", value.base, value.low, value.high)
    }
}
