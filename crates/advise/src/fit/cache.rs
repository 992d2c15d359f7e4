//! The cache of keys and values.

use super::case::{Case, Inference};
use super::shape::Shape;
use super::term::Term;
use deskside_knowledge::runtimes::architecture_named;

/// Bytes of the cache for `tokens` of one sequence. Sliding layers look back at most their window; latent
/// attention (MLA) keeps one compressed vector a layer instead of all heads.
pub fn bytes(shape: &Shape, tokens: f64, bits: f64) -> f64 {
    if shape.kind == "encoder" || shape.layers == 0.0 {
        return 0.0;
    }
    let sliding = shape.sliding_layers.min(shape.layers);
    let seen = tokens * (shape.layers - sliding)
        + tokens.min(if shape.window > 0.0 {
            shape.window
        } else {
            tokens
        }) * sliding;
    let width = if shape.latent > 0.0 {
        shape.latent
    } else {
        2.0 * shape.key()
    };
    seen * width * bits / 8.0
}

/// Copies of the cache that exist while it grows.
pub fn copies(case: &Case) -> f64 {
    if !case.runtime.name.starts_with("transformers") {
        return 1.0;
    }
    architecture_named(&case.shape.architecture).map_or(1.0, |one| one.cache_copies.max(1.0))
}

/// The term for `tokens` of each sequence.
pub fn term(case: &Case, work: &Inference, tokens: f64) -> Term {
    let one = bytes(&case.shape, tokens, work.cache_bits);
    let copies = copies(case);
    let mut because = format!(
        "{tokens:.0} tokens, {:.1} KiB each",
        bytes(&case.shape, 1.0, work.cache_bits) / 1024.0
    );
    if copies > 1.0 {
        because.push_str("; the old cache lives on while the new one is made");
    }
    Term::new(
        "cache",
        one * work.batch * work.beams * copies,
        0.06 * copies,
        because,
    )
}
