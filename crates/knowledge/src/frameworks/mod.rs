//! Which builds of the frameworks there are, what each needs, and what it costs to fetch.

/// A function that reads a data file of the program once.
macro_rules! file {
    ($(#[$doc:meta])* $name:ident: $type:ty = $path:literal) => {
        $(#[$doc])*
        pub fn $name() -> &'static $type {
            static FILE: std::sync::OnceLock<$type> = std::sync::OnceLock::new();
            FILE.get_or_init(|| $crate::table::parsed(include_str!($path)))
        }
    };
}

mod companions;
mod extra;
mod indexes;
mod systems;
mod torch;

pub use companions::{Companion, Companions, Follows, Pair, companion, companions};
pub use extra::{
    ExtraBuild, ExtraFramework, ExtraNotes, ExtraRelease, PlainBuild, jax, mlx, tensorflow,
};
pub use indexes::{
    DefaultIndex, Indexes, NamedIndex, PythonChoice, PytorchIndex, UvAuto, UvCuda, UvFloor, UvRocm,
    indexes, uv_auto,
};
pub use systems::{NamedSystem, NamedSystems, systems};
pub use torch::{
    AmdMultiArch, CudaDriver, DownloadEstimate, Torch, TorchCode, TorchFloor, TorchRelease, torch,
};

use crate::table::parsed;
use serde::Deserialize;
use std::sync::OnceLock;

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

/// Flavours for a machine without a usable GPU whose PyTorch CPU index can't be reached, best first.
pub fn small_flavours() -> &'static [SmallFlavour] {
    #[derive(Deserialize)]
    struct File {
        flavour: Vec<SmallFlavour>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    &FILE
        .get_or_init(|| parsed(include_str!("../../data/frameworks/flavours.toml")))
        .flavour
}

#[cfg(test)]
mod tests;
