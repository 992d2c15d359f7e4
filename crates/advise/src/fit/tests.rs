//! What must hold for every estimate.

use super::advice::{Place, advise};
use super::case::{
    Attention, Case, Checkpointing, Inference, Level, Loss, Method, Optimizer, Spread, Training,
    Weights, Work,
};
use super::shape::Shape;
use super::verdict::Verdict;
use super::{Estimate, estimate, table};
use deskside_knowledge::models::{models, weight_format, weight_formats};
use deskside_knowledge::runtimes::{runtime_named, runtimes};
use proptest::prelude::*;

fn running(name: &str, format: &str, prompt: f64) -> Case {
    Case {
        shape: Shape::of_name(name).unwrap(),
        weights: Weights {
            format: weight_format(format).unwrap(),
            head_quantised: false,
            counted_bytes: None,
        },
        runtime: runtime_named("transformers").unwrap(),
        work: Work::Inference(Inference {
            batch: 1.0,
            prompt,
            generate: 256.0,
            cache_bits: 16.0,
            beams: 1.0,
            attention: Attention::Flash,
            only_load: false,
        }),
        devices: 1.0,
        spread: Spread::Copies,
        summed: false,
        level: Level::Device,
        device: None,
    }
}

fn training(name: &str, method: Method, batch: f64) -> Case {
    let mut case = running(
        name,
        if method == Method::Qlora {
            "nf4"
        } else {
            "bf16"
        },
        0.0,
    );
    case.runtime = runtime_named("peft").unwrap();
    case.work = Work::Training(Training {
        method,
        optimizer: Optimizer::Adamw,
        rank: 16.0,
        targets: String::new(),
        whole_embeddings: false,
        batch,
        sequence: 1024.0,
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
    });
    case
}

fn sound(estimate: &Estimate) {
    assert!(
        estimate.bytes.is_finite() && estimate.bytes > 0.0,
        "{estimate:?}"
    );
    assert!(estimate.low <= estimate.bytes && estimate.bytes <= estimate.high);
    let sum: f64 = estimate.terms.iter().map(|term| term.bytes).sum();
    assert!(
        (sum / estimate.bytes - 1.0).abs() < 1e-9,
        "the terms are the sum"
    );
    assert!(
        estimate
            .terms
            .iter()
            .all(|term| !term.because.is_empty() && !term.name.is_empty())
    );
}

#[test]
fn every_model_in_every_format_and_framework_has_an_estimate() {
    for model in models().step_by(5) {
        for runtime in runtimes() {
            for format in weight_formats().step_by(7) {
                let mut case = running(model.name, format.name, 2048.0);
                case.runtime = runtime;
                sound(&estimate(&case));
            }
            for method in [Method::Full, Method::Lora, Method::Qlora, Method::Adapter] {
                let mut case = training(model.name, method, 2.0);
                case.runtime = runtime;
                sound(&estimate(&case));
            }
        }
    }
}

#[test]
fn known_sizes_come_out() {
    // 128 KiB a token for Llama-3.1-8B in 16 bits, 70 KB for DeepSeek-V3's compressed cache.
    for (name, bytes) in [
        ("meta-llama/Llama-3.1-8B", 131_072.0),
        ("deepseek-ai/DeepSeek-V3", 70_272.0),
        ("Qwen/Qwen3-0.6B", 114_688.0),
    ] {
        let shape = Shape::of_name(name).unwrap();
        assert_eq!(super::cache::bytes(&shape, 1.0, 16.0), bytes, "{name}");
    }
    let gemma = Shape::of_name("google/gemma-3-27b").unwrap();
    let (short, long) = (
        super::cache::bytes(&gemma, 1024.0, 16.0),
        super::cache::bytes(&gemma, 131_072.0, 16.0),
    );
    assert!(
        long < short * 128.0 / 4.0,
        "52 of 62 layers look back 1024 tokens only"
    );
    // Q4_K_M of Llama-3.1-8B is published at 4.89 bits a weight.
    let case = running("meta-llama/Llama-3.1-8B", "gguf-q4_k_m", 0.0);
    let bits = super::weights::bytes(&case.shape, &case.weights) * 8.0 / case.shape.parameters;
    assert!((bits / 4.89 - 1.0).abs() < 0.01, "{bits}");
}

