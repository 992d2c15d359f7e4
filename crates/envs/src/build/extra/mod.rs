//! JAX, MLX and TensorFlow: the build is an extra of one package, chosen by driver and compute capability.

mod limits;

use crate::build::admission::{Bounds, admits_all, admits_python, admits_release, specifiers};
use crate::build::cuda::{self, Driver};
use crate::build::parts::{LeftOut, RuledOut, rule_out};
use crate::build::torch::next;
use crate::build::{Build, Flavour, Wish, architecture, counted, listed, no_fit, python};
use deskside_knowledge::frameworks::{self, ExtraBuild, ExtraFramework, ExtraRelease};
use deskside_knowledge::hardware;
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu, OsKind, Vendor};
use limits::{no_release, nothing_runs, obstacle};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What is known of a framework of this kind.
pub fn known(flavour: Flavour) -> &'static ExtraFramework {
    match flavour {
        Flavour::Mlx => frameworks::mlx(),
        Flavour::Tensorflow => frameworks::tensorflow(),
        // PyTorch is chosen elsewhere.
        Flavour::Jax | Flavour::Torch => frameworks::jax(),
    }
}

/// Releases that a version wish admits, newest first.
pub fn by_wish(flavour: Flavour, wish: &Wish) -> Vec<&'static ExtraRelease> {
    let all = &known(flavour).releases;
    let newest = all.first().map(|release| release.version.as_str());
    let bounds = Bounds::of(&wish.framework);
    all.iter()
        .filter(|release| {
            bounds.admits(
                &release.version,
                &release.versions,
                newest == Some(&release.version),
            )
        })
        .collect()
}

/// The build for a machine; among `only` these extras where they are given.
pub fn choose(
    facts: &Facts,
    flavour: Flavour,
    wish: &Wish,
    only: Option<&[String]>,
) -> Result<Build, Problem> {
    let known = known(flavour);
    let Some(architecture) = architecture(facts) else {
        return Err(no_fit(
            flavour,
            facts
                .system
                .architecture
                .reason()
                .unwrap_or("the processor is not known"),
            "install the packages by hand",
        ));
    };
    let admitted = by_wish(flavour, wish);
    if admitted.is_empty() {
        return Err(no_release(flavour, wish));
    }
    let mut ruled_out = Vec::new();
    let mut open = Vec::new();
    for release in admitted {
        match obstacle(facts, release, architecture, wish) {
            Some(why) => rule_out(&mut ruled_out, release.version.clone(), &why),
            None => open.push(release),
        }
    }
    if open.is_empty() {
        return Err(nothing_runs(facts, flavour, wish, architecture, &ruled_out));
    }
    let allows = |extra: &str| only.is_none_or(|only| only.iter().any(|own| own == extra));
    let mut why = Vec::new();
    let mac = facts.system.kind == OsKind::MacOs;
    if mac {
        why.push(known.notes.apple.clone());
        if let Some(metal) = known.metal.as_ref().filter(|_| allows("metal")) {
            return finish(
                facts,
                wish,
                Part {
                    flavour,
                    release: open[0],
                    python_min: &open[0].python_min,
                    variant: "metal".into(),
                    accelerated: true,
                    requirement: metal.requirement.clone(),
                    variables: BTreeMap::new(),
                    left_out: Vec::new(),
                    download: metal.download_bytes,
                    why,
                    ruled_out,
                },
            );
        }
    }
    let gpus = cuda::gpus(facts);
    if !mac && !gpus.is_empty() {
        match with_gpu(
            facts,
            known,
            &open,
            &gpus,
            architecture,
            &allows,
            &mut ruled_out,
        ) {
            Ok(found) => {
                let oldest = oldest_offered(known, found.release, &open, Some(&found.build.name));
                return finish(
                    facts,
                    wish,
                    Part {
                        flavour,
                        release: found.release,
                        python_min: oldest,
                        variant: found.build.name.clone(),
                        accelerated: found.accelerated,
                        requirement: found.build.requirement.clone(),
                        variables: found.variables,
                        left_out: found.left_out,
                        download: found.build.download_bytes,
                        why: found.why,
                        ruled_out,
                    },
                );
            }
            Err(sentence) => why.push(sentence),
        }
    } else if !mac {
        let amd = facts
            .known_gpus()
            .iter()
            .any(|gpu| gpu.vendor == Vendor::Amd);
        why.push(if amd {
            known.notes.amd.clone()
        } else {
            format!("no GPU that {} computes on was found", flavour.name())
        });
    }
    if !allows("cpu") {
        return Err(no_fit(
            flavour,
            format!(
                "none of the builds it may be ({}) serves here",
                only.unwrap_or_default().join(", ")
            ),
            "add the build for processors (cpu) to the project's extras",
        ));
    }
    why.extend(known.notes.cpu.clone());
    let release = open[0];
    // An extra that the release does not have is the package itself.
    let requirement = if known.cpu.requirement.contains('[')
        && !release.extras.iter().any(|extra| extra == "cpu")
    {
        flavour.word().to_string()
    } else {
        known.cpu.requirement.clone()
    };
    finish(
        facts,
        wish,
        Part {
            flavour,
            release,
            python_min: oldest_offered(known, release, &open, None),
            variant: "cpu".into(),
            accelerated: false,
            requirement,
            variables: BTreeMap::new(),
            left_out: Vec::new(),
            download: known.cpu.download_bytes,
            why,
            ruled_out,
        },
    )
}

