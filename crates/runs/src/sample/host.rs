//! The machine itself: processors, memory, network, and the processors' power where it can be read.

use super::proc;
use deskside_machine::{Machine, Reading};
use std::time::Duration;

const SMALL: u64 = 256 << 10;
const POWER: &str = "/sys/class/powercap";

/// What the machine does at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HostReading {
    /// Percent of all processors together.
    pub cpu_percent: Option<f64>,
    /// Bytes of memory that are not to be had.
    pub memory_used: Option<u64>,
    /// Bytes of memory.
    pub memory_total: Option<u64>,
    /// Bytes a second from outside.
    pub received: Option<f64>,
    /// Bytes a second to outside.
    pub sent: Option<f64>,
    /// Watts of the processors by their own counters (RAPL): nothing of board, disks and fans.
    pub watts: Option<f64>,
}

/// Counters of the last look, which rates are made of.
#[derive(Debug, Default)]
pub struct HostReadings {
    at: Option<Duration>,
    processors: Option<(u64, u64)>,
    network: Option<(u64, u64)>,
    /// Energy counters: the file, where it wraps, and what it said.
    energy: Option<Vec<Counter>>,
}

#[derive(Debug)]
struct Counter {
    path: String,
    range: u64,
    last: Option<u64>,
}

impl HostReadings {
    /// Looks. The first look has no rates.
    pub fn look(&mut self, machine: &dyn Machine) -> HostReading {
        let file = |path: &str| machine.file(path, SMALL).ok();
        let now = machine.now().map(|now| now.monotonic).ok();
        let span = self
            .at
            .zip(now)
            .map(|(before, now)| now.saturating_sub(before).as_secs_f64())
            .filter(|span| *span > 0.0);
        self.at = now.or(self.at);
        let processors = file("/proc/stat").and_then(|bytes| proc::processors(&bytes));
        let cpu_percent = self.processors.zip(processors).and_then(|(before, now)| {
            let all = now.1.checked_sub(before.1).filter(|all| *all > 0)?;
            Some((now.0.saturating_sub(before.0) as f64 / all as f64 * 100.0).min(100.0))
        });
        self.processors = processors;
        let network = file("/proc/net/dev").and_then(|bytes| proc::network(&bytes));
        let rates = self.network.zip(network).zip(span);
        let rates = rates.map(|((before, now), span)| {
            let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / span;
            (rate(before.0, now.0), rate(before.1, now.1))
        });
        self.network = network;
        let memory = file("/proc/meminfo").unwrap_or_default();
        let kibibytes =
            |name: &str| proc::named(&memory, name).and_then(|kib| kib.checked_mul(1024));
        let memory_total = kibibytes("MemTotal");
        HostReading {
            cpu_percent,
            memory_used: memory_total
                .zip(kibibytes("MemAvailable"))
                .and_then(|(total, free)| total.checked_sub(free)),
            memory_total,
            received: rates.map(|rates| rates.0),
            sent: rates.map(|rates| rates.1),
            watts: self.watts(machine, span),
        }
    }

    fn watts(&mut self, machine: &dyn Machine, span: Option<f64>) -> Option<f64> {
        let counters = self.energy.get_or_insert_with(|| counters(machine));
        let mut sum = None;
        for counter in counters {
            let now = machine
                .file(&counter.path, 64)
                .ok()
                .and_then(|bytes| proc::number(&bytes));
            if let (Some(before), Some(now), Some(span)) = (counter.last, now, span) {
                let microjoules = now
                    .checked_sub(before)
                    .unwrap_or_else(|| (now + counter.range).saturating_sub(before));
                sum = Some(sum.unwrap_or(0.0) + microjoules as f64 / 1e6 / span);
            }
            counter.last = now;
        }
        sum
    }
}

/// The counters of whole processors that this person may read (kernel documentation, power capping): `intel-rapl:0` and its
/// like, on AMD's processors, too. Their parts, `intel-rapl:0:0`, are within them; `psys` is the whole platform.
fn counters(machine: &dyn Machine) -> Vec<Counter> {
    let Ok(entries) = machine.entries(POWER) else {
        return Vec::new();
    };
    let zones = entries
        .iter()
        .map(|entry| entry.name.as_str())
        .filter(|name| name.starts_with("intel-rapl:") && name.matches(':').count() == 1);
    let mut found = Vec::new();
    for zone in zones {
        let read = |name: &str| machine.file(format!("{POWER}/{zone}/{name}"), 64).ok();
        let Some(name) = read("name") else { continue };
        if read("energy_uj").is_none() {
            continue;
        }
        let counter = Counter {
            path: format!("{POWER}/{zone}/energy_uj"),
            range: read("max_energy_range_uj")
                .and_then(|bytes| proc::number(&bytes))
                .unwrap_or(0),
            last: None,
        };
        if proc::text(&name).trim() == "psys" {
            return vec![counter];
        }
        found.push(counter);
    }
    found
}
