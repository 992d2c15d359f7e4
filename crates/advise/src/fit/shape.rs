//! A model's shape, from whatever is known of it: a table row, a config.json, a file's header, a count of parameters.

use deskside_knowledge::models::{ModelRow, model_named};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What memory and speed follow from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shape {
    /// What it is called.
    pub name: String,
    /// Its kind: `decoder`, `encoder`, `encoder-decoder`, …
    pub kind: String,
    /// Its architecture: `llama`, `qwen2`, …
    pub architecture: String,
    /// Layers.
    pub layers: f64,
    /// Width of the hidden state.
    pub hidden: f64,
    /// Attention heads.
    pub heads: f64,
    /// Heads of keys and values.
    pub kv_heads: f64,
    /// Values a head.
    pub head_dim: f64,
    /// Width of the feed-forward part.
    pub intermediate: f64,
    /// Rows of the token embedding.
    pub vocab: f64,
    /// The output head is the token embedding.
    pub tied: bool,
    /// The feed-forward part has a gate (SwiGLU, GeGLU).
    pub gated: bool,
    /// Experts a layer; 0 when it is dense.
    pub experts: f64,
    /// Experts used for a token.
    pub experts_used: f64,
    /// Width of one expert.
    pub expert_intermediate: f64,
    /// Parameters in all.
    pub parameters: f64,
    /// Parameters that one token meets.
    pub active: f64,
    /// Tokens that a sliding layer looks back; 0 when none slides.
    pub window: f64,
    /// Layers with a sliding window.
    pub sliding_layers: f64,
    /// The longest context it was made for; 0 when not known.
    pub max_context: f64,
    /// Width of the compressed keys and values (multi-head latent attention), the rotary part included; 0 when it has none.
    pub latent: f64,
    /// What is not known and was assumed, in words; empty when the whole shape is known.
    pub assumed: Vec<String>,
}

impl Shape {
    /// Width of all queries.
    pub fn query(&self) -> f64 {
        self.heads * self.head_dim
    }

    /// It generates text; of what it does else the steps are not known.
    pub fn writes_text(&self) -> bool {
        matches!(self.kind.as_str(), "decoder" | "encoder-decoder")
    }

    /// What its activations take is known, so that a sum of memory is one and no lower bound.
    pub fn is_counted_whole(&self) -> bool {
        self.writes_text() || self.kind == "encoder"
    }

    /// Width of all keys, which is that of all values.
    pub fn key(&self) -> f64 {
        self.kv_heads * self.head_dim
    }

    /// Parameters of the token embedding.
    pub fn embedding(&self) -> f64 {
        self.vocab * self.hidden
    }

    /// Parameters of an output head of its own.
    pub fn head(&self) -> f64 {
        if self.tied || self.kind != "decoder" {
            0.0
        } else {
            self.embedding()
        }
    }

    /// Parameters outside embedding and head.
    pub fn body(&self) -> f64 {
        (self.parameters - self.embedding() - self.head()).max(0.0)
    }

    /// Parameters of the body that one token meets.
    pub fn active_body(&self) -> f64 {
        (self.active - self.embedding() - self.head()).max(0.0)
    }

    /// The width that one token's feed-forward work has in memory.
    pub fn live_intermediate(&self) -> f64 {
        if self.experts > 0.0 {
            self.expert_intermediate.max(1.0) * self.experts_used.max(1.0)
        } else {
            self.intermediate
        }
    }

    /// Parameters of one layer.
    pub fn layer(&self) -> f64 {
        if self.layers > 0.0 {
            self.body() / self.layers
        } else {
            0.0
        }
    }

    /// A shape of the table.
    pub fn of_row(row: &ModelRow) -> Self {
        Self {
            name: row.name.into(),
            kind: row.kind.into(),
            architecture: row.architecture.into(),
            layers: row.layers as f64,
            hidden: row.hidden as f64,
            heads: row.heads as f64,
            kv_heads: row.kv_heads as f64,
            head_dim: row.head_dim as f64,
            intermediate: row.intermediate as f64,
            vocab: row.vocab as f64,
            tied: row.tied,
            gated: is_gated(row.architecture),
            experts: row.experts as f64,
            experts_used: row.experts_used as f64,
            expert_intermediate: if row.experts > 0 && row.expert_intermediate == 0 {
                row.intermediate as f64
            } else {
                row.expert_intermediate as f64
            },
            parameters: row.parameters as f64,
            active: row.active as f64,
            window: row.window as f64,
            sliding_layers: row.sliding_layers as f64,
            max_context: row.max_context as f64,
            latent: (row.latent_rank + row.latent_rope) as f64,
            assumed: Vec::new(),
        }
    }

    /// The shape of a known name, or one assumed from the count of parameters in a name.
    pub fn of_name(name: &str) -> Option<Self> {
        if let Some(row) = model_named(name) {
            return Some(Self::of_row(&row));
        }
        let (total, active) = parameters_in(name)?;
        Some(Self::assumed(name, total, active))
    }

