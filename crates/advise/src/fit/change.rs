//! The cheapest change that makes something fit: those that lose nothing come first.

use super::advice::{Place, at, verdict};
use super::case::{Attention, Case, Checkpointing, Loss, Method, Optimizer, Work};
use super::estimate;
use super::verdict::Verdict;
use deskside_knowledge::models::{FormatRow, weight_format};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A change, or several that are needed together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What to change, each in words.
    pub steps: Vec<String>,
    /// Bytes needed on one accelerator afterwards.
    pub needed_bytes: f64,
    /// The verdict afterwards.
    pub verdict: Verdict,
}

type Step = (&'static str, fn(&mut Case) -> bool);

/// Changes for running, cheapest first. Each says whether it changed anything.
const RUNNING: &[Step] = &[
    ("use flash attention", |case| {
        inference(case, |work| {
            std::mem::replace(&mut work.attention, Attention::Flash) == Attention::Eager
        })
    }),
    ("keep the cache in 8 bits", |case| {
        inference(case, |work| {
            let before = work.cache_bits;
            work.cache_bits = work.cache_bits.min(8.5);
            work.cache_bits < before
        })
    }),
    ("load the weights in 8 bits", |case| reformat(case, 8.6)),
    ("run one sequence at a time", |case| {
        inference(case, |work| std::mem::replace(&mut work.batch, 1.0) > 1.0)
    }),
    ("load the weights in 4 bits", |case| reformat(case, 5.0)),
    ("halve the context", |case| {
        inference(case, |work| {
            let before = work.prompt;
            work.prompt = (work.prompt / 2.0).floor();
            before >= 1024.0
        })
    }),
    ("load the weights in 3 bits", |case| reformat(case, 3.9)),
    ("quarter the context", |case| {
        inference(case, |work| {
            let before = work.prompt;
            work.prompt = (work.prompt / 4.0).floor();
            before >= 1024.0
        })
    }),
    ("load the weights in 2 bits", |case| reformat(case, 3.0)),
];

/// Changes for training, cheapest first.
const TRAINING: &[Step] = &[
    ("use flash attention", |case| {
        training(case, |work| {
            std::mem::replace(&mut work.attention, Attention::Flash) == Attention::Eager
        })
    }),
    (
        "compute the loss in chunks or fused (Liger, chunked cross-entropy)",
        |case| {
            training(case, |work| {
                std::mem::replace(&mut work.loss, Loss::Fused) != Loss::Fused
            })
        },
    ),
    ("checkpoint activations", |case| {
        training(case, |work| {
            std::mem::replace(&mut work.checkpointing, Checkpointing::Full) != Checkpointing::Full
        })
    }),
    ("one sequence a step, with gradient accumulation", |case| {
        training(case, |work| {
            work.accumulate = work.accumulate.max(work.batch);
            std::mem::replace(&mut work.batch, 1.0) > 1.0
        })
    }),
    ("an optimizer with 8-bit states", |case| {
        training(case, |work| {
            matches!(
                work.optimizer,
                Optimizer::Adamw | Optimizer::Muon | Optimizer::Lion
            ) && work.method == Method::Full
                && std::mem::replace(&mut work.optimizer, Optimizer::Adamw8bit)
                    != Optimizer::Adamw8bit
        })
    }),
    ("LoRA adapters instead of all parameters", |case| {
        training(case, |work| {
            if work.rank <= 0.0 {
                work.rank = 16.0;
            }
            work.mixed = false;
            work.method == Method::Full
                && std::mem::replace(&mut work.method, Method::Lora) == Method::Full
        })
    }),
    ("QLoRA: the base weights in 4 bits", |case| {
        let changed = training(case, |work| {
            std::mem::replace(&mut work.method, Method::Qlora) == Method::Lora
        });
        reformat_to(case, "nf4") && changed
    }),
    ("halve the sequences", |case| {
        training(case, |work| {
            let before = work.sequence;
            work.sequence = (before / 2.0).floor();
            before >= 512.0
        })
    }),
];

fn inference(case: &mut Case, change: impl Fn(&mut super::case::Inference) -> bool) -> bool {
    match &mut case.work {
        Work::Inference(work) => change(work),
        Work::Training(_) => false,
    }
}

fn training(case: &mut Case, change: impl Fn(&mut super::case::Training) -> bool) -> bool {
    match &mut case.work {
        Work::Training(work) => change(work),
        Work::Inference(_) => false,
    }
}

/// The usual format of the framework with at most so many bits a weight.
fn reformat(case: &mut Case, most: f64) -> bool {
    let name = match (case.runtime.name.as_str(), most) {
        ("MLX", 5.0) => "mlx-q4-g64",
        ("MLX", 8.6) => "mlx-q8-g64",
        ("MLX", 3.9) => "mlx-q3-g64",
        (local, 8.6) if local.starts_with("llama.cpp") => "gguf-q8_0",
        (local, 5.0) if local.starts_with("llama.cpp") => "gguf-q4_k_m",
        (local, 3.9) if local.starts_with("llama.cpp") => "gguf-q3_k_m",
        (local, 3.0) if local.starts_with("llama.cpp") => "gguf-q2_k",
        ("vLLM" | "SGLang", 8.6) => "fp8",
        ("vLLM" | "SGLang", 5.0) => "awq-int4",
        (_, 8.6) => "bnb-int8",
        (_, 5.0) => "nf4",
        _ => return false,
    };
    reformat_to(case, name)
}

fn reformat_to(case: &mut Case, name: &str) -> bool {
    let format: Option<FormatRow> = weight_format(name);
    match format {
        Some(format) if format.linear_bits < case.weights.format.linear_bits - 0.5 => {
            case.weights.format = format;
            case.weights.counted_bytes = None;
            true
        }
        _ => false,
    }
}

/// The first single change that makes it fit, else the first changes in a row that do together; none when all of
/// them together don't.
pub fn cheapest(case: &Case, place: &Place) -> Option<Change> {
    let steps = match case.work {
        Work::Inference(_) => RUNNING,
        Work::Training(_) => TRAINING,
    };
    let done = |changed: &Case, names: &[&str]| {
        let needs = estimate(&at(changed, place));
        let verdict = verdict(&needs, place);
        (verdict == Verdict::Fits).then(|| Change {
            steps: names.iter().map(ToString::to_string).collect(),
            needed_bytes: needs.bytes,
            verdict,
        })
    };
    for (name, step) in steps {
        let mut changed = case.clone();
        if step(&mut changed)
            && let Some(change) = done(&changed, &[name])
        {
            return Some(change);
        }
    }
    let mut changed = case.clone();
    let mut names: Vec<&str> = Vec::new();
    for (name, step) in steps {
        if step(&mut changed) {
            // A finer grid replaces a coarser one of the same kind.
            let kind = name.rsplit(' ').next();
            names.retain(|old| {
                !(name.starts_with("load") && old.starts_with("load")
                    || name.ends_with("context") && old.rsplit(' ').next() == kind)
            });
            names.push(name);
            if let Some(change) = done(&changed, &names) {
                return Some(change);
            }
        }
    }
    None
}
