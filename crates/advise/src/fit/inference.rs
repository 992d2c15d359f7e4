//! Memory for running a model: the largest of three moments, each a sum of terms.

use super::case::{Attention, Case, Inference, Level, Spread};
use super::overhead;
use super::term::{Term, total};
use super::{cache, weights};
use deskside_knowledge::runtimes::architecture_named;

/// The terms at the moment that needs the most.
pub fn terms(case: &Case, work: &Inference) -> Vec<Term> {
    let mut moments = vec![loading(case)];
    if !work.only_load {
        moments.push(reading(case, work));
        moments.push(writing(case, work));
    }
    let mut terms = moments
        .into_iter()
        .max_by(|one, other| total(one).total_cmp(&total(other)))
        .unwrap_or_default();
    spread(case, &mut terms);
    if work.only_load && case.level == Level::Device {
        return terms;
    }
    terms.extend(overhead::kept(case, total(&terms)));
    terms.extend(overhead::inference(case));
    terms
}

/// Weights and cache lie on all accelerators together; what one layer needs is needed on each of them.
fn spread(case: &Case, terms: &mut [Term]) {
    if case.devices <= 1.0 {
        return;
    }
    for term in terms {
        // Latent attention's one vector a layer can't be cut by heads: each piece of a layer needs the whole.
        let whole =
            term.name == "cache" && case.shape.latent > 0.0 && case.spread == Spread::Tensor;
        let shared = matches!(term.name.as_str(), "weights" | "cache" | "fused copies") && !whole;
        if case.summed && !shared && case.spread != Spread::Tensor {
            term.bytes *= case.devices;
        }
        if !case.summed && shared && case.spread != Spread::Copies {
            term.bytes /= case.devices;
        }
    }
}

/// While the weights are loaded.
fn loading(case: &Case) -> Vec<Term> {
    let mut terms = vec![weights::term(case)];
    let shape = &case.shape;
    if case.runtime.fused_copies {
        let attention = shape.layers * shape.hidden * (shape.query() + 2.0 * shape.key());
        terms.push(Term::new(
            "fused copies",
            attention * case.weights.format.linear_bits / 8.0,
            0.3,
            "query, key and value weights stay until their fused copy is made",
        ));
    }
    if case.runtime.quantise_while_loading && case.quantised() {
        terms.push(Term::new(
            "quantising",
            2.0 * 2.0 * shape.embedding(),
            0.3,
            "the head in 16 bits and its working copy while it is quantised",
        ));
    }
    let awq = case.weights.format.name.starts_with("awq")
        && case.runtime.name.starts_with("transformers");
    if awq && shape.tied {
        terms.push(Term::new(
            "tied head",
            2.0 * shape.embedding(),
            0.3,
            "the checkpoint's own copy of the head, until it is tied to the embedding",
        ));
    }
    terms
}

/// While the prompt is read: the cache so far, and one layer's activations or scores, or the logits.
fn reading(case: &Case, work: &Inference) -> Vec<Term> {
    let shape = &case.shape;
    let architecture = architecture_named(&shape.architecture);
    let own = if case.runtime.name.starts_with("transformers") {
        architecture
    } else {
        None
    };
    let chunk = [
        case.runtime.prompt_chunk,
        own.map_or(0.0, |one| one.prompt_chunk),
    ]
    .into_iter()
    .filter(|chunk| *chunk > 0.0)
    .fold(work.prompt, f64::min);
    let tokens = chunk * work.batch;
    // An allocated cache has room for what will be generated from the start.
    let room = if grows(case) {
        work.prompt
    } else {
        work.prompt + work.generate
    };
    let mut terms = vec![weights::term(case), cache::term(case, work, room)];
    let hidden = tokens * (3.0 * shape.live_intermediate() + 4.0 * shape.hidden) * 2.0;
    let eager = work.attention == Attention::Eager
        || (case.runtime.eager_when_grouped && shape.kv_heads < shape.heads);
    let scores = if eager {
        // Scores in 16 bits, softmax in fp32, and its 16-bit copy, of one layer.
        tokens * shape.heads * chunk * 8.0
    } else {
        0.0
    };
    let each = case
        .runtime
        .prompt_logits_bytes
        .max(own.map_or(0.0, |one| one.prompt_logits_bytes));
    let logits = tokens * shape.vocab * each;
    let largest = hidden.max(scores).max(logits);
    let (name, because) = if largest <= 0.0 || largest == hidden {
        (
            "activations",
            format!("{chunk:.0} tokens of the prompt at once through one layer"),
        )
    } else if largest == scores {
        (
            "attention scores",
            "written out for one layer: no flash attention here".to_string(),
        )
    } else {
        (
            "logits",
            "made for the whole prompt, not only its last token".to_string(),
        )
    };
    terms.push(Term::new(name, largest, 0.35, because));
    if case.runtime.prompt_logits_bytes > 0.0 && largest == scores && scores > 0.0 {
        terms.push(Term::new(
            "logits",
            logits,
            0.5,
            "made for the whole prompt",
        ));
    }
    terms
}

/// While the last token is written.
fn writing(case: &Case, work: &Inference) -> Vec<Term> {
    let shape = &case.shape;
    let tokens = work.prompt + work.generate;
    let mut terms = vec![weights::term(case), cache::term(case, work, tokens)];
    if case.runtime.name.starts_with("transformers")
        && case.weights.format.name.starts_with("awq")
        && shape.kv_heads < shape.heads
    {
        terms.push(Term::new(
            "repeated keys and values",
            4.0 * shape.query() * tokens * work.batch,
            0.4,
            "AWQ runs in fp16 with PyTorch's own attention, which repeats grouped keys and values for one layer",
        ));
    }
    if shape.kind == "encoder-decoder" {
        terms.push(Term::new(
            "encoder states",
            shape.layers * 1500.0 * shape.hidden * 2.0 * 2.0 * work.beams.max(1.0) * work.batch,
            0.3,
            "keys and values of 30 s of sound for every beam",
        ));
    }
    terms
}

/// The cache grows token by token.
fn grows(case: &Case) -> bool {
    case.runtime.name.starts_with("transformers") || case.runtime.name == "MLX"
}
