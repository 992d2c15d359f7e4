//! PyTorch: CUDA builds by driver and compute capability, ROCm builds by target, MPS, CPU.

mod amd;
mod limits;
mod macos;
pub(super) mod nvidia;

use super::admission::{Bounds, admits_python};
use super::cuda::Driver;
use super::parts::{LeftOut, RuledOut};
use super::source::{self, Source, without_dots};
use super::{Build, Flavour, Wish, architecture, cuda, no_fit, python};
use amd::amd_build;
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu, OsKind, Vendor};
use limits::{glibc, no_release, pythons};
use macos::macos;
use nvidia::nvidia_build;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What is wanted of a build, with the releases that come into question.
pub(super) struct Wanted<'a> {
    /// The wish.
    pub wish: &'a Wish,
    /// Releases that the version wish and the system admit, newest first.
    pub releases: Vec<&'static TorchRelease>,
    /// The processor.
    pub architecture: &'a str,
    /// Extras that alone are allowed; all where none.
    pub only: Option<Vec<String>>,
}

impl Wanted<'_> {
    /// The Python wish.
    pub fn python(&self) -> Option<&str> {
        self.wish.python.as_deref()
    }

    /// Whether a variant is among those that are allowed.
    pub fn allows(&self, variant: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| only.contains(&without_dots(variant)))
    }
}

/// The PyTorch build for a machine; among `only` these extras where they are given.
pub fn choose(facts: &Facts, wish: &Wish, only: Option<&[String]>) -> Result<Build, Problem> {
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
    let only = only.map(<[String]>::to_vec).or_else(|| {
        super::admission::pinned_variant(&wish.framework).map(|pinned| vec![without_dots(&pinned)])
    });
    let mut wanted = Wanted {
        wish,
        releases: by_wish(wish),
        architecture,
        only,
    };
    if wanted.releases.is_empty() {
        return Err(no_release(wish));
    }
    if facts.system.kind == OsKind::MacOs {
        return macos(facts, wanted);
    }
    if !matches!(architecture, "x86_64" | "aarch64") {
        return Err(no_fit(
            Flavour::Torch,
            format!("there are no packages for {architecture} processors"),
            "build PyTorch from its source",
        ));
    }
    let mut ruled_out = Vec::new();
    glibc(facts, &mut wanted, &mut ruled_out)?;
    pythons(&wanted)?;
    let mut why = Vec::new();
    let nvidia = cuda::gpus(facts);
    let amd: Vec<&Gpu> = facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.vendor == Vendor::Amd)
        .collect();
    if let Driver::Unfit(unfit) = Driver::of(facts)
        && let Ok(Ok(mut build)) = amd_build(facts, &wanted, &amd, &mut Vec::new())
        && build.accelerated
    {
        // A build that computes now comes before one that waits for a driver.
        build.why.insert(0, unfit.sentence());
        return Ok(with(build, ruled_out));
    }
    if !nvidia.is_empty() {
        match nvidia_build(facts, &wanted, &nvidia, &mut ruled_out)? {
            Ok(mut build) => {
                let place = build.why.len().saturating_sub(1);
                build.why.splice(place..place, amd::unused(facts));
                return Ok(with(build, ruled_out));
            }
            Err(sentence) => why.push(sentence),
        }
    }
    if !amd.is_empty() {
        match amd_build(facts, &wanted, &amd, &mut ruled_out)? {
            Ok(mut build) => {
                build.why.splice(0..0, why);
                return Ok(with(build, ruled_out));
            }
            Err(sentence) => why.push(sentence),
        }
    }
    if let Some(reason) = facts.gpus.reason() {
        why.push(format!("GPUs could not be looked for ({reason})"));
    } else if nvidia.is_empty() && amd.is_empty() {
        why.push("no GPU that PyTorch computes on was found".into());
        if facts
            .known_gpus()
            .iter()
            .any(|gpu| gpu.vendor == Vendor::Intel)
        {
            why.push("PyTorch's builds for Intel's GPUs (xpu) are not chosen: which GPUs they serve is not known here".into());
        }
    }
    processor(facts, &wanted, why).map(|build| with(build, ruled_out))
}

fn with(mut build: Build, ruled_out: Vec<RuledOut>) -> Build {
    build.ruled_out = ruled_out;
    build
}

/// The build for processors: PyTorch's CPU index, or where that is not allowed one that computes on the processor too.
fn processor(facts: &Facts, wanted: &Wanted<'_>, mut why: Vec<String>) -> Result<Build, Problem> {
    let open: Vec<&'static TorchRelease> = wanted
        .releases
        .iter()
        .copied()
        .filter(|release| {
            admits_python(
                wanted.python(),
                &release.python_min,
                release.newest_python_own(),
            )
        })
        .collect();
    if wanted.allows("cpu") {
        why.push("PyTorch's CPU build is a small download".into());
        return finish(
            facts,
            wanted,
            Part {
                span: offered(&open),
                newest_python: open
                    .first()
                    .map_or("3.14", |release| release.newest_python_own()),
                variant: "cpu".into(),
                source: source::pytorch("cpu", wanted.wish.pytorch_index.as_deref()),
                accelerated: false,
                variables: BTreeMap::new(),
                left_out: Vec::new(),
                download: None,
                sourced: true,
                why,
            },
        );
    }
    // Every CUDA build computes on the processor too.
    let found = open.iter().find_map(|release| {
        nvidia::candidates(release, wanted.architecture)
            .into_iter()
            .find(|candidate| wanted.allows(&variant_of(&candidate.cuda)))
    });
    let Some(found) = found else {
        return Err(no_fit(
            Flavour::Torch,
            format!(
                "none of the builds it may be ({}) serves here",
                wanted.only.clone().unwrap_or_default().join(", ")
            ),
            "add the build for processors (cpu) to the project's extras",
        ));
    };
    let variant = variant_of(&found.cuda);
    why.push(format!(
        "{variant} computes on the processor too, but is much larger than a build for processors"
    ));
    finish(
        facts,
        wanted,
        Part {
            span: vec![found.release],
            newest_python: found.newest_python(wanted.architecture),
            source: if found.on_default_index {
                Source::default()
            } else {
                source::pytorch(&variant, wanted.wish.pytorch_index.as_deref())
            },
            variant,
            accelerated: false,
            variables: BTreeMap::new(),
            left_out: Vec::new(),
            download: None,
            sourced: true,
            why,
        },
    )
}

