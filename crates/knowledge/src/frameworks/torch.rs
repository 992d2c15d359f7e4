//! PyTorch: releases, the builds of each, the GPU code in them, the drivers they need.

use crate::version::order;
use serde::Deserialize;
use std::cmp::Ordering;

/// A PyTorch release (a minor series).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TorchRelease {
    /// `2.15`
    pub version: String,
    /// Its versions on the default index, oldest first.
    pub versions: Vec<String>,
    /// The oldest Python with wheels.
    pub python_min: String,
    /// The newest Python with wheels on the default index, Linux x86_64.
    pub python_max: String,
    /// The newest Python of the builds on PyTorch's own index, where it differs.
    pub python_max_own: Option<String>,
    /// The newest Python with aarch64 wheels, where it differs.
    pub python_max_aarch64: Option<String>,
    /// The newest Python with wheels for macOS, where it differs.
    pub python_max_macos: Option<String>,
    /// The CUDA of the Linux x86_64 build on the default index.
    pub default_cuda: String,
    /// The CUDA of the Linux aarch64 build on the default index; none where that build is for processors only.
    pub default_cuda_aarch64: Option<String>,
    /// CUDA builds on PyTorch's own index, newest first.
    pub cuda: Vec<String>,
    /// CUDA builds that PyTorch calls experimental.
    pub experimental: Vec<String>,
    /// The ROCm build, where it is known.
    pub rocm: Option<String>,
    /// The oldest macOS (Apple silicon) with wheels.
    pub macos_min: String,
    /// The oldest glibc on Linux.
    pub glibc_min: String,
    /// Where this is known from.
    pub source: String,
}

impl TorchRelease {
    /// The CUDA of the default index's Linux build for a processor; none where it computes on the processor only.
    pub fn default_cuda(&self, architecture: &str) -> Option<&str> {
        if architecture == "x86_64" {
            Some(&self.default_cuda)
        } else {
            self.default_cuda_aarch64.as_deref()
        }
    }

    /// The newest Python of the default index's Linux wheels for a processor.
    pub fn newest_python(&self, architecture: &str) -> &str {
        match &self.python_max_aarch64 {
            Some(newest) if architecture == "aarch64" => newest,
            _ => &self.python_max,
        }
    }

    /// The newest Python of the builds on PyTorch's own index.
    pub fn newest_python_own(&self) -> &str {
        self.python_max_own.as_deref().unwrap_or(&self.python_max)
    }

    /// The newest Python of the wheels for macOS.
    pub fn newest_python_macos(&self) -> &str {
        self.python_max_macos.as_deref().unwrap_or(&self.python_max)
    }
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

/// The lowest compute capability PyTorch builds for with a CUDA major version, where no list is known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TorchFloor {
    /// `12`
    pub cuda_major: u32,
    /// The processor's architecture.
    pub architecture: String,
    /// The first release with such builds for the processor.
    pub from: String,
    /// `5.0`
    pub compute_capability: String,
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

/// AMD's own index of builds for targets that PyTorch's ROCm builds don't serve.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmdMultiArch {
    /// `rocm7.14`
    pub variant: String,
    /// The PyTorch releases it is known to have.
    pub releases: Vec<String>,
    /// Where this is known from.
    pub source: String,
}

/// All that is known of PyTorch's builds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Torch {
    /// The last release for Intel Macs.
    pub intel_mac: String,
    /// Releases older than this are taken only where a wish or the machine leaves no newer one.
    pub oldest_offered: String,
    /// Releases, newest first.
    #[serde(rename = "release")]
    pub releases: Vec<TorchRelease>,
    /// GPU code by release range, CUDA and processor.
    pub code: Vec<TorchCode>,
    /// Lowest compute capabilities by CUDA, newest first.
    #[serde(rename = "floor")]
    pub floors: Vec<TorchFloor>,
    /// Lowest drivers, newest CUDA first.
    #[serde(rename = "driver")]
    pub drivers: Vec<CudaDriver>,
    /// AMD's own index.
    pub amd_multi_arch: AmdMultiArch,
    /// Download estimates.
    #[serde(rename = "download")]
    pub downloads: Vec<DownloadEstimate>,
}

impl Torch {
    /// The release of a minor series (`2.14`).
    pub fn release(&self, version: &str) -> Option<&TorchRelease> {
        self.releases
            .iter()
            .find(|release| release.version == version)
    }

    /// The known code of a build; none where no list is known.
    pub fn code_of(&self, release: &str, cuda: &str, architecture: &str) -> Option<&TorchCode> {
        self.code.iter().find(|row| {
            row.cuda == cuda
                && row.architecture == architecture
                && order(&row.from, release) != Ordering::Greater
                && order(release, &row.to) != Ordering::Greater
        })
    }

    /// The lowest driver for a CUDA version (`12.6`).
    pub fn driver_for(&self, cuda: &str) -> Option<&CudaDriver> {
        let major: u32 = cuda.split('.').next()?.parse().ok()?;
        self.drivers.iter().find(|row| row.cuda_major == major)
    }

    /// The lowest compute capability a release is built for with a CUDA version; none where there is no such build.
    pub fn floor_for(&self, release: &str, cuda: &str, architecture: &str) -> Option<&TorchFloor> {
        let major: u32 = cuda.split('.').next()?.parse().ok()?;
        self.floors.iter().find(|row| {
            row.cuda_major == major
                && row.architecture == architecture
                && order(&row.from, release) != Ordering::Greater
        })
    }
}

file!(
    /// PyTorch's releases and builds.
    torch: Torch = "../../data/frameworks/torch.toml"
);
