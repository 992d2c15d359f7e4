//! Sampling: what a run, and the machine under it, took at a moment, as series of numbers.
//!
//! What is read is small files of `/proc` and `/sys`, each through the door, and NVIDIA's library in a process of its own that
//! tells by itself and can hang without anybody waiting for it. A reading that is not there is left out: a series then has a
//! gap, and never a guess.
//!
//! `proc` are the pure parsers; `tree` follows the processes of a run; `host`, `cards`, `amd`, `apple` read the machine; `series`
//! writes what changed; `run` puts them together for one run, and `history` for the machine.

mod amd;
mod apple;
mod cards;
pub mod history;
mod host;
mod proc;
mod run;
mod series;
mod tree;

#[cfg(test)]
mod tests;

pub use cards::{CardReading, Cards, REASONS, throttled, words};
pub use history::{Bucket, HistorySampler, read_buckets};
pub use host::{HostReading, HostReadings};
pub use run::{Sampler, Subject};
pub use tree::{Root, Tree, TreeReading};

use std::time::Duration;

/// How often a run is sampled where nothing else is asked for.
pub const EVERY: Duration = Duration::from_secs(1);

/// How often, as a job or a person has it in milliseconds: `None` is usual, 0 never.
pub fn every(asked_ms: Option<u64>) -> Option<Duration> {
    match asked_ms {
        None => Some(EVERY),
        Some(0) => None,
        Some(milliseconds) => Some(Duration::from_millis(milliseconds.max(100))),
    }
}
