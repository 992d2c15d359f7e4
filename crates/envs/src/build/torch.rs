//! PyTorch: CUDA builds by driver and compute capability, ROCm builds by target, MPS, CPU.

use super::cuda::{self, Driver};
use super::specifier::admits;
use super::{Build, Flavour, Wish, architecture, check_glibc, listed, no_fit, python, shown};
use deskside_knowledge::frameworks::{self, TorchCode, TorchRelease};
use deskside_knowledge::hardware;
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu, OsKind, Vendor};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The PyTorch build for a machine.
pub fn choose(facts: &Facts, wish: &Wish) -> Result<Build, Problem> {
    let known = frameworks::torch();
    let Some(architecture) = architecture(facts) else {
        return Err(no_fit(
            Flavour::Torch,
            facts
                .system
                .architecture
                .reason()
                .unwrap_or("the processor is not known"),
            "install the packages by hand",
        ));
    };
    check_glibc(
        facts,
        Flavour::Torch,
        &known.linux_glibc_min,
        "use a system with a newer C library, such as Ubuntu 22.04",
    )?;
    if facts.system.kind == OsKind::MacOs {
        return macos(facts, wish, architecture);
    }
    if !matches!(architecture, "x86_64" | "aarch64") {
        return Err(no_fit(
            Flavour::Torch,
            format!("there are no packages for {architecture} processors"),
            "build PyTorch from its source",
        ));
    }
    let releases = releases(wish);
    if releases.is_empty() {
        return by_uv(facts, wish);
    }
    let mut why = Vec::new();
    let nvidia = cuda::gpus(facts);
    if !nvidia.is_empty() {
        match nvidia_build(facts, wish, &releases, &nvidia, architecture)? {
            Ok(build) => return Ok(build),
            Err(sentence) => why.push(sentence),
        }
    }
    let amd: Vec<&Gpu> = facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.vendor == Vendor::Amd)
        .collect();
    if !amd.is_empty() && nvidia.is_empty() {
        match amd_build(facts, wish, &releases, &amd, architecture)? {
            Ok(build) => return Ok(build),
            Err(sentence) => why.push(sentence),
        }
    }
    if let Some(reason) = facts.gpus.reason() {
        why.push(format!("GPUs could not be looked for ({reason})"));
    } else if nvidia.is_empty() && amd.is_empty() {
        why.push("no GPU that PyTorch computes on was found".into());
    }
    why.push("PyTorch's CPU build is a small download".into());
    finish(
        facts,
        wish,
        &releases,
        Part {
            variant: "cpu".into(),
            backend: Some("cpu".into()),
            accelerated: false,
            variables: BTreeMap::new(),
            download: None,
            why,
        },
    )
}

/// What the default index has for this machine, where PyTorch's own CPU index can't be had: larger, and it computes on the processor too.
pub fn default_index(facts: &Facts, wish: &Wish) -> Result<Build, Problem> {
    let releases = releases(wish);
    let Some(newest) = releases.first() else {
        return by_uv(facts, wish);
    };
    let variant = variant_of(&newest.default_cuda);
    let why = vec!["PyTorch's CPU index can't be reached: the default index's build computes on the processor too, but is much larger".into()];
    finish(
        facts,
        wish,
        &releases,
        Part {
            variant,
            backend: None,
            accelerated: false,
            variables: BTreeMap::new(),
            download: download(facts, "linux"),
            why,
        },
    )
}

/// Releases that the project's own bounds admit, newest first.
fn releases(wish: &Wish) -> Vec<&'static TorchRelease> {
    frameworks::torch()
        .releases
        .iter()
        .filter(|release| admits(&wish.framework, &release.version))
        .collect()
}

/// The project asks for a release this program knows nothing of: uv's own rules serve.
fn by_uv(facts: &Facts, wish: &Wish) -> Result<Build, Problem> {
    let python =
        python::choose(facts, "3.9", "3.14", wish.python.as_deref()).map_err(|reason| {
            no_fit(
                Flavour::Torch,
                reason,
                "change the project's Python version",
            )
        })?;
    Ok(Build {
        flavour: Flavour::Torch,
        variant: "auto".into(),
        accelerated: facts.known_gpus().iter().any(Gpu::is_accelerator),
        requirements: Vec::new(),
        arguments: if facts.system.kind == OsKind::Linux {
            vec!["--torch-backend".into(), "auto".into()]
        } else {
            Vec::new()
        },
        python: python.request,
        python_range: python.range,
        variables: BTreeMap::new(),
        download_estimate: None,
        why: vec![
            format!(
                "the project asks for torch {}, of which no builds are known here: uv chooses by the driver alone",
                wish.framework
            ),
            python.why,
        ],
    })
}

