//! The machine's own history: what it did while it was on, in daily files, rolled up after some days.
//!
//! A day of samples is read into buckets of five minutes; a rolled-up day holds exactly those buckets. So both give the same
//! answer, and a year is some megabytes.

use super::cards::Cards;
use super::host::HostReadings;
use super::series::Recorder;
use deskside_machine::{Acting, Directories, Durability, ErrorKind, Machine, Reading};
use deskside_track::segment::{Collect, Decoder, Everything, SegmentWriter};
use deskside_types::Result;
use deskside_types::metric::{Point, Series};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of a machine's history, in Deskside's state.
pub const HISTORY: &str = "history";
/// How often the machine is sampled.
pub const EVERY: Duration = Duration::from_secs(10);
/// Days that are kept as they were sampled.
const RAW_DAYS: i64 = 3;
/// A value that stays the same is written that often, in milliseconds.
const LONGEST: i64 = 60_000;
/// Between two points that are further apart nothing is known: the machine was off, asleep, or not sampled.
const GAP: i64 = 150_000;
/// Milliseconds of a bucket.
pub const BUCKET: i64 = 300_000;
const GRID: i64 = 10_000;
/// Percent from which on a card, or all processors together where there is no card, count as busy.
pub const BUSY_GPU: f64 = 10.0;
/// See [`BUSY_GPU`].
pub const BUSY_CPU: f64 = 25.0;
/// Bytes of one file that are read.
const LARGEST: u64 = 256 << 20;

/// Where the history lies.
pub fn folder(directories: &Directories) -> PathBuf {
    directories.state.join(HISTORY)
}

/// Five minutes of a machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bucket {
    /// Its beginning, in milliseconds of the epoch.
    pub at: i64,
    /// Seconds in which the machine was on and sampled.
    pub on: f64,
    /// Of these the seconds in which it computed.
    pub busy: f64,
    /// Mean percent of all processors while on.
    pub cpu: Option<f64>,
    /// Mean watts of the processors by their own counters.
    pub watts: Option<f64>,
    /// Cards by their places.
    pub gpus: BTreeMap<u32, GpuBucket>,
}

/// Five minutes of a card.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GpuBucket {
    /// Mean percent of the time in which it computed.
    pub utilization: Option<f64>,
    /// Mean watts.
    pub watts: Option<f64>,
    /// Mean bytes of memory in use.
    pub memory: Option<f64>,
}

/// Samples the machine.
pub struct HistorySampler {
    folder: PathBuf,
    cards: Cards,
    host: HostReadings,
    recorder: Option<(Date, Recorder)>,
    names: BTreeMap<u32, String>,
    step: i64,
}

impl HistorySampler {
    /// Into a person's history.
    pub fn new(directories: &Directories) -> Self {
        Self {
            folder: folder(directories),
            cards: Cards::new(EVERY),
            host: HostReadings::default(),
            recorder: None,
            names: BTreeMap::new(),
            step: 0,
        }
    }

