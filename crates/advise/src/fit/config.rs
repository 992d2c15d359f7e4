//! Shapes from `config.json`, and from GGUF keys, with the traps that these files have.
//!
//! Sources: the configuration classes of transformers; ggml-org/ggml docs/gguf.md.

use super::gguf::Header;
use super::shape::{Shape, is_gated};
use deskside_knowledge::models::models;
use serde_json::Value;

/// What a config.json tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The shape.
    pub shape: Shape,
    /// The weights' format by its name in the table of formats, where it says one.
    pub format: Option<String>,
}

/// The largest number that is believed in a configuration.
const MOST: f64 = 1e9;

fn number(value: &Value, names: &[&str]) -> Option<f64> {
    names
        .iter()
        .find_map(|name| value.get(name)?.as_f64())
        .filter(|number| (1.0..=MOST).contains(number))
}

fn text<'a>(value: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| value.get(name)?.as_str())
}

/// Reads a config.json.
///
/// # Errors
/// When it is no JSON object, or does not tell how many layers of which width there are.
pub fn config(name: &str, json: &[u8]) -> Result<Config, String> {
    let whole: Value =
        serde_json::from_slice(json).map_err(|error| format!("config.json is no JSON: {error}"))?;
    // Models of several kinds keep the language part inside.
    let inner = ["text_config", "language_config", "llm_config"]
        .iter()
        .find_map(|key| whole.get(key).filter(|inner| inner.is_object()));
    let value = inner.unwrap_or(&whole);
    let architecture = text(value, &["model_type"])
        .or(text(&whole, &["model_type"]))
        .unwrap_or("unknown")
        .to_string();
    let mut assumed = Vec::new();
    let layers = number(
        value,
        &[
            "num_hidden_layers",
            "n_layer",
            "n_layers",
            "num_layers",
            "encoder_layers",
        ],
    );
    let hidden = number(value, &["hidden_size", "n_embd", "d_model", "dim"]);
    let (Some(layers), Some(hidden)) = (layers, hidden) else {
        return Err("config.json does not say how many layers of which width there are".into());
    };
    let heads = number(
        value,
        &[
            "num_attention_heads",
            "n_head",
            "n_heads",
            "encoder_attention_heads",
        ],
    )
    .unwrap_or_else(|| {
        assumed.push("the number of attention heads: width / 128".into());
        (hidden / 128.0).max(1.0)
    });
    let kv_heads = number(
        value,
        &[
            "num_key_value_heads",
            "multi_query_group_num",
            "num_kv_heads",
            "n_head_kv",
        ],
    )
    .unwrap_or(if value.get("multi_query") == Some(&Value::Bool(true)) {
        1.0
    } else {
        heads
    });
    let head_dim =
        number(value, &["head_dim", "kv_channels", "attention_head_dim"]).unwrap_or(hidden / heads);
    let gated = is_gated(&architecture);
    let mut intermediate = number(
        value,
        &[
            "intermediate_size",
            "ffn_hidden_size",
            "n_inner",
            "ffn_dim",
            "encoder_ffn_dim",
        ],
    )
    .unwrap_or(4.0 * hidden);
    if architecture == "qwen" {
        // The first Qwen's file counts gate and value together.
        intermediate /= 2.0;
    }
    let vocab = number(value, &["padded_vocab_size", "vocab_size"]).unwrap_or_else(|| {
        assumed.push("the vocabulary: none".into());
        0.0
    });
    let tied = match value
        .get("tie_word_embeddings")
        .or_else(|| whole.get("tie_word_embeddings"))
    {
        Some(Value::Bool(tied)) => *tied,
        _ => tied_by_default(&architecture),
    };
    let experts = number(
        value,
        &[
            "num_local_experts",
            "num_experts",
            "n_routed_experts",
            "moe_num_experts",
        ],
    )
    .unwrap_or(0.0);
    let experts_used = number(
        value,
        &[
            "num_experts_per_tok",
            "moe_k",
            "num_experts_per_token",
            "moe_top_k",
        ],
    )
    .unwrap_or(2.0);
    let expert_intermediate = number(
        value,
        &["moe_intermediate_size", "expert_intermediate_size"],
    )
    .unwrap_or(intermediate);
    let window = number(value, &["sliding_window"])
        .filter(|_| value.get("use_sliding_window") != Some(&Value::Bool(false)))
        .unwrap_or(0.0);
    let sliding_layers = sliding(value, layers, window, &architecture);
    let latent = number(value, &["kv_lora_rank"]).map_or(0.0, |rank| {
        rank + number(value, &["qk_rope_head_dim"]).unwrap_or(64.0)
    });
    let kind = if matches!(
        architecture.as_str(),
        "bert" | "roberta" | "xlm-roberta" | "vit" | "distilbert" | "modernbert"
    ) {
        "encoder"
    } else {
        "decoder"
    };
    if latent == 0.0
        && whole
            .get("ssm_cfg")
            .or(value.get("mamba_d_state"))
            .or(value.get("linear_num_value_heads"))
            .is_some()
    {
        assumed.push(
            "layers with a state instead of a cache are counted as attention: an upper bound"
                .into(),
        );
    }
    if !models().any(|model| model.architecture == architecture) {
        assumed.push(format!(
            "the architecture {architecture:?} is not in the table: attention, cache and feed-forward are counted as a plain transformer's, at the most"
        ));
    }
    if inner.is_some() {
        assumed.push("the vision or sound part: only what a checkpoint's header counts".into());
    }
    let mut shape = Shape {
        name: name.into(),
        kind: kind.into(),
        architecture,
        layers,
        hidden,
        heads,
        kv_heads,
        head_dim,
        intermediate,
        vocab,
        tied,
        gated,
        experts,
        experts_used: if experts > 0.0 {
            experts_used.min(experts)
        } else {
            0.0
        },
        expert_intermediate: if experts > 0.0 {
            expert_intermediate
        } else {
            0.0
        },
        parameters: 0.0,
        active: 0.0,
        window,
        sliding_layers,
        max_context: number(
            value,
            &["max_position_embeddings", "n_positions", "seq_length"],
        )
        .unwrap_or(0.0),
        latent,
        assumed,
    };
    (shape.parameters, shape.active) = parameters(&shape);
    Ok(Config {
        format: format(&whole, value),
        shape,
    })
}

