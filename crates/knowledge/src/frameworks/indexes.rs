//! Package indexes, which Python and uv are asked for, and how uv itself would choose a build of PyTorch.

use serde::Deserialize;

/// Indexes, Python and uv.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indexes {
    /// The index when nobody configured one.
    pub default: DefaultIndex,
    /// PyTorch's own indexes.
    pub pytorch: PytorchIndex,
    /// AMD's index of builds for many targets.
    pub amd_multi_arch: NamedIndex,
    /// Which Python is asked for.
    pub python: PythonChoice,
    /// Which uv is good enough.
    pub uv: UvFloor,
}

/// The index when nobody configured one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultIndex {
    /// Its address.
    pub url: String,
    /// Where this is known from.
    pub source: String,
}

/// An index with a name of ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedIndex {
    /// The name it gets in a project's files.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Where this is known from.
    pub source: String,
}

/// PyTorch's own indexes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PytorchIndex {
    /// Their common root.
    pub url: String,
    /// The page that is fetched to see whether the CPU index answers.
    pub cpu_page: String,
    /// Packages that belong to PyTorch's builds and come from the same index.
    pub packages: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

/// Which Python is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonChoice {
    /// When uv fetches one.
    pub wanted: String,
    /// The newest that is taken when it is installed already.
    pub newest: String,
    /// Why these.
    pub source: String,
}

/// Which uv is good enough, and the PyTorch builds it knows by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UvFloor {
    /// The oldest version.
    pub minimum: String,
    /// CUDA versions it has a back end for, newest first.
    pub cuda_backends: Vec<String>,
    /// ROCm versions it has a back end for, newest first.
    pub rocm_backends: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

/// A build that uv's `--torch-backend=auto` knows, and the lowest driver it takes it for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UvCuda {
    /// `cu126`
    pub backend: String,
    /// The lowest Linux driver.
    pub driver: String,
}

/// A ROCm build that uv's `--torch-backend=auto` knows, and the targets it takes it for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UvRocm {
    /// `rocm7.2`
    pub backend: String,
    /// AMD targets.
    pub targets: Vec<String>,
}

/// The rules of uv's `--torch-backend=auto`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UvAuto {
    /// CUDA builds, newest first.
    pub cuda: Vec<UvCuda>,
    /// ROCm builds, newest first.
    pub rocm: Vec<UvRocm>,
    /// The program that it asks for AMD's targets.
    pub rocm_program: String,
    /// The build it takes for a GPU of Intel's, where it finds no other.
    pub intel_backend: String,
    /// What it never looks at.
    pub not_looked_at: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

file!(
    /// Indexes, Python and uv.
    indexes: Indexes = "../../data/frameworks/indexes.toml"
);
file!(
    /// How uv's `--torch-backend=auto` chooses.
    uv_auto: UvAuto = "../../data/frameworks/uv-auto.toml"
);
