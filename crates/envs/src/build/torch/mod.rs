//! PyTorch: CUDA builds by driver and compute capability, ROCm builds by target, MPS, CPU.

mod amd;
pub(super) mod nvidia;

use super::admission::{Bounds, admits_python};
use super::parts::{LeftOut, RuledOut, rule_out};
use super::source::{self, Source, without_dots};
use super::{Build, Flavour, Wish, architecture, cuda, no_fit, python};
use amd::amd_build;
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu, OsKind, Vendor};
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
    let amd: Vec<&Gpu> = facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.vendor == Vendor::Amd)
        .collect();
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

/// No release within the version wish; the nearest ones that there are.
fn no_release(wish: &Wish) -> Problem {
    let known = &frameworks::torch().releases;
    let (newest, oldest) = (
        known.first().map_or("", |release| &release.version),
        known.last().map_or("", |release| &release.version),
    );
    no_fit(
        Flavour::Torch,
        format!(
            "no release is known that meets `{}`; there are {oldest} to {newest}",
            wish.framework
        ),
        format!("the newest is torch {newest}; ask for one from {oldest} to {newest}"),
    )
    .hint("of a release that is newer than this program, uv chooses by the driver alone: uv pip install torch --torch-backend auto")
}

/// Keeps the releases that this system's C library runs.
fn glibc(
    facts: &Facts,
    wanted: &mut Wanted<'_>,
    ruled_out: &mut Vec<RuledOut>,
) -> Result<(), Problem> {
    if facts.system.glibc.is_absent() {
        return Err(no_fit(
            Flavour::Torch,
            "its packages need glibc, and this system has another C library",
            "use a system with a newer C library, such as Ubuntu 22.04",
        ));
    }
    let Some(have) = facts.system.glibc.value() else {
        return Ok(());
    };
    let needed = wanted
        .releases
        .first()
        .map(|release| release.glibc_min.clone())
        .unwrap_or_default();
    wanted.releases.retain(|release| {
        let serves = order(have, &release.glibc_min) != Ordering::Less;
        if !serves {
            rule_out(
                ruled_out,
                release.version.clone(),
                &format!(
                    "needs glibc {} or newer, this system has {have}",
                    release.glibc_min
                ),
            );
        }
        serves
    });
    if wanted.releases.is_empty() {
        return Err(no_fit(
            Flavour::Torch,
            format!("its packages need glibc {needed} or newer, this system has {have}"),
            "use a system with a newer C library, such as Ubuntu 22.04",
        ));
    }
    Ok(())
}

/// Refuses a Python wish that no release within the version wish has packages for.
fn pythons(wanted: &Wanted<'_>) -> Result<(), Problem> {
    let fits = |release: &TorchRelease| {
        admits_python(
            wanted.python(),
            &release.python_min,
            release.newest_python_own(),
        )
    };
    if wanted.releases.iter().any(|release| fits(release)) {
        return Ok(());
    }
    Err(no_python(
        wanted,
        |release| release.newest_python_own(),
        fits,
    ))
}

