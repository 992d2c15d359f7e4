//! ROCm builds of PyTorch, by AMD target.

use super::{Part, Wanted, finish};
use crate::build::admission::admits_python;
use crate::build::cuda;
use crate::build::parts::{LeftOut, RuledOut, rule_out};
use crate::build::source;
use crate::build::{Build, counted, shown};
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::hardware::{self, AmdTarget};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu};
use std::cmp::Ordering;
use std::collections::BTreeMap;

fn target(gpu: &Gpu) -> Option<&'static AmdTarget> {
    gpu.gfx_target
        .value()
        .and_then(|name| hardware::amd_target(name))
}

/// PyTorch's ROCm build is known to have code for the target.
pub fn in_wheels(target: &AmdTarget, rocm: &str) -> bool {
    target.pytorch_rocm.iter().any(|version| version == rocm)
}

/// AMD's own index is known to have code for the target.
pub fn in_multi_arch(target: &AmdTarget) -> bool {
    target.in_rocm_documentation || target.therock_tested
}

/// A sentence on AMD GPUs beside NVIDIA's, where a ROCm build would serve them: one build serves one maker's.
pub(super) fn unused(facts: &Facts) -> Option<String> {
    let names: Vec<String> = facts
        .known_gpus()
        .iter()
        .filter(|gpu| target(gpu).is_some_and(|target| !target.pytorch_rocm.is_empty()))
        .map(described)
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "one build serves one maker's GPUs: {} is not used with it",
            counted(&names)
        )
    })
}

/// The ROCm build with code for the GPUs; else, in a sentence, why there is none.
pub(super) fn amd_build(
    facts: &Facts,
    wanted: &Wanted<'_>,
    gpus: &[&Gpu],
    ruled_out: &mut Vec<RuledOut>,
) -> Result<Result<Build, String>, Problem> {
    if wanted.architecture != "x86_64" {
        return Ok(Err(format!(
            "there are no ROCm packages for {} processors",
            wanted.architecture
        )));
    }
    let wheel = by_pytorch(wanted, gpus, ruled_out);
    if let Some((release, left_out)) = wheel {
        return from_pytorch(facts, wanted, gpus, release, &left_out).map(Ok);
    }
    if let Some((release, left_out)) = by_amd(wanted, gpus) {
        return from_amd(facts, wanted, gpus, release, &left_out).map(Ok);
    }
    if let Some((release, left_out)) = newest_wheel(wanted, gpus) {
        return from_pytorch(facts, wanted, gpus, release, &left_out).map(Ok);
    }
    let names: Vec<String> = gpus.iter().map(|gpu| described(gpu)).collect();
    let unknown = gpus.iter().all(|gpu| target(gpu).is_none());
    Ok(Err(if unknown {
        format!(
            "{} is not among the targets that PyTorch's ROCm builds are known to serve",
            counted(&names)
        )
    } else {
        format!(
            "no PyTorch build within the wish has code for {}",
            counted(&names)
        )
    }))
}

/// ROCm builds that are newer than the lists of their targets (`rocm7.14`): sources contradict each other about them.
fn is_contradicted(rocm: &str) -> bool {
    !frameworks::indexes()
        .uv
        .rocm_backends
        .iter()
        .any(|known| known == rocm)
}