#[test]
fn verdicts_changes_and_the_most_agree() {
    let place = |gigabytes: f64| Place {
        name: "card".into(),
        surely: gigabytes * 1e9,
        at_most: gigabytes * 1e9,
        count: 1.0,
        device: None,
        watts: None,
    };
    let case = running("meta-llama/Llama-3.1-8B", "bf16", 4096.0);
    let large = advise(&case, &[place(80.0)], None);
    assert_eq!(
        (large.places[0].verdict, &large.change),
        (Verdict::Fits, &None)
    );
    assert!(large.most.as_ref().unwrap().batch > 4);
    let small = advise(&case, &[place(12.0)], None);
    assert_eq!(small.places[0].verdict, Verdict::TooLarge);
    assert_eq!(small.most.as_ref().unwrap().batch, 0);
    let change = small.change.unwrap();
    assert_eq!(
        (change.steps.len(), change.verdict),
        (1, Verdict::Fits),
        "{change:?}"
    );
    let train = advise(
        &training("meta-llama/Llama-3.1-8B", Method::Full, 4.0),
        &[place(14.0)],
        None,
    );
    assert!(
        train
            .change
            .unwrap()
            .steps
            .iter()
            .any(|step| step.contains("QLoRA"))
    );
    assert_eq!(
        advise(&case, &[place(0.1)], None).change,
        None,
        "nothing makes 8 billion parameters fit 100 MB"
    );
}

#[test]
fn optimizers_and_sharding_go_the_right_way() {
    let with = |optimizer| {
        let mut case = training("meta-llama/Llama-3.2-3B", Method::Full, 1.0);
        if let Work::Training(work) = &mut case.work {
            // In pure bf16 Lion's one state is as small as two of 8 bits.
            (work.optimizer, work.mixed) = (optimizer, true);
        }
        estimate(&case).bytes
    };
    let falling = [
        Optimizer::Adamw,
        Optimizer::Lion,
        Optimizer::Adamw8bit,
        Optimizer::PagedAdamw8bit,
        Optimizer::Adafactor,
        Optimizer::Sgd,
    ];
    let sizes: Vec<f64> = falling.map(with).to_vec();
    assert!(sizes.windows(2).all(|pair| pair[0] > pair[1]), "{sizes:?}");
    let sharded = |count: f64, spread| {
        let mut case = training("meta-llama/Llama-3.1-8B", Method::Full, 1.0);
        (case.devices, case.spread) = (count, spread);
        if let Work::Training(work) = &mut case.work {
            work.mixed = true;
        }
        estimate(&case).bytes
    };
    assert!(sharded(8.0, Spread::Sharded) < sharded(8.0, Spread::Zero2));
    assert!(sharded(8.0, Spread::Zero2) < sharded(1.0, Spread::Copies));
}

#[test]
fn a_table_is_read_with_its_quotes_and_predicted_row_by_row() {
    let text = "\u{feff}id,metric,phase,model,weights,framework,batch,prompt_len,gen_len,gpu,mem_semantics,notes\n\
        a,peak_mem,infer,meta-llama/Llama-3.1-8B,bf16,transformers,1,128,128,RTX 4090,torch max_memory_allocated,\"one, \"\"two\"\"\"\r\n\
        b,decode_tps,infer,nobody knows,bf16,transformers,1,128,128,RTX 4090,,\n\
        c,decode_tps,infer,8B,gguf-Q4_K_M,llama.cpp,1,,128,RTX 4090,,\n";
    let table = table::parse(text, 100);
    assert_eq!(table.rows.len(), 3);
    assert_eq!(table.rows[0].text("notes"), "one, \"two\"");
    let said: Vec<_> = table
        .rows
        .iter()
        .enumerate()
        .map(|(place, row)| table::predict(row, place))
        .collect();
    assert!(
        (said[0].value.unwrap() / 16.2e9 - 1.0).abs() < 0.05,
        "{:?}",
        said[0]
    );
    assert_eq!(said[0].verdict.as_deref(), Some("fits"));
    assert!(said[1].value.is_none() && !said[1].notes.is_empty());
    assert!(said[2].value.unwrap() > 50.0 && !said[2].notes.is_empty());
    assert_eq!(table::parse(text, 1).rows.len(), 1);
    assert!(table::parse("", 9).rows.is_empty());
}

