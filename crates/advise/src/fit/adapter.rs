//! Low-rank adapters: how many parameters they have.

use super::shape::Shape;

/// Parameters of adapters of a rank on the linear layers named; rank * (inputs + outputs) each.
///
/// Names are taken as people write them: `q,v`, `['q_proj', 'v_proj']`, `all linear`, `mlp`; none means all.
pub fn parameters(shape: &Shape, rank: f64, targets: &str) -> f64 {
    let targets = targets.to_ascii_lowercase();
    let words: Vec<&str> = targets
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let named = |names: &[&str]| words.iter().any(|word| names.contains(word));
    let all = words.is_empty() || named(&["all", "all_linear"]);
    let (h, q, k, wide) = (shape.hidden, shape.query(), shape.key(), shape.intermediate);
    let mut layer = 0.0;
    if named(&["qkv", "c_attn"]) || all {
        layer += h + q + 2.0 * k;
    } else {
        for (names, outputs) in [
            (&["q", "q_proj", "query"][..], q),
            (&["k", "k_proj", "key"][..], k),
            (&["v", "v_proj", "value"][..], k),
        ] {
            if named(names) {
                layer += h + outputs;
            }
        }
    }
    if all || named(&["o", "o_proj", "projection", "output", "c_proj"]) {
        layer += q + h;
    }
    let experts = shape.experts.max(1.0);
    let wide = if shape.experts > 0.0 {
        shape.expert_intermediate
    } else {
        wide
    };
    for names in [
        &["mlp", "gate_proj", "w1"][..],
        &["mlp", "up_proj", "w2", "fc1"][..],
        &["mlp", "down_proj", "c_proj", "fc2"][..],
    ] {
        if (all || named(names)) && (shape.gated || !names.contains(&"w1")) {
            layer += (h + wide) * experts;
        }
    }
    if layer == 0.0 {
        // A name that is not known: the most usual choice.
        layer = 2.0 * h + q + k;
    }
    let head = if named(&["head", "lm_head"]) {
        h + shape.vocab
    } else {
        0.0
    };
    rank * (layer * shape.layers + head)
}
