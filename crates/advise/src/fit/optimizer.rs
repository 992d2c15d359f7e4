//! Gradients and optimizer states.

use super::case::{Optimizer, Training};

/// Bytes a trained parameter takes: weight, gradient, and what the optimizer keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct States {
    /// The weight that is computed with.
    pub weight: f64,
    /// The gradient.
    pub gradient: f64,
    /// The optimizer's own, a master copy included.
    pub optimizer: f64,
}

/// The parts for a framework's AdamW total, with the optimizer exchanged.
///
/// 8 is pure bf16 (2 + 2 + 4), 16 is fp32 (4 + 4 + 8), 20 is DeepSpeed's bf16 engine (2 + 6 + 12).
pub fn states(adamw_total: f64, work: &Training) -> States {
    let (weight, gradient, master, moment) = if adamw_total >= 19.0 {
        (2.0, 6.0, 4.0, 4.0)
    } else if adamw_total >= 15.0 {
        (4.0, 4.0, 0.0, 4.0)
    } else if adamw_total >= 11.0 {
        (2.0, 2.0, 0.0, 4.0)
    } else {
        (2.0, 2.0, adamw_total - 8.0, 2.0)
    };
    let optimizer = match work.optimizer {
        Optimizer::Adamw => 2.0 * moment,
        // Two bytes and block scales: one fp32 for 256 values, twice.
        Optimizer::Adamw8bit => 2.06,
        // May lie in main memory altogether.
        Optimizer::PagedAdamw8bit => 1.0,
        // Row and column sums only.
        Optimizer::Adafactor => 0.05,
        Optimizer::Lion | Optimizer::SgdMomentum => moment,
        // One momentum for matrices; embeddings and head (about a tenth) with AdamW.
        Optimizer::Muon => moment * 1.1,
        Optimizer::Sgd => 0.0,
    };
    States {
        weight,
        gradient,
        optimizer: optimizer + master.max(0.0),
    }
}