    /// Takes a sample; at the first of a day, rolls older days up.
    ///
    /// # Errors
    /// When it can't be written; the next may be.
    pub fn take(&mut self, machine: &dyn Machine) -> Result<()> {
        let now = machine.now()?.wall;
        let day = day_of(now.as_millisecond());
        if self.recorder.as_ref().is_none_or(|(of, _)| *of != day) {
            self.finish(machine)?;
            let recorder = Recorder::new(self.folder.clone(), LONGEST, Some(day.to_string()));
            self.recorder = Some((day, recorder));
            roll_up(machine, &self.folder, day)?;
        }
        let Some((_, recorder)) = &mut self.recorder else {
            return Ok(());
        };
        self.step += 1;
        let mut put = |name: &str, value: Option<f64>, grain: f64| {
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let point = Point {
                    step: self.step,
                    time_ms: now.as_millisecond(),
                    value: (value / grain).round() * grain,
                };
                recorder.put(name, point);
            }
        };
        put(ON, Some(1.0), 1.0);
        let host = self.host.look(machine);
        put("host/cpu_percent", host.cpu_percent, 1.0);
        put("host/power_watts", host.watts, 1.0);
        for card in self.cards.look(machine) {
            let mut of_card = |what: &str, value: Option<f64>, grain: f64| {
                put(&format!("gpu{}/{what}", card.place), value, grain);
            };
            of_card("utilization", card.utilization, 1.0);
            of_card("power_watts", card.power_watts, 1.0);
            let memory = card.memory_used.map(|bytes| bytes as f64);
            of_card("memory_used", memory, f64::from(1 << 26));
            if !card.name.is_empty() && self.names.get(&card.place) != Some(&card.name) {
                self.names.insert(card.place, card.name);
                let text = serde_json::to_vec(&self.names).unwrap_or_default();
                machine.write_file(self.folder.join(NAMES), text, 0o644, Durability::Process)?;
            }
        }
        recorder.flush(machine)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(&mut self, machine: &dyn Machine) -> Result<()> {
        match self.recorder.take() {
            Some((_, mut recorder)) => recorder.finish(machine),
            None => Ok(()),
        }
    }
}

/// The cards' names by their places.
pub fn names(machine: &dyn Machine, folder: &Path) -> BTreeMap<u32, String> {
    let bytes = machine
        .file(folder.join(NAMES), 1 << 20)
        .unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

const NAMES: &str = "cards.json";

fn day_of(milliseconds: i64) -> Date {
    let at = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    Offset::UTC.to_datetime(at).date()
}

/// Replaces the samples of days that are older than some by their buckets. A death between leaves both, which is the same.
///
/// # Errors
/// When a file can't be read or written; what was rolled up stays so.
pub fn roll_up(machine: &dyn Machine, folder: &Path, today: Date) -> Result<usize> {
    let mut count = 0;
    for (day, files) in files(machine, folder)? {
        let is_old = day
            .until(today)
            .is_ok_and(|span| i64::from(span.get_days()) > RAW_DAYS);
        let (rolled, raw): (Vec<String>, Vec<String>) =
            files.into_iter().partition(|name| name.ends_with(ROLLED));
        if !is_old || raw.is_empty() {
            continue;
        }
        if rolled.is_empty() {
            let series = read(machine, folder, &raw);
            let buckets = buckets(&series, ON);
            let path = folder.join(format!("{day}{ROLLED}"));
            machine.write_file(path, encoded(&buckets), 0o644, Durability::Power)?;
        }
        for name in raw {
            machine.remove_file(folder.join(name))?;
        }
        count += 1;
    }
    Ok(count)
}

const ROLLED: &str = ".day.seg";
/// The series that says that the machine is on and sampled.
const ON: &str = "on";
/// The longest run that is looked at: a year.
const LONGEST_SPAN: i64 = 366 * 86_400_000;

/// The files of each day, by their names.
fn files(machine: &dyn Machine, folder: &Path) -> Result<BTreeMap<Date, Vec<String>>> {
    let entries = match machine.entries(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind == ErrorKind::Absent => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut days: BTreeMap<Date, Vec<String>> = BTreeMap::new();
    for entry in entries {
        let day = entry
            .name
            .get(..10)
            .and_then(|text| text.parse::<Date>().ok());
        if let Some(day) = day.filter(|_| entry.name.ends_with(".seg")) {
            days.entry(day).or_default().push(entry.name);
        }
    }
    Ok(days)
}

/// All series in files; what can't be read is left out.
fn read(machine: &dyn Machine, folder: &Path, names: &[String]) -> Vec<Series> {
    let mut everything = Everything::default();
    for name in names {
        let mut decoder = Decoder::default();
        if let Ok(bytes) = machine.file(folder.join(name), LARGEST) {
            decoder.feed(&bytes, &mut everything as &mut dyn Collect);
        }
    }
    everything.into_series()
}

/// The buckets of a span, in order.
///
/// # Errors
/// When the history is there and can't be listed.
pub fn read_buckets(
    machine: &dyn Machine,
    folder: &Path,
    from: i64,
    to: i64,
) -> Result<Vec<Bucket>> {
    let (first, last) = (day_of(from), day_of(to));
    let mut found = Vec::new();
    for (day, mut names) in files(machine, folder)? {
        if day < first || day > last {
            continue;
        }
        let rolled: Vec<String> = names
            .extract_if(.., |name| name.ends_with(ROLLED))
            .collect();
        found.extend(if rolled.is_empty() {
            buckets(&read(machine, folder, &names), ON)
        } else {
            decoded(&read(machine, folder, &rolled))
        });
    }
    found.retain(|bucket| bucket.at.saturating_add(BUCKET) > from && bucket.at < to);
    Ok(found)
}

/// A series that can be asked for its value at a moment.
struct Line<'a> {
    points: &'a [Point],
    at: usize,
}

impl Line<'_> {
    /// The value on the line between two points, where they are near enough; moments must not go back.
    fn value(&mut self, moment: i64) -> Option<f64> {
        while self
            .points
            .get(self.at + 1)
            .is_some_and(|next| next.time_ms <= moment)
        {
            self.at += 1;
        }
        let (before, after) = (self.points.get(self.at)?, self.points.get(self.at + 1)?);
        let span = after.time_ms - before.time_ms;
        if before.time_ms > moment || span > GAP || span <= 0 {
            return None;
        }
        let share = (moment - before.time_ms) as f64 / span as f64;
        Some(before.value + (after.value - before.value) * share)
    }
}

