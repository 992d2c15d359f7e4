//! Memory for training a model.

use super::case::{Case, Checkpointing, Level, Method, Spread, Training};
use super::optimizer::{States, states};
use super::term::{Term, total};
use super::{activations, adapter, overhead, weights};

/// The terms at the moment that needs the most: on one accelerator, or summed over all.
pub fn terms(case: &Case, work: &Training) -> Vec<Term> {
    let mut terms = match work.method {
        Method::Full => full(case, work),
        Method::Lora | Method::Qlora | Method::Adapter => adapters(case, work),
    };
    terms.extend(overhead::training(case));
    if case.summed && case.devices > 1.0 {
        // Copies of everything, but of a model that is laid out in layers only the overhead.
        for term in &mut terms {
            let once = case.spread == Spread::Layers && term.name != "workspaces and reserve";
            if !once {
                term.bytes *= case.devices;
            }
        }
    } else if case.spread == Spread::Layers && case.devices > 1.0 {
        for term in &mut terms {
            if matches!(
                term.name.as_str(),
                "weights" | "gradients" | "optimizer" | "checkpoints" | "activations"
            ) {
                term.bytes /= case.devices;
            }
        }
    }
    terms
}

fn shares(case: &Case) -> (f64, f64) {
    let n = case.devices.max(1.0);
    match case.spread {
        Spread::Sharded => (n, n),
        Spread::Zero2 => (1.0, n),
        Spread::Tensor => (n, n),
        Spread::Copies | Spread::Layers => (1.0, 1.0),
    }
}

fn full(case: &Case, work: &Training) -> Vec<Term> {
    let parameters = case.shape.parameters;
    let runtime = case.runtime;
    let sharded = matches!(case.spread, Spread::Sharded | Spread::Zero2) && case.devices > 1.0;
    let adamw = if sharded && runtime.state_bytes_sharded > 0.0 {
        runtime.state_bytes_sharded
    } else if work.mixed {
        runtime.state_bytes.max(16.0)
    } else {
        runtime.state_bytes.max(8.0)
    };
    let States {
        weight,
        gradient,
        optimizer,
    } = states(adamw, work);
    let (of_weights, of_states) = shares(case);
    let mut terms = vec![
        Term::new(
            "weights",
            parameters * weight / of_weights,
            0.02,
            format!(
                "{:.2} billion parameters, {weight:.0} bytes each",
                parameters / 1e9
            ),
        ),
        Term::new(
            "optimizer",
            parameters * optimizer / of_states,
            0.05,
            format!("{:?}: {optimizer:.2} bytes a parameter", work.optimizer),
        ),
    ];
    let mut gradients = parameters * gradient / of_states;
    if work.in_backward {
        gradients = case.shape.embedding().max(case.shape.layer() / 7.0) * gradient;
    }
    let mut steps = activations::terms(case, work);
    if work.mixed && runtime.autocast_copy_bytes > 0.0 {
        steps.push(Term::new(
            "16-bit copies",
            parameters * runtime.autocast_copy_bytes / of_weights,
            0.1,
            "autocast keeps a bf16 copy of each weight while a step goes on",
        ));
    }
    // While the optimizer steps, its foreach form holds a copy of what it works on; activations are gone by then.
    let copy = parameters * case.runtime.step_copy_bytes / of_states;
    let gradient_term = Term::new(
        "gradients",
        gradients,
        0.05,
        format!("{gradient:.0} bytes a parameter"),
    );
    // Gradients grow while activations go: with one micro-batch a step they never stand side by side.
    let beside = work.accumulate > 1.0 || adamw >= 19.0 || work.in_backward || of_states > 1.0;
    if !beside && gradients > total(&steps).max(copy) {
        terms.push(gradient_term);
    } else {
        if beside {
            terms.push(gradient_term);
        }
        if copy > total(&steps) {
            terms.push(Term::new(
                "optimizer step",
                copy,
                0.2,
                "a copy of the parameters while the optimizer steps",
            ));
        } else {
            terms.extend(steps);
        }
    }
    terms.extend(gathered(case));
    terms
}

