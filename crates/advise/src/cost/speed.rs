//! How many times as fast a rented accelerator does a kind of work.

use deskside_knowledge::models::{DeviceRow, device_named};
use deskside_types::range::Range;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of work: what bounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Generating text: bound by memory bandwidth.
    Decode,
    /// Reading prompts, embedding: bound by matrix work.
    Prompt,
    /// Training: bound by matrix work.
    Training,
}

/// Published ratios differ from those of data sheets by about that much
/// (RTX 4090 over RTX 3090: 1.08 by bandwidth, 1.20 to 1.33 measured for decoding; insiderllm.com, 2026-02).
const SPREAD: f64 = 0.25;

/// The ratio of a rented to an owned accelerator; a range over all kinds where none is said. None where one is not known.
pub fn ratio(owned: &str, rented: &str, kind: Option<Kind>) -> Option<Range> {
    let (owned, rented) = (device_named(owned)?, device_named(rented)?);
    if owned.key == rented.key {
        return Some(Range::exactly(1.0));
    }
    let of = |kind: Kind| work(&rented, kind) / work(&owned, kind);
    let (low, base, high) = match kind {
        Some(kind) => (of(kind), of(kind), of(kind)),
        None => {
            let (one, other) = (of(Kind::Decode), of(Kind::Training));
            (one.min(other), (one * other).sqrt(), one.max(other))
        }
    };
    Some(Range {
        low: low * (1.0 - SPREAD),
        base,
        high: high * (1.0 + SPREAD),
    })
}

fn work(device: &DeviceRow, kind: Kind) -> f64 {
    match kind {
        Kind::Decode => device.bandwidth_gb_per_second * device.reach,
        Kind::Prompt | Kind::Training => device.prompt_tflops,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_work_decides() {
        let decode = ratio("RTX 3090", "RTX 4090", Some(Kind::Decode)).unwrap();
        let training = ratio("RTX 3090", "RTX 4090", Some(Kind::Training)).unwrap();
        assert!((1.05..1.1).contains(&decode.base) && decode.high >= 1.33);
        assert!((2.0..2.5).contains(&training.base));
        let both = ratio("RTX 3090", "RTX 4090", None).unwrap();
        assert!(both.is_ordered() && both.low < decode.base && both.high > training.base);
        assert_eq!(
            ratio("H100", "NVIDIA H100", None),
            Some(Range::exactly(1.0))
        );
        assert!(ratio("Voodoo 2", "H100", None).is_none());
    }
}