/// Parameters of a shape, all and those that a token meets.
pub fn parameters(shape: &Shape) -> (f64, f64) {
    let (h, q, k) = (shape.hidden, shape.query(), shape.key());
    let attention = 2.0 * h * q + 2.0 * h * k;
    let plain = if shape.gated { 3.0 } else { 2.0 } * h * shape.intermediate;
    let (all, met) = if shape.experts > 0.0 {
        let one = 3.0 * h * shape.expert_intermediate;
        (
            shape.experts * one + h * shape.experts,
            shape.experts_used * one + h * shape.experts,
        )
    } else {
        (plain, plain)
    };
    let bias = if shape.architecture == "qwen2" {
        q + 2.0 * k
    } else {
        0.0
    };
    let ends = shape.vocab
        * h
        * if shape.tied || shape.kind != "decoder" {
            1.0
        } else {
            2.0
        }
        + h;
    let rest = attention + bias + 2.0 * h;
    (
        ends + shape.layers * (rest + all),
        ends + shape.layers * (rest + met),
    )
}

/// What classes that leave the flag out mean by it.
fn tied_by_default(architecture: &str) -> bool {
    matches!(
        architecture,
        "gpt2"
            | "gemma"
            | "gemma2"
            | "gemma3"
            | "gemma3_text"
            | "falcon"
            | "bert"
            | "roberta"
            | "cohere"
            | "whisper"
            | "mpt"
    )
}

fn sliding(value: &Value, layers: f64, window: f64, architecture: &str) -> f64 {
    if window == 0.0 {
        return 0.0;
    }
    if let Some(kinds) = value.get("layer_types").and_then(Value::as_array) {
        return kinds
            .iter()
            .filter(|kind| kind.as_str() == Some("sliding_attention"))
            .count() as f64;
    }
    if let Some(pattern) = number(value, &["sliding_window_pattern"]) {
        return layers - (layers / pattern).floor();
    }
    match architecture {
        "gemma2" | "gpt_oss" => (layers / 2.0).floor(),
        "gemma3" | "gemma3_text" => layers - (layers / 6.0).floor(),
        _ => layers,
    }
}