/// A CUDA build that was found.
struct Found {
    release: &'static ExtraRelease,
    build: &'static ExtraBuild,
    accelerated: bool,
    variables: BTreeMap<String, Option<String>>,
    left_out: Vec<LeftOut>,
    why: Vec<String>,
}

/// The first CUDA build that driver, GPUs and processor admit; else the sentence why none.
fn with_gpu(
    facts: &Facts,
    known: &'static ExtraFramework,
    open: &[&'static ExtraRelease],
    gpus: &[&Gpu],
    architecture: &str,
    allows: &dyn Fn(&str) -> bool,
    ruled_out: &mut Vec<RuledOut>,
) -> Result<Found, String> {
    let driver = Driver::of(facts);
    let (gpus, undriven) = cuda::driven(facts, &driver, gpus);
    let gpus = &gpus[..];
    let all: Vec<(&'static ExtraRelease, &'static ExtraBuild)> = open
        .iter()
        .flat_map(|release| {
            known
                .builds
                .iter()
                .filter(|build| {
                    release.extras.contains(&build.name)
                        && build.architectures.iter().any(|own| own == architecture)
                        && allows(&build.name)
                })
                .map(|build| (*release, build))
        })
        .collect();
    let ready: Vec<(&'static ExtraRelease, &'static ExtraBuild)> = all
        .iter()
        .copied()
        .filter(|(_, build)| driver.reaches(&build.driver))
        .collect();
    let serves = |build: &ExtraBuild, gpu: &Gpu| {
        gpu.compute_capability.value().is_none_or(|capability| {
            order(&build.compute_capability, capability) != Ordering::Greater
                // A card that came with a newer CUDA major is served by none before it.
                && hardware::nvidia_architecture(capability)
                    .is_none_or(|known| cuda::major(&known.min_cuda) <= build.cuda_major)
        })
    };
    let found = cuda::best(&ready, gpus, |(_, build), gpu| serves(build, gpu));
    let chosen = found.as_ref().map(|(place, _)| ready[*place]);
    for (release, build) in &all {
        if chosen.is_some_and(|(own, named)| {
            own.versions == release.versions && named.name == build.name
        }) {
            break;
        }
        let why = if driver.reaches(&build.driver) {
            let unserved: Vec<String> = gpus
                .iter()
                .filter(|gpu| !serves(build, gpu))
                .filter_map(|gpu| gpu.compute_capability.value().cloned())
                .collect();
            format!(
                "has no code for compute capability {}: it serves from {} on",
                listed(&unserved),
                build.compute_capability
            )
        } else {
            driver.too_old_for(&build.driver)
        };
        rule_out(
            ruled_out,
            format!("{} ({})", release.version, build.name),
            &why,
        );
    }
    let Some((place, left_out)) = found else {
        if all.is_empty() {
            return Err(format!(
                "no release within the wish has a CUDA build for {architecture}"
            ));
        }
        let lowest = all.last().map_or(("525.60.13", 12), |(_, build)| {
            (build.driver.as_str(), build.cuda_major)
        });
        return Err(cuda::none_fits(gpus, &driver, lowest));
    };
    let (release, build) = ready[place];
    let kept = cuda::kept(gpus, &left_out);
    let mut why = vec![format!(
        "{}{}: {} serves",
        counted(
            &kept
                .iter()
                .map(|gpu| cuda::described(gpu))
                .collect::<Vec<_>>()
        ),
        driver.beside(),
        build.requirement
    )];
    if !left_out.is_empty() {
        why.push(format!(
            "no build serves all GPUs at once: {} leaves out {}",
            build.name,
            counted(
                &left_out
                    .iter()
                    .map(|gpu| cuda::described(gpu))
                    .collect::<Vec<_>>()
            )
        ));
    }
    why.extend(cuda::undriven_note(&driver, &undriven));
    why.extend(cuda::driver_note(&driver, &build.driver));
    let mut variables = BTreeMap::new();
    if !left_out.is_empty()
        && let Some(list) = cuda::identities(&kept)
    {
        variables.insert("CUDA_VISIBLE_DEVICES".to_string(), Some(list));
    }
    // A library path of the system's overrides the CUDA libraries that come as packages (JAX's installation page).
    if let Some(name) = &known.notes.overrides {
        variables.insert(name.clone(), None);
    }
    Ok(Found {
        release,
        build,
        accelerated: driver.is_there(),
        variables,
        left_out: left_out
            .iter()
            .map(|gpu| LeftOut {
                gpu: cuda::described(gpu),
                uuid: gpu.uuid.value().cloned(),
                why: format!("{} has no code for it", build.name),
            })
            .chain(cuda::left_out_by_driver(undriven))
            .collect(),
        why,
    })
}

/// The Pythons that a release itself has packages for, as specifiers; none where the release is not known.
pub(super) fn own_range(flavour: Flavour, release: &str) -> Option<String> {
    let mut all = known(flavour).releases.iter();
    let own = all.find(|own| own.version == release)?;
    Some(python::range(&own.python_min, &own.python_max))
}

/// The oldest Python that some release serves which is offered with the chosen one.
fn oldest_offered(
    known: &'static ExtraFramework,
    chosen: &'static ExtraRelease,
    open: &[&'static ExtraRelease],
    extra: Option<&str>,
) -> &'static str {
    open.iter()
        .skip_while(|release| release.versions != chosen.versions)
        .filter(|release| order(&release.version, &known.oldest_offered) != Ordering::Less)
        .filter(|release| extra.is_none_or(|extra| release.extras.iter().any(|own| own == extra)))
        .map(|release| release.python_min.as_str())
        .min_by(|left, right| order(left, right))
        .filter(|oldest| order(oldest, &chosen.python_min) == Ordering::Less)
        .unwrap_or(&chosen.python_min)
}

/// What is decided before the Python and the requirement are.
struct Part<'a> {
    flavour: Flavour,
    release: &'static ExtraRelease,
    python_min: &'a str,
    variant: String,
    accelerated: bool,
    requirement: String,
    variables: BTreeMap<String, Option<String>>,
    left_out: Vec<LeftOut>,
    download: Option<u64>,
    why: Vec<String>,
    ruled_out: Vec<RuledOut>,
}

