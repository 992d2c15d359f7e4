//! Weights: counted in the header where there is one, else bits a weight times parameters.

use super::case::{Case, Weights};
use super::shape::Shape;
use super::term::Term;
use deskside_knowledge::runtimes::architecture_named;

/// Bytes of the linear layers, the embedding and the head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// Of the body.
    pub body: f64,
    /// Of the token embedding.
    pub embedding: f64,
    /// Of the output head, 0 where it is the embedding.
    pub head: f64,
}

impl Parts {
    /// All of them.
    pub fn total(&self) -> f64 {
        self.body + self.embedding + self.head
    }
}

/// The parts of a model in a format.
pub fn parts(shape: &Shape, weights: &Weights) -> Parts {
    let format = &weights.format;
    let head_bits = if weights.head_quantised {
        format.linear_bits
    } else {
        format.head_bits
    };
    let stored = architecture_named(&shape.architecture).is_some_and(|one| one.head_stored);
    let twice = format.kind == "float8" && shape.kind == "decoder";
    // A tied tensor is stored once, in the finer of its two formats; quantised 8-bit float checkpoints store it twice.
    let (embedding_bits, head) = if shape.head() > 0.0 || stored || twice {
        (format.embedding_bits, shape.embedding())
    } else if format.kind == "gguf" {
        (format.head_bits, 0.0)
    } else {
        (format.embedding_bits, 0.0)
    };
    let parts = Parts {
        body: shape.body() * format.linear_bits / 8.0,
        embedding: shape.embedding() * embedding_bits / 8.0,
        head: head * head_bits / 8.0,
    };
    match weights.counted_bytes {
        Some(counted) if parts.total() > 0.0 => {
            let factor = counted / parts.total();
            Parts {
                body: parts.body * factor,
                embedding: parts.embedding * factor,
                head: parts.head * factor,
            }
        }
        _ => parts,
    }
}

/// Bytes of all weights.
pub fn bytes(shape: &Shape, weights: &Weights) -> f64 {
    weights
        .counted_bytes
        .unwrap_or_else(|| parts(shape, weights).total())
}

/// The term.
pub fn term(case: &Case) -> Term {
    let size = bytes(&case.shape, &case.weights);
    if case.weights.counted_bytes.is_some() {
        return Term::new("weights", size, 0.002, "counted in the file's header");
    }
    let doubt = if case.shape.assumed.is_empty() {
        if case.quantised() { 0.03 } else { 0.01 }
    } else {
        0.12
    };
    Term::new(
        "weights",
        size,
        doubt,
        format!(
            "{:.2} billion parameters, {} at {} bits",
            case.shape.parameters / 1e9,
            case.weights.format.name,
            case.weights.format.linear_bits
        ),
    )
}