/// How far `fit` is from what was measured on two cards (`fixtures/measurements`), by family: the median, and the share inside the interval.
/// Nothing was set by the second table: it has another card and other models.
#[test]
fn what_was_measured_on_cards_is_predicted() {
    for text in [
        include_str!("../../../../fixtures/measurements/h100-transformers-5.csv"),
        include_str!("../../../../fixtures/measurements/h200-transformers-5-others.csv"),
    ] {
        holds_to(&table::parse(text, 1000));
    }
}

fn holds_to(table: &table::Table) {
    let mut families = std::collections::BTreeMap::<String, Vec<(f64, bool)>>::new();
    for (place, row) in table.rows.iter().enumerate() {
        let said = table::predict(row, place);
        let measured = row.number("value").unwrap();
        let value = said
            .value
            .unwrap_or_else(|| panic!("{}: {:?}", said.id, said.notes));
        let inside = said.low.unwrap() <= measured && measured <= said.high.unwrap();
        if row.text("use") == "absolute" {
            let errors = families.entry(said.family).or_default();
            errors.push(((value / measured - 1.0).abs(), inside));
        }
    }
    for (family, median, share) in [
        ("inference memory", 0.04, 0.88),
        ("training memory", 0.05, 0.88),
        ("decode speed", 0.25, 0.80),
        ("prefill speed", 0.15, 0.88),
        ("training speed", 0.25, 0.85),
    ] {
        let mut errors = families.remove(family).unwrap();
        errors.sort_by(|one, other| one.0.total_cmp(&other.0));
        let middle = errors[errors.len() / 2].0;
        let inside = errors.iter().filter(|(_, inside)| *inside).count() as f64;
        let inside = inside / errors.len() as f64;
        assert!(middle <= median, "{family}: {middle:.3}");
        assert!(inside >= share, "{family}: {inside:.3} inside");
    }
    assert!(families.is_empty(), "{:?}", families.keys());
}

proptest! {
    #[test]
    fn more_work_never_needs_less(prompt in 1.0_f64..50_000.0, batch in 1.0_f64..32.0, more in 1.0_f64..4.0) {
        let size = |prompt: f64, batch: f64| {
            let mut case = running("Qwen/Qwen2.5-7B", "bf16", prompt);
            if let Work::Inference(work) = &mut case.work {
                work.batch = batch;
            }
            estimate(&case).bytes
        };
        prop_assert!(size(prompt * more, batch) >= size(prompt, batch));
        prop_assert!(size(prompt, batch * more) >= size(prompt, batch));
    }

    #[test]
    fn no_table_makes_it_panic(text in "[a-z0-9,\"\n\\. -]{0,300}") {
        let text = format!("id,metric,phase,model,weights,framework,batch,seq_len,gpu,method,notes\n{text}");
        for (place, row) in table::parse(&text, 50).rows.iter().enumerate() {
            let _ = table::predict(row, place);
        }
    }

    #[test]
    fn odd_numbers_never_make_it_panic(batch in any::<f64>(), length in any::<f64>(), gpus in any::<f64>(), train in any::<bool>()) {
        let phase = if train { "train" } else { "infer" };
        for metric in ["peak_mem", "decode_tps", "prefill_tps", "train_tps", "oom"] {
            let text = format!("metric,phase,model,weights,framework,batch,prompt_len,seq_len,n_gpu,gpu\n{metric},{phase},8B,bf16,transformers,{batch},{length},{length},{gpus},RTX 4090\n");
            let _ = table::predict(&table::parse(&text, 2).rows[0], 0);
        }
    }
}