fn format(whole: &Value, inner: &Value) -> Option<String> {
    if let Some(mlx) = whole
        .get("quantization")
        .filter(|mlx| mlx.get("bits").is_some())
    {
        let group = number(mlx, &["group_size"]).unwrap_or(64.0);
        return Some(format!("mlx-q{}-g{group}", number(mlx, &["bits"])?));
    }
    if let Some(quantised) = whole.get("quantization_config") {
        let bits = number(quantised, &["bits"]);
        return Some(match text(quantised, &["quant_method"])? {
            "gptq" if bits == Some(8.0) => "gptq-int8".into(),
            "gptq" => "gptq-int4".into(),
            "awq" => "awq-int4".into(),
            "bitsandbytes" if quantised.get("load_in_8bit") == Some(&Value::Bool(true)) => {
                "bnb-int8".into()
            }
            "bitsandbytes"
                if quantised.get("bnb_4bit_use_double_quant") == Some(&Value::Bool(true)) =>
            {
                "nf4-dq".into()
            }
            "bitsandbytes" => "nf4".into(),
            "fp8" => "fp8".into(),
            "mxfp4" => "gguf-mxfp4".into(),
            _ => return None,
        });
    }
    Some(
        match text(inner, &["torch_dtype", "dtype"]).or(text(whole, &["torch_dtype", "dtype"]))? {
            "float32" => "fp32",
            "float16" => "fp16",
            "bfloat16" => "bf16",
            _ => return None,
        }
        .into(),
    )
}

