//! The machine's cards, as the scheduler wants them.

use crate::queue::Row;
use crate::schedule::Card;
use deskside_machine::device::DeviceQuestion;
use deskside_machine::{Machine, Reading};
use serde_json::Value;
use std::time::Duration;

/// A driver that does not answer by then is sick; jobs that want cards wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cards, in the order of their places on the bus; none where they can't be read. Asked in a child process with a deadline.
pub fn cards(machine: &dyn Machine, _live: &[Row]) -> Option<Vec<Card>> {
    let answer = machine
        .device(DeviceQuestion::Nvml { deadline: PATIENCE })
        .ok()?;
    let devices = answer.get("devices")?.as_array()?;
    Some(devices.iter().filter_map(card).collect())
}

/// One device; one that is lost, or does not tell its memory, is no card that a job could get.
fn card(device: &Value) -> Option<Card> {
    let text = |name: &str| device.get(name).and_then(Value::as_str).map(String::from);
    let number = |name: &str| device.get(name).and_then(Value::as_u64);
    Some(Card {
        uuid: text("uuid")?,
        name: text("name").unwrap_or_default(),
        total: number("memory_total")?,
        used: number("memory_used")?,
        used_by_others: None,
        others: false,
        exclusive: false,
    })
}