/// No release within the version wish has packages for the Python that is asked for.
fn no_python(
    wanted: &Wanted<'_>,
    newest_python: impl Fn(&'static TorchRelease) -> &'static str,
    fits: impl Fn(&TorchRelease) -> bool,
) -> Problem {
    let python = wanted.python().unwrap_or_default();
    let lowest = wanted
        .releases
        .iter()
        .map(|release| release.python_min.as_str())
        .min_by(|left, right| order(left, right))
        .unwrap_or("3.9");
    let highest = wanted
        .releases
        .iter()
        .map(|release| newest_python(release))
        .max_by(|left, right| order(left, right))
        .unwrap_or("3.14");
    let releases = match (wanted.releases.first(), wanted.releases.last()) {
        (Some(newest), Some(oldest)) if newest.version != oldest.version => {
            format!("torch {} to {}", oldest.version, newest.version)
        }
        (Some(only), _) => format!("torch {}", only.version),
        _ => "torch".to_string(),
    };
    let mut problem = no_fit(
        Flavour::Torch,
        format!(
            "the project asks for Python {python}, and {releases} has packages for {lowest} to {highest}"
        ),
        format!("change the project's Python version to one between {lowest} and {highest}"),
    );
    if let Some(other) = frameworks::torch()
        .releases
        .iter()
        .find(|release| fits(release))
    {
        problem = problem.hint(format!(
            "torch {} is the newest with packages for Python {python}",
            other.version
        ));
    }
    problem
}

fn macos(facts: &Facts, mut wanted: Wanted<'_>) -> Result<Build, Problem> {
    let known = frameworks::torch();
    let intel = wanted.architecture != "aarch64";
    let version = facts.system.os.value().and_then(|os| os.version.as_deref());
    let mut ruled_out = Vec::new();
    wanted.releases.retain(|release| {
        let obstacle = if intel {
            (order(&release.version, &known.intel_mac) == Ordering::Greater)
                .then(|| "has no packages for Macs with Intel processors".to_string())
        } else {
            version
                .filter(|have| order(&release.macos_min, have) == Ordering::Greater)
                .map(|have| format!("needs macOS {}, this is {have}", release.macos_min))
        };
        let obstacle = obstacle.or_else(|| {
            (!admits_python(
                wanted.wish.python.as_deref(),
                &release.python_min,
                release.newest_python_macos(),
            ))
            .then(|| {
                format!(
                    "has packages for Python {} to {}, not {}",
                    release.python_min,
                    release.newest_python_macos(),
                    wanted.wish.python.as_deref().unwrap_or("this one")
                )
            })
        });
        if let Some(why) = &obstacle {
            rule_out(&mut ruled_out, release.version.clone(), why);
        }
        obstacle.is_none()
    });
    let Some(newest) = wanted.releases.first().copied() else {
        let reasons: Vec<String> = ruled_out
            .iter()
            .map(|row| format!("torch {} {}", row.builds.join(", "), row.why))
            .collect();
        let last = known
            .release(&known.intel_mac)
            .and_then(|release| release.versions.last());
        let mut problem = no_fit(
            Flavour::Torch,
            reasons.join("; "),
            if intel {
                format!(
                    "the last release for Macs with Intel processors: torch=={}, with Python 3.8 to 3.12",
                    last.map_or("2.2.2", String::as_str)
                )
            } else {
                nearest_on_mac(version, wanted.wish.python.as_deref())
            },
        );
        if !intel && version.is_some_and(|have| order(have, "14") == Ordering::Less) {
            problem = problem.hint("or update macOS to 14 or newer");
        }
        return Err(problem);
    };
    let variant = if intel { "cpu" } else { "mps" };
    if !wanted.allows(variant) && !wanted.allows("cpu") && wanted.only.is_some() {
        let first = wanted.only.clone().unwrap_or_default();
        // A project's extra without an index of its own gives the same packages on a Mac.
        let default = variant_of(&newest.default_cuda);
        if !first.contains(&default) {
            return Err(no_fit(
                Flavour::Torch,
                format!(
                    "none of the builds it may be ({}) serves here",
                    first.join(", ")
                ),
                "add the default index's build to the project's extras",
            ));
        }
    }
    let mut why = vec![if intel {
        "the default index's build computes on the processor; Macs with Intel processors have no newer release".to_string()
    } else {
        "the default index's build for Apple silicon computes on the GPU through Metal (MPS)"
            .to_string()
    }];
    if !intel && let Some(row) = ruled_out.iter().find(|row| row.why.contains("needs macOS")) {
        why.push(format!("torch {} {}", row.builds.join(", "), row.why));
    }
    let span = offered(&wanted.releases);
    finish(
        facts,
        &wanted,
        Part {
            newest_python: newest.newest_python_macos(),
            span,
            variant: variant.into(),
            source: Source::default(),
            accelerated: !intel,
            variables: BTreeMap::new(),
            left_out: Vec::new(),
            download: if intel {
                None
            } else {
                download(facts, "macos")
            },
            sourced: true,
            why,
        },
    )
    .map(|build| with(build, ruled_out))
}

/// The newest release for a version of macOS and a Python, as a hint.
fn nearest_on_mac(version: Option<&str>, python: Option<&str>) -> String {
    let runs = |release: &&TorchRelease| {
        version.is_none_or(|have| order(&release.macos_min, have) != Ordering::Greater)
    };
    let all = &frameworks::torch().releases;
    let both = all.iter().find(|release| {
        runs(release) && admits_python(python, &release.python_min, release.newest_python_macos())
    });
    match (both, all.iter().find(|release| runs(release))) {
        (Some(release), _) => format!("torch {} runs here", release.version),
        (None, Some(release)) => format!(
            "torch {} runs here with Python {} to {}",
            release.version,
            release.python_min,
            release.newest_python_macos()
        ),
        (None, None) => "update macOS to 14 or newer".into(),
    }
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
    why.push(python.why);
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
