//! How much this machine was held by runs: from the run folders' beginnings and ends.

use super::runs::measured_watts;
use crate::Context;
use deskside_advise::cost::history::held;
use deskside_machine::Reading;
use deskside_runs::sample;
use deskside_track::Store;
use deskside_track::index::{Filter, Listed};
use jiff::Timestamp;

/// Days that are looked back.
const WINDOW_DAYS: i64 = 90;
/// Days that must have been seen before they say what is usual.
const ENOUGH_DAYS: f64 = 7.0;
const DAY_MS: i64 = 86_400_000;

/// What runs show of the use of a machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    /// Days it covers.
    pub days: f64,
    /// Runs in them.
    pub runs: usize,
    /// Hours a day in which at least one of them went on.
    pub held_hours_a_day: f64,
    /// Hours of a run, on average.
    pub mean_run_hours: f64,
    /// It covers enough days to count with.
    pub enough: bool,
    /// Mean watts of all accelerators while runs went on, and of how many runs they were sampled.
    pub watts: Option<(f64, usize)>,
    /// What the machine's own sampler says, where there is one.
    pub sampled: Option<Sampled>,
}

/// What the machine's own sampler says of the same days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// Days since its first sample.
    pub days: f64,
    /// Hours a day in which the machine was on.
    pub on_hours_a_day: f64,
    /// Hours a day in which it computed.
    pub busy_hours_a_day: f64,
}

impl Sampled {
    /// It covers enough days to count with.
    pub fn enough(&self) -> bool {
        self.days >= ENOUGH_DAYS
    }
}

/// Reads the history; none where there are no runs or they can't be read.
pub(crate) fn history(context: &Context) -> Option<History> {
    let now = context.machine.now().ok()?.wall;
    let listing = Store::new(&*context.machine, &context.directories)
        .list(&Filter::default())
        .ok()?;
    let mut history = of(&listing.runs, now)?;
    history.watts = watts(context, &listing.runs, now);
    history.sampled = sampled(context, now);
    Some(history)
}

fn sampled(context: &Context, now: Timestamp) -> Option<Sampled> {
    let to = now.as_millisecond();
    let folder = sample::history::folder(&context.directories);
    let buckets =
        sample::read_buckets(&*context.machine, &folder, to - WINDOW_DAYS * DAY_MS, to).ok()?;
    let days = (to - buckets.first()?.at) as f64 / DAY_MS as f64;
    let hours =
        |of: fn(&sample::Bucket) -> f64| buckets.iter().map(of).sum::<f64>() / 3600.0 / days;
    Some(Sampled {
        days,
        on_hours_a_day: hours(|bucket| bucket.on).min(24.0),
        busy_hours_a_day: hours(|bucket| bucket.busy).min(24.0),
    })
}

/// Runs whose samples are read, the newest.
const SAMPLED_RUNS: usize = 20;

fn watts(context: &Context, runs: &[Listed], now: Timestamp) -> Option<(f64, usize)> {
    let store = Store::new(&*context.machine, &context.directories);
    let seen: Vec<(f64, f64)> = runs
        .iter()
        .take(SAMPLED_RUNS)
        .filter_map(|run| {
            let (from, to) = span(run, now)?;
            let folder = store.folder(&run.id);
            let (watts, _) = measured_watts(&*context.machine, &folder, from, to)?;
            Some((watts, (to - from) as f64))
        })
        .collect();
    let whole: f64 = seen.iter().map(|(_, span)| span).sum();
    let sum: f64 = seen.iter().map(|(watts, span)| watts * span).sum();
    (whole > 0.0).then(|| (sum / whole, seen.len()))
}

/// A begun run's span; one that goes on ends now, one whose end nobody saw is left out.
pub(crate) fn span(run: &Listed, now: Timestamp) -> Option<(i64, i64)> {
    let start = run.state.started_at?;
    let end = match run.state.ended_at {
        Some(end) => end,
        None if !run.state.state.is_over() => now,
        None => return None,
    };
    (end > start).then(|| (start.as_millisecond(), end.as_millisecond()))
}

fn of(runs: &[Listed], now: Timestamp) -> Option<History> {
    let spans: Vec<(i64, i64)> = runs.iter().filter_map(|run| span(run, now)).collect();
    let to = now.as_millisecond();
    let from = spans
        .iter()
        .map(|(start, _)| *start)
        .min()?
        .max(to - WINDOW_DAYS * DAY_MS);
    let inside: Vec<(i64, i64)> = spans
        .iter()
        .copied()
        .filter(|(start, end)| *end > from && *start < to)
        .collect();
    let days = (to - from) as f64 / DAY_MS as f64;
    if inside.is_empty() || days <= 0.0 {
        return None;
    }
    let long: i64 = inside.iter().map(|(start, end)| end - start).sum();
    Some(History {
        days,
        runs: inside.len(),
        held_hours_a_day: (held(&inside, from, to) as f64 / 3_600_000.0 / days).min(24.0),
        mean_run_hours: long as f64 / 3_600_000.0 / inside.len() as f64,
        enough: days >= ENOUGH_DAYS,
        watts: None,
        sampled: None,
    })
}
