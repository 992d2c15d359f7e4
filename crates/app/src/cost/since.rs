//! `deskside cost --since 30d`: what all runs of a span took.

use super::history::span;
use super::runs::{RunCost, RunPrices, of_run};
use super::scenario::invalid;
use crate::{Answer, Context};
use deskside_advise::cost::history::held;
use deskside_machine::Reading;
use deskside_track::index::Filter;
use deskside_track::{Store, record};
use deskside_types::Result;
use deskside_types::range::Range;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// The answer of `cost --since`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SinceReport {
    /// The beginning of the span, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Its end: now.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// The currency of all sums.
    pub currency: String,
    /// A kWh.
    pub per_kwh: Range,
    /// Where the tariff is from, in words.
    pub tariff_from: String,
    /// Runs that are counted: those that ran within the span, with the part of them that lies in it.
    pub runs: Vec<RunCost>,
    /// Hours of all runs together.
    pub run_hours: f64,
    /// Hours in which at least one of them went on.
    pub held_hours: f64,
    /// Watt-hours at the wall. Runs at one time each count with the whole machine, so the sum is rather high then.
    pub watt_hours: Range,
    /// The share of the watt-hours that rests on measured accelerators.
    pub measured_share: f64,
    /// Their money.
    pub money: Range,
    /// What the runs with a known offer would have cost on the best offers.
    pub rented: f64,
    /// How many runs have one.
    pub rented_runs: usize,
    /// Runs that could not be counted, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for SinceReport {
    const SCHEMA: &'static str = "deskside.cost-since";
}

/// Adds up what the runs since a moment took: `30d`, `12h`, `2w`, or a day.
///
/// # Errors
/// When the moment can't be understood, the scenario not counted with, or runs not be read.
pub fn since(
    context: &Context,
    text: &str,
    scenario: Option<&Path>,
    set: &[(String, String)],
) -> Result<SinceReport> {
    let now = context.machine.now()?.wall;
    let from = moment(text, now)?;
    let scenario = super::read(context, scenario, set)?;
    let prices = RunPrices::of(context, &scenario)?;
    let store = Store::new(&*context.machine, &context.directories);
    let listing = store.list(&Filter::default())?;
    let (start, end) = (from.as_millisecond(), now.as_millisecond());
    let mut runs = Vec::new();
    let mut spans = Vec::new();
    let mut left_out = Vec::new();
    for listed in &listing.runs {
        let Some(whole) = span(listed, now) else {
            // One that began within the span, and whose end nobody saw.
            if listed
                .state
                .started_at
                .is_some_and(|start| start >= from && listed.state.ended_at.is_none())
            {
                left_out.push(format!("{}: nobody saw its end", listed.id));
            }
            continue;
        };
        let inside = (whole.0.max(start), whole.1.min(end));
        if inside.1 <= inside.0 {
            continue;
        }
        let folder = store.folder(&listed.id);
        match record::read(&*context.machine, &folder) {
            Ok(run) => {
                spans.push(inside);
                runs.push(of_run(&*context.machine, &folder, &run, inside, &prices));
            }
            Err(problem) => left_out.push(format!("{}: {problem}", listed.id)),
        }
    }
    let sum =
        |of: &dyn Fn(&RunCost) -> Range| runs.iter().map(of).fold(Range::exactly(0.0), Range::plus);
    let watt_hours = sum(&|run| run.watt_hours);
    let measured: f64 = runs
        .iter()
        .filter(|run| run.measured)
        .map(|run| run.watt_hours.base)
        .fold(0.0, |sum, one| sum + one);
    let mut warnings = listing.warnings;
    warnings.extend(prices.warnings);
    Ok(SinceReport {
        since: from,
        until: now,
        currency: prices.currency,
        per_kwh: prices.per_kwh,
        tariff_from: prices.tariff_from,
        run_hours: runs.iter().fold(0.0, |sum, run| sum + run.hours),
        held_hours: held(&spans, start, end) as f64 / 3_600_000.0,
        measured_share: if watt_hours.base > 0.0 {
            measured / watt_hours.base
        } else {
            0.0
        },
        money: sum(&|run| run.money),
        rented: runs
            .iter()
            .filter_map(|run| run.rented)
            .fold(0.0, |sum, one| sum + one),
        rented_runs: runs.iter().filter(|run| run.rented.is_some()).count(),
        watt_hours,
        runs,
        left_out,
        warnings,
    })
}

/// A moment as people say it.
pub(crate) fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    let odd = || {
        invalid(format!("--since {text:?} is no span and no day"))
            .hint("write 30d, 12h, 2w, or a day: 2026-11-01")
    };
    let text = text.trim();
    if let Ok(day) = text.parse::<Date>() {
        let start = Offset::UTC
            .to_timestamp(day.at(0, 0, 0, 0))
            .map_err(|_| odd())?;
        return if start <= now { Ok(start) } else { Err(odd()) };
    }
    let unit = text.chars().last().ok_or_else(odd)?;
    let hours = match unit {
        'h' => 1,
        'd' => 24,
        'w' => 24 * 7,
        _ => return Err(odd()),
    };
    let count: i64 = text[..text.len() - 1].trim().parse().map_err(|_| odd())?;
    if !(1..=100_000).contains(&count) {
        return Err(odd());
    }
    now.checked_sub(jiff::SignedDuration::from_hours(count * hours))
        .map_err(|_| odd())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_as_people_say_them() {
        let now: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("30d", Some("2026-10-26T12:00:00Z")),
            ("12h", Some("2026-11-25T00:00:00Z")),
            ("2w", Some("2026-11-11T12:00:00Z")),
            ("2026-11-01", Some("2026-11-01T00:00:00Z")),
            ("2027-01-01", None),
            ("", None),
            ("d", None),
            ("0d", None),
            ("-3d", None),
            ("99999999999999999999d", None),
            ("30", None),
            ("3ä", None),
            ("soon", None),
        ] {
            let expected: Option<Timestamp> = expected.map(|text| text.parse().unwrap());
            assert_eq!(moment(text, now).ok(), expected, "{text}");
        }
    }
}