fn macos(facts: &Facts, wish: &Wish, architecture: &str) -> Result<Build, Problem> {
    if architecture != "aarch64" {
        return Err(no_fit(
            Flavour::Torch,
            format!(
                "Macs with Intel processors are served no longer; the last release for them is {}",
                frameworks::torch().intel_mac
            ),
            format!(
                "pin it in a project of your own: torch=={}",
                frameworks::torch().intel_mac
            ),
        ));
    }
    let version = facts.system.os.value().and_then(|os| os.version.as_deref());
    let releases: Vec<&TorchRelease> = releases(wish)
        .into_iter()
        .filter(|release| {
            version.is_none_or(|have| order(&release.macos_min, have) != Ordering::Greater)
        })
        .collect();
    if releases.is_empty() {
        if admits(&wish.framework, "2.15") || version.is_some() {
            return Err(no_fit(
                Flavour::Torch,
                format!(
                    "no release fits macOS {}",
                    version.unwrap_or("of this version")
                ),
                "update macOS to 14 or newer",
            ));
        }
        return by_uv(facts, wish);
    }
    let mut why = vec![
        "the default index's build for Apple silicon computes on the GPU through Metal (MPS)"
            .to_string(),
    ];
    if releases.first().map(|release| &release.version)
        != frameworks::torch()
            .releases
            .first()
            .map(|release| &release.version)
        && wish.framework.is_empty()
    {
        why.push("newer releases need macOS 14".into());
    }
    finish(
        facts,
        wish,
        &releases,
        Part {
            variant: "mps".into(),
            backend: None,
            accelerated: true,
            variables: BTreeMap::new(),
            download: download(facts, "macos"),
            why,
        },
    )
}

/// A CUDA build of a release.
struct Candidate {
    place: usize,
    cuda: String,
    on_default_index: bool,
    code: &'static TorchCode,
}

fn nvidia_build(
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

fn amd_build(
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

/// `cu132` of `13.2`.
fn variant_of(cuda: &str) -> String {
    format!("cu{}", cuda.replace('.', ""))
}

fn download(facts: &Facts, os: &str) -> Option<u64> {
    let architecture = architecture(facts)?;
    frameworks::torch()
        .downloads
        .iter()
        .find(|row| row.os == os && row.architecture == architecture)
        .map(|row| row.bytes)
}

/// What is decided before the Python and the requirement are.
struct Part {
    variant: String,
    backend: Option<String>,
    accelerated: bool,
    variables: BTreeMap<String, Option<String>>,
    download: Option<u64>,
    why: Vec<String>,
}

/// Adds the Python and the requirement. `span` are the releases that serve, newest first, at least one.
fn finish(
    facts: &Facts,
    wish: &Wish,
    span: &[&TorchRelease],
    part: Part,
) -> Result<Build, Problem> {
    let (Some(newest), Some(oldest)) = (span.first(), span.last()) else {
        return Err(no_fit(
            Flavour::Torch,
            "no release serves",
            "run `deskside info` and look at GPU and driver",
        ));
    };
    let python = python::choose(
        facts,
        &newest.python_min,
        &newest.python_max,
        wish.python.as_deref(),
    )
    .map_err(|reason| {
        no_fit(
            Flavour::Torch,
            reason,
            format!(
                "change the project's Python version to one between {} and {}",
                newest.python_min, newest.python_max
            ),
        )
    })?;
    let mut why = part.why;
    why.push(python.why);
    let arguments = part
        .backend
        .map(|backend| vec!["--torch-backend".to_string(), backend])
        .unwrap_or_default();
    Ok(Build {
        flavour: Flavour::Torch,
        variant: part.variant,
        accelerated: part.accelerated,
        requirements: vec![format!(
            "torch>={},<{}",
            oldest.version,
            next(&newest.version)
        )],
        arguments,
        python: python.request,
        python_range: python.range,
        variables: part.variables,
        download_estimate: part.download,
        why,
    })
}

/// The minor release after one: `2.16` of `2.15`.
fn next(version: &str) -> String {
    match version
        .split_once('.')
        .and_then(|(major, minor)| Some((major, minor.parse::<u32>().ok()?)))
    {
        Some((major, minor)) => format!("{major}.{}", minor + 1),
        None => version.to_string(),
    }
}

#[cfg(test)]
#[path = "torch_tests.rs"]
mod tests;
