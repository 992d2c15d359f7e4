//! `deskside fit`: the command line's shape.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `fit`.
#[derive(Debug, Args)]
pub struct Fit {
    /// The model: a folder, a safetensors or GGUF file, a config.json, a known name, a hub model (owner/name, owner/name/file.gguf: only headers are fetched), or a count of parameters (8B, 30B-A3B)
    #[arg(required_unless_present_any = ["table", "calibrate", "runs"], conflicts_with_all = ["table", "calibrate", "runs"], value_hint = clap::ValueHint::AnyPath)]
    pub model: Option<String>,
    /// The weights' format: bf16, fp8, nf4, gptq-int4, awq-int4, Q4_K_M, mlx-q4-g64, …
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// The framework: transformers, vllm, llama.cpp, mlx, torchtune, unsloth, …
    #[arg(long, value_name = "NAME")]
    pub framework: Option<String>,
    /// Sequences at once
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch: Option<u32>,
    /// Tokens of a sequence: prompt and answer together, or one that is trained on
    #[arg(long, visible_alias = "sequence", value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub context: Option<u32>,
    /// Tokens of it that are generated
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub generate: Option<u32>,
    /// Bits a value in the cache of keys and values
    #[arg(long, value_name = "BITS", value_parser = ["16", "8", "4"])]
    pub cache_bits: Option<String>,
    /// Attention without a fused kernel: scores are written out
    #[arg(long)]
    pub eager: bool,
    /// Judge for this accelerator instead of this machine's: 'RTX 4090', 'Apple M4 Max 64GB'
    #[arg(long, value_name = "ACCELERATOR")]
    pub on: Option<String>,
    /// How many accelerators
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub gpus: Option<u32>,
    /// The whole job in tokens: says how long it takes and how much energy
    #[arg(long, value_name = "TOKENS", allow_negative_numbers = true)]
    pub tokens: Option<f64>,
    /// Training instead of running
    #[arg(long, value_name = "METHOD", value_parser = ["full", "lora", "qlora"])]
    pub train: Option<String>,
    /// The optimizer
    #[arg(long, value_name = "NAME", requires = "train", value_parser = ["adamw", "adamw-8bit", "paged-adamw-8bit", "adafactor", "lion", "sgd", "sgd-momentum", "muon"])]
    pub optimizer: Option<String>,
    /// Rank of the adapters
    #[arg(long, value_name = "RANK", requires = "train", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub rank: Option<u32>,
    /// Linear layers that get adapters: q,v or all
    #[arg(long, value_name = "NAMES", requires = "train")]
    pub targets: Option<String>,
    /// Which activations are recomputed instead of kept
    #[arg(long, value_name = "HOW", requires = "train", value_parser = ["none", "selective", "full"])]
    pub checkpointing: Option<String>,
    /// How the loss is computed
    #[arg(long, value_name = "HOW", requires = "train", value_parser = ["default", "chunked", "fused"])]
    pub loss: Option<String>,
    /// Micro-batches a step
    #[arg(long, value_name = "COUNT", requires = "train", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub accumulate: Option<u32>,
    /// Compiled (torch.compile)
    #[arg(long, requires = "train")]
    pub compiled: bool,
    /// Predict every row of a table of measurements
    #[arg(long, value_name = "FILE.csv", value_hint = clap::ValueHint::FilePath)]
    pub table: Option<PathBuf>,
    /// Ask the hub also for a model that is known here: its headers are counted
    #[arg(long, conflicts_with = "offline")]
    pub online: bool,
    /// Never ask the hub
    #[arg(long)]
    pub offline: bool,
    /// Measure this machine once, and count with that from then on
    #[arg(long, conflicts_with_all = ["table", "runs"])]
    pub calibrate: bool,
    /// The interpreter of the environment that measures; without it the project's
    #[arg(long, value_name = "PYTHON", requires = "calibrate", value_hint = clap::ValueHint::ExecutablePath)]
    pub python: Option<PathBuf>,
    /// How predictions did for runs whose peak was measured
    #[arg(long, conflicts_with = "table")]
    pub runs: bool,
}