    /// A decoder as they are made today for a count of parameters: width 128 a layer, grouped keys.
    pub fn assumed(name: &str, parameters: f64, active: f64) -> Self {
        // parameters = 12 * layers * hidden^2 for a block of attention and a gated feed-forward part,
        // and widths near 128 times the layers.
        let sparse = active < parameters * 0.9;
        let layers = (parameters * 128.0 / 12.0).cbrt() / 128.0;
        let layers = layers.round().max(4.0);
        let hidden = ((active / (12.0 * layers)).sqrt() / 64.0).round().max(1.0) * 64.0;
        let heads = (hidden / 128.0).round().max(1.0);
        let vocab = 128_000.0_f64.min((parameters * 0.3 / hidden).max(1000.0));
        Self {
            name: name.to_string(),
            kind: "decoder".into(),
            architecture: "unknown".into(),
            layers,
            hidden,
            heads,
            kv_heads: (heads / 4.0).round().max(1.0),
            head_dim: 128.0,
            intermediate: (hidden * 3.0).round(),
            vocab,
            tied: parameters < 4e9,
            gated: true,
            experts: if sparse { 64.0 } else { 0.0 },
            experts_used: if sparse { 8.0 } else { 0.0 },
            expert_intermediate: if sparse {
                (hidden * 3.0 / 8.0).round()
            } else {
                0.0
            },
            parameters,
            active,
            window: 0.0,
            sliding_layers: 0.0,
            max_context: 0.0,
            latent: 0.0,
            assumed: vec![
                "layers, width, heads and vocabulary, from the count of parameters alone".into(),
            ],
        }
    }
}

/// Whether an architecture's feed-forward part has a gate.
pub fn is_gated(architecture: &str) -> bool {
    !matches!(
        architecture,
        "gpt2"
            | "gpt_neox"
            | "gptj"
            | "phi"
            | "falcon"
            | "mpt"
            | "bert"
            | "roberta"
            | "vit"
            | "whisper"
            | "clip"
            | "starcoder2"
            | "opt"
            | "bloom"
            | "gpt_bigcode"
    )
}

/// The counts of parameters that a name holds, all and active: `8B`, `70b`, `30B-A3B`, `135M`, `8x7B`.
pub fn parameters_in(name: &str) -> Option<(f64, f64)> {
    let lower = name.to_ascii_lowercase();
    let mut total: Option<f64> = None;
    let mut active: Option<f64> = None;
    for word in lower.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.') {
        if let Some(rest) = word.strip_prefix('a')
            && let Some(count) = count(rest)
        {
            active = Some(count);
        } else if let Some((experts, each)) = word.split_once('x')
            && let (Ok(experts), Some(each)) = (experts.parse::<f64>(), count(each))
        {
            // Attention is shared: Mixtral 8x7B has 46.7 of 56 billion, 2 of 8 experts a token.
            total = Some(experts * each * 0.83);
            active = Some(each * 1.8);
        } else if let Some((all, one)) = word.split_once("ba")
            && let (Ok(all), Some(one)) = (all.parse::<f64>(), count(one))
        {
            total = Some(all * 1e9);
            active = Some(one);
        } else if let Some(count) = count(word.trim_start_matches('e'))
            && total.is_none_or(|old| count > old)
        {
            total = Some(count);
        }
    }
    let total = total?;
    Some((total, active.unwrap_or(total).min(total)))
}

fn count(word: &str) -> Option<f64> {
    let (number, factor) = match word.as_bytes().last()? {
        b'b' => (&word[..word.len() - 1], 1e9),
        b'm' => (&word[..word.len() - 1], 1e6),
        b't' => (&word[..word.len() - 1], 1e12),
        _ => return None,
    };
    if !number.bytes().next()?.is_ascii_digit() {
        return None;
    }
    number
        .parse::<f64>()
        .ok()
        .filter(|count| count.is_finite() && *count > 0.0 && *count < 1e5)
        .map(|count| count * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_names() {
        for (name, counts) in [
            ("8B", Some((8e9, 8e9))),
            ("70b", Some((70e9, 70e9))),
            ("Qwen3.5-35B-A3B-Q4_K_M.gguf", Some((35e9, 3e9))),
            ("SmallThinker-4BA0.6B-Instruct", Some((4e9, 0.6e9))),
            ("SmolLM2-135M", Some((135e6, 135e6))),
            ("gpt2", None),
            ("", None),
            ("b", None),
            ("99999999999999999999999999999999b", None),
        ] {
            assert_eq!(parameters_in(name), counts, "{name}");
        }
        let (total, active) = parameters_in("8x7B").unwrap();
        assert!((total - 46.7e9).abs() < 1e9 && active < 13e9);
    }

    #[test]
    fn an_assumed_shape_is_near_a_known_one() {
        for name in [
            "meta-llama/Llama-3.1-8B",
            "meta-llama/Llama-2-70b",
            "Qwen/Qwen2.5-32B",
        ] {
            let known = Shape::of_name(name).unwrap();
            let guess = Shape::assumed("x", known.parameters, known.active);
            assert!(
                (guess.layers / known.layers - 1.0).abs() < 0.4,
                "{name} {guess:?}"
            );
            assert!(
                (guess.hidden / known.hidden - 1.0).abs() < 0.4,
                "{name} {guess:?}"
            );
            assert!(!guess.assumed.is_empty() && known.assumed.is_empty());
        }
    }
}