/// The newest release whose ROCm build serves the most GPUs.
fn by_pytorch<'a>(
    wanted: &Wanted<'_>,
    gpus: &[&'a Gpu],
    ruled_out: &mut Vec<RuledOut>,
) -> Option<(&'static TorchRelease, Vec<&'a Gpu>)> {
    let mut open = Vec::new();
    for release in wanted.releases.iter().copied() {
        let Some(rocm) = &release.rocm else {
            rule_out(
                ruled_out,
                release.version.clone(),
                "has no ROCm build that is known",
            );
            continue;
        };
        let shown = format!("{} (rocm{rocm})", release.version);
        if !wanted.allows(&format!("rocm{rocm}")) {
            continue;
        }
        if !admits_python(
            wanted.python(),
            &release.python_min,
            release.newest_python_own(),
        ) {
            rule_out(
                ruled_out,
                shown,
                "has no packages for the Python that is asked for",
            );
        } else if is_contradicted(rocm) {
            rule_out(
                ruled_out,
                shown,
                "sources contradict each other about its index: it is taken only where the version wish leaves nothing else",
            );
        } else if !gpus
            .iter()
            .any(|gpu| target(gpu).is_some_and(|target| in_wheels(target, rocm)))
        {
            rule_out(ruled_out, shown, "is not known to have code for the GPU");
        } else {
            open.push(release);
        }
    }
    let (place, left_out) = cuda::best(&open, gpus, |release, gpu| {
        release
            .rocm
            .as_ref()
            .is_some_and(|rocm| target(gpu).is_some_and(|target| in_wheels(target, rocm)))
    })?;
    let chosen = open[place];
    // Those after the chosen one are not part of the way there.
    for row in ruled_out.iter_mut() {
        row.builds.retain(|build| {
            let version = build.split(' ').next().unwrap_or(build);
            order(version, &chosen.version) == Ordering::Greater
        });
    }
    ruled_out.retain(|row| !row.builds.is_empty());
    Some((chosen, left_out))
}

/// A release whose ROCm build is newer than the lists, for targets that earlier builds serve.
fn newest_wheel<'a>(
    wanted: &Wanted<'_>,
    gpus: &[&'a Gpu],
) -> Option<(&'static TorchRelease, Vec<&'a Gpu>)> {
    let release = wanted.releases.iter().copied().find(|release| {
        release.rocm.as_ref().is_some_and(|rocm| {
            is_contradicted(rocm)
                && rocm.starts_with('7')
                && wanted.allows(&format!("rocm{rocm}"))
                && admits_python(
                    wanted.python(),
                    &release.python_min,
                    release.newest_python_own(),
                )
        })
    })?;
    let left_out: Vec<&Gpu> = gpus
        .iter()
        .copied()
        .filter(|gpu| target(gpu).is_none_or(|target| !in_wheels(target, "7.2")))
        .collect();
    (left_out.len() < gpus.len()).then_some((release, left_out))
}

/// The newest release on AMD's own index, for targets that no PyTorch build serves.
fn by_amd<'a>(
    wanted: &Wanted<'_>,
    gpus: &[&'a Gpu],
) -> Option<(&'static TorchRelease, Vec<&'a Gpu>)> {
    let known = &frameworks::torch().amd_multi_arch;
    if !wanted.allows(&known.variant) {
        return None;
    }
    let release = wanted.releases.iter().copied().find(|release| {
        known.releases.contains(&release.version)
            && admits_python(wanted.python(), &release.python_min, &release.python_max)
    })?;
    let only_there = |gpu: &Gpu| {
        target(gpu).is_some_and(|target| target.pytorch_rocm.is_empty() && in_multi_arch(target))
    };
    let left_out: Vec<&Gpu> = gpus
        .iter()
        .copied()
        .filter(|gpu| !only_there(gpu))
        .collect();
    (left_out.len() < gpus.len()).then_some((release, left_out))
}

fn from_pytorch(
    facts: &Facts,
    wanted: &Wanted<'_>,
    gpus: &[&Gpu],
    release: &'static TorchRelease,
    left_out: &[&Gpu],
) -> Result<Build, Problem> {
    let rocm = release.rocm.clone().unwrap_or_default();
    let variant = format!("rocm{rocm}");
    let kept = cuda::kept(gpus, left_out);
    let mut why = vec![format!(
        "{}: torch {} for ROCm {rocm} has code for it, and brings ROCm's libraries along",
        counted(&kept.iter().map(|gpu| described(gpu)).collect::<Vec<_>>()),
        release.version
    )];
    if is_contradicted(&rocm) {
        why.push(format!(
            "the version wish leaves only ROCm {rocm}: one source saw its index full, another empty, so the install may find nothing there"
        ));
    }
    let span: Vec<&'static TorchRelease> = wanted
        .releases
        .iter()
        .skip_while(|other| other.version != release.version)
        .take_while(|other| other.rocm == release.rocm)
        .copied()
        .collect();
    let variant_source = source::pytorch(&variant, wanted.wish.pytorch_index.as_deref());
    let (variables, left_out, notes) = hide(&kept, left_out);
    why.extend(notes);
    why.extend(access(facts));
    finish(
        facts,
        wanted,
        Part {
            span,
            newest_python: release.newest_python_own(),
            sourced: !is_contradicted(&rocm),
            variant,
            source: variant_source,
            accelerated: usable(facts),
            variables,
            left_out,
            download: None,
            why,
        },
    )
}

