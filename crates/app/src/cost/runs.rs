//! What a run took: energy, money here, and what the same would have cost on the best offer.

use super::owned;
use super::rented::{Choice, choose};
use super::resolve::Resolver;
use super::scenario::Scenario;
use crate::Context;
use crate::offers::Catalogue;
use deskside_advise::cost::Question;
use deskside_advise::cost::run::{sampled, watt_hours};
use deskside_knowledge::prices::{assumed, board_watts, system_watts};
use deskside_machine::{Machine, Reading};
use deskside_track::segment::{Everything, RunMetrics};
use deskside_track::{Folder, measured};
use deskside_types::Result;
use deskside_types::range::Range;
use deskside_types::run::{RunRecord, StateRecord};
use schemars::JsonSchema;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The share of a run that samples must cover so that its energy counts as measured.
const COVERED: f64 = 0.5;

/// What runs are priced by.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPrices {
    /// The currency of all sums.
    pub currency: String,
    /// A kWh.
    pub per_kwh: Range,
    /// Where the tariff is from, in words.
    pub tariff_from: String,
    /// USD in the currency.
    pub usd: f64,
    /// Watts of the machine without its accelerators, where the person gave none.
    host_watts: Range,
    efficiency: Range,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// The offers that are looked at.
    catalogue: Catalogue,
    /// What is known of each accelerator, looked up once.
    known: RefCell<BTreeMap<String, Known>>,
}

/// What is known of an accelerator.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    offer: Option<Choice>,
    board_watts: Option<f64>,
    system_watts: Option<Range>,
}

/// What a run took.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunCost {
    /// The run.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Hours it ran.
    pub hours: f64,
    /// The accelerators it had, in words; none: it ran on the processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerators: Option<String>,
    /// Watt-hours at the wall.
    pub watt_hours: Range,
    /// The accelerators' power was measured; the rest of the machine is assumed. Else all of it is an estimate.
    pub measured: bool,
    /// How the energy is known, in words.
    pub energy_from: String,
    /// Their money.
    pub money: Range,
    /// Its currency.
    pub currency: String,
    /// What so many hours cost on the best offer of the same accelerators; none where no offer is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rented: Option<f64>,
    /// That offer, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
}

impl RunPrices {
    fn known(&self, accelerator: &str) -> Known {
        let mut known = self.known.borrow_mut();
        let one = known
            .entry(accelerator.to_string())
            .or_insert_with(|| Known {
                offer: choose(&self.catalogue.of_accelerator(accelerator)),
                board_watts: board_watts(accelerator),
                system_watts: system_watts(accelerator).map(|(watts, _)| watts),
            });
        one.clone()
    }

    /// From the person's standing scenario and the command line.
    ///
    /// # Errors
    /// As [`super::cost`].
    pub(super) fn of(context: &Context, scenario: &Scenario) -> Result<Self> {
        let mut resolver = Resolver::new(scenario, Question::Job, super::today(context));
        owned::tariff(&mut resolver)?;
        let usd = resolver.converted(Range::exactly(1.0), "USD")?.base;
        let tariff = resolver
            .inputs
            .iter()
            .find(|input| input.key == "electricity.per_kwh");
        let tariff_from = tariff.map_or(String::new(), |input| input.because.clone());
        let range = |key: &str, name: &str| {
            scenario
                .number(key)
                .or_else(|| assumed(name).map(deskside_knowledge::prices::Assumed::range))
                .unwrap_or(Range::exactly(1.0))
        };
        Ok(Self {
            per_kwh: resolver.ranges.tariff,
            tariff_from,
            usd,
            host_watts: range("", "host_watts"),
            efficiency: range("machine.psu_efficiency", "psu_efficiency"),
            warnings: resolver.warnings,
            catalogue: Catalogue::of(context),
            known: RefCell::default(),
            currency: resolver.currency,
        })
    }
}

/// What a run took between two moments in milliseconds.
pub fn of_run(
    machine: &dyn Machine,
    folder: &Folder,
    record: &RunRecord,
    (from, to): (i64, i64),
    prices: &RunPrices,
) -> RunCost {
    let hours = (to - from).max(0) as f64 / 3_600_000.0;
    let mut gpus = visible(record);
    if gpus.is_empty() {
        // A run that is bound to no card is on those it was seen on.
        let seen = measured::read(machine, folder).unwrap_or_default();
        gpus = seen.gpus.into_iter().map(|gpu| gpu.name).collect();
    }
    let power = measured_watts(machine, folder, from, to);
    let (inside, efficiency, energy_from) = match (&power, gpus.first()) {
        (Some((watts, covered)), _) => (
            Range::exactly(*watts).plus(prices.host_watts),
            prices.efficiency,
            format!(
                "accelerators measured ({:.0} W, over {:.0} % of the time), the rest of the machine assumed",
                watts,
                covered * 100.0
            ),
        ),
        (None, None) => (
            prices.host_watts,
            prices.efficiency,
            "estimated: no power was sampled, and it had no accelerator".into(),
        ),
        (None, Some(name)) => estimated(name, gpus.len() as f64, prices),
    };
    let energy = watt_hours(inside, efficiency, hours);
    let offer = gpus.first().and_then(|name| {
        let choice = prices.known(name).offer?;
        let money = choice.row.usd_an_hour * prices.usd * gpus.len() as f64 * hours;
        Some((
            money,
            format!(
                "{} from {} ({}), {:.2} USD an hour on {}",
                choice.row.accelerator,
                choice.row.provider,
                choice.row.tier,
                choice.row.usd_an_hour,
                choice.row.as_of
            ),
        ))
    });
    let (rented, offer) = offer.unzip();
    RunCost {
        id: record.id.0.clone(),
        name: record.name.clone(),
        hours,
        accelerators: gpus.first().map(|name| format!("{} x {name}", gpus.len())),
        watt_hours: energy,
        measured: power.is_some(),
        energy_from,
        money: Range {
            low: energy.low / 1000.0 * prices.per_kwh.low,
            base: energy.base / 1000.0 * prices.per_kwh.base,
            high: energy.high / 1000.0 * prices.per_kwh.high,
        },
        currency: prices.currency.clone(),
        rented,
        offer,
    }
}

