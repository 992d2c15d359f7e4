//! Models by name, weight formats, tensor types and accelerators: the facts that fit and speed rest on.

mod devices;

pub use devices::{DeviceRow, device_named, devices};

use crate::table::{cell, rows};
use std::collections::HashMap;
use std::sync::OnceLock;

const MODELS: &str = include_str!("../../data/models/models.tsv");
const FORMATS: &str = include_str!("../../data/models/formats.tsv");
const GGML: &str = include_str!("../../data/models/ggml.tsv");

/// A model's shape as published. Counts are 0 where the model has no such part.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRow {
    /// `meta-llama/Llama-3.1-8B`.
    pub name: &'static str,
    /// `decoder`, `encoder`, `encoder-decoder`, `diffusion unet`, …
    pub kind: &'static str,
    /// The architecture: `llama`, `qwen2`, `bert`, …
    pub architecture: &'static str,
    /// Layers.
    pub layers: u64,
    /// Width of the hidden state.
    pub hidden: u64,
    /// Attention heads.
    pub heads: u64,
    /// Heads of keys and values.
    pub kv_heads: u64,
    /// Values a head.
    pub head_dim: u64,
    /// Width of the feed-forward part.
    pub intermediate: u64,
    /// Rows of the token embedding.
    pub vocab: u64,
    /// The output head is the token embedding.
    pub tied: bool,
    /// Experts a layer.
    pub experts: u64,
    /// Experts used for a token.
    pub experts_used: u64,
    /// Width of one expert.
    pub expert_intermediate: u64,
    /// Parameters in all.
    pub parameters: u64,
    /// Parameters that one token meets.
    pub active: u64,
    /// Tokens that a sliding layer looks back.
    pub window: u64,
    /// Layers with a sliding window.
    pub sliding_layers: u64,
    /// The longest context.
    pub max_context: u64,
    /// Width of the compressed keys and values (multi-head latent attention).
    pub latent_rank: u64,
    /// Width of the rotary part beside it.
    pub latent_rope: u64,
    /// Where this is known from; the letters stand at the table's head.
    pub source: &'static str,
}

/// A weight format: bits a weight.
#[derive(Debug, Clone, PartialEq)]
pub struct FormatRow {
    /// `bf16`, `nf4`, `gguf-q4_k_m`, …
    pub name: &'static str,
    /// Of the linear layers.
    pub linear_bits: f64,
    /// Of the token embedding.
    pub embedding_bits: f64,
    /// Of the output head.
    pub head_bits: f64,
    /// `float16`, `integer4`, `gguf`, `mlx`, …
    pub kind: &'static str,
}

/// A tensor type of GGUF files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GgmlType {
    /// Its name: `Q4_K`.
    pub name: &'static str,
    /// Its number in the file.
    pub number: u32,
    /// Values a block holds.
    pub block_values: u64,
    /// Bytes a block takes.
    pub block_bytes: u64,
}

fn model(row: &'static str) -> Option<ModelRow> {
    let cells: Vec<&'static str> = row.split('\t').collect();
    let number = |at: usize| -> u64 {
        cell(cells.get(at).copied())
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    Some(ModelRow {
        name: cells.first()?,
        kind: cells.get(1)?,
        architecture: cells.get(2)?,
        layers: number(3),
        hidden: number(4),
        heads: number(5),
        kv_heads: number(6),
        head_dim: number(7),
        intermediate: number(8),
        vocab: number(9),
        tied: cells.get(10) == Some(&"tied"),
        experts: number(11),
        experts_used: number(12),
        expert_intermediate: number(13),
        parameters: number(14),
        active: number(15),
        window: number(16),
        sliding_layers: number(17),
        max_context: number(18),
        latent_rank: number(19),
        latent_rope: number(20),
        source: cells.get(21)?,
    })
}

/// All models.
pub fn models() -> impl Iterator<Item = &'static ModelRow> {
    static ALL: OnceLock<Vec<ModelRow>> = OnceLock::new();
    ALL.get_or_init(|| rows(MODELS).filter_map(model).collect())
        .iter()
}

/// A model by its name, its owner and case left out or not; versions of a name that only say how it
/// was tuned or stored (`-Instruct`, `-Chat`, `-GGUF`, `-Q4_K_M`) are the same shape.
pub fn model_named(name: &str) -> Option<ModelRow> {
    let exact = name.trim().to_ascii_lowercase();
    if let Some(found) = models().find(|model| model.name.eq_ignore_ascii_case(&exact)) {
        return Some(found.clone());
    }
    let wanted = bare_name(name);
    if wanted.is_empty() {
        return None;
    }
    static BARE: OnceLock<HashMap<String, &'static ModelRow>> = OnceLock::new();
    BARE.get_or_init(|| {
        let mut names = HashMap::new();
        for model in models() {
            names.entry(bare_name(model.name)).or_insert(model);
        }
        names
    })
    .get(&wanted)
    .map(|model| (*model).clone())
}

/// What says how a model was tuned or stored, not what shape it has.
const ENDINGS: &[&str] = &[
    "instruct", "chat", "it", "base", "hf", "gguf", "awq", "gptq", "int4", "int8", "4bit", "8bit",
    "fp8", "bf16", "fp16", "mlx", "pt", "thinking", "latest", "shape", "unpacked", "preview", "q4",
    "exp", "tool", "coder", "meta", "2507", "2410",
];