fn finish(facts: &Facts, wish: &Wish, part: Part<'_>) -> Result<Build, Problem> {
    let mut release = part.release;
    let mut python = python::choose(
        facts,
        &release.python_min,
        &release.python_max,
        wish.python.as_deref(),
    )
    .map_err(|reason| {
        no_fit(
            part.flavour,
            reason,
            format!(
                "change the project's Python version to one from {} on",
                release.python_min
            ),
        )
    })?;
    let mut why = part.why;
    // A Python that is here and runs a release that is offered still is worth more than a download of another.
    if !python.installed
        && let Ok(here) = python::choose(
            facts,
            part.python_min,
            &release.python_max,
            wish.python.as_deref(),
        )
        && here.installed
        && let Some(older) = newest_for(part.flavour, &part.variant, &here.series, wish)
    {
        why.push(format!(
            "a Python from {} on would give {} {}",
            release.python_min,
            part.flavour.word(),
            release.version
        ));
        release = older;
        python = here;
    }
    why.push(python.why.clone());
    let mut ruled_out = part.ruled_out;
    for row in &mut ruled_out {
        // Those after the chosen one are not part of the way there.
        row.builds.retain(|shown| {
            let version = shown.split(' ').next().unwrap_or(shown);
            order(version, &release.version) != Ordering::Less
        });
    }
    ruled_out.retain(|row| !row.builds.is_empty());
    Ok(Build {
        flavour: part.flavour,
        variant: part.variant,
        accelerated: part.accelerated,
        release: release.version.clone(),
        requirements: vec![bounded(part.flavour, &part.requirement, release, wish)],
        extra_packages: Vec::new(),
        arguments: Vec::new(),
        index: None,
        python: python.request,
        fetches_python: !python.installed,
        python_why: python.why,
        python_range: python::range(part.python_min, &release.python_max),
        variables: part.variables,
        left_out: part.left_out,
        ruled_out,
        download_estimate: part.download,
        sourced: true,
        why,
    })
}

