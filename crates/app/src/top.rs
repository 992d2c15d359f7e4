//! `deskside top`: what this machine does now, as one report a moment.

use crate::queue::{JobRow, RunningRow};
use crate::runs::{Curve, curves};
use crate::{Answer, Context};
use deskside_machine::{Machine, Reading};
use deskside_runs::sample::{CardReading, Cards, HostReadings, words};
use deskside_track::{Folder, measured};
use deskside_types::Result;
use deskside_types::measured::Measured;
use deskside_types::run::RunId;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Jobs that wait and are listed.
const WAITING: usize = 200;
/// Bytes of a log that are looked at for its last lines.
const TAIL: u64 = 64 << 10;
/// Between two looks at the queue, and at curves: both read more than a few small files.
const QUEUE_EVERY: Duration = Duration::from_millis(1900);
const CURVES_EVERY: Duration = Duration::from_secs(5);

/// One moment of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TopReport {
    /// The moment, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub at: jiff::Timestamp,
    /// The machine's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Percent of all processors together; none at the first look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Bytes of memory that are not to be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_used: Option<u64>,
    /// Bytes of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_total: Option<u64>,
    /// Bytes a second from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<f64>,
    /// Bytes a second to outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<f64>,
    /// Watts of the processors by their own counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watts: Option<f64>,
    /// The cards.
    pub gpus: Vec<TopGpu>,
    /// What runs.
    pub running: Vec<RunningRow>,
    /// What waits, in its order; the first of them.
    pub waiting: Vec<JobRow>,
    /// How many wait.
    pub waiting_total: usize,
    /// The run that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for TopReport {
    const SCHEMA: &'static str = "deskside.top";
}

/// One card now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct TopGpu {
    /// Its place.
    pub place: u32,
    /// Its identity.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Percent of the time in which it computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Bytes in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_used: Option<u64>,
    /// Bytes in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_total: Option<u64>,
    /// Watts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_watts: Option<f64>,
    /// Watts it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_limit: Option<f64>,
    /// Degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The clock of its processors in MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_mhz: Option<f64>,
    /// Why its clocks are held down, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub throttled: Vec<String>,
    /// Runs whose processes are on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// Processes on it that belong to no run.
    pub others: usize,
}

/// The run that was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Chosen {
    /// Its identity.
    pub run: String,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// The curves of its metrics.
    pub curves: Vec<Curve>,
    /// What was measured of it so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// Looks again and again.
pub struct Watch {
    cards: Cards,
    host: HostReadings,
    queue: Option<(Duration, Queued)>,
    curves: Option<(Duration, String, Vec<Curve>)>,
    marks: BTreeMap<u32, Option<String>>,
}

#[derive(Clone, Default)]
struct Queued {
    running: Vec<RunningRow>,
    waiting: Vec<JobRow>,
    total: usize,
    warnings: Vec<String>,
}

impl Watch {
    /// Nothing is looked at yet; cards are told every so often.
    pub fn new(every: Duration) -> Self {
        Self {
            cards: Cards::new(every),
            host: HostReadings::default(),
            queue: None,
            curves: None,
            marks: BTreeMap::new(),
        }
    }

    /// What was done to the queue is looked at at once.
    pub fn changed(&mut self) {
        self.queue = None;
    }

    /// Looks at everything; of the chosen run at so many lines of its log.
    ///
    /// # Errors
    /// When the queue or the runs can't be read.
    pub fn look(
        &mut self,
        context: &Context,
        chosen: Option<&str>,
        lines: usize,
    ) -> Result<TopReport> {
        let machine = &*context.machine;
        let now = machine.now()?;
        let queued = match &self.queue {
            Some((at, queued)) if now.monotonic.saturating_sub(*at) < QUEUE_EVERY => queued.clone(),
            _ => {
                let queued = queued(context)?;
                self.queue = Some((now.monotonic, queued.clone()));
                queued
            }
        };
        let host = self.host.look(machine);
        let cards = self.cards.look(machine);
        let gpus = cards
            .into_iter()
            .map(|card| self.gpu(machine, card, &queued.running))
            .collect();
        let chosen = chosen.map(|run| self.chosen(context, run, lines, now.monotonic));
        Ok(TopReport {
            at: now.wall,
            host: machine.person().ok().and_then(|person| person.host),
            cpu_percent: host.cpu_percent,
            memory_used: host.memory_used,
            memory_total: host.memory_total,
            received: host.received,
            sent: host.sent,
            watts: host.watts,
            gpus,
            running: queued.running,
            waiting: queued.waiting,
            waiting_total: queued.total,
            chosen,
            warnings: queued.warnings,
        })
    }

    fn gpu(&mut self, machine: &dyn Machine, card: CardReading, running: &[RunningRow]) -> TopGpu {
        let (mut runs, mut others) = (Vec::new(), 0);
        for (pid, _) in &card.processes {
            let mark = self
                .marks
                .entry(*pid)
                .or_insert_with(|| run_of(machine, *pid));
            let row = mark
                .as_ref()
                .and_then(|mark| running.iter().find(|row| row.run == *mark));
            match row {
                Some(row) if !runs.contains(&row.name) => runs.push(row.name.clone()),
                Some(_) => {}
                None => others += 1,
            }
        }
        // Numbers of processes come again.
        if self.marks.len() > 1000 {
            self.marks.clear();
        }
        TopGpu {
            place: card.place,
            uuid: card.uuid,
            name: card.name,
            utilization: card.utilization,
            memory_used: card.memory_used,
            memory_total: card.memory_total,
            power_watts: card.power_watts,
            power_limit: card.power_limit,
            temperature: card.temperature,
            clock_mhz: card.sm_clock_mhz,
            throttled: words(card.throttle.unwrap_or(0))
                .iter()
                .map(ToString::to_string)
                .collect(),
            runs,
            others,
        }
    }

