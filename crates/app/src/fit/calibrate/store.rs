//! What was measured on this machine, kept with what it is true of: the card, its driver, the day.

use crate::Context;
use deskside_machine::{Acting, Durability, ErrorKind, Reading};
use deskside_types::facts::{Facts, Vendor};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const VERSION: u32 = 1;
const LONGEST: u64 = 1 << 20;

/// A device as it was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MeasuredDevice {
    /// `cpu`, `cuda`, `rocm`, `metal`.
    pub kind: String,
    /// Its place among those of its kind.
    pub place: u32,
    /// Its name, as the probe has it.
    pub name: String,
    /// The driver's version then; of a processor, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// What measured it: `torch 2.9.1`, `deskside's own kernel`.
    pub framework: String,
    /// What a process holds on it before it does anything, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_bytes: Option<f64>,
    /// Bytes a second that a copy reads and writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_bytes_per_second: Option<f64>,
    /// Matrix work, FLOP/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix_flops: Option<f64>,
    /// What a tiny model's training held at most, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiny_peak_bytes: Option<f64>,
    /// Its parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiny_parameters: Option<f64>,
}

/// All that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// The version of this record.
    pub version: u32,
    /// When.
    #[schemars(with = "String")]
    pub at: jiff::Timestamp,
    /// Python's version, where it measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The devices.
    pub devices: Vec<MeasuredDevice>,
}

/// Where it lies.
pub(super) fn path(context: &Context) -> PathBuf {
    context.directories.state.join("calibration.json")
}

/// Reads it; none where nothing was measured, and of a recorded machine. What can't be read counts as nothing measured.
pub(crate) fn read(context: &Context) -> Option<Calibration> {
    if context.recorded {
        return None;
    }
    let bytes = match context.machine.file(path(context), LONGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::Absent => return None,
        Err(_) => return None,
    };
    let read: Calibration = serde_json::from_slice(&bytes).ok()?;
    (read.version == VERSION).then_some(read)
}

/// Keeps it.
pub(super) fn write(context: &Context, calibration: &Calibration) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(calibration).map_err(|error| {
        Problem::new(Code::Bug, "a calibration can't be written as JSON").because(error)
    })?;
    text.push(b'\n');
    context
        .machine
        .write_file(path(context), text, 0o644, Durability::Power)?;
    Ok(())
}

/// The driver that facts name for a kind of device.
pub(super) fn driver(facts: &Facts, kind: &str) -> Option<String> {
    match kind {
        "cuda" => facts.drivers.nvidia.loaded.value().cloned(),
        "rocm" => facts.drivers.amd.version.value().cloned(),
        "metal" => facts
            .system
            .os
            .value()
            .and_then(|os| os.version.clone())
            .map(|version| format!("macOS {version}")),
        _ => None,
    }
}

/// The kind of a card's device.
pub(crate) fn kind(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Nvidia => "cuda",
        Vendor::Amd => "rocm",
        Vendor::Apple => "metal",
        _ => "other",
    }
}

impl Calibration {
    pub(super) fn of(
        at: jiff::Timestamp,
        python: Option<String>,
        devices: Vec<MeasuredDevice>,
    ) -> Self {
        Self {
            version: VERSION,
            at,
            python,
            devices,
        }
    }

    /// What was measured of a device by its name, as long as its driver is the one of then; else why it counts no more.
    pub(crate) fn device(
        &self,
        facts: &Facts,
        name: &str,
        kind: &str,
    ) -> Option<std::result::Result<&MeasuredDevice, String>> {
        let of_kind: Vec<&MeasuredDevice> =
            self.devices.iter().filter(|one| one.kind == kind).collect();
        let Some(one) = of_kind.iter().find(|one| one.name == name) else {
            return of_kind.first().map(|other| {
                Err(format!(
                    "{} was measured here on {}, and now it is {name}: `deskside fit --calibrate` again",
                    other.name,
                    self.day()
                ))
            });
        };
        let now = driver(facts, kind);
        if one.driver != now {
            let word =
                |driver: &Option<String>| driver.clone().unwrap_or_else(|| "none known".into());
            return Some(Err(format!(
                "{name} was measured here with driver {}, and now it is {}: `deskside fit --calibrate` again",
                word(&one.driver),
                word(&now)
            )));
        }
        Some(Ok(one))
    }

    /// The day it is of.
    pub(crate) fn day(&self) -> String {
        jiff::tz::Offset::UTC
            .to_datetime(self.at)
            .date()
            .to_string()
    }
}
