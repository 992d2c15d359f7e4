//! Low-rank adapters: how many parameters they have.

use super::shape::Shape;

/// Architectures whose queries, keys and values come from one linear layer.
const FUSED: [&str; 9] = [
    "gpt2", "gpt_neox", "falcon", "bloom", "mpt", "phi3", "chatglm", "glm4", "qwen",
];

/// Parameters of adapters of a rank on the linear layers named; rank * (inputs + outputs) each.
///
/// Names are taken as people write them: `q,v`, `['q_proj', 'v_proj']`, `all linear`, `mlp`; none means all.
pub fn parameters(shape: &Shape, rank: f64, targets: &str) -> f64 {
    let (inputs, outputs, _) = linears(shape, targets);
    let named_head = targets.to_ascii_lowercase();
    let head = if named_head
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .any(|word| matches!(word, "head" | "lm_head"))
    {
        shape.hidden + shape.vocab
    } else {
        0.0
    };
    rank * ((inputs + outputs) * shape.layers + head)
}

/// Of one layer, the widths of what goes into the linear layers named and of what comes out, each summed, and how many there are.
pub fn linears(shape: &Shape, targets: &str) -> (f64, f64, f64) {
    let targets = targets.to_ascii_lowercase();
    let words: Vec<&str> = targets
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let named = |names: &[&str]| words.iter().any(|word| names.contains(word));
    let all = words.is_empty() || named(&["all", "all_linear"]);
    let (h, q, k, wide) = (shape.hidden, shape.query(), shape.key(), shape.intermediate);
    let mut found = (0.0, 0.0, 0.0);
    let mut add = |inputs: f64, outputs: f64, count: f64| {
        found = (
            found.0 + inputs * count,
            found.1 + outputs * count,
            found.2 + count,
        );
    };
    let fused = FUSED.contains(&shape.architecture.as_str());
    if named(&["qkv", "c_attn"]) || all && fused {
        add(h, q + 2.0 * k, 1.0);
    } else {
        for (names, outputs) in [
            (&["q", "q_proj", "query"][..], q),
            (&["k", "k_proj", "key"][..], k),
            (&["v", "v_proj", "value"][..], k),
        ] {
            if all || named(names) {
                add(h, outputs, 1.0);
            }
        }
    }
    if all || named(&["o", "o_proj", "projection", "output", "c_proj"]) {
        add(q, h, 1.0);
    }
    let experts = shape.experts.max(1.0);
    let wide = if shape.experts > 0.0 {
        shape.expert_intermediate
    } else {
        wide
    };
    for (names, inputs, outputs) in [
        (&["mlp", "gate_proj", "w1"][..], h, wide),
        (&["mlp", "up_proj", "w2", "fc1"][..], h, wide),
        (&["mlp", "down_proj", "c_proj", "fc2"][..], wide, h),
    ] {
        if (all || named(names)) && (shape.gated || !names.contains(&"w1")) {
            add(inputs, outputs, experts);
        }
    }
    if found.2 == 0.0 {
        // A name that is not known: the most usual choice.
        return (2.0 * h, q + k, 2.0);
    }
    found
}
