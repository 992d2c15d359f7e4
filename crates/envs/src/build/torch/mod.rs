//! PyTorch: CUDA builds by driver and compute capability, ROCm builds by target, MPS, CPU.

mod amd;
mod nvidia;

use super::specifier::admits;
use super::{Build, Flavour, Wish, architecture, check_glibc, cuda, no_fit, python};
use amd::amd_build;
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu, OsKind, Vendor};
use nvidia::nvidia_build;
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
/// `trouble` says why it can't, in a sentence.
pub fn default_index(facts: &Facts, wish: &Wish, trouble: &str) -> Result<Build, Problem> {
    let releases = releases(wish);
    let Some(newest) = releases.first() else {
        return by_uv(facts, wish);
    };
    let variant = variant_of(&newest.default_cuda);
    let why = vec![format!(
        "{trouble}; the default index's build computes on the processor too, but is much larger"
    )];
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
#[path = "../torch_tests.rs"]
mod tests;
