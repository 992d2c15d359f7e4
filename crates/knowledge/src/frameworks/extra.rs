//! Frameworks whose builds are extras of one package: JAX, MLX, TensorFlow.

use serde::Deserialize;

/// A release (a minor series, or a part of one with the same limits).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraRelease {
    /// `0.12`
    pub version: String,
    /// Its versions on the default index, oldest first.
    pub versions: Vec<String>,
    /// The oldest Python with wheels.
    pub python_min: String,
    /// The newest Python with wheels.
    pub python_max: String,
    /// The builds it has, as extras.
    pub extras: Vec<String>,
    /// Processors with wheels for Linux.
    pub linux: Vec<String>,
    /// Processors with wheels for macOS.
    pub macos: Vec<String>,
    /// The oldest macOS with wheels.
    pub macos_min: String,
    /// The oldest glibc on Linux.
    pub glibc_min: String,
    /// Where this is known from.
    pub source: String,
}

/// A CUDA build of a framework that is chosen by an extra of its package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraBuild {
    /// `cuda13`
    pub name: String,
    /// The requirement, with its extra.
    pub requirement: String,
    /// The CUDA major version of the libraries that it brings.
    pub cuda_major: u32,
    /// The lowest driver.
    pub driver: String,
    /// The lowest compute capability.
    pub compute_capability: String,
    /// Processors with wheels.
    pub architectures: Vec<String>,
    /// What it downloads: an estimate.
    pub download_bytes: Option<u64>,
    /// Where this is known from.
    pub source: String,
}

/// A build without a GPU, or for Apple's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainBuild {
    /// The requirement.
    pub requirement: String,
    /// What it downloads: an estimate.
    pub download_bytes: Option<u64>,
    /// Its size on disk, where it was measured.
    pub installed_bytes: Option<u64>,
    /// Where this is known from.
    pub source: String,
}

/// Sentences about a framework.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraNotes {
    /// On AMD GPUs.
    pub amd: String,
    /// On Apple silicon.
    pub apple: String,
    /// On the build for processors, where there is something to say.
    pub cpu: Option<String>,
    /// On CUDA builds and the system's libraries: the variable that overrides them.
    pub overrides: Option<String>,
    /// Where this is known from.
    pub source: String,
}

/// All that is known of such a framework's builds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraFramework {
    /// Releases older than this are taken only where a wish or the machine leaves no newer one.
    pub oldest_offered: String,
    /// Releases, newest first.
    #[serde(rename = "release")]
    pub releases: Vec<ExtraRelease>,
    /// CUDA builds, the preferred first.
    #[serde(rename = "build")]
    pub builds: Vec<ExtraBuild>,
    /// The build for processors.
    pub cpu: PlainBuild,
    /// The build for Apple's GPUs, where there is one.
    pub metal: Option<PlainBuild>,
    /// What to say where there is no GPU build.
    pub notes: ExtraNotes,
}

file!(
    /// JAX's builds.
    jax: ExtraFramework = "../../data/frameworks/jax.toml"
);
file!(
    /// MLX's builds.
    mlx: ExtraFramework = "../../data/frameworks/mlx.toml"
);
file!(
    /// TensorFlow's builds.
    tensorflow: ExtraFramework = "../../data/frameworks/tensorflow.toml"
);
