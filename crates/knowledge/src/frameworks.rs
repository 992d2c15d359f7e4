//! Which builds of the frameworks there are, what each needs, and what it costs to fetch.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::OnceLock;

/// A PyTorch release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TorchRelease {
    /// `2.15`
    pub version: String,
    /// The oldest Python with wheels.
    pub python_min: String,
    /// The newest Python with wheels.
    pub python_max: String,
    /// The CUDA of the Linux build on the default index.
    pub default_cuda: String,
    /// CUDA builds on PyTorch's own index, newest first.
    pub cuda: Vec<String>,
    /// CUDA builds that PyTorch calls experimental.
    pub experimental: Vec<String>,
    /// The ROCm build, where it is known.
    pub rocm: Option<String>,
    /// The oldest macOS (Apple silicon) with wheels.
    pub macos_min: String,
    /// Where this is known from.
    pub source: String,
}

/// The GPU code in a CUDA build of PyTorch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TorchCode {
    /// The first release it holds for.
    pub from: String,
    /// The last release it holds for.
    pub to: String,
    /// The CUDA version of the build.
    pub cuda: String,
    /// The processor's architecture.
    pub architecture: String,
    /// Compute capabilities with code of their own.
    pub compute_capabilities: Vec<String>,
    /// PTX of the newest is there, which newer GPUs compile at run time.
    pub ptx: bool,
    /// Where this is known from.
    pub source: String,
}

/// The lowest driver for a CUDA major version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CudaDriver {
    /// `13`
    pub cuda_major: u32,
    /// `580`
    pub minimum: String,
    /// Where this is known from.
    pub source: String,
}

/// An estimate of what a build downloads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DownloadEstimate {
    /// The build.
    pub build: String,
    /// `linux` or `macos`.
    pub os: String,
    /// The processor's architecture.
    pub architecture: String,
    /// Bytes, with the first project's other packages.
    pub bytes: u64,
    /// How it was measured.
    pub source: String,
}

/// All that is known of PyTorch's builds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Torch {
    /// The last release for Intel Macs.
    pub intel_mac: String,
    /// The oldest glibc on Linux.
    pub linux_glibc_min: String,
    /// Releases, newest first.
    #[serde(rename = "release")]
    pub releases: Vec<TorchRelease>,
    /// GPU code by release range, CUDA and processor.
    pub code: Vec<TorchCode>,
    /// Lowest drivers, newest CUDA first.
    #[serde(rename = "driver")]
    pub drivers: Vec<CudaDriver>,
    /// Download estimates.
    #[serde(rename = "download")]
    pub downloads: Vec<DownloadEstimate>,
}

/// A CUDA build of a framework that is chosen by an extra of its package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraBuild {
    /// `cuda13`
    pub name: String,
    /// The requirement, with its extra.
    pub requirement: String,
    /// The lowest driver.
    pub driver: String,
    /// The lowest compute capability.
    pub compute_capability: String,
    /// Processors with wheels.
    pub architectures: Vec<String>,
    /// What it downloads: an estimate.
    pub download_bytes: u64,
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
    pub download_bytes: u64,
    /// Its size on disk, where it was measured.
    pub installed_bytes: Option<u64>,
    /// Processors with wheels; empty where the system says it.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

/// All that is known of JAX's builds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jax {
    /// The oldest Python.
    pub python_min: String,
    /// The newest Python.
    pub python_max: String,
    /// Where this is known from.
    pub source: String,
    /// CUDA builds, the preferred first.
    #[serde(rename = "build")]
    pub builds: Vec<ExtraBuild>,
    /// The build for processors.
    pub cpu: PlainBuild,
    /// What to say where there is no GPU build.
    pub notes: JaxNotes,
}

/// Sentences about JAX.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JaxNotes {
    /// On Apple silicon.
    pub apple: String,
    /// On AMD GPUs.
    pub amd: String,
    /// The last release for Intel Macs.
    pub intel_mac: String,
    /// Where this is known from.
    pub source: String,
}

/// All that is known of MLX's builds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mlx {
    /// The oldest Python.
    pub python_min: String,
    /// The newest Python.
    pub python_max: String,
    /// The oldest macOS.
    pub macos_min: String,
    /// The oldest glibc on Linux.
    pub linux_glibc_min: String,
    /// Where this is known from.
    pub source: String,
    /// CUDA builds, the preferred first.
    #[serde(rename = "build")]
    pub builds: Vec<ExtraBuild>,
    /// The build for Apple silicon.
    pub metal: PlainBuild,
    /// The build for processors on Linux.
    pub cpu: PlainBuild,
    /// What else to say.
    pub notes: MlxNotes,
}

