//! A row of a table as the question that it asks.

use super::case::{
    Attention, Case, Checkpointing, Device, Inference, Level, Loss, Method, Optimizer, Spread,
    Training, Weights, Work,
};
use super::shape::Shape;
use super::table::Row;
use deskside_knowledge::models::{FormatRow, device_named, weight_format};
use deskside_knowledge::runtimes::{Runtime, runtime_named, runtimes};

/// The question that a row asks.
///
/// # Errors
/// What is not known in it, in words.
pub fn case(row: &Row) -> Result<Case, String> {
    let named = [row.text("model_key"), row.text("model")];
    let name = named
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default();
    let shape = Shape::of_name(name)
        .or_else(|| Shape::of_name(row.text("model")))
        .or_else(|| (name == "none").then(|| Shape::assumed("none", 1.0, 1.0)))
        .ok_or_else(|| format!("the model {name:?} is not known"))?;
    let runtime = runtime_named(&dated(row.text("framework")))
        .or_else(|| runtimes().first())
        .ok_or("no framework is known")?;
    let format = format_of(row)?;
    let training = row.text("phase") == "train" || row.text("metric").starts_with("train");
    let semantics = row.text("mem_semantics").to_ascii_lowercase();
    let level = if semantics.contains("reserved") {
        Level::Reserved
    } else if semantics.contains("allocated")
        || semantics.contains("active")
        || semantics.contains("get_peak_memory")
        || semantics.contains("after loading")
        || semantics.contains("gpu use")
    {
        Level::Allocated
    } else {
        Level::Device
    };
    let devices = row.number("n_gpu").unwrap_or(1.0).min(100_000.0);
    let parallel = row.text("parallel");
    let device = device_of(row);
    let work = if training {
        Work::Training(training_of(row, runtime))
    } else {
        Work::Inference(inference_of(row, runtime))
    };
    Ok(Case {
        shape,
        weights: Weights {
            format,
            head_quantised: runtime.quantise_while_loading,
            counted_bytes: None,
        },
        runtime,
        work,
        devices,
        spread: spread_of(parallel, training, runtime.name.as_str()),
        summed: semantics.contains("sum"),
        level,
        device,
    })
}

/// A published measurement that names Transformers and no version is from before the fifth, which came in 2026.
fn dated(framework: &str) -> String {
    let lower = framework.trim().to_ascii_lowercase();
    match lower.strip_prefix("transformers") {
        Some(rest) if !rest.contains(|letter: char| letter.is_ascii_digit()) => {
            format!("transformers 4{rest}")
        }
        _ if matches!(lower.as_str(), "peft" | "trl" | "llama-factory") => {
            "transformers 4+peft".into()
        }
        _ => lower,
    }
}

fn format_of(row: &Row) -> Result<FormatRow, String> {
    let text = row.text("weights");
    if text.starts_with("in file") {
        return Ok(format_in_name(row.text("model"), row.text("framework")));
    }
    if let Some(bits) = text
        .strip_prefix("exl2-")
        .and_then(|rest| rest.strip_suffix("bpw"))
    {
        let bits: f64 = bits
            .parse()
            .map_err(|_| format!("the format {text:?} is not known"))?;
        let mut format = weight_format("int4").ok_or("int4 is not known")?;
        format.linear_bits = bits;
        return Ok(format);
    }
    weight_format(text)
        .or_else(|| text.is_empty().then(|| weight_format("bf16")).flatten())
        .ok_or_else(|| format!("the format {text:?} is not known"))
}

/// The format that a file's or a tag's name tells.
pub fn format_in_name(name: &str, framework: &str) -> FormatRow {
    let lower = name.to_ascii_lowercase();
    let mut best: Option<FormatRow> = None;
    for format in deskside_knowledge::models::weight_formats() {
        let key = format.name.strip_prefix("gguf-").unwrap_or(format.name);
        if key.len() > 2
            && lower.contains(key)
            && best.as_ref().is_none_or(|old| {
                key.len() > old.name.strip_prefix("gguf-").unwrap_or(old.name).len()
            })
        {
            best = Some(format.clone());
        }
    }
    let mlx = framework.starts_with("mlx") || lower.contains("mlx");
    if let Some(format) = best.filter(|format| !mlx || format.kind != "gguf") {
        return format;
    }
    let fallback = if lower.contains("8bit") {
        "mlx-q8-g64"
    } else if mlx || lower.contains("4bit") {
        "mlx-q4-g64"
    } else if framework.starts_with("vllm") {
        "bf16"
    } else {
        "gguf-q4_k_m"
    };
    weight_format(fallback).unwrap_or(FormatRow {
        name: "bf16",
        linear_bits: 16.0,
        embedding_bits: 16.0,
        head_bits: 16.0,
        kind: "float16",
    })
}