/// The newest offered release that has a build and runs on a Python.
fn newest_for(
    flavour: Flavour,
    variant: &str,
    python: &str,
    wish: &Wish,
) -> Option<&'static ExtraRelease> {
    let known = known(flavour);
    let is_extra = known.builds.iter().any(|build| build.name == variant);
    known.releases.iter().find(|release| {
        order(&release.version, &known.oldest_offered) != Ordering::Less
            && (!is_extra || release.extras.iter().any(|own| own == variant))
            && admits_python(Some(python), &release.python_min, &release.python_max)
            && admits_release(&wish.framework, &release.version, &release.versions, false)
    })
}

/// The requirement with its bounds: the wish, and the last version that serves where it is not the newest there is.
pub(super) fn bounded(
    flavour: Flavour,
    requirement: &str,
    release: &ExtraRelease,
    wish: &Wish,
) -> String {
    let mut bounds = Vec::new();
    let is_newest = known(flavour)
        .releases
        .first()
        .is_some_and(|newest| newest.version == release.version);
    let wished = specifiers(&wish.framework);
    if !wished.is_empty() && !admits_all(&wish.framework, &release.versions) {
        bounds.push(wished.clone());
    }
    let ends_the_series = known(flavour)
        .releases
        .iter()
        .find(|other| other.version == release.version)
        .is_some_and(|first| first.versions == release.versions);
    if !ends_the_series {
        bounds.extend(release.versions.last().map(|last| format!("<={last}")));
    } else if !is_newest {
        bounds.push(format!("<{}", next(&release.version)));
    } else if !wished.is_empty() && bounds.is_empty() {
        bounds.push(wished);
    }
    format!("{requirement}{}", bounds.join(","))
}

#[cfg(test)]
#[path = "../extra_tests.rs"]
mod tests;
