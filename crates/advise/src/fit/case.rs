//! What is asked: a model in a format, in a framework, doing some work, on some accelerators.

use super::shape::Shape;
use deskside_knowledge::models::{DeviceRow, FormatRow};
use deskside_knowledge::runtimes::Runtime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The weights of a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Their format.
    pub format: FormatRow,
    /// The framework quantises the output head, too.
    pub head_quantised: bool,
    /// Bytes counted in its headers, where there are headers.
    pub counted_bytes: Option<f64>,
}

/// Where memory is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Tensors alone (`max_memory_allocated`, MLX's peak).
    Allocated,
    /// With what the framework's allocator holds back (`max_memory_reserved`).
    Reserved,
    /// As the device sees the process: with the driver's context.
    Device,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All parameters.
    Full,
    /// Low-rank adapters beside 16-bit weights.
    Lora,
    /// Low-rank adapters beside quantised weights.
    Qlora,
    /// Few parameters of another kind (prompts, scales).
    Adapter,
}

/// The optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// AdamW.
    Adamw,
    /// AdamW with 8-bit states.
    Adamw8bit,
    /// AdamW with 8-bit states that may lie in main memory.
    PagedAdamw8bit,
    /// Adafactor without momentum.
    Adafactor,
    /// Lion.
    Lion,
    /// SGD without momentum.
    Sgd,
    /// SGD with momentum.
    SgdMomentum,
    /// Muon, with AdamW for embeddings and head.
    Muon,
}

impl Optimizer {
    /// As its papers write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adamw => "AdamW",
            Self::Adamw8bit => "AdamW in 8 bits",
            Self::PagedAdamw8bit => "paged AdamW in 8 bits",
            Self::Adafactor => "Adafactor",
            Self::Lion => "Lion",
            Self::Sgd => "SGD",
            Self::SgdMomentum => "SGD with momentum",
            Self::Muon => "Muon",
        }
    }
}

/// What activations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Checkpointing {
    /// All.
    None,
    /// About half: cheap operations are done again.
    Selective,
    /// One hidden state a layer.
    Full,
}

/// How attention is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attention {
    /// Scores are never written out.
    Flash,
    /// Scores are written out.
    Eager,
}

/// How the loss is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// As the framework does by default.
    Default,
    /// Cross-entropy in chunks: 16-bit logits stay, fp32 for one chunk.
    Chunked,
    /// Head and cross-entropy in one kernel: no logits.
    Fused,
}

/// How the model is spread over several accelerators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// One accelerator, or a whole copy on each.
    Copies,
    /// Layers one after another on each.
    Layers,
    /// Each layer in pieces on all (tensor parallel).
    Tensor,
    /// Optimizer states and gradients sharded (ZeRO-2).
    Zero2,
    /// Weights, too (ZeRO-3, FSDP).
    Sharded,
}

/// Running a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// Sequences at once.
    pub batch: f64,
    /// Tokens of the prompt.
    pub prompt: f64,
    /// Tokens generated.
    pub generate: f64,
    /// Bits a value in the cache.
    pub cache_bits: f64,
    /// Beams; 1 for greedy and sampling.
    pub beams: f64,
    /// How attention is computed.
    pub attention: Attention,
    /// Nothing but the weights is loaded yet.
    pub only_load: bool,
}

/// Training a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// What is trained.
    pub method: Method,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Rank of the adapters.
    pub rank: f64,
    /// Which linear layers have one, as written.
    pub targets: String,
    /// Embedding and head are trained whole beside the adapters.
    pub whole_embeddings: bool,
    /// Sequences a step and accelerator.
    pub batch: f64,
    /// Tokens a sequence.
    pub sequence: f64,
    /// Tokens of a usual sequence, where `sequence` is only the most.
    pub typical: Option<f64>,
    /// What activations are kept.
    pub checkpointing: Checkpointing,
    /// How attention is computed.
    pub attention: Attention,
    /// How the loss is computed.
    pub loss: Loss,
    /// Compiled (fused elementwise operations).
    pub compiled: bool,
    /// Each gradient is used and freed at once.
    pub in_backward: bool,
    /// Checkpoints lie in main memory.
    pub offload: bool,
    /// Weights are kept in fp32 and computed in bf16.
    pub mixed: bool,
    /// Matrix work in 8-bit floats.
    pub float8: bool,
    /// A trained scale and bias on every linear layer's output (LLaMA-Adapter V2).
    pub scales_outputs: bool,
    /// Micro-batches a step.
    pub accumulate: f64,
    /// Accelerators that share one sequence (context parallel).
    pub context_parallel: f64,
    /// Accelerators that share one layer (tensor parallel).
    pub tensor_parallel: f64,
}

/// The work.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Running.
    Inference(Inference),
    /// Training.
    Training(Training),
}

/// An accelerator, as far as it matters here.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Memory that a model may use, in bytes.
    pub memory_bytes: Option<f64>,
    /// Bandwidth in bytes a second.
    pub bandwidth: f64,
    /// The share of it that decoding reaches at the best.
    pub reach: f64,
    /// Vector work in fp32, FLOP/s.
    pub vector_flops: f64,
    /// Matrix work reached while a prompt is read, FLOP/s.
    pub prompt_flops: f64,
    /// Peak 16-bit matrix work, FLOP/s.
    pub peak_flops: f64,
    /// 16-bit matrix work that training is counted with, FLOP/s; zero where it is not known.
    pub training_flops: f64,
    /// Bytes a second to another of it in the same machine.
    pub link: f64,
    /// It computes in bf16.
    pub bf16: bool,
    /// Published training speeds of it were compared with ours.
    pub training_seen: bool,
    /// Its memory is the main memory.
    pub unified: bool,
    /// What a process holds on it before it does anything, where that was measured, in bytes.
    pub context_bytes: Option<f64>,
}

/// Bytes a second between accelerators in one server that have links of their own.
const LINKED: f64 = 200e9;

/// Bytes a second between accelerators that hang on PCIe: fourth generation, 16 lanes, less what is lost on the way through
/// main memory, which cards for games and most for workstations have to take.
const PCIE: f64 = 20e9;

impl Device {
    /// An accelerator of the table, with so many bytes that a model may use.
    pub fn of_row(name: &str, row: &DeviceRow, memory_bytes: f64) -> Self {
        Self {
            name: name.into(),
            memory_bytes: Some(memory_bytes),
            bandwidth: row.bandwidth_gb_per_second * 1e9,
            reach: row.reach,
            vector_flops: row.vector_tflops * 1e12,
            prompt_flops: row.prompt_tflops * 1e12,
            peak_flops: row.peak_tflops * 1e12,
            training_flops: row.training_tflops * 1e12,
            link: if row.linked { LINKED } else { PCIE },
            bf16: row.bf16,
            training_seen: row.training_seen,
            unified: row.is_unified(),
            context_bytes: None,
        }
    }
}

/// The whole question.
#[derive(Debug, Clone)]
pub struct Case {
    /// The model.
    pub shape: Shape,
    /// Its weights.
    pub weights: Weights,
    /// The framework.
    pub runtime: &'static Runtime,
    /// The work.
    pub work: Work,
    /// Accelerators.
    pub devices: f64,
    /// How it is spread over them.
    pub spread: Spread,
    /// The sum over all accelerators is asked, not one.
    pub summed: bool,
    /// Where memory is counted.
    pub level: Level,
    /// The accelerator; none: only memory is asked.
    pub device: Option<Device>,
}

impl Case {
    /// The base weights are quantised to less than 16 bits.
    pub fn quantised(&self) -> bool {
        self.weights.format.linear_bits < 12.0
    }
}