/// The shape that a GGUF header tells.
///
/// # Errors
/// When it has no architecture, or that has no layers or no width.
pub fn of_gguf(name: &str, header: &Header) -> Result<Shape, String> {
    let architecture = header
        .texts
        .get("general.architecture")
        .ok_or("it names no architecture")?
        .clone();
    let key = |key: &str| {
        header
            .numbers
            .get(&format!("{architecture}.{key}"))
            .copied()
            .filter(|number| (1.0..=MOST).contains(number))
    };
    let missing = |what: &str| format!("it does not say {architecture}.{what}");
    let layers = key("block_count").ok_or_else(|| missing("block_count"))?;
    let hidden = key("embedding_length").ok_or_else(|| missing("embedding_length"))?;
    let heads = key("attention.head_count").unwrap_or((hidden / 128.0).max(1.0));
    let vocab = key("vocab_size")
        .or_else(|| {
            header
                .lengths
                .get("tokenizer.ggml.tokens")
                .map(|count| *count as f64)
        })
        .unwrap_or(0.0);
    let experts = key("expert_count").unwrap_or(0.0);
    let values = |part: &str| -> f64 {
        header
            .tensors
            .iter()
            .filter(|tensor| tensor.name.contains(part))
            .map(|tensor| {
                tensor
                    .shape
                    .iter()
                    .map(|size| *size as f64)
                    .product::<f64>()
            })
            .sum()
    };
    let parameters = values("");
    let expert_values = values("_exps.");
    let used = key("expert_used_count").unwrap_or(experts);
    let window = key("attention.sliding_window").unwrap_or(0.0);
    let sliding_layers = match architecture.as_str() {
        _ if window == 0.0 => 0.0,
        "gemma2" | "gpt-oss" => (layers / 2.0).floor(),
        "gemma3" => layers - (layers / 6.0).floor(),
        _ => 0.0,
    };
    let mut assumed = Vec::new();
    if header.numbers.keys().any(|key| key.contains(".ssm.")) {
        assumed.push(
            "layers with a state instead of a cache are counted as attention: an upper bound"
                .into(),
        );
    }
    Ok(Shape {
        name: name.into(),
        kind: "decoder".into(),
        gated: is_gated(&architecture),
        layers,
        hidden,
        heads,
        kv_heads: key("attention.head_count_kv").unwrap_or(heads),
        head_dim: key("attention.key_length").unwrap_or(hidden / heads),
        intermediate: key("feed_forward_length").unwrap_or(4.0 * hidden),
        vocab,
        tied: !header
            .tensors
            .iter()
            .any(|tensor| tensor.name == "output.weight"),
        experts,
        experts_used: used,
        expert_intermediate: key("expert_feed_forward_length").unwrap_or(0.0),
        parameters,
        active: parameters
            - expert_values
                * if experts > 0.0 {
                    1.0 - used / experts
                } else {
                    0.0
                },
        window,
        sliding_layers,
        max_context: key("context_length").unwrap_or(0.0),
        latent: key("attention.kv_lora_rank").map_or(0.0, |rank| {
            rank + key("rope.dimension_count").unwrap_or(64.0)
        }),
        assumed,
        architecture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn traps_of_configurations() {
        let llama = br#"{"model_type":"llama","num_hidden_layers":32,"hidden_size":4096,"num_attention_heads":32,"num_key_value_heads":8,
            "intermediate_size":14336,"vocab_size":128256,"torch_dtype":"bfloat16","tie_word_embeddings":false}"#;
        let read = config("x", llama).unwrap();
        assert_eq!(read.shape.parameters, 8_030_261_248.0);
        assert_eq!(read.format.as_deref(), Some("bf16"));
        let gpt2 =
            br#"{"model_type":"gpt2","n_layer":12,"n_embd":768,"n_head":12,"vocab_size":50257}"#;
        let read = config("x", gpt2).unwrap().shape;
        assert!(read.tied && !read.gated && read.kv_heads == 12.0);
        assert!(
            (read.parameters / 124_439_808.0 - 1.0).abs() < 0.01,
            "{}",
            read.parameters
        );
        let sliding = br#"{"model_type":"gemma3","text_config":{"model_type":"gemma3_text","num_hidden_layers":6,"hidden_size":8,"num_attention_heads":2,
            "head_dim":256,"sliding_window":1024,"layer_types":["sliding_attention","full_attention"]},"quantization":{"bits":4,"group_size":32}}"#;
        let read = config("x", sliding).unwrap();
        assert_eq!(
            (read.shape.sliding_layers, read.shape.head_dim),
            (1.0, 256.0)
        );
        assert_eq!(read.format.as_deref(), Some("mlx-q4-g32"));
        let gptq = br#"{"num_hidden_layers":2,"hidden_size":64,"num_attention_heads":2,"quantization_config":{"quant_method":"gptq","bits":8}}"#;
        assert_eq!(
            config("x", gptq).unwrap().format.as_deref(),
            Some("gptq-int8")
        );
        let latent = br#"{"model_type":"deepseek_v3","num_hidden_layers":2,"hidden_size":64,"num_attention_heads":2,"kv_lora_rank":512,"qk_rope_head_dim":64}"#;
        assert_eq!(config("x", latent).unwrap().shape.latent, 576.0);
    }

    #[test]
    fn what_is_no_configuration_says_so() {
        for text in [
            "",
            "[]",
            "{}",
            "3",
            r#"{"num_hidden_layers":-4,"hidden_size":64}"#,
            r#"{"num_hidden_layers":1e300,"hidden_size":64}"#,
        ] {
            assert!(config("x", text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_gguf_header_tells_its_shape() {
        let bytes = super::super::gguf::tests::written(
            &[
                ("llama.block_count", 2),
                ("llama.embedding_length", 64),
                ("llama.attention.head_count", 4),
                ("llama.attention.head_count_kv", 2),
            ],
            &[
                ("token_embd.weight", &[64, 32], 1),
                ("blk.0.attn_q.weight", &[64, 64], 1),
            ],
        );
        let header = super::super::gguf::header(&bytes, 1 << 30).unwrap();
        let shape = of_gguf("x", &header).unwrap();
        assert_eq!(
            (
                shape.layers,
                shape.hidden,
                shape.kv_heads,
                shape.head_dim,
                shape.vocab
            ),
            (2.0, 64.0, 2.0, 16.0, 3.0)
        );
        assert!(shape.tied && shape.parameters == 64.0 * 96.0);
    }

    proptest! {
        #[test]
        fn no_configuration_makes_it_panic(layers in any::<f64>(), hidden in any::<f64>(), heads in any::<f64>(), window in any::<f64>()) {
            let text = serde_json::json!({"num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads, "sliding_window": window});
            if let Ok(read) = config("x", text.to_string().as_bytes()) {
                prop_assert!(read.shape.parameters.is_finite() && read.shape.parameters >= 0.0);
            }
        }
    }
}
