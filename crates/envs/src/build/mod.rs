//! The right framework build for a machine: pure functions of facts and of what is known about builds.

pub mod admission;
mod auto;
mod better;
mod companion;
pub(crate) mod cuda;
mod extra;
mod parts;
pub mod python;
pub mod source;
pub mod specifier;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
pub(crate) mod tests_support;
mod torch;
#[cfg(test)]
mod total_tests;
mod uv_auto;
mod variants;

pub use admission::is_version_wish;
pub use auto::{PYTORCH_INDEX, select, with_mirror};
pub use better::{Better, better};
pub use companion::{CompanionChoice, choose_companion};
pub use cuda::{UnfitDriver, driver_in_words, unfit_driver};
pub use parts::{IndexChoice, LeftOut, RuledOut};
pub use uv_auto::{UvAuto, uv_auto};
pub use variants::{Variant, best_of, variants};

use deskside_types::facts::{Facts, Gpu, OsKind, Vendor};
use deskside_types::{Code, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A framework.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// PyTorch.
    Torch,
    /// JAX.
    Jax,
    /// MLX.
    Mlx,
    /// TensorFlow.
    Tensorflow,
}

impl Flavour {
    /// Those that `up` sets a first project up with.
    pub const ALL: [Self; 3] = [Self::Torch, Self::Jax, Self::Mlx];

    /// All of them.
    pub const EVERY: [Self; 4] = [Self::Torch, Self::Jax, Self::Mlx, Self::Tensorflow];

    /// The word on the command line and in `deskside.toml`; also the distribution's name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Jax => "jax",
            Self::Mlx => "mlx",
            Self::Tensorflow => "tensorflow",
        }
    }

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Torch => "PyTorch",
            Self::Jax => "JAX",
            Self::Mlx => "MLX",
            Self::Tensorflow => "TensorFlow",
        }
    }
}

impl std::str::FromStr for Flavour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::EVERY
            .into_iter()
            .find(|flavour| flavour.word().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| {
                format!("`{text}` is no flavour; there are torch, jax, mlx and tensorflow")
            })
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
    /// The root of a mirror of PyTorch's own indexes; theirs when none.
    pub pytorch_index: Option<String>,
}

/// A framework build, and how uv is told to take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Build {
    /// The framework.
    pub flavour: Flavour,
    /// `cu132`, `cu126`, `rocm7.2`, `mps`, `metal`, `cuda13`, `cpu`.
    pub variant: String,
    /// It computes on a GPU of this machine.
    pub accelerated: bool,
    /// The newest release (minor series) it gives: `2.14`.
    pub release: String,
    /// Requirements, as uv takes them.
    pub requirements: Vec<String>,
    /// Packages that belong to it beside the requirements.
    pub extra_packages: Vec<String>,
    /// Further uv arguments.
    pub arguments: Vec<String>,
    /// The index its packages come from; none for the default one.
    pub index: Option<IndexChoice>,
    /// The Python request, as uv takes it: a version or an interpreter's path.
    pub python: String,
    /// uv fetches that Python: none that serves is here.
    pub fetches_python: bool,
    /// Why it is that Python; the last of the reasons.
    pub python_why: String,
    /// The Pythons that serve, as specifiers: `>=3.11,<3.16`.
    pub python_range: String,
    /// Variables for training: set, or taken away where none.
    pub variables: BTreeMap<String, Option<String>>,
    /// GPUs that it does not serve, while it serves others.
    pub left_out: Vec<LeftOut>,
    /// What was looked at before it and does not serve.
    pub ruled_out: Vec<RuledOut>,
    /// Bytes the first project downloads with it: an estimate; none when it was never measured.
    pub download_estimate: Option<u64>,
    /// Which GPUs it has code for is known, not taken from its CUDA toolkit.
    pub sourced: bool,
    /// Why it is this one, a sentence each.
    pub why: Vec<String>,
}

impl Build {
    /// The Pythons that the chosen release itself has packages for, as specifiers. [`Self::python_range`] may admit older
    /// ones, for which an older release is offered.
    pub fn own_python_range(&self) -> String {
        match self.flavour {
            Flavour::Torch => None,
            other => extra::own_range(other, &self.release),
        }
        .unwrap_or_else(|| self.python_range.clone())
    }

    /// The name of its extra in a project's files: the variant without dots.
    pub fn extra_name(&self) -> String {
        source::without_dots(&self.variant)
    }
}

/// The build of a framework for a machine. Nothing is asked of the network.
///
/// # Errors
/// [`Code::NoFittingBuild`] with the nearest thing that works as a hint.
pub fn choose(facts: &Facts, flavour: Flavour, wish: &Wish) -> Result<Build, Problem> {
    let mut build = choose_among(facts, flavour, wish, None)?;
    let has_gpu = facts
        .known_gpus()
        .iter()
        .any(|gpu| matches!(gpu.vendor, Vendor::Nvidia | Vendor::Amd));
    if build.variant == "cpu" && has_gpu && facts.system.kind == OsKind::Linux {
        // What would help stands before the sentence on Python, which is the last.
        let place = build.why.len().saturating_sub(1);
        let help = better(facts, flavour, wish, &build)
            .into_iter()
            .map(|row| format!("what would help: {}, for {}", row.change, row.gives));
        build.why.splice(place..place, help);
    }
    Ok(build)
}

/// The build for a machine, among these extras alone where they are given.
fn choose_among(
    facts: &Facts,
    flavour: Flavour,
    wish: &Wish,
    only: Option<&[String]>,
) -> Result<Build, Problem> {
    match flavour {
        Flavour::Torch => torch::choose(facts, wish, only),
        Flavour::Jax | Flavour::Mlx | Flavour::Tensorflow => {
            extra::choose(facts, flavour, wish, only)
        }
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

/// Names as a list a person reads, with those that are there several times counted.
fn counted(names: &[String]) -> String {
    let mut all: Vec<(&String, usize)> = Vec::new();
    for name in names {
        match all.iter_mut().find(|(other, _)| *other == name) {
            Some((_, count)) => *count += 1,
            None => all.push((name, 1)),
        }
    }
    let all: Vec<String> = all
        .into_iter()
        .map(|(name, count)| {
            if count > 1 {
                format!("{count} × {name}")
            } else {
                name.clone()
            }
        })
        .collect();
    listed(&all)
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