fn adapters(case: &Case, work: &Training) -> Vec<Term> {
    let shape = &case.shape;
    let (of_weights, of_states) = shares(case);
    let mut weight = weights::term(case);
    weight.bytes /= of_weights;
    let mut terms = vec![weight];
    if work.mixed {
        terms[0].bytes = shape.parameters * 4.0 / of_weights;
        terms[0].because = "kept in fp32".into();
        terms.push(Term::new(
            "16-bit copies",
            shape.parameters * 2.0 / of_weights,
            0.1,
            "autocast keeps a bf16 copy of each weight",
        ));
    }
    if case.spread == Spread::Sharded && case.runtime.name == "litgpt" {
        let whole = weights::bytes(shape, &case.weights);
        terms[0].bytes = whole;
        terms[0].because = "whole on each accelerator until it is sharded".into();
        terms.push(Term::new(
            "shard",
            whole / case.devices.max(1.0),
            0.1,
            "this accelerator's part beside it",
        ));
        terms.push(Term::new(
            "gathered",
            2.0 * (shape.embedding() + shape.head()),
            0.3,
            "embedding and head, gathered whole",
        ));
        terms.extend(activations::terms(case, work));
        return terms;
    }
    let count = adapter::parameters(shape, work.rank, &work.targets);
    let mut each = case.runtime.adapter_bytes.max(8.0);
    if work.mixed {
        each = each.max(16.0);
    }
    if case.quantised() && case.runtime.name == "transformers 4 with peft" {
        each = each.max(20.0);
    }
    let States {
        weight,
        gradient,
        optimizer,
    } = states(each, work);
    terms.push(Term::new(
        "adapters",
        count * (weight + (gradient + optimizer) / of_states),
        0.15,
        format!(
            "{:.1} million parameters, {each:.0} bytes each with gradient and optimizer",
            count / 1e6
        ),
    ));
    if work.whole_embeddings {
        let whole = shape.embedding() + shape.embedding();
        terms.push(Term::new(
            "embedding and head",
            whole * 12.0 / of_states,
            0.15,
            "trained whole: a copy 2, gradient 2, fp32 optimizer states 8 bytes",
        ));
    }
    if case.runtime.quantise_while_loading && case.quantised() {
        terms.push(Term::new(
            "quantising",
            2.0 * 2.0 * shape.embedding(),
            0.4,
            "the head in 16 bits and its working copy, from quantising while loading",
        ));
    }
    let bitsandbytes = ["nf4", "bnb", "fp4"]
        .iter()
        .any(|name| case.weights.format.name.starts_with(name));
    let hugging_face = case.runtime.is_hugging_face();
    if case.quantised()
        && (case.runtime.name == "transformers 4 with peft" || hugging_face && bitsandbytes)
        && !work.whole_embeddings
    {
        terms.push(Term::new(
            "fp32 embedding and head",
            2.0 * (shape.embedding() + shape.head()),
            0.2,
            "prepare_model_for_kbit_training casts what is not quantised to fp32",
        ));
    }
    terms.extend(activations::terms(case, work));
    terms.extend(gathered(case));
    terms
}

/// What is whole for a moment although it is sharded.
fn gathered(case: &Case) -> Vec<Term> {
    let shape = &case.shape;
    let mut terms = Vec::new();
    let deepspeed = case.runtime.is_hugging_face();
    if case.spread == Spread::Sharded && case.devices > 1.0 {
        let mut bytes = 2.0 * 2.0 * shape.layer();
        if deepspeed {
            // stage3_max_live_parameters is 1e9, and the head and the embedding are gathered whole.
            bytes += 2.0 * 1e9 + 2.0 * (shape.embedding() + shape.head());
        }
        terms.push(Term::new(
            "gathered",
            bytes,
            0.4,
            "layers in use, whole on each accelerator",
        ));
    }
    if matches!(case.spread, Spread::Sharded | Spread::Zero2) && case.devices > 1.0 {
        terms.push(Term::new(
            "buckets",
            0.8 * 1024.0 * 1024.0 * 1024.0,
            0.5,
            "gradients on their way between accelerators",
        ));
    }
    terms
}

/// Whether anything of the step is kept less than whole.
pub fn is_checkpointed(work: &Training) -> bool {
    work.checkpointing != Checkpointing::None
}

/// The level a person's own machine is judged at.
pub const OWN_LEVEL: Level = Level::Device;
