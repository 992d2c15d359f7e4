//! Cards at a moment: NVIDIA's by its library, AMD's by the driver's files, Apple's by the I/O registry.

use super::{amd, apple};
use deskside_machine::device::Watch;
use deskside_machine::{DeviceQuestion, ErrorKind, Machine, Reading};
use serde_json::Value;
use std::time::Duration;

/// A library that says nothing for so long has hung: it is left to itself, and another is tried later.
const SILENT: Duration = Duration::from_secs(20);
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// How often another one is tried.
const TRIES: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(5);

/// One card at a moment; what nothing tells is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CardReading {
    /// Its number in names of series, in its library's order.
    pub place: u32,
    /// Its identity.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Percent of the time in which it computed.
    pub utilization: Option<f64>,
    /// Bytes in use, by whomever.
    pub memory_used: Option<u64>,
    /// Bytes in all.
    pub memory_total: Option<u64>,
    /// Watts.
    pub power_watts: Option<f64>,
    /// Watts it may take.
    pub power_limit: Option<f64>,
    /// The clock of its processors.
    pub sm_clock_mhz: Option<f64>,
    /// The clock of its memory.
    pub memory_clock_mhz: Option<f64>,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// Why its clocks are held down: bits as NVIDIA's library has them (`nvmlClocksThrottleReasons`).
    pub throttle: Option<u64>,
    /// Bytes a second to it.
    pub bus_received: Option<f64>,
    /// Bytes a second from it.
    pub bus_sent: Option<f64>,
    /// Who holds memory on it: process, and bytes where they are told.
    pub processes: Vec<(u32, Option<u64>)>,
}

/// Why clocks are held down, by its bit (NVML's documentation, "Clocks Throttle Reasons").
pub const REASONS: [(u64, &str); 7] = [
    (0x04, "power limit"),
    (0x08, "hardware slowdown"),
    (0x20, "heat"),
    (0x40, "heat (hardware)"),
    (0x80, "power brake"),
    (0x02, "clock setting"),
    (0x10, "sync boost"),
];

/// Bits that mean that it is slower than it should be: heat, and hardware that protects itself.
const SLOWED: u64 = 0x08 | 0x20 | 0x40 | 0x80;

/// Whether a card is slowed down by heat or by its hardware.
pub fn throttled(bits: u64) -> bool {
    bits & SLOWED != 0
}

/// Why, in words.
pub fn words(bits: u64) -> Vec<&'static str> {
    REASONS
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, word)| *word)
        .collect()
}

/// The cards of a machine, looked at again and again.
pub struct Cards {
    every: Duration,
    library: Library,
    newest: Vec<CardReading>,
    amd: Option<amd::Amd>,
    apple: Option<apple::Apple>,
}

enum Library {
    NotAsked,
    Held {
        watch: Box<dyn Watch>,
        heard_at: Duration,
        tries: u32,
    },
    /// A machine that holds none open: each answer is asked for.
    Asked,
    Waiting {
        until: Duration,
        tries: u32,
    },
    None,
}

