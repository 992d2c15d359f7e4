//! Whether software runs on a platform, and why not.

use deskside_knowledge::choose::{Runs, Software, source_of};
use schemars::JsonSchema;
use serde::Serialize;

/// One piece of software at one platform.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SoftwareAt {
    /// Its name.
    pub software: String,
    /// `yes`, `partly`, `unknown`, `no`.
    pub runs: String,
    /// Why, where it is not a plain yes.
    pub because: String,
    /// What to use instead, where it does not run whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Where this is known from.
    pub source: String,
}

/// How a word is written.
pub(super) fn word(runs: Runs) -> &'static str {
    match runs {
        Runs::Yes => "yes",
        Runs::Partly => "partly",
        Runs::Unknown => "unknown",
        Runs::No => "no",
    }
}

/// Judges software on a stack (`cuda`, `rocm`, `metal`, `cpu`), on CUDA with a compute capability where one is known.
pub(super) fn at(software: &Software, stack: &str, capability: Option<&str>) -> (Runs, SoftwareAt) {
    let (runs, because) = match stack {
        "cuda" => on_cuda(software, capability),
        "rocm" => (software.rocm, software.rocm_why.clone()),
        "metal" => (software.metal, software.metal_why.clone()),
        _ => (
            Runs::Unknown,
            "whether it runs without an accelerator is not in the table".into(),
        ),
    };
    let said = SoftwareAt {
        software: software.name.clone(),
        runs: word(runs).into(),
        because,
        instead: software.instead.clone().filter(|_| runs != Runs::Yes),
        source: source_of(&software.source),
    };
    (runs, said)
}

fn on_cuda(software: &Software, capability: Option<&str>) -> (Runs, String) {
    if let Some(partly) = &software.cuda_partly {
        return (Runs::Partly, partly.clone());
    }
    let Ok(least) = software.cuda.parse::<f64>() else {
        return (Runs::Yes, String::new());
    };
    match capability.and_then(|text| text.parse::<f64>().ok()) {
        Some(has) if has >= least => (Runs::Yes, String::new()),
        Some(has) => (
            Runs::No,
            format!("it needs compute capability {least:.1}, and this accelerator has {has:.1}"),
        ),
        None => (
            Runs::Unknown,
            format!("it needs compute capability {least:.1}, and this accelerator's is not known"),
        ),
    }
}
