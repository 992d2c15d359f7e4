//! Speed: decoding, reading a prompt, training.

use super::case::{Case, Checkpointing, Device, Inference, Method, Spread, Training};
use super::{adapter, cache, weights};
use deskside_knowledge::runtimes::architecture_named;

/// Bytes of weights that one token of every sequence of the batch reads.
pub fn read_bytes(case: &Case, work: &Inference) -> f64 {
    let shape = &case.shape;
    let parts = weights::parts(shape, &case.weights);
    // Only a row of the embedding is read, but a tied one is read whole as the head.
    let head = if parts.head > 0.0 {
        parts.head
    } else {
        parts.embedding
    };
    let dense = parts
        .body
        .min(parts.body * shape.active_body() / shape.body().max(1.0));
    // A batch meets more experts than a token does.
    let sparse = parts.body - dense;
    let met = if shape.experts > 0.0 {
        let share = (shape.experts_used / shape.experts).min(1.0);
        let met = 1.0 - (1.0 - share).powf(work.batch);
        ((met - share) / (1.0 - share).max(1e-9)).max(0.0)
    } else {
        0.0
    };
    dense + sparse * met + head
}

/// Seconds for one token of every sequence of the batch, with `tokens` in the cache.
///
/// Weights are read over the bandwidth and made ready by vector units, the cache is moved, and each layer costs
/// something that no bandwidth takes away. What doesn't fit a card is read by the processor from main memory.
pub fn decode_seconds(case: &Case, device: &Device, work: &Inference, tokens: f64) -> f64 {
    let (shape, runtime) = (&case.shape, case.runtime);
    let (factor, layer_us, vector_work) = if case.quantised() {
        (
            runtime.read_factor_quantised,
            runtime.layer_us_quantised,
            runtime.vector_work_quantised,
        )
    } else {
        (
            runtime.read_factor_16,
            runtime.layer_us_16,
            runtime.vector_work_16,
        )
    };
    let float8 = if case.weights.format.kind == "float8" {
        runtime.float8_layers.max(1.0)
    } else {
        1.0
    };
    let layer_us = layer_us * float8 + runtime.expert_us * shape.experts;
    let read = read_bytes(case, work);
    let cached = cache::bytes(shape, tokens, work.cache_bits) * work.batch;
    let split = if case.spread == Spread::Tensor {
        case.devices.max(1.0)
    } else {
        1.0
    };
    let bandwidth = device.bandwidth * device.reach;
    let prepared = if device.vector_flops > 0.0 {
        vector_work / device.vector_flops
    } else {
        0.0
    };
    let byte = factor / bandwidth + prepared;
    let outside = outside(case, device, cached);
    let moved = read * (1.0 - outside) * byte + runtime.cache_factor * cached / bandwidth;
    let local = runtime.name.starts_with("llama.cpp");
    let launch = if local && is_apple(device) {
        METAL
    } else {
        1.0
    } * if local && shape.experts > 0.0 {
        EXPERTS
    } else {
        1.0
    };
    let seconds = moved / split
        + read * outside / MAIN_BANDWIDTH
        + layer_us * launch * 1e-6 * shape.layers
        + runtime.hop_us * 1e-6 * (case.devices - 1.0).max(0.0);
    // Many sequences at once are bound by arithmetic, where that is known.
    let reached = reached(case, device) * split;
    if reached > 0.0 {
        seconds.max(2.0 * shape.active * work.batch / reached)
    } else {
        seconds
    }
}

/// The share of the weights that finds no room on the card and is left in main memory (llama.cpp does that).
fn outside(case: &Case, device: &Device, cached: f64) -> f64 {
    let Some(room) = device
        .memory_bytes
        .filter(|_| case.runtime.name.starts_with("llama.cpp") && !device.unified)
    else {
        return 0.0;
    };
    let weights = weights::bytes(&case.shape, &case.weights);
    ((weights + cached + SPARE - room * case.devices.max(1.0)) / weights.max(1.0)).clamp(0.0, 1.0)
}

fn is_apple(device: &Device) -> bool {
    device.name.starts_with('M') || device.name.contains("Apple")
}

/// A layer's launches cost about twice as much on Metal as on CUDA.
const METAL: f64 = 2.1;

/// Routing tokens to experts adds launches to a layer.
const EXPERTS: f64 = 1.7;

/// Bandwidth of a desktop's main memory as a processor reaches it, bytes a second (two channels of DDR4 or DDR5).
const MAIN_BANDWIDTH: f64 = 40e9;

/// What else needs room on a card, in bytes.
const SPARE: f64 = 0.8e9;