/// What the default index has for this machine, where PyTorch's own CPU index can't be had: larger, and it computes on the processor too.
/// `trouble` says why it can't, in a sentence.
pub fn default_index(facts: &Facts, wish: &Wish, trouble: &str) -> Result<Build, Problem> {
    let architecture = architecture(facts).unwrap_or("x86_64");
    let mut wanted = Wanted {
        wish,
        releases: by_wish(wish),
        architecture,
        only: None,
    };
    let mut ruled_out = Vec::new();
    glibc(facts, &mut wanted, &mut ruled_out)?;
    let open: Vec<&'static TorchRelease> = wanted
        .releases
        .iter()
        .copied()
        .filter(|release| {
            admits_python(
                wanted.python(),
                &release.python_min,
                release.newest_python(architecture),
            )
        })
        .collect();
    let Some(newest) = open.first() else {
        return Err(no_release(wish));
    };
    let variant = newest
        .default_cuda(architecture)
        .map_or_else(|| "cpu".to_string(), variant_of);
    finish(
        facts,
        &wanted,
        Part {
            span: offered(&open),
            newest_python: newest.newest_python(architecture),
            variant,
            source: Source::default(),
            accelerated: false,
            variables: BTreeMap::new(),
            left_out: Vec::new(),
            download: download(facts, "linux"),
            sourced: true,
            why: vec![format!(
                "{trouble}; the default index's build computes on the processor too, but is much larger"
            )],
        },
    )
}

/// Releases that a version wish admits, newest first.
pub(super) fn by_wish(wish: &Wish) -> Vec<&'static TorchRelease> {
    let bounds = Bounds::of(&wish.framework);
    frameworks::torch()
        .releases
        .iter()
        .enumerate()
        .filter(|(place, release)| bounds.admits(&release.version, &release.versions, *place == 0))
        .map(|(_, release)| release)
        .collect()
}

/// The releases that are offered of those that serve: the newest, and others that are not too old.
fn offered(open: &[&'static TorchRelease]) -> Vec<&'static TorchRelease> {
    let oldest = &frameworks::torch().oldest_offered;
    open.iter()
        .enumerate()
        .filter(|(place, release)| *place == 0 || order(&release.version, oldest) != Ordering::Less)
        .map(|(_, release)| *release)
        .collect()
}

/// `cu132` of `13.2`.
pub(super) fn variant_of(cuda: &str) -> String {
    format!("cu{}", without_dots(cuda))
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
pub(super) struct Part {
    /// The releases that serve, newest first, at least one.
    pub span: Vec<&'static TorchRelease>,
    /// The newest Python of the chosen one's packages.
    pub newest_python: &'static str,
    pub variant: String,
    pub source: Source,
    pub accelerated: bool,
    pub variables: BTreeMap<String, Option<String>>,
    pub left_out: Vec<LeftOut>,
    pub download: Option<u64>,
    pub sourced: bool,
    pub why: Vec<String>,
}

/// Adds the Python and the requirement.
pub(super) fn finish(facts: &Facts, wanted: &Wanted<'_>, part: Part) -> Result<Build, Problem> {
    let (Some(newest), Some(oldest)) = (part.span.first(), part.span.last()) else {
        return Err(no_fit(
            Flavour::Torch,
            "no release serves",
            "run `deskside info` and look at GPU and driver",
        ));
    };
    let python = python::choose(
        facts,
        &newest.python_min,
        part.newest_python,
        wanted.python(),
    )
    .map_err(|reason| {
        no_fit(
            Flavour::Torch,
            reason,
            format!(
                "change the project's Python version to one between {} and {}",
                newest.python_min, part.newest_python
            ),
        )
    })?;
    let mut why = part.why;
    why.push(python.why.clone());
    Ok(Build {
        flavour: Flavour::Torch,
        variant: part.variant,
        accelerated: part.accelerated,
        release: newest.version.clone(),
        requirements: vec![format!(
            "torch>={},<{}",
            oldest.version,
            next(&newest.version)
        )],
        extra_packages: Vec::new(),
        arguments: part.source.arguments,
        index: part.source.index,
        python: python.request,
        fetches_python: !python.installed,
        python_why: python.why,
        python_range: python.range,
        variables: part.variables,
        left_out: part.left_out,
        ruled_out: Vec::new(),
        download_estimate: part.download,
        sourced: part.sourced,
        why,
    })
}

/// The minor release after one: `2.16` of `2.15`.
pub(super) fn next(version: &str) -> String {
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
