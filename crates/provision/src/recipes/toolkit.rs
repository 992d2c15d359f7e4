//! Toolkits: CUDA and ROCm, on wish only, pinned to a version, never with a driver.

use super::{archive, sources};
use crate::draft::{Draft, are, packages, refresh};
use crate::present::{Present, cards};
use crate::wish::version_parts;
use deskside_knowledge::hardware::nvidia_architecture;
use deskside_knowledge::platforms::repository;
use deskside_knowledge::version::order;
use deskside_types::facts::Vendor;
use std::cmp::Ordering;

/// Whether toolkit packages are there that NVIDIA's archive keeps up to date.
pub(crate) fn rests_on_archive(present: &Present<'_>) -> bool {
    present
        .platform
        .cuda
        .as_ref()
        .is_some_and(|cuda| cuda.repository.is_some())
        && present
            .of_kind(&["cuda-toolkit"])
            .iter()
            .any(|package| package.name.starts_with("cuda"))
}

/// Whether a toolkit is wished that NVIDIA's archive can give here.
pub(crate) fn wants_archive(present: &Present<'_>) -> bool {
    let (Some(wished), Some(cuda)) = (&present.wish.cuda, &present.platform.cuda) else {
        return false;
    };
    cuda.repository.is_some()
        && version_parts(wished).is_some()
        && order(wished, &cuda.oldest) != Ordering::Less
}

/// Enters NVIDIA's archive for a toolkit that is there, after its old entry was taken out.
pub(crate) fn enter_again(present: &Present<'_>, draft: &mut Draft) {
    let place = present
        .platform
        .cuda
        .as_ref()
        .and_then(|cuda| cuda.repository.as_ref());
    if let Some(place) = place {
        sources::enter(
            present,
            draft,
            "nvidia",
            place,
            "The CUDA toolkit that is there comes from it, and gets its updates from there.",
        );
    }
}

/// The CUDA toolkit.
pub(crate) fn cuda(present: &Present<'_>, draft: &mut Draft) {
    let Some(version) = &present.wish.cuda else {
        return;
    };
    let (Some(cuda), Some((major, minor))) = (&present.platform.cuda, version_parts(version))
    else {
        draft.block(
            format!("no CUDA toolkit is known for {}", present.platform.name),
            &[],
        );
        return;
    };
    let short = format!("{major}.{minor}");
    if let Some(only) = &cuda.only
        && *only != short
    {
        draft.block(
            format!(
                "{}'s archive has CUDA {only} only; CUDA {short} is not in it",
                present.platform.name
            ),
            &[&format!("deskside plan --cuda {only}")],
        );
        return;
    }
    if order(&short, &cuda.oldest) == Ordering::Less {
        draft.block(
            format!(
                "the compiler of CUDA {short} refuses {}'s own gcc; the oldest that takes it is {}",
                present.platform.name, cuda.oldest
            ),
            &[&format!("deskside plan --cuda {}", cuda.oldest)],
        );
        return;
    }
    cards_and_toolkit(present, &short, draft);
    let name = cuda
        .package
        .replace("{major}", &major.to_string())
        .replace("{minor}", &minor.to_string());
    if present.packages.has(&name) {
        draft.satisfied(format!("the CUDA toolkit {short} is there"));
        return;
    }
    match &cuda.repository {
        Some(place) => {
            if !sources::enter(
                present,
                draft,
                "nvidia",
                place,
                &format!(
                    "The CUDA toolkit {short} comes from there; {}'s own archive has an older one, whose compiler often refuses its own gcc.",
                    present.platform.name
                ),
            ) {
                return;
            }
        }
        None => {
            if !archive::component(present, draft, cuda.component.as_deref()) {
                return;
            }
        }
    }
    draft.step(
        "toolkit.install",
        &[("version", &short)],
        vec![are(std::slice::from_ref(&name), &[])],
        vec![refresh(), packages(&[name], &[])],
    );
}

/// Whether the toolkit compiles for the cards.
fn cards_and_toolkit(present: &Present<'_>, version: &str, draft: &mut Draft) {
    if present.facts.gpus.value().is_some()
        && cards(present.facts, Vendor::Nvidia).is_empty()
        && present.facts.system.wsl.value().is_none()
    {
        draft.note(
            "the CUDA toolkit was asked for, and no NVIDIA card is on the bus: it compiles, and what it compiles does not run here",
            &[],
        );
    }
    for card in cards(present.facts, Vendor::Nvidia) {
        let Some(row) = card
            .compute_capability
            .value()
            .and_then(|capability| nvidia_architecture(capability))
        else {
            continue;
        };
        if order(version, &row.min_cuda) == Ordering::Less {
            draft.note(
                format!(
                    "CUDA {version} does not know {} cards; the first that does is {}",
                    row.name, row.min_cuda
                ),
                &[],
            );
        }
        if let Some(last) = &row.max_cuda
            && order(version, last) == Ordering::Greater
        {
            draft.note(
                format!(
                    "CUDA {version} no longer compiles for {} cards; the last that does is {last}",
                    row.name
                ),
                &[],
            );
        }
    }
}

/// `cuda` and its kind bring a second driver; the toolkits they stand for stay.
pub(crate) fn floating(present: &Present<'_>, draft: &mut Draft) {
    let driver_is_from_there = present
        .platform
        .nvidia
        .as_ref()
        .is_none_or(|nvidia| nvidia.origin == "nvidia");
    if !driver_is_from_there {
        part_from_driver(present, draft);
    }
}

/// Takes `cuda` and its kind away, which hang on a driver, and keeps the toolkits they stand for.
pub(crate) fn part_from_driver(present: &Present<'_>, draft: &mut Draft) {
    let floating: Vec<String> = present
        .of_kind(&["cuda-toolkit"])
        .iter()
        .map(|package| package.name.clone())
        .filter(|name| {
            name == "cuda"
                || name.strip_prefix("cuda-").is_some_and(|rest| {
                    rest.bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'-')
                })
        })
        .collect();
    if floating.is_empty() {
        return;
    }
    let kept: Vec<String> = present
        .of_kind(&["cuda-toolkit"])
        .iter()
        .map(|package| package.name.clone())
        .filter(|name| {
            name.strip_prefix("cuda-toolkit-").is_some_and(|rest| {
                !rest.is_empty()
                    && rest
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'-')
            })
        })
        .collect();
    draft.step(
        "toolkit.floating",
        &[],
        vec![are(&kept, &floating)],
        vec![packages(&kept, &floating)],
    );
}

/// ROCm.
pub(crate) fn rocm(present: &Present<'_>, draft: &mut Draft) {
    if !present.wish.rocm {
        return;
    }
    let Some(amd) = &present.platform.amd else {
        draft.block(
            format!("no ROCm is known for {}", present.platform.name),
            &[],
        );
        return;
    };
    if present.has_all(&amd.rocm_packages) {
        draft.satisfied("ROCm is there");
        return;
    }
    let mut origin = format!("{}'s archive", present.platform.name);
    if let Some(place) = &amd.rocm_repository {
        if !sources::enter(
            present,
            draft,
            "rocm",
            place,
            &format!(
                "{}'s own archive has no current ROCm.",
                present.platform.name
            ),
        ) {
            return;
        }
        if let Some(archive) = repository("rocm") {
            origin.clone_from(&archive.name);
        }
    }
    draft.step(
        "rocm.install",
        &[("version", &amd.rocm_version), ("origin", &origin)],
        vec![are(&amd.rocm_packages, &[])],
        vec![refresh(), packages(&amd.rocm_packages, &[])],
    );
}
