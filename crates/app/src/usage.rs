//! `deskside usage`: how busy this machine really was: on, held by runs, computing.
//!
//! Runs say how long they held it. The machine's own sampler, where it is switched on, says how long it was on and how long it
//! computed; without it what runs measured of themselves stands in, and it is not known how long the machine was on.

use crate::cost::history::span;
use crate::cost::since::moment;
use crate::{Answer, Context};
use deskside_advise::cost::history::held;
use deskside_machine::{Machine, Reading};
use deskside_runs::sample::history::{self, BUCKET, BUSY_CPU, BUSY_GPU, Bucket, buckets};
use deskside_runs::schedule::zone;
use deskside_track::index::Filter;
use deskside_track::segment::{Everything, RunMetrics};
use deskside_track::{Folder, Store};
use deskside_types::{Code, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The answer of `usage`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UsageReport {
    /// The beginning of the span, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Its end: now.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Hours of the span.
    pub hours: f64,
    /// The machine's own sampler has seen something of it.
    pub sampled: bool,
    /// The first of its samples in the span; before it nothing is known of hours without runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub sampled_since: Option<Timestamp>,
    /// Hours in which it was on and sampled; none without a sampler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_hours: Option<f64>,
    /// Hours in which at least one run held it.
    pub held_hours: f64,
    /// Runs in the span.
    pub runs: usize,
    /// Hours in which it computed, by samples; none where nothing was sampled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy_hours: Option<f64>,
    /// What counts as computing, in words.
    pub busy_means: String,
    /// The days of the span on which anything happened, in the person's own time.
    pub days: Vec<UsageDay>,
    /// Cards, by the machine's sampler.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<UsageGpu>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for UsageReport {
    const SCHEMA: &'static str = "deskside.usage";
}

/// One day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct UsageDay {
    /// Its date.
    pub date: String,
    /// Hours in which it was on and sampled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_hours: Option<f64>,
    /// Hours in which a run held it.
    pub held_hours: f64,
    /// Hours in which it computed, by samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy_hours: Option<f64>,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UsageGpu {
    /// Its place.
    pub place: u32,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mean percent of the time in which it computed, while the machine was on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// What it took, in kWh, by its own counter: without the power supply's loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kwh: Option<f64>,
    /// Mean watts while the machine was on and did not compute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_watts: Option<f64>,
}

/// Hours of samples, rounded to what they are exact to.
fn hours(seconds: f64) -> f64 {
    (seconds / 36.0).round() / 100.0
}

/// Adds up the use since a moment: `30d`, `12h`, `2w`, or a day.
///
/// # Errors
/// [`Code::WatchUsage`] when the moment can't be understood; when runs or history can't be read.
pub fn usage(context: &Context, since: &str) -> Result<UsageReport> {
    let machine = &*context.machine;
    let now = machine.now()?.wall;
    let from = moment(since, now).map_err(|problem| problem.coded(Code::WatchUsage))?;
    let (start, end) = (from.as_millisecond(), now.as_millisecond());
    let store = Store::new(machine, &context.directories);
    let listing = store.list(&Filter::default())?;
    let spans: Vec<(Folder, (i64, i64))> = listing
        .runs
        .iter()
        .filter_map(|run| Some((store.folder(&run.id), span(run, now)?)))
        .filter(|(_, (begin, over))| *over > start && *begin < end)
        .collect();
    let held_spans: Vec<(i64, i64)> = spans.iter().map(|(_, span)| *span).collect();
    let folder = history::folder(&context.directories);
    let own = history::read_buckets(machine, &folder, start, end)?;
    let seen = together(&own, of_runs(machine, &spans, start, end));
    let sampled_since = own.first().map(|bucket| bucket.at.max(start));
    let mut warnings = listing.warnings;
    if own.is_empty() {
        warnings.push(
            "how long the machine was on, and what it did without a run, is not known: `deskside sampler on`".into(),
        );
    }
    let has_gpu = own.iter().any(|bucket| !bucket.gpus.is_empty());
    Ok(UsageReport {
        since: from,
        until: now,
        hours: (end - start) as f64 / 3_600_000.0,
        sampled: !own.is_empty(),
        sampled_since: sampled_since.and_then(|at| Timestamp::from_millisecond(at).ok()),
        on_hours: (!own.is_empty()).then(|| hours(own.iter().map(|bucket| bucket.on).sum())),
        held_hours: held(&held_spans, start, end) as f64 / 3_600_000.0,
        runs: spans.len(),
        busy_hours: (!seen.is_empty())
            .then(|| hours(seen.values().map(|bucket| bucket.busy).sum())),
        busy_means: if has_gpu {
            format!("a card computed {BUSY_GPU:.0} % of the time or more")
        } else {
            format!(
                "a card computed {BUSY_GPU:.0} % of the time or more; where none is, the processors {BUSY_CPU:.0} %"
            )
        },
        days: days(machine, &own, &seen, &held_spans, (start, end)),
        gpus: gpus(&own, &history::names(machine, &folder)),
        warnings,
    })
}

