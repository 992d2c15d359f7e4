//! How many times as fast a rented accelerator does a kind of work.

use crate::fit::case::{
    Attention, Case, Checkpointing, Device, Level, Loss, Method, Optimizer, Spread, Training,
    Weights, Work,
};
use crate::fit::shape::Shape;
use crate::fit::speed::training_seconds;
use deskside_knowledge::models::{DeviceRow, device_named, weight_format};
use deskside_knowledge::runtimes::runtime_named;
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

impl Kind {
    /// Where the ratio is from, in words.
    pub fn because(self) -> &'static str {
        match self {
            Self::Decode => "data sheets' memory bandwidth, for generating text",
            Self::Prompt => "how fast llama.cpp reads prompts on both, by published measurements",
            Self::Training => "as `fit` estimates LoRA on an 8B model, a short and a long batch",
        }
    }
}

/// Published ratios differ from those of data sheets by about that much
/// (RTX 4090 over RTX 3090: 1.08 by bandwidth, 1.20 to 1.33 measured for decoding; insiderllm.com, 2026-02).
const SPREAD: f64 = 0.25;

/// Training speeds are estimated within a factor of 1.4 each.
const SPREAD_TRAINING: f64 = 0.4;

/// Batch and sequence of the two pieces of training that are compared: one bound by launches, one by arithmetic.
const TRAINED: [(f64, f64); 2] = [(1.0, 1024.0), (8.0, 2048.0)];

/// The ratio of a rented to an owned accelerator; a range over all kinds where none is said. None where one is not known.
pub fn ratio(owned: &str, rented: &str, kind: Option<Kind>) -> Option<Range> {
    let (owned, rented) = (device_named(owned)?, device_named(rented)?);
    if owned.key == rented.key {
        return Some(Range::exactly(1.0));
    }
    let decode = rented.bandwidth_gb_per_second * rented.reach
        / (owned.bandwidth_gb_per_second * owned.reach);
    let spread = |range: Range, by: f64| Range {
        low: range.low * (1.0 - by),
        base: range.base,
        high: range.high * (1.0 + by),
    };
    Some(match kind {
        Some(Kind::Decode) => spread(Range::exactly(decode), SPREAD),
        Some(Kind::Prompt) => spread(
            Range::exactly(rented.prompt_tflops / owned.prompt_tflops),
            SPREAD,
        ),
        Some(Kind::Training) => spread(training(owned, rented)?, SPREAD_TRAINING),
        None => {
            let training = spread(training(owned, rented)?, SPREAD_TRAINING);
            let text = spread(Range::exactly(decode), SPREAD);
            Range {
                low: text.low.min(training.low),
                base: (text.base * training.base).sqrt(),
                high: text.high.max(training.high),
            }
        }
    })
}

/// The ratio of training speeds over both pieces of work.
fn training(owned: &DeviceRow, rented: &DeviceRow) -> Option<Range> {
    let mut ratios = Vec::new();
    for (batch, sequence) in TRAINED {
        ratios.push(seconds(owned, batch, sequence)? / seconds(rented, batch, sequence)?);
    }
    let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ratios.iter().copied().fold(0.0, f64::max);
    Some(Range {
        low,
        base: (low * high).sqrt(),
        high,
    })
}

/// Seconds for one step of LoRA on an 8B model, as if it fitted.
fn seconds(row: &DeviceRow, batch: f64, sequence: f64) -> Option<f64> {
    let work = Training {
        method: Method::Lora,
        optimizer: Optimizer::Adamw,
        rank: 16.0,
        targets: String::new(),
        whole_embeddings: false,
        batch,
        sequence,
        typical: None,
        checkpointing: Checkpointing::None,
        attention: Attention::Flash,
        loss: Loss::Default,
        compiled: false,
        in_backward: false,
        offload: false,
        mixed: false,
        float8: false,
        scales_outputs: false,
        accumulate: 1.0,
        context_parallel: 1.0,
        tensor_parallel: 1.0,
    };
    let case = Case {
        shape: Shape::of_name("meta-llama/Llama-3.1-8B")?,
        weights: Weights {
            format: weight_format("bf16")?,
            head_quantised: false,
            counted_bytes: None,
        },
        runtime: runtime_named("peft")?,
        work: Work::Training(work.clone()),
        devices: 1.0,
        spread: Spread::Copies,
        summed: false,
        level: Level::Device,
        device: None,
    };
    let device = Device::of_row(row.key, row, f64::INFINITY);
    let seconds = training_seconds(&case, &device, &work);
    (seconds > 0.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_work_decides() {
        let decode = ratio("RTX 3090", "RTX 4090", Some(Kind::Decode)).unwrap();
        let training = ratio("RTX 3090", "RTX 4090", Some(Kind::Training)).unwrap();
        assert!((1.05..1.1).contains(&decode.base) && decode.high >= 1.33);
        assert!((1.7..2.5).contains(&training.base), "{training:?}");
        let both = ratio("RTX 3090", "RTX 4090", None).unwrap();
        assert!(both.is_ordered() && both.low < decode.base && both.high > training.base);
        assert_eq!(
            ratio("H100", "NVIDIA H100", None),
            Some(Range::exactly(1.0))
        );
        assert!(ratio("Voodoo 2", "H100", None).is_none());
    }

    /// What `cost` takes a rented card to be faster by, and what `fit` says of the two, must not contradict each other.
    #[test]
    fn training_agrees_with_fit() {
        for (owned, rented, least, most) in [
            ("RTX 4090", "A100 SXM", 1.3, 2.0),
            ("RTX 4090", "H100 SXM", 2.2, 4.5),
            ("RTX 3090", "A100 PCIe", 2.0, 4.0),
            ("RTX 4090", "T4", 0.05, 0.3),
        ] {
            let said = ratio(owned, rented, Some(Kind::Training)).unwrap();
            assert!(
                said.is_ordered() && (least..most).contains(&said.base),
                "{rented}: {said:?}"
            );
            for (batch, sequence) in [(1.0, 1024.0), (4.0, 2048.0), (16.0, 4096.0)] {
                let of = |name| seconds(device_named(name).unwrap(), batch, sequence).unwrap();
                let fit = of(owned) / of(rented);
                assert!(
                    (said.low..=said.high).contains(&fit),
                    "{rented} over {owned}, {batch} x {sequence}: fit {fit:.2}, cost {said:?}"
                );
            }
        }
    }
}