/// What one run took, at the person's own tariff; none where it never began, or nobody saw its end.
pub(crate) fn of_one(
    context: &Context,
    folder: &Folder,
    record: &RunRecord,
    state: &StateRecord,
) -> Option<RunCost> {
    let start = state.started_at?.as_millisecond();
    let end = match state.ended_at {
        Some(end) => end,
        None if !state.state.is_over() => context.machine.now().ok()?.wall,
        None => return None,
    };
    let end = end.as_millisecond();
    // A standing scenario that is broken is told by `cost`; a run is shown all the same.
    let scenario = super::standing(context).ok()?.unwrap_or_default();
    let prices = RunPrices::of(context, &scenario).ok()?;
    (end > start).then(|| of_run(&*context.machine, folder, record, (start, end), &prices))
}

/// The accelerators of the machine that the run was let see.
fn visible(record: &RunRecord) -> Vec<String> {
    let all = record
        .machine
        .as_ref()
        .map_or(&[][..], |machine| machine.gpus.as_slice());
    match record.environment.get("CUDA_VISIBLE_DEVICES") {
        None => all.to_vec(),
        Some(list) => {
            let numbers = list
                .split(',')
                .map(str::trim)
                .take_while(|part| !part.is_empty() && *part != "-1" && *part != "NoDevFiles")
                .count();
            all.iter().take(numbers).cloned().collect()
        }
    }
}

fn estimated(name: &str, count: f64, prices: &RunPrices) -> (Range, Range, String) {
    let known = prices.known(name);
    if let Some(watts) = known.system_watts {
        return (
            watts,
            Range::exactly(1.0),
            format!("estimated: a system with {name} under load; no power was sampled"),
        );
    }
    let share = assumed("board_share_while_busy").map_or(
        Range {
            low: 0.5,
            base: 0.7,
            high: 1.0,
        },
        deskside_knowledge::prices::Assumed::range,
    );
    match known.board_watts {
        Some(board) => (
            share.times(board * count).plus(prices.host_watts),
            prices.efficiency,
            format!(
                "estimated: {:.0} to {:.0} % of the {board:.0} W of {name}'s board; no power was sampled",
                share.low * 100.0,
                share.high * 100.0
            ),
        ),
        None => (
            prices.host_watts,
            prices.efficiency,
            format!(
                "estimated without {name}, whose power is not known: too low; no power was sampled"
            ),
        ),
    }
}

/// The mean watts of all accelerators together over a run, and the share of it that was sampled, where that is half of it or more. It is from the
/// series of the run's `system` segments that begin with `gpu` and end with `power_watts`.
///
/// A run that is bound to no card is sampled on one from when it is first seen there. What was sampled before counts, too: without the run on it.
pub(super) fn measured_watts(
    machine: &dyn Machine,
    folder: &Folder,
    from: i64,
    to: i64,
) -> Option<(f64, f64)> {
    let mut segments = RunMetrics::new(folder.system(), Everything::default());
    segments.refresh(machine).ok()?;
    let whole = (to - from).max(1) as f64;
    let looked = measured::read(machine, folder)
        .map(|summary| (summary.every_ms as f64, summary.samples as f64))
        .map(|(every, samples)| (every, (every * samples / whole).min(1.0)));
    let mut sum = None;
    for series in segments.collected.into_series() {
        if !(series.name.starts_with("gpu") && series.name.ends_with("power_watts")) {
            continue;
        }
        let points: Vec<(i64, f64)> = series
            .points
            .iter()
            .map(|point| (point.time_ms, point.value))
            .filter(|(at, _)| (from..=to).contains(at))
            .collect();
        let (first, last) = (points.first()?.0, points.last()?.0);
        let (watts, covered) = match looked {
            Some((every, share)) => {
                let seen = sampled(&points, first, last)?;
                let there = (((last - first) as f64 + every) / whole).min(1.0);
                (seen.mean_watts * there, seen.covered * share)
            }
            None => {
                let seen = sampled(&points, from, to)?;
                (seen.mean_watts, seen.covered)
            }
        };
        let (watts_before, covered_before) = sum.unwrap_or((0.0, 1.0_f64));
        sum = Some((watts_before + watts, covered_before.min(covered)));
    }
    sum.filter(|(_, covered)| *covered >= COVERED)
}
