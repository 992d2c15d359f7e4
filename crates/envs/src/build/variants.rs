//! The builds of a framework that a project which runs everywhere names as extras, and the best of them for a machine.

use super::parts::IndexChoice;
use super::source::{self, without_dots};
use super::torch::{self, next, variant_of};
use super::{Build, Flavour, Wish, extra, no_fit, python};
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A build as a project names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Variant {
    /// The extra's name in `pyproject.toml`: `cu126`, `rocm72`, `cpu`, `mps`, `cuda13`, `metal`.
    pub extra: String,
    /// The build: `rocm7.2`.
    pub variant: String,
    /// The requirement: `torch>=2.8,<2.15`.
    pub requirement: String,
    /// The newest release it gives.
    pub release: String,
    /// The index its packages come from; none for the default one.
    pub index: Option<IndexChoice>,
    /// Packages that come from that index, where the project has them.
    pub packages: Vec<String>,
    /// The environment marker it holds for, where it does not hold everywhere.
    pub marker: Option<String>,
    /// The Pythons it has packages for, as specifiers.
    pub python: String,
    /// What it is for, in a few words.
    pub purpose: String,
}

const LINUX: &str = "sys_platform == 'linux'";
const LINUX_X86: &str = "sys_platform == 'linux' and platform_machine == 'x86_64'";
const MAC: &str = "sys_platform == 'darwin'";

/// Every build of a framework that a portable project should name, for a version wish; the default index's first.
/// Empty when no release is known that meets the wish.
pub fn variants(flavour: Flavour, wish: &Wish) -> Vec<Variant> {
    match flavour {
        Flavour::Torch => of_torch(wish),
        Flavour::Jax | Flavour::Mlx | Flavour::Tensorflow => of_extras(flavour, wish),
    }
}

fn of_torch(wish: &Wish) -> Vec<Variant> {
    let known = frameworks::torch();
    let admitted = torch::by_wish(wish);
    let all: Vec<&'static TorchRelease> = admitted
        .iter()
        .copied()
        .enumerate()
        .filter(|(place, release)| {
            *place == 0 || order(&release.version, &known.oldest_offered) != Ordering::Less
        })
        .map(|(_, release)| release)
        .collect();
    let Some(newest) = all.first().copied() else {
        return Vec::new();
    };
    let mirror = wish.pytorch_index.as_deref();
    let packages = &frameworks::indexes().pytorch.packages;
    let requirement = |span: &[&TorchRelease]| {
        let (first, last) = (span.first(), span.last());
        first.zip(last).map_or_else(String::new, |(first, last)| {
            format!("torch>={},<{}", last.version, next(&first.version))
        })
    };
    let pythons = |release: &TorchRelease, newest: &str| python::range(&release.python_min, newest);
    let mut found = Vec::new();
    // The default index's build, as far as its CUDA major goes.
    let major = |release: &TorchRelease| super::cuda::major(&release.default_cuda);
    let span: Vec<&TorchRelease> = all
        .iter()
        .copied()
        .take_while(|release| major(release) == major(newest))
        .collect();
    let default = variant_of(&newest.default_cuda);
    found.push(Variant {
        extra: default.clone(),
        variant: default.clone(),
        requirement: requirement(&span),
        release: newest.version.clone(),
        index: None,
        packages: Vec::new(),
        marker: Some(LINUX.into()),
        python: pythons(newest, &newest.python_max),
        purpose: format!(
            "NVIDIA, CUDA {}, the default index's build",
            newest.default_cuda
        ),
    });
    // PyTorch's own stable CUDA builds of another major than the default's: those are what older cards and drivers need.
    let mut seen: Vec<&str> = Vec::new();
    for release in &all {
        for cuda in &release.cuda {
            let variant = variant_of(cuda);
            if seen.contains(&cuda.as_str())
                || variant == default
                || super::cuda::major(cuda) == major(newest)
            {
                continue;
            }
            seen.push(cuda);
            let span: Vec<&TorchRelease> = all
                .iter()
                .copied()
                .skip_while(|other| other.version != release.version)
                .take_while(|other| other.cuda.contains(cuda))
                .collect();
            let origin = source::pytorch(&variant, mirror);
            found.push(Variant {
                extra: variant.clone(),
                variant,
                requirement: requirement(&span),
                release: release.version.clone(),
                index: origin.index,
                packages: packages.clone(),
                marker: Some(LINUX.into()),
                python: pythons(release, release.newest_python_own()),
                purpose: format!("NVIDIA, CUDA {cuda}, for older cards and drivers"),
            });
        }
    }
    // The newest ROCm build whose targets are known.
    let rocm = all.iter().copied().find(|release| {
        release
            .rocm
            .as_ref()
            .is_some_and(|rocm| frameworks::indexes().uv.rocm_backends.contains(rocm))
    });
    if let Some(release) = rocm
        && let Some(name) = &release.rocm
    {
        let span: Vec<&TorchRelease> = all
            .iter()
            .copied()
            .skip_while(|other| other.version != release.version)
            .take_while(|other| other.rocm == release.rocm)
            .collect();
        let variant = format!("rocm{name}");
        let origin = source::pytorch(&variant, mirror);
        found.push(Variant {
            extra: without_dots(&variant),
            variant,
            requirement: requirement(&span),
            release: release.version.clone(),
            index: origin.index,
            packages: packages.clone(),
            marker: Some(LINUX_X86.into()),
            python: pythons(release, release.newest_python_own()),
            purpose: format!("AMD, ROCm {name}"),
        });
    }
    let origin = source::pytorch("cpu", mirror);
    found.push(Variant {
        extra: "cpu".into(),
        variant: "cpu".into(),
        requirement: requirement(&all),
        release: newest.version.clone(),
        index: origin.index,
        packages: packages.clone(),
        marker: Some(LINUX.into()),
        python: pythons(newest, newest.newest_python_own()),
        purpose: "no GPU".into(),
    });
    found.push(Variant {
        extra: "mps".into(),
        variant: "mps".into(),
        requirement: requirement(&all),
        release: newest.version.clone(),
        index: None,
        packages: Vec::new(),
        marker: Some(MAC.into()),
        python: pythons(newest, newest.newest_python_macos()),
        purpose: "Macs".into(),
    });
    found
}

