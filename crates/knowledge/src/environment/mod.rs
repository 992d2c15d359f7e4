//! What is known of environments' troubles: CUDA wheels, distributions that exclude each other, NumPy's two binary
//! interfaces, what errors at import mean.

pub mod errors;
pub mod imports;

use crate::table::parsed;
use serde::Deserialize;
use std::sync::OnceLock;

/// NVIDIA's CUDA libraries as wheels.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cuda {
    /// Names without an ending: CUDA 13 and later.
    pub unsuffixed: Vec<String>,
    /// Of those, the ones whose major version is CUDA's.
    pub of_cuda_version: Vec<String>,
    /// Frameworks whose wish for a CUDA is told.
    pub frameworks: Vec<String>,
    /// The CUDA that TensorFlow's wheels are built with.
    pub tensorflow_cuda: u32,
    /// Where this is known from.
    pub source: String,
}

/// Distributions of which only one may be installed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusive {
    /// Their normalised names.
    pub names: Vec<String>,
    /// The module all of them bring.
    pub module: String,
    /// Where this is known from.
    pub source: String,
}

/// Releases of a distribution that are built against NumPy 1.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltForNumpy1 {
    /// Its normalised name.
    pub name: String,
    /// The first release that runs with NumPy 2.
    pub fixed: String,
    /// Where this is known from.
    pub source: String,
}

/// NVIDIA's CUDA libraries as wheels.
pub fn cuda() -> &'static Cuda {
    static FILE: OnceLock<Cuda> = OnceLock::new();
    FILE.get_or_init(|| parsed(include_str!("../../data/environment/cuda.toml")))
}

/// Distributions that exclude each other.
pub fn exclusive() -> &'static [Exclusive] {
    #[derive(Deserialize)]
    struct File {
        group: Vec<Exclusive>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    &FILE
        .get_or_init(|| parsed(include_str!("../../data/environment/exclusive.toml")))
        .group
}

/// Releases that are built against NumPy 1 without saying so.
pub fn built_for_numpy_1() -> &'static [BuiltForNumpy1] {
    #[derive(Deserialize)]
    struct File {
        built_for_1: Vec<BuiltForNumpy1>,
    }
    static FILE: OnceLock<File> = OnceLock::new();
    &FILE
        .get_or_init(|| parsed(include_str!("../../data/environment/numpy.toml")))
        .built_for_1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::normalised_name;

    #[test]
    fn every_file_reads_and_names_its_sources() {
        let normal = |name: &String| normalised_name(name) == *name;
        assert!(cuda().unsuffixed.iter().all(normal) && !cuda().source.is_empty());
        assert!(
            cuda()
                .of_cuda_version
                .iter()
                .all(|name| cuda().unsuffixed.contains(name))
        );
        for group in exclusive() {
            assert!(
                group.names.len() > 1 && group.names.iter().all(normal),
                "{group:?}"
            );
            assert!(!group.source.is_empty() && !group.module.is_empty());
        }
        for row in built_for_numpy_1() {
            assert!(normal(&row.name) && !row.fixed.is_empty() && !row.source.is_empty());
        }
    }
}