/// Matrix work a second while a prompt is read.
fn reached(case: &Case, device: &Device) -> f64 {
    if case.quantised() {
        return device.prompt_flops * case.runtime.prompt_efficiency_quantised;
    }
    // Kernels of llama.cpp's are what cards were compared by; a library of the maker's reaches a share of the peak, on quick cards far more.
    let known = device.prompt_flops * case.runtime.prompt_efficiency_16;
    known.max(device.training_flops * case.runtime.prompt_of_peak)
}

/// Seconds for reading the prompts of the batch.
pub fn prompt_seconds(case: &Case, device: &Device, work: &Inference) -> f64 {
    let (shape, runtime) = (&case.shape, case.runtime);
    let tokens = work.prompt * work.batch;
    let chunks = if runtime.prompt_chunk > 0.0 {
        (work.prompt / runtime.prompt_chunk).ceil().max(1.0)
    } else {
        1.0
    };
    let places = case.devices.max(1.0);
    let split = if case.spread == Spread::Tensor {
        places
    } else {
        1.0
    };
    let reached = reached(case, device) * split;
    let bandwidth = device.bandwidth * split;
    let matrix = 2.0 * shape.active_body() * tokens / reached;
    let sliding = shape.sliding_layers.min(shape.layers);
    let seen = work.prompt * (shape.layers - sliding)
        + work.prompt.min(2.0 * shape.window.max(1.0)) * sliding;
    // Queries with keys, and scores with values; causal: half of the square.
    let attention = if runtime.scores_written {
        shape.heads * seen * tokens / 2.0 * SCORE_TRAFFIC / bandwidth
    } else {
        2.0 * shape.query() * seen * tokens * ATTENTION_COST / reached
    };
    // Weights are read once a chunk: a dense model's chunk has work enough to hide it, experts' shares have not.
    let read = weights::bytes(shape, &case.weights) / bandwidth;
    let read = if shape.experts > 0.0 {
        read * chunks
    } else {
        (read - matrix).max(0.0)
    };
    let layer_us = if case.quantised() {
        runtime.layer_us_quantised
    } else {
        runtime.layer_us_16
    };
    let one = matrix + attention + read + layer_us * 1e-6 * shape.layers * chunks;
    // Layers on several cards work on chunks one behind another.
    let piped = if case.spread == Spread::Layers && runtime.prompt_chunk > 0.0 && places > 1.0 {
        (chunks + places - 1.0) / (chunks * places) * PIPE_LOSS
    } else {
        1.0
    };
    one * piped.min(1.0) + runtime.prompt_base_ms * 1e-3
}

/// Attention reaches less of the card than large matrices do.
const ATTENTION_COST: f64 = 2.0;

/// Bytes that a score costs on its way through memory: written, softmaxed, read.
const SCORE_TRAFFIC: f64 = 28.0;

/// Chunks wait for each other between cards.
const PIPE_LOSS: f64 = 1.3;

/// Seconds for one micro-batch of training on one accelerator.
pub fn training_seconds(case: &Case, device: &Device, work: &Training) -> f64 {
    let shape = &case.shape;
    let sequence = work.typical.unwrap_or(work.sequence).min(work.sequence);
    let tokens = work.batch * sequence / work.context_parallel / work.tensor_parallel;
    // Forward 2, backward for activations 2, for weights 2 FLOP a parameter and token; recomputing 2 more.
    let again = match work.checkpointing {
        Checkpointing::None => 0.0,
        Checkpointing::Selective => 0.5,
        Checkpointing::Full => 2.0,
    };
    let trained = if work.method == Method::Full {
        2.0
    } else {
        0.0
    };
    let matrix = (4.0 + trained + again) * (shape.active_body() + shape.embedding()) * tokens;
    let attention = (6.0 + again) * shape.layers * shape.query() * sequence * tokens;
    let peak = device.training_flops * if work.float8 { FLOAT8 } else { 1.0 };
    let compiled = if work.compiled { COMPILED } else { 1.0 };
    // The quicker a card, the harder to keep it full.
    let efficiency = case.runtime.training_efficiency
        * compiled
        * (REFERENCE / device.training_flops).powf(0.15).min(1.1);
    let computed = matrix / (peak * efficiency)
        + attention / (device.training_flops * 0.34).min(ATTENTION_MOST);
    // Passes through the layers: each launches them, and makes quantised weights 16-bit again.
    let passes = if work.checkpointing == Checkpointing::Full {
        3.0
    } else {
        2.0
    };
    let step_us = if case.runtime.is_transformers_5() {
        STEP_US_5
    } else {
        STEP_US
    };
    let launched = passes * step_us * 1e-6 * shape.layers / compiled;
    let scale = REFERENCE / device.training_flops.min(REFERENCE);
    let again_16 = if case.quantised() {
        let each = if case.weights.format.name.starts_with("gptq") {
            DEQUANTISED_GPTQ
        } else {
            DEQUANTISED
        };
        passes * shape.body() / each * scale / compiled
    } else {
        0.0
    };
    let added = adapters_beside(case, device, work, tokens, passes);
    let launched = launched + added.launched / compiled;
    let written = activation_traffic(case, work) * tokens * shape.layers / device.bandwidth;
    let computed = computed + added.computed + written;
    let alone = computed.max(launched) + again_16 + computed.min(launched) * 0.3;
    alone.max(exchanged(case, device, passes)) + stepped(case, device, work)
}