impl Cards {
    /// Nothing is asked yet.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            library: Library::NotAsked,
            newest: Vec::new(),
            amd: None,
            apple: None,
        }
    }

    /// What is known now. NVIDIA's cards are told by a process of their own: the first look finds nothing of them yet.
    pub fn look(&mut self, machine: &dyn Machine) -> Vec<CardReading> {
        let now = machine.now().map(|now| now.monotonic).unwrap_or_default();
        self.ask_library(machine, now);
        let mut cards = self.newest.clone();
        let place = |cards: &[CardReading]| u32::try_from(cards.len()).unwrap_or(u32::MAX);
        let amd = self.amd.get_or_insert_with(|| amd::Amd::find(machine));
        for card in amd.look(machine) {
            let place = place(&cards);
            cards.push(CardReading { place, ..card });
        }
        let apple = self
            .apple
            .get_or_insert_with(|| apple::Apple::find(machine));
        if let Some(card) = apple.look(machine, now) {
            let place = place(&cards);
            cards.push(CardReading { place, ..card });
        }
        cards
    }

    /// A process that tells of cards was started, and has told nothing yet.
    pub fn is_waited_for(&self) -> bool {
        matches!(self.library, Library::Held { .. }) && self.newest.is_empty()
    }

    fn ask_library(&mut self, machine: &dyn Machine, now: Duration) {
        let question = DeviceQuestion::NvmlLive { deadline: PATIENCE };
        let begin = |tries: u32| match machine.watch_device(question, self.every) {
            Ok(watch) => Library::Held {
                watch,
                heard_at: now,
                tries,
            },
            Err(error) if error.kind == ErrorKind::Absent => Library::None,
            Err(_) => Library::Asked,
        };
        match &mut self.library {
            Library::NotAsked => {
                self.library = begin(0);
                if matches!(self.library, Library::Asked) {
                    self.ask_library(machine, now);
                }
            }
            Library::Waiting { until, tries } if now >= *until => {
                let tries = *tries;
                self.library = begin(tries);
            }
            Library::Held {
                watch,
                heard_at,
                tries,
            } => {
                let heard = watch.newest();
                let silent = now.saturating_sub(*heard_at) > SILENT.max(self.every * 3);
                let tries = *tries;
                match heard {
                    Ok(Some(answer)) if answer.get("error").is_some() => {
                        self.newest.clear();
                        self.library = Library::None;
                    }
                    Ok(Some(answer)) => {
                        self.newest = read(&answer);
                        *heard_at = now;
                    }
                    Ok(None) if !silent => {}
                    Ok(None) | Err(_) => {
                        // Dropped: an old answer is no answer.
                        self.newest.clear();
                        self.library = if tries >= TRIES {
                            Library::None
                        } else {
                            Library::Waiting {
                                until: now + TRY_AGAIN,
                                tries: tries + 1,
                            }
                        };
                    }
                }
            }
            Library::Asked => match machine.device(question) {
                Ok(answer) => self.newest = read(&answer),
                Err(_) => {
                    self.newest.clear();
                    self.library = Library::None;
                }
            },
            Library::Waiting { .. } | Library::None => {}
        }
    }
}

/// Reads an answer in the form of a bundle's `device/nvml-live.json`, without trusting it.
pub(super) fn read(answer: &Value) -> Vec<CardReading> {
    let devices = answer.get("devices").and_then(Value::as_array);
    devices
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(place, device)| card(u32::try_from(place).unwrap_or(u32::MAX), device))
        .collect()
}

fn card(place: u32, device: &Value) -> CardReading {
    let text = |name: &str| {
        device
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string()
    };
    let number = |name: &str| {
        device
            .get(name)
            .and_then(Value::as_f64)
            .filter(|number| *number >= 0.0)
    };
    let bytes = |name: &str| device.get(name).and_then(Value::as_u64);
    let processes = device.get("processes").and_then(Value::as_array);
    CardReading {
        place: device
            .get("index")
            .and_then(Value::as_u64)
            .and_then(|index| u32::try_from(index).ok())
            .unwrap_or(place),
        uuid: text("uuid"),
        name: text("name"),
        // Drivers were seen to say thousands of percent.
        utilization: number("utilization").map(|percent| percent.min(100.0)),
        memory_used: bytes("memory_used"),
        memory_total: bytes("memory_total"),
        power_watts: number("power_watts"),
        power_limit: number("power_limit_watts"),
        sm_clock_mhz: number("sm_clock_mhz"),
        memory_clock_mhz: number("memory_clock_mhz"),
        temperature: number("temperature"),
        throttle: bytes("throttle_reasons"),
        bus_received: number("pcie_rx"),
        bus_sent: number("pcie_tx"),
        processes: processes
            .into_iter()
            .flatten()
            .filter_map(|process| {
                let pid = process.get("pid").and_then(Value::as_u64)?;
                Some((
                    u32::try_from(pid).ok()?,
                    process.get("used").and_then(Value::as_u64),
                ))
            })
            .collect(),
    }
}