/// Sentences about MLX.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlxNotes {
    /// On AMD GPUs.
    pub amd: String,
    /// When a C++ compiler is used.
    pub compiler: String,
    /// Where this is known from.
    pub source: String,
}

/// A small flavour, with what it was measured to cost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallFlavour {
    /// `jax`, `mlx`
    pub name: String,
    /// What it downloads, in bytes.
    pub download_bytes: u64,
    /// Its environment on disk, in bytes.
    pub installed_bytes: u64,
    /// Seconds to install.
    pub install_seconds: f64,
    /// Seconds the first project's loop takes.
    pub train_seconds: f64,
    /// Seconds the first project takes in all.
    pub total_seconds: f64,
    /// Test accuracy the first project reaches.
    pub accuracy: f64,
    /// The oldest glibc, where there is one.
    pub glibc_min: Option<String>,
    /// Why one would take it.
    pub why: String,
    /// How this was measured.
    pub source: String,
}

/// Indexes, Python and uv.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indexes {
    /// The index when nobody configured one.
    pub default: DefaultIndex,
    /// PyTorch's own indexes.
    pub pytorch: PytorchIndex,
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

/// PyTorch's own indexes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PytorchIndex {
    /// Their common root.
    pub url: String,
    /// The page that is fetched to see whether the CPU index answers.
    pub cpu_page: String,
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

fn parsed<T: DeserializeOwned>(text: &'static str) -> T {
    #[expect(
        clippy::expect_used,
        reason = "the files are part of the program and a test reads each"
    )]
    toml::from_str(text).expect("a knowledge file inside the program is valid")
}

macro_rules! file {
    ($(#[$doc:meta])* $name:ident: $type:ty = $path:literal) => {
        $(#[$doc])*
        pub fn $name() -> &'static $type {
            static FILE: OnceLock<$type> = OnceLock::new();
            FILE.get_or_init(|| parsed(include_str!($path)))
        }
    };
}

file!(
    /// PyTorch's releases and builds.
    torch: Torch = "../data/frameworks/torch.toml"
);
file!(
    /// JAX's builds.
    jax: Jax = "../data/frameworks/jax.toml"
);
file!(
    /// MLX's builds.
    mlx: Mlx = "../data/frameworks/mlx.toml"
);
file!(
    /// Indexes, Python and uv.
    indexes: Indexes = "../data/frameworks/indexes.toml"
);

/// Flavours for a machine without a usable GPU whose PyTorch CPU index can't be reached, best first.
pub fn small_flavours() -> &'static [SmallFlavour] {
    #[derive(Deserialize)]
    struct File {
        flavour: Vec<SmallFlavour>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    &FILE
        .get_or_init(|| parsed(include_str!("../data/frameworks/flavours.toml")))
        .flavour
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::order;
    use std::cmp::Ordering;

    #[test]
    fn every_file_reads_and_is_in_order() {
        let torch = torch();
        assert!(
            torch
                .releases
                .windows(2)
                .all(|pair| order(&pair[0].version, &pair[1].version) == Ordering::Greater)
        );
        for release in &torch.releases {
            assert!(
                release
                    .cuda
                    .windows(2)
                    .all(|pair| order(&pair[0], &pair[1]) == Ordering::Greater),
                "{}",
                release.version
            );
            assert!(order(&release.python_min, &release.python_max) == Ordering::Less);
        }
        for code in &torch.code {
            assert_ne!(order(&code.from, &code.to), Ordering::Greater);
            assert!(
                code.compute_capabilities
                    .windows(2)
                    .all(|pair| order(&pair[0], &pair[1]) == Ordering::Less)
            );
        }
        assert!(!jax().builds.is_empty() && !mlx().builds.is_empty());
        assert!(
            small_flavours()
                .iter()
                .all(|flavour| flavour.accuracy >= 0.95)
        );
        assert!(
            indexes().default.url.ends_with('/')
                && indexes()
                    .pytorch
                    .cpu_page
                    .starts_with(&indexes().pytorch.url)
        );
    }

    #[test]
    fn every_default_build_says_which_gpus_it_serves() {
        for release in &torch().releases {
            assert!(
                torch().code.iter().any(|code| {
                    code.architecture == "x86_64"
                        && code.cuda == release.default_cuda
                        && order(&code.from, &release.version) != Ordering::Greater
                        && order(&release.version, &code.to) != Ordering::Greater
                }),
                "{}",
                release.version
            );
        }
    }
}
