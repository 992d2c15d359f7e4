//! ROCm builds of PyTorch, by AMD target.

use super::{Part, finish};
use crate::build::{Build, Wish, listed, shown};
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::hardware;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu};
use std::collections::BTreeMap;

/// The ROCm build with code for the GPUs; else, in a sentence, why there is none.
pub(super) fn amd_build(
    facts: &Facts,
    wish: &Wish,
    releases: &[&'static TorchRelease],
    gpus: &[&Gpu],
    architecture: &str,
) -> Result<Result<Build, String>, Problem> {
    if architecture != "x86_64" {
        return Ok(Err(format!(
            "there are no ROCm packages for {architecture} processors"
        )));
    }
    let target = |gpu: &Gpu| {
        gpu.gfx_target
            .value()
            .and_then(|name| hardware::amd_target(name))
    };
    let serves = |gpu: &Gpu, rocm: &str| {
        target(gpu).is_some_and(|target| target.pytorch_rocm.iter().any(|version| version == rocm))
    };
    let built: Vec<&String> = frameworks::indexes()
        .uv
        .rocm_backends
        .iter()
        .filter(|rocm| {
            releases
                .iter()
                .any(|release| release.rocm.as_ref() == Some(rocm))
        })
        .collect();
    let best = built
        .iter()
        .map(|rocm| (*rocm, gpus.iter().filter(|gpu| serves(gpu, rocm)).count()))
        .filter(|(_, count)| *count > 0)
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    let mut variables = BTreeMap::new();
    let mut why = Vec::new();
    let rocm = match (best, gpus) {
        (Some((rocm, count)), _) => {
            let (kept, left): (Vec<&Gpu>, Vec<&Gpu>) =
                gpus.iter().partition(|gpu| serves(gpu, rocm));
            why.push(format!(
                "{}: torch for ROCm {rocm} has code for it, and brings ROCm's libraries along",
                listed(
                    &kept
                        .iter()
                        .map(|gpu| amd_described(gpu))
                        .collect::<Vec<_>>()
                )
            ));
            if count < gpus.len() {
                why.push(format!(
                    "it leaves out {}",
                    listed(
                        &left
                            .iter()
                            .map(|gpu| amd_described(gpu))
                            .collect::<Vec<_>>()
                    )
                ));
                let ids: Vec<String> = kept
                    .iter()
                    .filter_map(|gpu| gpu.uuid.value().cloned())
                    .collect();
                if ids.len() == kept.len() {
                    variables.insert("ROCR_VISIBLE_DEVICES".into(), Some(ids.join(",")));
                }
            }
            rocm
        }
        (None, [gpu]) => {
            let Some(target) = target(gpu) else {
                return Ok(Err(format!(
                    "{} is not among the targets PyTorch's ROCm builds are known to serve",
                    amd_described(gpu)
                )));
            };
            let (Some(pretend), true, Some(newest)) = (
                &target.override_version,
                target.name != "gfx1103",
                built.first(),
            ) else {
                return Ok(Err(format!(
                    "no PyTorch build has code for {}",
                    amd_described(gpu)
                )));
            };
            why.push(format!("no PyTorch build has code of its own for {}; with HSA_OVERRIDE_GFX_VERSION={pretend} it runs a sibling's, by public practice and not by AMD's documents", amd_described(gpu)));
            variables.insert("HSA_OVERRIDE_GFX_VERSION".into(), Some(pretend.clone()));
            newest
        }
        (None, _) => {
            return Ok(Err(format!(
                "no PyTorch build has code for {}",
                listed(
                    &gpus
                        .iter()
                        .map(|gpu| amd_described(gpu))
                        .collect::<Vec<_>>()
                )
            )));
        }
    };
    if facts.drivers.amd.compute_device.is_absent()
        || facts.drivers.amd.compute_device.value() == Some(&false)
    {
        why.push("/dev/kfd is not there: training runs on the processor until the amdgpu driver offers it".into());
    } else if facts.drivers.amd.compute_access.value() == Some(&false) {
        why.push("this account may not open /dev/kfd: training runs on the processor until it is in the groups render and video".into());
    }
    let start = releases
        .iter()
        .position(|release| release.rocm.as_ref() == Some(rocm))
        .unwrap_or(0);
    let span: Vec<&TorchRelease> = releases[start..]
        .iter()
        .take_while(|release| release.rocm.as_ref() == Some(rocm))
        .copied()
        .collect();
    let variant = format!("rocm{rocm}");
    let usable = facts.drivers.amd.compute_device.value() != Some(&false)
        && !facts.drivers.amd.compute_device.is_absent();
    finish(
        facts,
        wish,
        &span,
        Part {
            variant: variant.clone(),
            backend: Some(variant),
            accelerated: usable,
            variables,
            download: None,
            why,
        },
    )
    .map(Ok)
}

fn amd_described(gpu: &Gpu) -> String {
    match gpu.gfx_target.value() {
        Some(target) => format!("{} ({target})", shown(gpu)),
        None => shown(gpu),
    }
}