/// The machine's own buckets, and for times without them those of runs.
fn together(own: &[Bucket], of_runs: Vec<Bucket>) -> BTreeMap<i64, Bucket> {
    let mut all: BTreeMap<i64, Bucket> = BTreeMap::new();
    for bucket in of_runs {
        // Runs beside each other saw the same machine: the busiest of them counts.
        let known = all.entry(bucket.at).or_default();
        if bucket.busy >= known.busy {
            *known = bucket;
        }
    }
    for bucket in own {
        let known = all.entry(bucket.at).or_default();
        if bucket.on >= known.on {
            *known = bucket.clone();
        }
    }
    all
}

/// What runs measured of themselves, the newest of them; each reads some megabytes.
fn of_runs(
    machine: &dyn Machine,
    spans: &[(Folder, (i64, i64))],
    start: i64,
    end: i64,
) -> Vec<Bucket> {
    const MOST: usize = 300;
    let mut found = Vec::new();
    for (folder, _) in spans.iter().take(MOST) {
        let wanted = Everything::only(wanted_series());
        let mut segments = RunMetrics::new(folder.system(), wanted);
        if segments.refresh(machine).is_ok() {
            found.extend(buckets(
                &segments.collected.into_series(),
                "host/memory_used",
            ));
        }
    }
    found.retain(|bucket| bucket.at.saturating_add(BUCKET) > start && bucket.at < end);
    found
}

/// Machines have no more than sixteen cards.
fn wanted_series() -> Vec<String> {
    let cards = (0..16).map(|place| format!("gpu{place}/utilization"));
    ["host/memory_used", "host/cpu_percent"]
        .map(String::from)
        .into_iter()
        .chain(cards)
        .collect()
}

fn days(
    machine: &dyn Machine,
    own: &[Bucket],
    seen: &BTreeMap<i64, Bucket>,
    spans: &[(i64, i64)],
    (start, end): (i64, i64),
) -> Vec<UsageDay> {
    let zone = zone(machine);
    let date = |at: i64| {
        let at = Timestamp::from_millisecond(at).unwrap_or_default();
        zone.to_datetime(at).date()
    };
    let mut found: BTreeMap<Date, (f64, Option<f64>, bool)> = BTreeMap::new();
    for bucket in own {
        let day = found.entry(date(bucket.at)).or_default();
        day.0 += bucket.on;
        day.2 = true;
    }
    for bucket in seen.values() {
        let day = found.entry(date(bucket.at)).or_default();
        day.1 = Some(day.1.unwrap_or(0.0) + bucket.busy);
    }
    let mut day = date(start);
    let last = date(end);
    let mut list = Vec::new();
    while day <= last {
        let next = day.tomorrow().unwrap_or(day);
        let edge = |date: Date| {
            zone.to_ambiguous_zoned_datetime(date.at(0, 0, 0, 0))
                .compatible()
                .map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond())
        };
        let (from, to) = (edge(day).max(start), edge(next).min(end));
        let held_ms = if from < to { held(spans, from, to) } else { 0 };
        let seen = found.get(&day);
        if held_ms > 0 || seen.is_some() {
            let (on, busy, sampled) = seen.copied().unwrap_or_default();
            list.push(UsageDay {
                date: day.to_string(),
                on_hours: sampled.then(|| hours(on)),
                held_hours: held_ms as f64 / 3_600_000.0,
                busy_hours: busy.map(hours),
            });
        }
        if next == day {
            break;
        }
        day = next;
    }
    list
}

