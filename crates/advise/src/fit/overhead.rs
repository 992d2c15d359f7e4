//! What lies outside tensors: allocator, workspaces, the driver's context.

use super::case::{Case, Level};
use super::term::Term;

const MIB: f64 = 1024.0 * 1024.0;

/// The driver's context and the libraries' workspaces on one accelerator, in bytes. Published: 300 MB to 1 GB,
/// 1,343 MiB for an old CUDA on a V100; less with lazy loading. Measure it once to know it.
pub const CONTEXT: f64 = 480.0 * MIB;

/// Small tensors that no term names: position tables, masks, sampling.
const SMALL: f64 = 40.0 * MIB;

/// The same on an H100 with CUDA 13 and PyTorch 2.11 (619 MiB before anything is done), with the libraries that a model loads (another 90 MiB).
const CONTEXT_TODAY: f64 = 710.0 * MIB;

/// Of what tensors hold, what PyTorch's allocator keeps beside while a prompt is read: 1 to 8 % measured.
const KEPT: f64 = 0.03;

/// What PyTorch's allocator keeps beside tensors that hold so many bytes.
pub fn kept(case: &Case, bytes: f64) -> Option<Term> {
    let is_counted = case.level != Level::Allocated && case.runtime.is_transformers_5();
    is_counted.then(|| {
        Term::new(
            "allocator",
            bytes * KEPT,
            1.0,
            "blocks that PyTorch keeps for the next use",
        )
    })
}

/// Beside an inference.
pub fn inference(case: &Case) -> Vec<Term> {
    let places = if case.summed {
        case.devices.max(1.0)
    } else {
        1.0
    };
    let mut terms = vec![Term::new(
        "small tensors",
        SMALL,
        1.0,
        "masks, position tables, sampling",
    )];
    if case.level == Level::Device && measured(case) != Some(0.0) {
        terms.push(context(case, places));
    }
    terms
}

/// The driver's context on so many accelerators; as it was measured, where it was.
pub fn context(case: &Case, places: f64) -> Term {
    if let Some(bytes) = measured(case) {
        return Term::new(
            "context",
            bytes * places,
            0.1,
            "the driver's context and libraries, as measured here",
        );
    }
    let one = if case.runtime.is_transformers_5() {
        CONTEXT_TODAY
    } else {
        CONTEXT
    };
    Term::new(
        "context",
        one * places,
        0.6,
        "the driver's context and libraries; 300 MB to 1.3 GB are published, 710 MiB were measured on an H100",
    )
}

fn measured(case: &Case) -> Option<f64> {
    case.device.as_ref().and_then(|device| device.context_bytes)
}

/// Beside a training on one accelerator.
pub fn training(case: &Case) -> Vec<Term> {
    let base = case.runtime.training_base_mib * MIB;
    match case.level {
        Level::Allocated => vec![Term::new(
            "small tensors",
            64.0 * MIB,
            1.0,
            "masks, tables, workspaces",
        )],
        Level::Reserved | Level::Device => vec![Term::new(
            "workspaces and reserve",
            base.max(measured(case).unwrap_or(CONTEXT)),
            0.6,
            "libraries' workspaces, blocks that the allocator keeps, and the driver's context where it counts",
        )],
    }
}
