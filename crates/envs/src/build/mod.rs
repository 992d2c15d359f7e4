//! The right framework build for a machine: pure functions of facts and of what is known about builds.

mod auto;
pub(crate) mod cuda;
mod jax;
mod mlx;
pub mod python;
pub mod specifier;
#[cfg(test)]
pub(crate) mod tests_support;
mod torch;

pub use auto::select;

use deskside_types::facts::{Facts, Gpu, OsKind, Vendor};
use deskside_types::{Code, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// PyTorch.
    Torch,
    /// JAX.
    Jax,
    /// MLX.
    Mlx,
}

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Torch, Self::Jax, Self::Mlx];

    /// The word on the command line and in `deskside.toml`; also the distribution's name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Jax => "jax",
            Self::Mlx => "mlx",
        }
    }

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Torch => "PyTorch",
            Self::Jax => "JAX",
            Self::Mlx => "MLX",
        }
    }
}

impl std::str::FromStr for Flavour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|flavour| flavour.word().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| format!("`{text}` is no flavour; there are torch, jax and mlx"))
    }
}

/// What is wanted of a build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// The framework; chosen for the machine when none.
    pub flavour: Option<Flavour>,
    /// The Python wanted: a version (`3.12`) or specifiers (`>=3.11,<3.14`).
    pub python: Option<String>,
    /// The project's own bounds on the framework's version, as specifiers (`>=2.9`); empty when it has none.
    pub framework: String,
}

/// A framework build, and how uv is told to take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Build {
    /// The framework.
    pub flavour: Flavour,
    /// `cu132`, `cu126`, `rocm7.2`, `mps`, `metal`, `cuda13`, `cpu`.
    pub variant: String,
    /// It computes on a GPU of this machine.
    pub accelerated: bool,
    /// Requirements, as uv takes them.
    pub requirements: Vec<String>,
    /// Further uv arguments.
    pub arguments: Vec<String>,
    /// The Python request, as uv takes it: a version or an interpreter's path.
    pub python: String,
    /// The Pythons that serve, as specifiers: `>=3.11,<3.15`.
    pub python_range: String,
    /// Variables for training: set, or taken away where none.
    pub variables: BTreeMap<String, Option<String>>,
    /// Bytes the first project downloads with it: an estimate; none when it was never measured.
    pub download_estimate: Option<u64>,
    /// Why it is this one, a sentence each.
    pub why: Vec<String>,
}

/// The build of a framework for a machine. Nothing is asked of the network.
///
/// # Errors
/// [`Code::NoFittingBuild`] with the nearest thing that works as a hint.
pub fn choose(facts: &Facts, flavour: Flavour, wish: &Wish) -> Result<Build, Problem> {
    match flavour {
        Flavour::Torch => torch::choose(facts, wish),
        Flavour::Jax => jax::choose(facts, wish),
        Flavour::Mlx => mlx::choose(facts, wish),
    }
}

/// The framework for a machine when nobody named one, and why.
pub fn natural(facts: &Facts) -> (Flavour, String) {
    let has = |vendor: Vendor| facts.known_gpus().iter().any(|gpu| gpu.vendor == vendor);
    if facts.system.kind == OsKind::MacOs && architecture(facts) == Some("aarch64") {
        (
            Flavour::Mlx,
            "MLX is Apple's own framework for Apple silicon".into(),
        )
    } else if has(Vendor::Nvidia) {
        (
            Flavour::Torch,
            "PyTorch has builds for the most NVIDIA GPUs and drivers".into(),
        )
    } else if has(Vendor::Amd) {
        (
            Flavour::Torch,
            "PyTorch brings all of ROCm that AMD GPUs need in its packages".into(),
        )
    } else {
        (
            Flavour::Torch,
            "PyTorch is the framework most code is written for".into(),
        )
    }
}

/// The processor as builds name it: `x86_64`, `aarch64`.
fn architecture(facts: &Facts) -> Option<&str> {
    Some(match facts.system.architecture.value()?.as_str() {
        "arm64" => "aarch64",
        "amd64" => "x86_64",
        other => other,
    })
}

/// A GPU in words: `NVIDIA GeForce RTX 4090`.
fn shown(gpu: &Gpu) -> String {
    gpu.name.value().cloned().unwrap_or_else(|| {
        let place = gpu
            .pci
            .as_ref()
            .map_or(String::new(), |pci| format!(" at {}", pci.address));
        format!("a GPU{place}")
    })
}

/// Names as a list a person reads.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// No build, and the nearest thing that works.
fn no_fit(flavour: Flavour, reason: impl Into<String>, nearest: impl Into<String>) -> Problem {
    Problem::new(
        Code::NoFittingBuild,
        format!("no {} build fits this machine", flavour.name()),
    )
    .because(reason.into())
    .hint(nearest)
}

/// Checks the C library on Linux against the oldest a framework's wheels run on.
fn check_glibc(
    facts: &Facts,
    flavour: Flavour,
    oldest: &str,
    nearest: &str,
) -> Result<(), Problem> {
    use deskside_knowledge::version::order;
    if facts.system.kind != OsKind::Linux {
        return Ok(());
    }
    if let Some(have) = facts.system.glibc.value()
        && order(have, oldest) == std::cmp::Ordering::Less
    {
        return Err(no_fit(
            flavour,
            format!("its packages need glibc {oldest} or newer, this system has {have}"),
            nearest,
        ));
    }
    if facts.system.glibc.is_absent() {
        return Err(no_fit(
            flavour,
            "its packages need glibc, and this system has another C library",
            nearest,
        ));
    }
    Ok(())
}
