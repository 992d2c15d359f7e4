//! What a training step keeps from forward to backward.

use super::adapter::linears;
use super::case::{Attention, Case, Checkpointing, Level, Loss, Method, Training};
use super::shape::Shape;
use super::term::Term;
use deskside_knowledge::runtimes::architecture_named;

/// Bytes that one token keeps in one layer, nothing recomputed, in 16 bits; attention scores not counted.
///
/// A gated block keeps the norms' inputs and outputs, queries, keys, values (twice where they are rotated), the
/// attention's output and the gate's three products; a plain one follows Korthikanti et al. (arXiv 2205.05198).
/// A frozen linear layer doesn't need its input; fp32 copies of a norm go away when it is compiled.
pub fn layer_bytes(shape: &Shape, frozen: bool, compiled: bool) -> f64 {
    let (h, q, k) = (shape.hidden, shape.query(), shape.key());
    let wide = shape.live_intermediate();
    if !shape.gated {
        return 2.0 * (4.0 * h + q + 2.0 * k + q + 2.0 * wide);
    }
    let mut bytes = 2.0 * (2.0 * h + 2.0 * (q + k) + k + q + 3.0 * h) + 2.0 * 4.0 * wide;
    if frozen {
        bytes -= 2.0 * (h + wide);
    }
    if compiled {
        bytes * 0.8
    } else {
        bytes + 8.0 * h
    }
}

/// Bytes of attention scores that one token keeps in one layer: 16-bit probabilities and the fp32 softmax.
pub fn score_bytes(shape: &Shape, sequence: f64) -> f64 {
    6.0 * shape.heads * sequence
}

/// The terms of activations and of the loss on one accelerator.
pub fn terms(case: &Case, work: &Training) -> Vec<Term> {
    let shape = &case.shape;
    let tokens = work.batch * work.sequence / work.context_parallel / work.tensor_parallel;
    let frozen = match work.method {
        Method::Full => false,
        // bitsandbytes keeps inputs for its own backward.
        Method::Qlora => {
            !case.weights.format.name.contains("nf4") && !targets_feed_forward(&work.targets)
        }
        Method::Lora | Method::Adapter => !targets_feed_forward(&work.targets),
    };
    let width = if work.mixed && work.method != Method::Full {
        2.0
    } else {
        1.0
    };
    let mut layer = layer_bytes(shape, frozen, work.compiled) * width * tokens;
    if case.runtime.is_transformers_5() {
        layer += beside(case, work) * tokens;
    }
    if work.scales_outputs {
        // A scale and a bias on every output: the output before and after is kept.
        let outputs = shape.query()
            + 2.0 * shape.key()
            + 2.0 * shape.hidden
            + shape.live_intermediate() * if shape.gated { 2.0 } else { 1.0 };
        layer += 4.0 * outputs * tokens;
    }
    let reached = case.runtime.flash_architectures.is_empty()
        || case
            .runtime
            .flash_architectures
            .contains(&shape.architecture);
    let own = architecture_named(&shape.architecture).is_some_and(|one| one.flash);
    let eager = work.attention == Attention::Eager || !(reached || own);
    let scores = if eager {
        score_bytes(shape, work.sequence) * tokens
    } else {
        0.0
    };
    let mut terms = match work.checkpointing {
        Checkpointing::None => vec![Term::new(
            "activations",
            (layer + scores) * shape.layers,
            0.25,
            format!(
                "{tokens:.0} tokens, {:.0} KiB each and layer",
                (layer + scores) / tokens.max(1.0) / 1024.0
            ),
        )],
        Checkpointing::Selective => vec![Term::new(
            "activations",
            // What is kept are matrix products, compiled or not.
            layer_bytes(shape, frozen, true) * width * tokens * shape.layers * 0.5,
            0.3,
            "about half is kept (selective checkpointing)",
        )],
        Checkpointing::Full => {
            let kept = if work.offload || case.runtime.offloads_checkpoints {
                0.0
            } else {
                2.0 * shape.hidden * shape.layers * tokens
            };
            vec![Term::new(
                "checkpoints",
                kept,
                0.1,
                "one hidden state a layer",
            )]
        }
    };
    let loss = loss(case, work, tokens);
    let again = Term::new(
        "one layer again",
        layer + scores,
        0.35,
        "recomputed in the backward pass",
    );
    // The loss is done with before the first layer is recomputed, but an allocator that holds back freed blocks
    // gives those of one size to no other.
    if work.checkpointing == Checkpointing::Full && case.level == Level::Reserved {
        terms.push(again);
        terms.push(loss);
    } else if work.checkpointing == Checkpointing::Full && again.bytes > loss.bytes {
        terms.push(again);
    } else {
        terms.push(loss);
    }
    terms
}

/// What today's Transformers and PEFT keep beside, in bytes a token and layer: an activation function that is written out in Python, and the fp32
/// copies of what goes into adapters' layers. Measured on an H100 (fixtures/measurements): three of the four bytes of such a copy are left
/// beside what is counted anyway.
fn beside(case: &Case, work: &Training) -> f64 {
    let written_out = architecture_named(&case.shape.architecture)
        .map_or(0.0, |one| one.activation_copies)
        * if work.compiled { 0.0 } else { 1.0 };
    let each = if work.mixed { 4.0 } else { 2.0 };
    let adapters = if work.method != Method::Full && targets_feed_forward(&work.targets) {
        let (inputs, ..) = linears(&case.shape, &work.targets);
        3.0 * inputs - 2.0 * (case.shape.hidden + case.shape.live_intermediate())
    } else {
        0.0
    };
    written_out * each * case.shape.intermediate + adapters.max(0.0)
}

fn targets_feed_forward(targets: &str) -> bool {
    let targets = targets.to_ascii_lowercase();
    ["mlp", "all", "gate", "up_proj", "down", "fc", "w1"]
        .iter()
        .any(|word| targets.contains(word))
}

fn loss(case: &Case, work: &Training, tokens: f64) -> Term {
    let usual = if work.method == Method::Full && case.runtime.loss_bytes_full > 0.0 {
        case.runtime.loss_bytes_full
    } else if case.quantised() {
        case.runtime.loss_bytes_quantised
    } else {
        case.runtime.loss_bytes
    };
    let (each, because) = match work.loss {
        Loss::Default => (
            usual,
            "logits, their fp32 copy and gradients, as this framework makes them",
        ),
        Loss::Chunked => (3.0, "16-bit logits, and fp32 for one chunk at a time"),
        Loss::Fused => (
            0.3,
            "head and cross-entropy in one kernel: one chunk of logits",
        ),
    };
    Term::new(
        "logits and loss",
        tokens * case.shape.vocab * each,
        0.3,
        because,
    )
}