/// What PEFT's adapters cost beside the layers they lie on, in seconds.
struct Added {
    computed: f64,
    launched: f64,
}

/// PEFT keeps adapters of a 16-bit model in fp32 (`autocast_adapter_dtype`): what goes into each of their layers is copied to fp32, what comes out
/// is scaled, cast and added, all through memory; their own matrices are multiplied in fp32.
fn adapters_beside(
    case: &Case,
    device: &Device,
    work: &Training,
    tokens: f64,
    passes: f64,
) -> Added {
    let none = Added {
        computed: 0.0,
        launched: 0.0,
    };
    if work.method == Method::Full || !case.runtime.is_transformers_5() {
        return none;
    }
    let (inputs, outputs, count) = adapter::linears(&case.shape, &work.targets);
    let layers = case.shape.layers;
    // The way back is two passes: gradients of what went in, and of the adapters.
    let moves = passes + 1.0;
    let moved = (10.0 * inputs + 16.0 * outputs) * tokens * layers * moves / device.bandwidth;
    let flops = 2.0 * adapter::parameters(&case.shape, work.rank, &work.targets) * tokens * moves;
    Added {
        computed: moved + flops / (device.vector_flops * FP32_REACHED),
        launched: passes * ADAPTER_US * 1e-6 * count * layers,
    }
}

/// Bytes a token and layer that an activation written out in Python moves: each of its operations reads and writes the feed-forward's width.
fn activation_traffic(case: &Case, work: &Training) -> f64 {
    let out = architecture_named(&case.shape.architecture).map_or(0.0, |one| one.activation_copies);
    if out == 0.0 || work.compiled || !case.runtime.is_transformers_5() {
        return 0.0;
    }
    // Nine operations forward and twice as many back, 16-bit values in and out.
    9.0 * 3.0 * 2.0 * 2.0 * case.shape.intermediate
}

/// Seconds of the optimizer's step: each state is read, most are written.
fn stepped(case: &Case, device: &Device, work: &Training) -> f64 {
    if work.method != Method::Full || !case.runtime.is_transformers_5() {
        return 0.0;
    }
    let bytes = if work.mixed { 16.0 } else { 8.0 };
    let shared = match case.spread {
        Spread::Sharded | Spread::Zero2 => case.devices.max(1.0),
        _ => 1.0,
    };
    STEP_TRAFFIC * bytes * case.shape.parameters
        / shared
        / work.accumulate.max(1.0)
        / device.bandwidth
}

/// Times that the bytes of a parameter's weight, gradient and states are moved while AdamW's fused form steps (measured: 2.3 to 2.9).
const STEP_TRAFFIC: f64 = 2.5;

/// What an adapter's launches cost in a pass, in microseconds.
const ADAPTER_US: f64 = 240.0;

/// Of the vector units' peak, what fp32 matrices reach.
const FP32_REACHED: f64 = 0.6;

/// Seconds for bringing sharded weights together, once a pass; hidden behind arithmetic where that takes longer.
fn exchanged(case: &Case, device: &Device, passes: f64) -> f64 {
    if case.spread != Spread::Sharded || case.devices <= 1.0 {
        return 0.0;
    }
    passes * 2.0 * case.shape.parameters * (case.devices - 1.0) / case.devices / device.link
}

/// What 8-bit floats make of the peak in practice.
const FLOAT8: f64 = 1.4;

/// What compiling brings.
const COMPILED: f64 = 1.25;

/// The card that efficiencies were taken on: an A100, FLOP/s.
const REFERENCE: f64 = 312e12;

/// What fused attention reaches at the most (FlashAttention 2; on an H100 as published by llm-foundry and torchtitan), FLOP/s.
const ATTENTION_MOST: f64 = 170e12;

/// What a layer's launches cost in a pass of an eager framework, in microseconds.
const STEP_US: f64 = 1600.0;

/// The same in today's Transformers and PyTorch (measured beside an H100: 950 to 1,250).
const STEP_US_5: f64 = 1050.0;

/// Weights a second that GPTQ's training kernels make 16-bit again, on an A100.
const DEQUANTISED_GPTQ: f64 = 60e9;

/// The same, bitsandbytes.
const DEQUANTISED: f64 = 130e9;