fn of_extras(flavour: Flavour, wish: &Wish) -> Vec<Variant> {
    let known = extra::known(flavour);
    let all = extra::by_wish(flavour, wish);
    let mut found = Vec::new();
    for build in &known.builds {
        let Some(release) = all
            .iter()
            .find(|release| release.extras.contains(&build.name))
        else {
            continue;
        };
        let marker = if build.architectures.iter().any(|own| own == "aarch64") {
            LINUX
        } else {
            LINUX_X86
        };
        found.push(Variant {
            extra: build.name.clone(),
            variant: build.name.clone(),
            requirement: extra::bounded(flavour, &build.requirement, release, wish),
            release: release.version.clone(),
            index: None,
            packages: Vec::new(),
            marker: Some(marker.into()),
            python: python::range(&release.python_min, &release.python_max),
            purpose: format!("NVIDIA, CUDA {}", build.cuda_major),
        });
    }
    let Some(newest) = all.first() else {
        return found;
    };
    let plain = |name: &str, requirement: &str, marker: Option<&str>, purpose: &str| Variant {
        extra: name.into(),
        variant: name.into(),
        requirement: extra::bounded(flavour, requirement, newest, wish),
        release: newest.version.clone(),
        index: None,
        packages: Vec::new(),
        marker: marker.map(String::from),
        python: python::range(&newest.python_min, &newest.python_max),
        purpose: purpose.into(),
    };
    if let Some(metal) = &known.metal {
        found.push(plain(
            "metal",
            &metal.requirement,
            Some(MAC),
            "Apple silicon",
        ));
        found.push(plain("cpu", &known.cpu.requirement, Some(LINUX), "no GPU"));
    } else {
        found.push(plain(
            "cpu",
            &known.cpu.requirement,
            None,
            "no GPU, and Macs",
        ));
    }
    found
}

/// The best for a machine among the extras that a project has: its name, and the build with variables and reasons.
/// `wish.flavour` names the framework (PyTorch when none).
///
/// # Errors
/// `NoFittingBuild` when none of them runs here.
pub fn best_of(facts: &Facts, wish: &Wish, extras: &[String]) -> Result<(String, Build), Problem> {
    let flavour = wish.flavour.unwrap_or(Flavour::Torch);
    let only: Vec<String> = extras.iter().map(|extra| without_dots(extra)).collect();
    let build = super::choose_among(facts, flavour, wish, Some(&only))?;
    let own = build.extra_name();
    let named = |name: &str| extras.iter().find(|extra| without_dots(extra) == name);
    // On a Mac the default index's packages are the same whatever the extra is called.
    let fallback = || {
        (build.index.is_none())
            .then(|| {
                extras
                    .iter()
                    .find(|extra| *extra == "cpu")
                    .or_else(|| extras.iter().find(|extra| extra.starts_with("cu")))
            })
            .flatten()
    };
    match named(&own).or_else(fallback) {
        Some(extra) => Ok((extra.clone(), build)),
        None => Err(no_fit(
            flavour,
            format!(
                "this machine needs {own}, and the project has {}",
                extras.join(", ")
            ),
            format!("add the extra {own} to the project"),
        )),
    }
}

#[cfg(test)]
#[path = "variants_tests.rs"]
mod tests;