impl Line<'_> {
    /// Where the next known stretch begins, where a moment lies in a gap.
    fn beyond_gap(&mut self, moment: i64) -> Option<i64> {
        self.value(moment);
        let (before, after) = (self.points.get(self.at)?, self.points.get(self.at + 1)?);
        (before.time_ms <= moment && after.time_ms - before.time_ms > GAP).then_some(after.time_ms)
    }
}

#[derive(Default)]
struct Mean(f64, f64);

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.0 += value;
            self.1 += 1.0;
        }
    }

    fn value(&self) -> Option<f64> {
        (self.1 > 0.0).then(|| self.0 / self.1)
    }
}

/// Samples as buckets of five minutes. The machine was on, or the run went on, where the series of a name has points.
pub fn buckets(series: &[Series], on: &str) -> Vec<Bucket> {
    let line = |name: &str| Line {
        points: series
            .iter()
            .find(|one| one.name == name)
            .map_or(&[][..], |one| one.points.as_slice()),
        at: 0,
    };
    let mut places: Vec<u32> = series
        .iter()
        .filter_map(|one| {
            one.name
                .strip_prefix("gpu")?
                .split_once('/')?
                .0
                .parse()
                .ok()
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    let mut on = line(on);
    let (Some(first), Some(last)) = (on.points.first(), on.points.last()) else {
        return Vec::new();
    };
    let (first, last) = (first.time_ms, last.time_ms);
    let (mut cpu, mut watts) = (line("host/cpu_percent"), line("host/power_watts"));
    let mut cards: Vec<[Line<'_>; 3]> = places
        .iter()
        .map(|place| {
            ["utilization", "power_watts", "memory_used"]
                .map(|what| line(&format!("gpu{place}/{what}")))
        })
        .collect();
    let mut found = Vec::new();
    // Files come from anywhere: a clock that was years off must not make a loop of years.
    let last = last.min(first.saturating_add(LONGEST_SPAN));
    let mut start = first.div_euclid(BUCKET) * BUCKET;
    while start <= last {
        // Over what lies between two points that are far apart nothing is looked for.
        if let Some(next) = on.beyond_gap(start) {
            start = start.max(next.div_euclid(BUCKET) * BUCKET);
        }
        let mut bucket = Bucket {
            at: start,
            ..Bucket::default()
        };
        let mut host = [Mean::default(), Mean::default()];
        let mut of_cards: Vec<[Mean; 3]> = places.iter().map(|_| Default::default()).collect();
        for step in 0..BUCKET / GRID {
            let moment = start + step * GRID + GRID / 2;
            if on.value(moment).is_none() {
                continue;
            }
            let seconds = GRID as f64 / 1000.0;
            bucket.on += seconds;
            let percent = cpu.value(moment);
            host[0].add(percent);
            host[1].add(watts.value(moment));
            let mut busiest: Option<f64> = None;
            for (lines, means) in cards.iter_mut().zip(&mut of_cards) {
                for (place, (line, mean)) in lines.iter_mut().zip(means).enumerate() {
                    let value = line.value(moment);
                    mean.add(value);
                    if place == 0 {
                        busiest = [busiest, value].into_iter().flatten().reduce(f64::max);
                    }
                }
            }
            let is_busy = match busiest {
                Some(percent) => percent >= BUSY_GPU,
                None => percent.is_some_and(|percent| percent >= BUSY_CPU),
            };
            if is_busy {
                bucket.busy += seconds;
            }
        }
        if bucket.on > 0.0 {
            bucket.cpu = host[0].value();
            bucket.watts = host[1].value();
            bucket.gpus = places
                .iter()
                .zip(&of_cards)
                .map(|(place, means)| {
                    let gpu = GpuBucket {
                        utilization: means[0].value(),
                        watts: means[1].value(),
                        memory: means[2].value(),
                    };
                    (*place, gpu)
                })
                .collect();
            found.push(bucket);
        }
        start += BUCKET;
    }
    found
}

/// Buckets as a segment.
fn encoded(buckets: &[Bucket]) -> Vec<u8> {
    let base = buckets.first().map_or(0, |bucket| bucket.at);
    let (mut writer, mut bytes) = SegmentWriter::begin(0, base);
    for bucket in buckets {
        let mut put = |name: &str, value: Option<f64>| {
            if let Some(value) = value {
                let point = Point {
                    step: 0,
                    time_ms: bucket.at,
                    value,
                };
                // There are some dozens of names.
                let _ = writer.add(name, point, &mut bytes);
            }
        };
        put("on_seconds", Some(bucket.on));
        put("busy_seconds", Some(bucket.busy));
        put("host/cpu_percent", bucket.cpu);
        put("host/power_watts", bucket.watts);
        for (place, gpu) in &bucket.gpus {
            put(&format!("gpu{place}/utilization"), gpu.utilization);
            put(&format!("gpu{place}/power_watts"), gpu.watts);
            put(&format!("gpu{place}/memory_used"), gpu.memory);
        }
    }
    bytes
}

/// A rolled-up day's buckets.
fn decoded(series: &[Series]) -> Vec<Bucket> {
    let mut found: BTreeMap<i64, Bucket> = BTreeMap::new();
    for one in series {
        for point in &one.points {
            let bucket = found.entry(point.time_ms).or_insert_with(|| Bucket {
                at: point.time_ms,
                ..Bucket::default()
            });
            let value = point.value;
            match one.name.as_str() {
                "on_seconds" => bucket.on = value,
                "busy_seconds" => bucket.busy = value,
                "host/cpu_percent" => bucket.cpu = Some(value),
                "host/power_watts" => bucket.watts = Some(value),
                name => {
                    let Some((place, what)) = name
                        .strip_prefix("gpu")
                        .and_then(|rest| rest.split_once('/'))
                    else {
                        continue;
                    };
                    let Ok(place) = place.parse() else { continue };
                    let gpu = bucket.gpus.entry(place).or_default();
                    match what {
                        "utilization" => gpu.utilization = Some(value),
                        "power_watts" => gpu.watts = Some(value),
                        "memory_used" => gpu.memory = Some(value),
                        _ => {}
                    }
                }
            }
        }
    }
    found.into_values().collect()
}
