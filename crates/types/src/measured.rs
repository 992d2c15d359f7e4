//! What a run took of its machine in a few words: `system/summary.json` of its folder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the file.
pub const MEASURED_VERSION: u32 = 1;

/// What samples of a run come to. Written by the process that watches it, every minute and at the end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Measured {
    /// The version of this record.
    pub version: u32,
    /// Milliseconds between two samples.
    pub every_ms: u64,
    /// How many there are.
    pub samples: u64,
    /// The greatest memory of all its processes together, in bytes: what each has for itself, and the largest of what they
    /// share. Peaks between two samples are not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_peak: Option<u64>,
    /// Processor time, in percent of one core, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Bytes its processes read from disks, as far as they were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bytes: Option<u64>,
    /// Bytes they wrote to disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<u64>,
    /// Watts of the processors by their own counters (RAPL), on average, whoever used them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_watts: Option<f64>,
    /// The cards it had or was seen on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<MeasuredGpu>,
}

/// One card in the samples of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MeasuredGpu {
    /// Its number in the names of series: `gpu0/power_watts`.
    pub place: u32,
    /// Its identity.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// The greatest memory the run's processes held on it, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_peak: Option<u64>,
    /// The driver does not tell whose memory it is: the peak is that of the whole card.
    #[serde(skip_serializing_if = "is_false")]
    pub whole_card: bool,
    /// Percent of the time in which it computed, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Watts, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_watts: Option<f64>,
    /// The highest temperature in degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_max: Option<f64>,
    /// The share of samples in which it was slowed down for heat or by its hardware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled_share: Option<f64>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Measured {
    /// The greatest memory on any one card, in bytes: what a job of the same kind should claim.
    pub fn vram_peak(&self) -> Option<u64> {
        self.gpus.iter().filter_map(|gpu| gpu.memory_peak).max()
    }
}