fn gpus(own: &[Bucket], names: &BTreeMap<u32, String>) -> Vec<UsageGpu> {
    #[derive(Default)]
    struct Sums {
        on: f64,
        utilization: f64,
        watt_seconds: Option<f64>,
        idle: (f64, f64),
    }
    let mut sums: BTreeMap<u32, Sums> = BTreeMap::new();
    for bucket in own {
        for (place, gpu) in &bucket.gpus {
            let sum = sums.entry(*place).or_default();
            if let Some(percent) = gpu.utilization {
                sum.on += bucket.on;
                sum.utilization += percent * bucket.on;
            }
            if let Some(watts) = gpu.watts {
                sum.watt_seconds = Some(sum.watt_seconds.unwrap_or(0.0) + watts * bucket.on);
                if bucket.busy == 0.0 {
                    sum.idle.0 += watts * bucket.on;
                    sum.idle.1 += bucket.on;
                }
            }
        }
    }
    sums.into_iter()
        .map(|(place, sum)| UsageGpu {
            place,
            name: names.get(&place).cloned(),
            utilization: (sum.on > 0.0).then(|| sum.utilization / sum.on),
            kwh: sum.watt_seconds.map(|joules| joules / 3.6e6),
            idle_watts: (sum.idle.1 > 0.0).then(|| sum.idle.0 / sum.idle.1),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_runs::sample::HistorySampler;
    use deskside_testkit::Sim;
    use std::time::Duration;

    fn machine() -> (Sim, Context) {
        let sim = Sim::linux();
        sim.change(|state| state.wall = "2026-11-25T08:00:00Z".parse().unwrap());
        let context = Context::here(sim.shared()).unwrap();
        (sim, context)
    }

    fn run(sim: &Sim, context: &Context, id: &str, from: &str, to: &str) {
        let folder = context.directories.runs().join(id);
        let record = format!(
            "version = 1\nid = \"{id}\"\nname = \"a\"\nexperiment = \"default\"\ncreated_at = \"{from}\"\nargv = [\"a\"]\nworking_directory = \"/\"\n[place]\nkind = \"here\"\n"
        );
        sim.put_file(folder.join("run.toml"), record);
        let state = format!(
            "state = \"finished\"\nexit_code = 0\nstarted_at = \"{from}\"\nended_at = \"{to}\"\n"
        );
        sim.put_file(folder.join("state"), state);
    }

    #[test]
    fn on_held_and_busy_are_three_numbers() {
        let (sim, context) = machine();
        sim.put_file(
            "/proc/meminfo",
            "MemTotal: 4096000 kB\nMemAvailable: 2048000 kB\n",
        );
        let mut sampler = HistorySampler::new(&context.directories);
        let set = |percent: u32| {
            let answer = serde_json::json!({ "devices": [{ "index": 0, "uuid": "GPU-a", "name": "Card", "utilization": percent, "power_watts": if percent > 0 { 300 } else { 20 } }] });
            sim.change(|state| drop(state.devices.insert("nvml-live".into(), Ok(answer))));
        };
        // Four hours on, busy in the second of them.
        for step in 0..=(4 * 360) {
            set(if (360..720).contains(&step) { 80 } else { 0 });
            sampler.take(&*context.machine).unwrap();
            sim.advance(Duration::from_secs(10));
        }
        sampler.finish(&*context.machine).unwrap();
        run(
            &sim,
            &context,
            "20261125-083000-aaaa",
            "2026-11-25T08:30:00Z",
            "2026-11-25T10:30:00Z",
        );
        let usage = usage(&context, "1d").unwrap();
        assert!((usage.on_hours.unwrap() - 4.0).abs() < 0.02, "{usage:?}");
        assert!((usage.busy_hours.unwrap() - 1.0).abs() < 0.02, "{usage:?}");
        assert_eq!((usage.held_hours, usage.runs), (2.0, 1));
        let gpu = &usage.gpus[0];
        assert_eq!(gpu.name.as_deref(), Some("Card"));
        assert!(
            (gpu.utilization.unwrap() - 20.0).abs() < 0.5 && (gpu.kwh.unwrap() - 0.36).abs() < 0.01,
            "{gpu:?}"
        );
        assert!((gpu.idle_watts.unwrap() - 20.0).abs() < 1.0);
        assert_eq!(
            usage
                .days
                .iter()
                .map(|day| day.date.as_str())
                .collect::<Vec<_>>(),
            ["2026-11-25"]
        );
    }

    #[test]
    fn without_a_sampler_it_is_said_what_is_not_known() {
        let (sim, context) = machine();
        run(
            &sim,
            &context,
            "20261125-050000-aaaa",
            "2026-11-25T05:00:00Z",
            "2026-11-25T07:00:00Z",
        );
        let report = usage(&context, "7d").unwrap();
        assert_eq!(
            (report.on_hours, report.busy_hours, report.held_hours),
            (None, None, 2.0)
        );
        let told = |warning: &String| warning.contains("sampler on");
        assert!(report.warnings.iter().any(told), "{report:?}");
        assert_eq!(usage(&context, "soon").unwrap_err().code, Code::WatchUsage);
    }
}