fn from_amd(
    facts: &Facts,
    wanted: &Wanted<'_>,
    gpus: &[&Gpu],
    release: &'static TorchRelease,
    left_out: &[&Gpu],
) -> Result<Build, Problem> {
    let known = &frameworks::torch().amd_multi_arch;
    let kept = cuda::kept(gpus, left_out);
    let mut why = vec![format!(
        "{}: no build of PyTorch's own has code for it; AMD's index of builds for many targets does",
        counted(&kept.iter().map(|gpu| described(gpu)).collect::<Vec<_>>())
    )];
    let mut extras: Vec<String> = kept
        .iter()
        .filter_map(|gpu| gpu.gfx_target.value())
        .map(|name| format!("device-{name}"))
        .collect();
    extras.sort();
    extras.dedup();
    if let Some(pretend) = kept
        .iter()
        .filter_map(|gpu| target(gpu))
        .find_map(|target| target.override_version.as_ref())
    {
        why.push(format!(
            "the alternative by public practice, not by AMD's documents: PyTorch's own ROCm build with HSA_OVERRIDE_GFX_VERSION={pretend}, which runs a sibling's code"
        ));
    }
    let (variables, left_out, notes) = hide(&kept, left_out);
    why.extend(notes);
    why.extend(access(facts));
    let mut build = finish(
        facts,
        wanted,
        Part {
            span: vec![release],
            newest_python: &release.python_max,
            sourced: true,
            variant: known.variant.clone(),
            source: source::amd_multi_arch(),
            accelerated: usable(facts),
            variables,
            left_out,
            download: None,
            why,
        },
    )?;
    build.requirements = vec![format!("torch[{}]", extras.join(","))];
    Ok(build)
}

/// Hides GPUs that are left out: the variable, who they are, and what to say.
fn hide(
    kept: &[&Gpu],
    left_out: &[&Gpu],
) -> (BTreeMap<String, Option<String>>, Vec<LeftOut>, Vec<String>) {
    let mut variables = BTreeMap::new();
    let mut notes = Vec::new();
    if !left_out.is_empty() {
        notes.push(format!(
            "it leaves out {}",
            counted(
                &left_out
                    .iter()
                    .map(|gpu| described(gpu))
                    .collect::<Vec<_>>()
            )
        ));
        if let Some(list) = cuda::identities(kept) {
            variables.insert("ROCR_VISIBLE_DEVICES".to_string(), Some(list));
        }
    }
    let left_out = left_out
        .iter()
        .map(|gpu| LeftOut {
            gpu: described(gpu),
            uuid: gpu.uuid.value().cloned(),
            why: "the build is not known to have code for it".into(),
        })
        .collect();
    (variables, left_out, notes)
}

fn usable(facts: &Facts) -> bool {
    is_offered(facts) && facts.drivers.amd.compute_access.value() != Some(&false)
}

fn is_offered(facts: &Facts) -> bool {
    facts.drivers.amd.compute_device.value() != Some(&false)
        && !facts.drivers.amd.compute_device.is_absent()
}

/// What stands between the build and the GPU on this machine, in a sentence.
fn access(facts: &Facts) -> Option<String> {
    let amd = &facts.drivers.amd;
    if !is_offered(facts) {
        Some("/dev/kfd is not there: training runs on the processor until the amdgpu driver offers it".into())
    } else if amd.compute_access.value() == Some(&false) {
        Some("this account may not open /dev/kfd: training runs on the processor until it is in the groups render and video".into())
    } else {
        None
    }
}

fn described(gpu: &Gpu) -> String {
    match gpu.gfx_target.value() {
        Some(target) => format!("{} ({target})", shown(gpu)),
        None => shown(gpu),
    }
}