    fn chosen(&mut self, context: &Context, run: &str, lines: usize, now: Duration) -> Chosen {
        let machine = &*context.machine;
        let folder = Folder::of(&context.directories, &RunId(run.to_string()));
        let is_fresh = self
            .curves
            .as_ref()
            .is_some_and(|(at, of, _)| of == run && now.saturating_sub(*at) < CURVES_EVERY);
        if !is_fresh {
            // What can't be read has no curve; `show` says why.
            let read = curves(machine, &folder).unwrap_or_default();
            self.curves = Some((now, run.to_string(), read));
        }
        Chosen {
            run: run.to_string(),
            log: tail(machine, &folder, lines),
            curves: self
                .curves
                .iter()
                .flat_map(|(_, _, curves)| curves.clone())
                .collect(),
            measured: measured::read(machine, &folder),
        }
    }
}

fn queued(context: &Context) -> Result<Queued> {
    let list = crate::queue::list(context, WAITING, false)?;
    let ps = crate::queue::ps(context)?;
    let mut warnings = list.warnings;
    for warning in ps.warnings {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    Ok(Queued {
        running: ps.running,
        waiting: list.waiting,
        total: list.total,
        warnings,
    })
}

/// The run a process belongs to, by the mark in its environment.
fn run_of(machine: &dyn Machine, pid: u32) -> Option<String> {
    let environment = machine.file(format!("/proc/{pid}/environ"), 1 << 20).ok()?;
    let mark = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"DESKSIDE_RUN="))?;
    let mark = String::from_utf8_lossy(mark);
    mark.rsplit('/').next().map(String::from)
}

/// The last lines of a run's log. Of a line that was drawn over, as progress bars do, the last drawing.
fn tail(machine: &dyn Machine, folder: &Folder, lines: usize) -> Vec<String> {
    let path = folder.log();
    let size = machine.stat(&path).map_or(0, |stat| stat.size);
    let bytes = machine
        .file_part(&path, size.saturating_sub(TAIL), TAIL)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..]
        .iter()
        .map(|line| {
            let line = line.trim_end_matches('\r');
            line.rsplit('\r').next().unwrap_or_default().to_string()
        })
        .collect()
}

/// One moment, for scripts: cards and rates need two looks.
///
/// # Errors
/// As [`Watch::look`]; [`deskside_types::Code::Interrupted`].
pub fn once(context: &Context) -> Result<TopReport> {
    use deskside_machine::{Acting, Effect};
    let every = Duration::from_millis(500);
    let mut watch = Watch::new(every);
    let mut report = watch.look(context, None, 0)?;
    context.machine.effect(&Effect::Sleep { span: every })?;
    for _ in 0..10 {
        let chosen = report.running.first().map(|row| row.run.clone());
        report = watch.look(context, chosen.as_deref(), 100)?;
        if !report.gpus.is_empty() || !watch.cards.is_waited_for() {
            break;
        }
        context.machine.effect(&Effect::Sleep { span: every / 2 })?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn one_moment_of_a_machine_without_anything() {
        let sim = Sim::linux();
        sim.put_file(
            "/proc/meminfo",
            "MemTotal: 4096 kB\nMemAvailable: 1024 kB\n",
        );
        let answer = serde_json::json!({ "devices": [{ "index": 0, "uuid": "GPU-a", "name": "Card", "utilization": 12, "throttle_reasons": 0x24,
            "processes": [{ "pid": 4711, "used": 5 }] }] });
        sim.change(|state| drop(state.devices.insert("nvml-live".into(), Ok(answer))));
        let context = Context::here(sim.shared()).unwrap();
        let report = once(&context).unwrap();
        assert_eq!((report.memory_used, report.gpus.len()), (Some(3 << 20), 1));
        assert_eq!(report.gpus[0].throttled, ["power limit", "heat"]);
        assert_eq!((report.gpus[0].others, report.running.len()), (1, 0));
        assert!(
            serde_json::to_string(&report.json())
                .unwrap()
                .contains("deskside.top")
        );
    }

    #[test]
    fn the_end_of_a_log_is_as_a_terminal_would_show_it() {
        let sim = Sim::linux();
        let folder = Folder::at("/home/user/20261125-150102-k7mq").unwrap();
        sim.put_file(folder.log(), "one\n10%\r50%\r100%\ntwo\r\nthree");
        assert_eq!(tail(&sim, &folder, 3), ["100%", "two", "three"]);
        sim.put_file(folder.log(), vec![b'x'; 200_000]);
        assert_eq!(tail(&sim, &folder, 3)[0].len(), 65_536);
        assert!(tail(&sim, &Folder::at("/none/20261125-150102-k7mq").unwrap(), 3).is_empty());
    }
}
