//! The samples of one run.

use super::cards::{CardReading, Cards, throttled};
use super::host::HostReadings;
use super::proc::TICKS;
use super::series::Recorder;
use super::tree::{Root, Tree, TreeReading};
use deskside_machine::{Machine, Reading};
use deskside_track::{Folder, measured};
use deskside_types::measured::{MEASURED_VERSION, Measured, MeasuredGpu};
use deskside_types::metric::Point;
use std::collections::BTreeMap;
use std::time::Duration;

/// A value that stays the same is written that often, in milliseconds.
const LONGEST: i64 = 10_000;
/// The summary is written that often, so that a killed supervisor leaves one.
const SUMMARY_EVERY: Duration = Duration::from_secs(60);
const MEBIBYTE: u64 = 1 << 20;

/// What is sampled.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The run.
    pub folder: Folder,
    /// Its processes.
    pub root: Root,
    /// The cards it is bound to; none where it is bound to none: then those its processes are seen on.
    pub cards: Vec<String>,
}

/// Samples one run. Nothing is read before it is first due, and nothing that fails stops it.
pub struct Sampler {
    subject: Subject,
    every: Duration,
    due: Duration,
    tree: Tree,
    cards: Cards,
    host: HostReadings,
    recorder: Recorder,
    before: Option<(Duration, TreeReading)>,
    sums: Sums,
    summary_at: Duration,
}

#[derive(Default)]
struct Sums {
    measured: Measured,
    cpu: Mean,
    host_watts: Mean,
    gpus: BTreeMap<u32, GpuSums>,
}

#[derive(Default)]
struct GpuSums {
    gpu: MeasuredGpu,
    utilization: Mean,
    power: Mean,
    throttled: Mean,
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(&self, digits: f64) -> Option<f64> {
        (self.count > 0).then(|| (self.sum / self.count as f64 * digits).round() / digits)
    }
}

impl Sampler {
    /// Of a run whose command began at a moment of the monotonic clock.
    pub fn new(subject: Subject, every: Duration, began: Duration) -> Self {
        Self {
            due: began + every,
            tree: Tree::new(subject.root),
            cards: Cards::new(every),
            host: HostReadings::default(),
            recorder: Recorder::new(subject.folder.system(), LONGEST, None),
            before: None,
            sums: Sums {
                measured: Measured {
                    version: MEASURED_VERSION,
                    every_ms: u64::try_from(every.as_millis()).unwrap_or(u64::MAX),
                    ..Measured::default()
                },
                ..Sums::default()
            },
            summary_at: began + SUMMARY_EVERY,
            subject,
            every,
        }
    }

    /// When it wants to look next, by the monotonic clock.
    pub fn due(&self) -> Duration {
        self.due
    }

    /// Takes a sample.
    pub fn take(&mut self, machine: &dyn Machine) {
        let Ok(now) = machine.now() else { return };
        // A machine that slept, or was too busy, is not asked for what it missed.
        self.due = (self.due + self.every).max(now.monotonic + self.every / 2);
        self.sums.measured.samples += 1;
        let mut sample = Sample {
            at: now.wall.as_millisecond(),
            step: i64::try_from(self.sums.measured.samples).unwrap_or(i64::MAX),
            recorder: &mut self.recorder,
        };
        if let Some(reading) = self.tree.look(machine) {
            of_tree(
                &mut sample,
                &mut self.sums,
                &self.before,
                reading,
                now.monotonic,
            );
            self.before = Some((now.monotonic, reading));
        }
        let host = self.host.look(machine);
        sample.put("host/cpu_percent", host.cpu_percent, 0.1);
        sample.put("host/memory_used", bytes(host.memory_used), 1.0);
        sample.put("host/net_rx_bytes_per_s", host.received, 1024.0);
        sample.put("host/net_tx_bytes_per_s", host.sent, 1024.0);
        sample.put("host/power_watts", host.watts, 0.1);
        self.sums.host_watts.add(host.watts);
        for card in self.cards.look(machine) {
            let held = held(machine, &card, self.tree.members());
            let is_bound = self.subject.cards.contains(&card.uuid);
            let is_known = self.sums.gpus.contains_key(&card.place);
            let is_meant = match self.subject.cards.is_empty() {
                false => is_bound,
                true => is_known || !matches!(held, Held::Nothing),
            };
            if is_meant {
                of_card(&mut sample, &mut self.sums, &card, held, is_bound);
            }
        }
        // A full disk must not stop the run; the samples are lost.
        let _ = self.recorder.flush(machine);
        if now.monotonic >= self.summary_at {
            self.summary_at = now.monotonic + SUMMARY_EVERY;
            self.summarize(machine);
        }
    }

    /// Writes what is left; the run is over.
    pub fn finish(mut self, machine: &dyn Machine) {
        if self.sums.measured.samples > 0 {
            let _ = self.recorder.finish(machine);
            self.summarize(machine);
        }
    }

    fn summarize(&mut self, machine: &dyn Machine) {
        let sums = &self.sums;
        let gpus = sums.gpus.values().map(|sums| MeasuredGpu {
            utilization: sums.utilization.value(10.0),
            power_watts: sums.power.value(10.0),
            throttled_share: sums.throttled.value(1000.0),
            ..sums.gpu.clone()
        });
        let measured = Measured {
            cpu_percent: sums.cpu.value(10.0),
            host_watts: sums.host_watts.value(10.0),
            gpus: gpus.collect(),
            ..sums.measured.clone()
        };
        let _ = measured::write(machine, &self.subject.folder, &measured);
    }
}