/// The share of a card's memory that is left for programs: ECC, firmware and the driver keep the rest.
const USABLE: f64 = 0.985;

/// The memory that a name tells: `A100-40GB`, `M1 Max 64GB`, `8GB card`.
fn written_gigabytes(name: &str) -> Option<f64> {
    name.to_lowercase()
        .split([' ', '-', '_', '('])
        .filter_map(|word| word.strip_suffix("gb"))
        .find_map(|number| number.parse::<f64>().ok())
        .filter(|gigabytes| *gigabytes > 0.0)
}

fn device_of(row: &Row) -> Option<Device> {
    let name = row.text("gpu");
    let known = device_named(name)?;
    let noted = row
        .text("notes")
        .split("vram ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse::<f64>().ok());
    let gigabytes = written_gigabytes(name).or(noted).unwrap_or(known.memory_gb);
    let share = if known.is_apple() {
        super::verdict::unified_share(gigabytes)
    } else {
        USABLE
    };
    Some(Device::of_row(
        name,
        known,
        gigabytes * 1024.0 * 1024.0 * 1024.0 * share,
    ))
}

/// The memory of a row's accelerator, in bytes, also where nothing else of it is known.
pub fn memory_of(row: &Row, device: Option<&Device>) -> Option<f64> {
    device.and_then(|device| device.memory_bytes).or_else(|| {
        written_gigabytes(row.text("gpu"))
            .map(|gigabytes| gigabytes * 1024.0 * 1024.0 * 1024.0 * USABLE)
    })
}

fn spread_of(parallel: &str, training: bool, runtime: &str) -> Spread {
    let parallel = parallel.to_ascii_lowercase();
    if parallel.contains("zero3") || parallel.contains("fsdp") || parallel.contains("full_shard") {
        Spread::Sharded
    } else if parallel.contains("zero2") || parallel.contains("shard_grad") {
        Spread::Zero2
    } else if parallel.contains("tensor") {
        Spread::Tensor
    } else if parallel.contains("split") || parallel.contains("device_map") {
        Spread::Layers
    } else if training {
        if runtime == "transformers 4 with peft" {
            Spread::Sharded
        } else {
            Spread::Copies
        }
    } else if matches!(runtime, "vLLM" | "SGLang" | "gpt-fast") {
        Spread::Tensor
    } else {
        Spread::Layers
    }
}

fn inference_of(row: &Row, runtime: &Runtime) -> Inference {
    let metric = row.text("metric");
    let method = row.text("method");
    let (prompt, generate) = (row.number("prompt_len"), row.number("gen_len"));
    let beams = method
        .strip_prefix("beam ")
        .and_then(|count| count.parse().ok())
        .unwrap_or(1.0);
    Inference {
        batch: row.number("batch").unwrap_or(1.0),
        prompt: prompt.unwrap_or(0.0),
        generate: generate.unwrap_or(if runtime.default_generate > 0.0 {
            runtime.default_generate
        } else {
            128.0
        }),
        cache_bits: if method.contains("kv-int8") {
            8.0
        } else {
            16.0
        },
        beams,
        attention: if row.text("attention").contains("eager") {
            Attention::Eager
        } else {
            Attention::Flash
        },
        only_load: metric == "weights_mem" || row.text("phase") == "load",
    }
}

/// Techniques of a cumulative list, in its order: each row has all before it, too.
const LADDER: &[&str] = &[
    "packed",
    "compile",
    "chunked",
    "activation checkpointing",
    "fuse optimizer",
    "activation offloading",
    "8-bit",
    "lora",
    "qlora",
];

fn training_of(row: &Row, runtime: &Runtime) -> Training {
    let written = row.text("method").to_ascii_lowercase();
    let (kind, technique) = written
        .split_once('|')
        .map_or((written.as_str(), ""), |(kind, rest)| {
            (kind.trim(), rest.trim())
        });
    let cumulative = row.text("notes").contains("cumulative");
    let reached = if cumulative {
        LADDER.iter().rposition(|step| technique.contains(step))
    } else {
        None
    };
    let has = |step: usize, word: &str| {
        reached.is_some_and(|reached| reached >= step) || technique.contains(word)
    };
    let optimizer = row.text("optimizer").to_ascii_lowercase();
    let weights = row.text("weights").to_ascii_lowercase();
    let parallel = row.text("parallel").to_ascii_lowercase();
    let degree = |key: &str| {
        parallel
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key))
            .and_then(|number| number.parse().ok())
            .unwrap_or(1.0)
    };
    let notes = row.text("notes").to_ascii_lowercase();
    let after = |text: &str, word: &str| -> Option<f64> {
        let rest = text.split(word).nth(1)?;
        rest.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .find(|piece| !piece.is_empty())
            .and_then(|piece| piece.parse().ok())
    };
    let trained = row
        .number("adapter_rank")
        .or_else(|| after(&notes, "rank "));
    let method = if kind.starts_with("full") {
        Method::Full
    } else if kind.starts_with("qlora") || (kind.starts_with("lora") && weights.contains("int4")) {
        Method::Qlora
    } else if kind.starts_with("lora") {
        Method::Lora
    } else {
        Method::Adapter
    };
    let accumulate = after(&notes, "accumulation ").unwrap_or(1.0);
    let ladder_offload =
        reached.is_some_and(|reached| reached >= 5) || notes.contains("offloading on");
    Training {
        method,
        optimizer: optimizer_of(&optimizer),
        rank: trained.unwrap_or(8.0),
        targets: match row.text("adapter_targets") {
            text if text.contains("qkv") => "qkv".into(),
            "DEFAULT" => "qkv".into(),
            "" if method == Method::Adapter => "q,v".into(),
            text => text.into(),
        },
        whole_embeddings: kind.contains("emb"),
        batch: row.number("batch").unwrap_or(1.0),
        sequence: row.number("seq_len").unwrap_or(512.0),
        typical: typical_of(row),
        checkpointing: match row.text("grad_ckpt") {
            "yes" | "full" => Checkpointing::Full,
            "selective" => Checkpointing::Selective,
            _ => Checkpointing::None,
        },
        attention: if row.text("attention").contains("eager") {
            Attention::Eager
        } else {
            Attention::Flash
        },
        loss: if has(2, "chunked") || (runtime.name == "torchtune" && technique.is_empty()) {
            Loss::Chunked
        } else {
            Loss::Default
        },
        compiled: has(1, "compile") || notes.contains("torch.compile"),
        in_backward: has(4, "fuse optimizer") && method == Method::Full,
        offload: ladder_offload,
        mixed: weights.contains("fp32"),
        float8: technique.contains("float8") || weights.contains("fp8"),
        scales_outputs: kind.contains("adapter_v2"),
        accumulate,
        context_parallel: degree("cp"),
        tensor_parallel: degree("tp"),
    }
}

/// Tokens of a usual sequence where the table says that its length is only the most.
fn typical_of(row: &Row) -> Option<f64> {
    let semantics = row.text("seq_semantics");
    let most = row.number("seq_len")?;
    if let Some(rest) = semantics.split("median about ").nth(1) {
        return rest.split(' ').next()?.parse().ok();
    }
    // Where samples are cut at a length, the mean of published runs was well under half of it.
    semantics.contains("max_length").then_some(most * 0.42)
}

/// An optimizer by its name.
pub fn optimizer_of(name: &str) -> Optimizer {
    let name = name.to_ascii_lowercase();
    if name.contains("paged") {
        Optimizer::PagedAdamw8bit
    } else if name.contains("8bit") || name.contains("8-bit") {
        Optimizer::Adamw8bit
    } else if name.contains("adafactor") {
        Optimizer::Adafactor
    } else if name.starts_with("lion") {
        Optimizer::Lion
    } else if name.contains("muon") {
        Optimizer::Muon
    } else if name.contains("sgd") && name.contains("momentum") {
        Optimizer::SgdMomentum
    } else if name.contains("sgd") {
        Optimizer::Sgd
    } else {
        Optimizer::Adamw
    }
}
