//! The machine's cards, as the scheduler wants them.

use crate::queue::Row;
use crate::schedule::Card;
use deskside_machine::device::DeviceQuestion;
use deskside_machine::{Machine, Reading};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A driver that does not answer by then is sick; jobs that want cards wait.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an environment that are read.
const LIMIT: u64 = 1 << 20;

/// The cards, in the order of their places on the bus; none where they can't be read. Asked in a child process with a deadline.
///
/// What processes of the queue's own jobs hold is told apart by the mark in their environment; every other process on a card is
/// somebody else's: a notebook, another person.
pub fn cards(machine: &dyn Machine, live: &[Row]) -> Option<Vec<Card>> {
    let question = DeviceQuestion::NvmlUse { deadline: PATIENCE };
    let answer = machine.device(question).ok()?;
    let devices = answer.get("devices")?.as_array()?;
    Some(
        devices
            .iter()
            .filter_map(|device| card(machine, device, live))
            .collect(),
    )
}

/// One device; one that is lost, does not tell its memory, or lets nobody compute, is no card that a job could get.
fn card(machine: &dyn Machine, device: &Value, live: &[Row]) -> Option<Card> {
    let text = |name: &str| device.get(name).and_then(Value::as_str);
    let number = |name: &str| device.get(name).and_then(Value::as_u64);
    let mode = text("mode").unwrap_or_default();
    if mode == "prohibited" {
        return None;
    }
    let mut held: BTreeMap<i64, u64> = BTreeMap::new();
    let mut others = false;
    for process in device
        .get("processes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let pid = process.get("pid").and_then(Value::as_u64)?;
        // A process that has ended, and that the driver still lists, holds nothing any more.
        if matches!(
            u32::try_from(pid).map(|pid| machine.process(pid)),
            Ok(Ok(None))
        ) {
            continue;
        }
        match (
            job_of(machine, pid, live),
            process.get("used").and_then(Value::as_u64),
        ) {
            (Some(job), Some(used)) => *held.entry(job).or_default() += used,
            (Some(_), None) => {}
            (None, _) => others = true,
        }
    }
    Some(Card {
        uuid: text("uuid")?.into(),
        name: text("name").unwrap_or_default().into(),
        total: number("memory_total")?,
        used: number("memory_used")?,
        held,
        others,
        exclusive: mode == "exclusive",
    })
}

/// The job that a process belongs to, by the run's name in its `DESKSIDE_RUN`.
fn job_of(machine: &dyn Machine, pid: u64, live: &[Row]) -> Option<i64> {
    let environment = machine.file(format!("/proc/{pid}/environ"), LIMIT).ok()?;
    let marked = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"DESKSIDE_RUN="))?;
    let marked = String::from_utf8_lossy(marked);
    let run = marked.rsplit('/').next()?;
    live.iter()
        .find(|row| row.run.as_ref().is_some_and(|own| own.0 == run))
        .map(|row| row.number)
}