/// A name reduced to what tells its shape: words without owner, format and tuning.
pub fn bare_name(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let lower = lower.split(" (").next().unwrap_or_default();
    let last = lower.rsplit('/').next().unwrap_or_default();
    // Files are often called owner_model.
    let last = last
        .split_once('_')
        .filter(|(owner, rest)| {
            !owner.contains(|letter: char| letter.is_ascii_digit())
                && rest.contains(|letter: char| letter.is_ascii_digit())
        })
        .map_or(last, |(_, rest)| rest);
    let last = last.strip_suffix(".gguf").unwrap_or(last);
    let mut words: Vec<String> = Vec::new();
    for word in last.split(['-', ' ', ':', '_']) {
        let word = word.trim_end_matches(".q4");
        if word.is_empty() || ENDINGS.contains(&word) || is_storage(word) {
            continue;
        }
        words.push(word.to_string());
    }
    // `llama 2 7b`, `llama2 7b` and `llama-2-7b` are one name.
    words.concat()
}

fn is_storage(word: &str) -> bool {
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some('q'), Some(digit)) if digit.is_ascii_digit() => {
            letters.all(|letter| letter.is_ascii_digit() || letter == '_')
        }
        (Some('k'), None) | (Some('m' | 's' | 'l'), None) => true,
        (Some('i'), Some('q')) => letters.next().is_some_and(|digit| digit.is_ascii_digit()),
        _ => word == "mxfp4" || word == "mxfp8" || word == "nvfp4" || word == "ud",
    }
}

fn format(row: &'static str) -> Option<FormatRow> {
    let mut cells = row.split('\t');
    Some(FormatRow {
        name: cells.next()?,
        linear_bits: cells.next()?.parse().ok()?,
        embedding_bits: cells.next()?.parse().ok()?,
        head_bits: cells.next()?.parse().ok()?,
        kind: cells.next()?,
    })
}

fn formats() -> &'static [FormatRow] {
    static ALL: OnceLock<Vec<FormatRow>> = OnceLock::new();
    ALL.get_or_init(|| rows(FORMATS).filter_map(format).collect())
}

/// All weight formats.
pub fn weight_formats() -> impl Iterator<Item = &'static FormatRow> {
    formats().iter()
}

/// A weight format by its name; `Q4_K_M` is `gguf-q4_k_m`, and what follows a space is a remark.
pub fn weight_format(name: &str) -> Option<FormatRow> {
    let lower = name.trim().to_ascii_lowercase();
    let by = |wanted: &str| formats().iter().find(|format| format.name == wanted);
    let first = lower.split([' ', ',', '(']).next().unwrap_or_default();
    by(&lower)
        .or_else(|| by(first))
        .or_else(|| by(&format!("gguf-{first}")))
        .or_else(|| first.strip_suffix("-act").and_then(by))
        .or_else(|| first.strip_suffix("-g128").and_then(by))
        .cloned()
}

/// All tensor types of GGUF files.
pub fn ggml_types() -> impl Iterator<Item = GgmlType> {
    rows(GGML).filter_map(|row| {
        let mut cells = row.split('\t');
        Some(GgmlType {
            name: cells.next()?,
            number: cells.next()?.parse().ok()?,
            block_values: cells.next()?.parse().ok()?,
            block_bytes: cells.next()?.parse().ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_sourced_and_sorted() {
        for (table, count) in [
            (MODELS, models().count()),
            (FORMATS, weight_formats().count()),
            (GGML, ggml_types().count()),
        ] {
            assert_eq!(count, rows(table).count());
            assert!(table.contains("# source"));
        }
        for table in [MODELS, FORMATS] {
            let keys: Vec<&str> = rows(table)
                .filter_map(|row| row.split('\t').next())
                .collect();
            assert!(
                keys.windows(2).all(|pair| pair[0] < pair[1]),
                "sorted and without doubles"
            );
        }
        for model in models() {
            assert!(
                model.parameters >= model.active && model.parameters > 0,
                "{model:?}"
            );
            assert!(
                MODELS.contains(&format!("# source {}:", model.source)),
                "{model:?}"
            );
        }
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        for (name, found) in [
            ("meta-llama/Llama-3.1-8B", Some("meta-llama/Llama-3.1-8B")),
            (
                "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
                Some("meta-llama/Llama-3.1-8B"),
            ),
            (
                "Qwen2.5-Coder-14B-Instruct-Q4_K_M.gguf",
                Some("Qwen/Qwen2.5-14B"),
            ),
            ("gpt2", Some("openai-community/gpt2")),
            ("gemma-3-27b-it-4bit", Some("google/gemma-3-27b")),
            ("llama3.2:3b", Some("meta-llama/Llama-3.2-3B")),
            (
                "DeepSeek-R1-Distill-Qwen-7B-Q4_K_M.gguf",
                Some("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"),
            ),
            ("", None),
            ("-Q4_K_M.gguf", None),
        ] {
            assert_eq!(model_named(name).map(|model| model.name), found, "{name}");
        }
    }
}
