//! CUDA builds of PyTorch, by driver and compute capability.

use super::{Part, download, finish, variant_of};
use crate::build::cuda::{self, Driver};
use crate::build::{Build, Wish, listed};
use deskside_knowledge::frameworks::{self, TorchCode, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu};
use std::cmp::Ordering;

/// A CUDA build of a release.
struct Candidate {
    place: usize,
    cuda: String,
    on_default_index: bool,
    code: &'static TorchCode,
}

/// The CUDA build that driver and GPUs admit; else, in a sentence, why there is none.
pub(super) fn nvidia_build(
    facts: &Facts,
    wish: &Wish,
    releases: &[&'static TorchRelease],
    gpus: &[&Gpu],
    architecture: &str,
) -> Result<Result<Build, String>, Problem> {
    let driver = Driver::of(facts);
    let known = frameworks::torch();
    let candidates: Vec<Candidate> = releases
        .iter()
        .enumerate()
        .flat_map(|(place, release)| candidates(place, release, architecture))
        .filter(|candidate| {
            let major: u32 = candidate
                .cuda
                .split('.')
                .next()
                .and_then(|major| major.parse().ok())
                .unwrap_or(0);
            known
                .drivers
                .iter()
                .any(|row| row.cuda_major == major && driver.reaches(&row.minimum))
        })
        .collect();
    let Some((chosen, left_out)) = cuda::best(candidates, gpus, |candidate, capability| {
        serves(candidate.code, capability)
    }) else {
        let lowest = known
            .drivers
            .last()
            .map_or("525", |row| row.minimum.as_str());
        return Ok(Err(cuda::none_fits(gpus, &driver, lowest)));
    };
    let variant = variant_of(&chosen.cuda);
    let (visible, sentence) = cuda::leave_out(gpus, &left_out, &variant);
    let kept: Vec<String> = gpus
        .iter()
        .filter(|gpu| !left_out.iter().any(|out| std::ptr::eq(*out, **gpu)))
        .map(|gpu| cuda::described(gpu))
        .collect();
    let index = if chosen.on_default_index {
        "the default index"
    } else {
        "PyTorch's own index"
    };
    let mut why = vec![format!(
        "{} with {}: torch {} for CUDA {} from {index} serves",
        listed(&kept),
        driver.shown(),
        releases[chosen.place].version,
        chosen.cuda
    )];
    why.extend(reason_for_older(&chosen, gpus, &driver, releases));
    why.extend(sentence);
    why.extend(cuda::driver_note(&driver));
    let variables = visible
        .map(|list| ("CUDA_VISIBLE_DEVICES".to_string(), Some(list)))
        .into_iter()
        .collect();
    // The same build of older releases serves as well, as long as it is there and has the same code.
    let span: Vec<&TorchRelease> = releases[chosen.place..]
        .iter()
        .take_while(|release| {
            candidates_of_kind(release, architecture, &chosen).is_some_and(|code| {
                gpus.iter().all(|gpu| {
                    left_out.iter().any(|out| std::ptr::eq(*out, *gpu))
                        || gpu
                            .compute_capability
                            .value()
                            .is_none_or(|capability| serves(code, capability))
                })
            })
        })
        .copied()
        .collect();
    let backend = (!chosen.on_default_index).then(|| variant.clone());
    let download = if chosen.on_default_index {
        download(facts, "linux")
    } else {
        None
    };
    finish(
        facts,
        wish,
        &span,
        Part {
            variant,
            backend,
            accelerated: !matches!(driver, Driver::Absent),
            variables,
            download,
            why,
        },
    )
    .map(Ok)
}

/// Why a build from PyTorch's own index is needed, in a sentence.
fn reason_for_older(
    chosen: &Candidate,
    gpus: &[&Gpu],
    driver: &Driver,
    releases: &[&TorchRelease],
) -> Option<String> {
    let newest = releases.first()?;
    if chosen.on_default_index && chosen.place == 0 {
        return None;
    }
    let major: u32 = newest.default_cuda.split('.').next()?.parse().ok()?;
    let row = frameworks::torch()
        .drivers
        .iter()
        .find(|row| row.cuda_major == major)?;
    if !driver.reaches(&row.minimum) {
        return Some(format!(
            "the newest build (torch {}, CUDA {}) needs driver {} or newer",
            newest.version, newest.default_cuda, row.minimum
        ));
    }
    let oldest = gpus
        .iter()
        .filter_map(|gpu| gpu.compute_capability.value())
        .min_by(|left, right| order(left, right))?;
    Some(format!(
        "the newest build (torch {}, CUDA {}) has no code for compute capability {oldest}",
        newest.version, newest.default_cuda
    ))
}

/// The CUDA builds of a release whose code is known: the default index's first, then PyTorch's own, newest first.
fn candidates(place: usize, release: &TorchRelease, architecture: &str) -> Vec<Candidate> {
    let backends = &frameworks::indexes().uv.cuda_backends;
    let own = release
        .cuda
        .iter()
        .chain(&release.experimental)
        .filter(|cuda| backends.contains(cuda))
        .map(|cuda| (cuda, false));
    std::iter::once((&release.default_cuda, true))
        .chain(own)
        .filter_map(|(cuda, on_default_index)| {
            let code = code(release, cuda, architecture)?;
            Some(Candidate {
                place,
                cuda: cuda.clone(),
                on_default_index,
                code,
            })
        })
        .collect()
}

/// The code of the same kind of build in another release.
fn candidates_of_kind(
    release: &TorchRelease,
    architecture: &str,
    chosen: &Candidate,
) -> Option<&'static TorchCode> {
    let same_major = |cuda: &str| cuda.split('.').next() == chosen.cuda.split('.').next();
    if chosen.on_default_index {
        same_major(&release.default_cuda)
            .then(|| code(release, &release.default_cuda, architecture))
            .flatten()
    } else {
        release
            .cuda
            .iter()
            .chain(&release.experimental)
            .find(|cuda| **cuda == chosen.cuda)
            .and_then(|cuda| code(release, cuda, architecture))
    }
}

fn code(release: &TorchRelease, cuda: &str, architecture: &str) -> Option<&'static TorchCode> {
    frameworks::torch().code.iter().find(|row| {
        row.cuda == cuda
            && row.architecture == architecture
            && order(&row.from, &release.version) != Ordering::Greater
            && order(&release.version, &row.to) != Ordering::Greater
    })
}

/// Code for X.Y runs on X.Z with Z >= Y, and PTX on everything newer.
fn serves(code: &TorchCode, capability: &str) -> bool {
    let major = |version: &str| version.split('.').next().map(String::from);
    code.compute_capabilities
        .iter()
        .any(|own| major(own) == major(capability) && order(own, capability) != Ordering::Greater)
        || (code.ptx
            && code
                .compute_capabilities
                .last()
                .is_some_and(|newest| order(capability, newest) == Ordering::Greater))
}