struct Sample<'a> {
    at: i64,
    step: i64,
    recorder: &'a mut Recorder,
}

impl Sample<'_> {
    /// Adds a value, to so fine a grain: what only flickers is the same.
    fn put(&mut self, name: &str, value: Option<f64>, grain: f64) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            let point = Point {
                step: self.step,
                time_ms: self.at,
                value: if grain < 1.0 {
                    (value / grain).round() / (1.0 / grain).round()
                } else {
                    (value / grain).round() * grain
                },
            };
            self.recorder.put(name, point);
        }
    }
}

/// To the mebibyte.
fn bytes(value: Option<u64>) -> Option<f64> {
    value.map(|bytes| (bytes / MEBIBYTE * MEBIBYTE) as f64)
}

fn of_tree(
    sample: &mut Sample<'_>,
    sums: &mut Sums,
    before: &Option<(Duration, TreeReading)>,
    now: TreeReading,
    at: Duration,
) {
    let measured = &mut sums.measured;
    measured.memory_peak = measured.memory_peak.max(Some(now.memory));
    sample.put("memory/bytes", bytes(Some(now.memory)), 1.0);
    sample.put("processes", Some(now.processes as f64), 1.0);
    if let Some((then, before)) = before {
        let span = at.saturating_sub(*then).as_secs_f64().max(0.001);
        let ticks = now.ticks.saturating_sub(before.ticks) as f64;
        let cpu = ticks / TICKS / span * 100.0;
        sample.put("cpu/percent", Some(cpu), 0.1);
        sums.cpu.add(Some(cpu));
        let rate = |before: Option<u64>, now: Option<u64>| {
            Some(now?.saturating_sub(before?) as f64 / span)
        };
        sample.put("disk/read_bytes_per_s", rate(before.read, now.read), 1024.0);
        sample.put(
            "disk/write_bytes_per_s",
            rate(before.written, now.written),
            1024.0,
        );
    }
    // Counters of processes that ended uncollected are lost: the greatest sum that was seen.
    measured.read_bytes = measured.read_bytes.max(now.read);
    measured.written_bytes = measured.written_bytes.max(now.written);
}

/// What a run's processes hold on a card.
enum Held {
    Nothing,
    Bytes(u64),
    /// Something; how much, or whose it is, the driver does not tell.
    Unknown,
}

fn held(machine: &dyn Machine, card: &CardReading, members: &[u32]) -> Held {
    let (mut sum, mut own, mut untold, mut seen) = (0_u64, false, false, card.processes.is_empty());
    for (pid, used) in &card.processes {
        if members.contains(pid) {
            own = true;
            untold |= used.is_none();
            sum = sum.saturating_add(used.unwrap_or(0));
        }
        seen |= own || matches!(machine.process(*pid), Ok(Some(_)));
    }
    match (own, untold) {
        (true, false) => Held::Bytes(sum),
        (true, true) => Held::Unknown,
        // In a container the driver names processes by numbers of the machine outside.
        (false, _) if !seen => Held::Unknown,
        (false, _) => Held::Nothing,
    }
}

fn of_card(
    sample: &mut Sample<'_>,
    sums: &mut Sums,
    card: &CardReading,
    held: Held,
    is_bound: bool,
) {
    let name = |what: &str| format!("gpu{}/{what}", card.place);
    sample.put(&name("utilization"), card.utilization, 1.0);
    sample.put(&name("memory_used"), bytes(card.memory_used), 1.0);
    sample.put(&name("power_watts"), card.power_watts, 0.1);
    sample.put(&name("sm_clock_mhz"), card.sm_clock_mhz, 1.0);
    sample.put(&name("memory_clock_mhz"), card.memory_clock_mhz, 1.0);
    sample.put(&name("temperature"), card.temperature, 1.0);
    // That it idles is no reason.
    let reasons = card.throttle.map(|bits| bits & !1);
    sample.put(
        &name("throttle_reasons"),
        reasons.map(|bits| bits as f64),
        1.0,
    );
    sample.put(&name("pcie_rx_bytes_per_s"), card.bus_received, 1024.0);
    sample.put(&name("pcie_tx_bytes_per_s"), card.bus_sent, 1024.0);
    let gpu = sums.gpus.entry(card.place).or_insert_with(|| GpuSums {
        gpu: MeasuredGpu {
            place: card.place,
            uuid: card.uuid.clone(),
            name: card.name.clone(),
            ..MeasuredGpu::default()
        },
        ..GpuSums::default()
    });
    let of_run = match held {
        Held::Bytes(bytes) => Some(bytes),
        Held::Unknown => {
            gpu.gpu.whole_card = true;
            card.memory_used
        }
        Held::Nothing => is_bound.then_some(0),
    };
    sample.put(&name("memory_of_run"), bytes(of_run), 1.0);
    gpu.gpu.memory_peak = gpu.gpu.memory_peak.max(of_run);
    gpu.utilization.add(card.utilization);
    gpu.power.add(card.power_watts);
    gpu.throttled
        .add(reasons.map(|bits| f64::from(throttled(bits))));
    gpu.gpu.temperature_max = match (gpu.gpu.temperature_max, card.temperature) {
        (Some(highest), Some(now)) => Some(highest.max(now)),
        (highest, now) => highest.or(now),
    };
}
