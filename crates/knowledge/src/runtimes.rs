//! How frameworks hold and run a model: `data/models/runtimes.toml`.

use serde::Deserialize;
use std::sync::OnceLock;

const RUNTIMES: &str = include_str!("../data/models/runtimes.toml");

/// One framework's ways. What each number means stands at the head of the data file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Its name.
    pub name: String,
    /// Pieces that its name may start with, in lower case.
    pub names: Vec<String>,
    /// `whole` or `chunks`.
    pub prompt: String,
    /// Tokens read at once.
    #[serde(default)]
    pub prompt_chunk: f64,
    /// Bytes for each token of the prompt and word of the vocabulary.
    #[serde(default)]
    pub prompt_logits_bytes: f64,
    /// Tokens generated where nobody says how many.
    #[serde(default)]
    pub default_generate: f64,
    /// The query, key and value weights stay beside their fused copy while loading.
    #[serde(default)]
    pub fused_copies: bool,
    /// Attention over grouped keys is not fused: scores are written out.
    #[serde(default)]
    pub eager_when_grouped: bool,
    /// Quantises while it loads: the largest 16-bit tensor is there twice beside the quantised weights.
    #[serde(default)]
    pub quantise_while_loading: bool,
    /// The share of the card's memory that is taken at once for the cache.
    #[serde(default)]
    pub preallocates: f64,
    /// Checkpoints are moved to main memory.
    #[serde(default)]
    pub offloads_checkpoints: bool,
    /// Factor on bytes read a token, 16-bit weights.
    pub read_factor_16: f64,
    /// The same, quantised weights.
    pub read_factor_quantised: f64,
    /// Microseconds a layer, 16-bit weights.
    pub layer_us_16: f64,
    /// The same, quantised weights.
    pub layer_us_quantised: f64,
    /// Microseconds a layer and expert, where experts are looped over.
    #[serde(default)]
    pub expert_us: f64,
    /// Factor on a layer's cost with 8-bit floats; 0: none.
    #[serde(default)]
    pub float8_layers: f64,
    /// fp32 operations that a byte of 16-bit weights costs before it is multiplied.
    pub vector_work_16: f64,
    /// The same, quantised weights.
    pub vector_work_quantised: f64,
    /// Times the cache is moved for each token.
    pub cache_factor: f64,
    /// Microseconds for each further accelerator.
    pub hop_us: f64,
    /// Of the card's prompt TFLOP/s, 16-bit weights.
    pub prompt_efficiency_16: f64,
    /// The same, quantised weights.
    pub prompt_efficiency_quantised: f64,
    /// Of the card's peak 16-bit TFLOP/s while a prompt is read; 0: its prompt TFLOP/s count.
    #[serde(default)]
    pub prompt_of_peak: f64,
    /// Milliseconds before the first token, whatever the prompt.
    #[serde(default)]
    pub prompt_base_ms: f64,
    /// Attention scores go through memory while a prompt is read.
    #[serde(default)]
    pub scores_written: bool,
    /// Bytes for each trained token and word of the vocabulary.
    #[serde(default)]
    pub loss_bytes: f64,
    /// The same where the base weights are quantised.
    #[serde(default)]
    pub loss_bytes_quantised: f64,
    /// Bytes a fully trained parameter, AdamW.
    #[serde(default)]
    pub state_bytes: f64,
    /// The same where states are spread over several accelerators; 0: as on one.
    #[serde(default)]
    pub state_bytes_sharded: f64,
    /// Bytes a parameter of 16-bit copies while a step of a model that is held in fp32 goes on.
    #[serde(default)]
    pub autocast_copy_bytes: f64,
    /// Bytes a parameter that the optimizer's step holds for a moment.
    #[serde(default)]
    pub step_copy_bytes: f64,
    /// Bytes for each trained token and word of the vocabulary, all parameters trained; 0: as with adapters.
    #[serde(default)]
    pub loss_bytes_full: f64,
    /// Bytes an adapter's parameter, AdamW.
    #[serde(default)]
    pub adapter_bytes: f64,
    /// MiB beside everything named, as a process is seen from outside.
    #[serde(default)]
    pub training_base_mib: f64,
    /// Of the card's peak 16-bit TFLOP/s.
    #[serde(default)]
    pub training_efficiency: f64,
    /// Architectures that its flash attention reaches; none: all.
    #[serde(default)]
    pub flash_architectures: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

impl Runtime {
    /// Hugging Face's trainers, whose ways with several accelerators are DeepSpeed's or FSDP's.
    pub fn is_hugging_face(&self) -> bool {
        self.name.starts_with("transformers") || self.name == "ms-swift"
    }

    /// Today's Transformers.
    pub fn is_transformers_5(&self) -> bool {
        self.name == "transformers"
    }
}

/// What a model's own code does differently.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Its name.
    pub name: String,
    /// Copies of the cache while it grows.
    #[serde(default)]
    pub cache_copies: f64,
    /// It brings its own flash attention.
    #[serde(default)]
    pub flash: bool,
    /// Bytes for each token of the prompt and word of the vocabulary.
    #[serde(default)]
    pub prompt_logits_bytes: f64,
    /// Tokens read at once.
    #[serde(default)]
    pub prompt_chunk: f64,
    /// Its activation function is written out in Python in Transformers: further copies of the feed-forward's width that a step keeps.
    #[serde(default)]
    pub activation_copies: f64,
    /// The head is stored although it is the embedding.
    #[serde(default)]
    pub head_stored: bool,
    /// Why, in words.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    runtime: Vec<Runtime>,
    architecture: Vec<Architecture>,
}

fn file() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    // The file is part of the program and a test parses it, so an empty table is never seen.
    FILE.get_or_init(|| {
        toml::from_str(RUNTIMES).unwrap_or(File {
            runtime: Vec::new(),
            architecture: Vec::new(),
        })
    })
}

/// All frameworks.
pub fn runtimes() -> &'static [Runtime] {
    &file().runtime
}

/// A framework by any way of writing its name: the longest piece wins.
pub fn runtime_named(name: &str) -> Option<&'static Runtime> {
    let name = name.trim().to_ascii_lowercase();
    runtimes()
        .iter()
        .filter_map(|runtime| {
            runtime
                .names
                .iter()
                .filter(|piece| name.starts_with(piece.as_str()))
                .map(String::len)
                .max()
                .map(|length| (length, runtime))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, runtime)| runtime)
}

/// What an architecture's own code does differently, where something is known.
pub fn architecture_named(name: &str) -> Option<&'static Architecture> {
    file().architecture.iter().find(|one| one.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_parses_and_names_are_found() {
        let file: File = toml::from_str(RUNTIMES).unwrap();
        assert!(file.runtime.len() > 10 && file.architecture.len() > 3);
        for (name, found) in [
            ("transformers", Some("transformers")),
            ("transformers+peft", Some("transformers")),
            ("transformers 5.13.1 + peft", Some("transformers")),
            ("transformers 4.44", Some("transformers 4")),
            ("transformers 4+peft", Some("transformers 4 with peft")),
            ("llama.cpp (May 2024)", Some("llama.cpp before CUDA graphs")),
            ("llama.cpp Vulkan", Some("llama.cpp")),
            ("mlx-lm 0.28.2", Some("MLX")),
            ("AutoAWQ 0.1.6 GEMM", Some("AutoAWQ")),
            ("llm-foundry (Composer FSDP)", Some("llm-foundry")),
            ("", None),
            ("abacus", None),
        ] {
            assert_eq!(
                runtime_named(name).map(|one| one.name.as_str()),
                found,
                "{name}"
            );
        }
    }
}
