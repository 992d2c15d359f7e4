//! Packages that follow a framework's build: the requirement that goes with the build that fits this machine.

use super::admission::{admits_release, specifiers};
use super::parts::IndexChoice;
use super::{Build, Flavour, Wish, choose, cuda};
use deskside_knowledge::frameworks::{self, Companion, Follows, Pair};
use deskside_knowledge::version::order;
use deskside_types::facts::{Facts, OsKind};
use deskside_types::{Code, Problem};
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Ordering;

/// What to install of a companion, with the framework's build it goes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CompanionChoice {
    /// The package.
    pub name: String,
    /// The requirements: the framework's, and the companion's, which is the last.
    pub requirements: Vec<String>,
    /// Where it is built against the framework that is installed: what else comes before it, in a first step.
    pub build_needs: Vec<String>,
    /// Further uv arguments: those of the framework's build.
    pub arguments: Vec<String>,
    /// The index it comes from; none for the default one.
    pub index: Option<IndexChoice>,
    /// The framework's build.
    pub build: Build,
    /// Why, a sentence each.
    pub why: Vec<String>,
}

/// The companion's requirement for a machine. `version` is the wish for the companion's own version, `wish` the one
/// for the framework and Python.
///
/// # Errors
/// [`Code::NoFittingBuild`] with the way out where no release of it goes with a build that serves here.
pub fn choose_companion(
    facts: &Facts,
    name: &str,
    version: &str,
    wish: &Wish,
) -> Result<CompanionChoice, Problem> {
    let Some(companion) = frameworks::companion(name) else {
        return Err(refuse(
            name,
            "it is not among the packages that are known to follow a framework's build".into(),
            "install it as any other package: uv pip install".into(),
        ));
    };
    attempt(facts, companion, version, wish).map_err(|mut problem| {
        if let Some(nearest) = nearest(facts, companion, version, wish) {
            problem.hints = vec![nearest];
        }
        problem
    })
}

/// The choice for exactly this wish.
fn attempt(
    facts: &Facts,
    companion: &Companion,
    version: &str,
    wish: &Wish,
) -> Result<CompanionChoice, Problem> {
    let mut wish = wish.clone();
    wish.flavour = Some(Flavour::Torch);
    if !version.trim().is_empty() {
        bound_by_version(companion, version, &mut wish)?;
    }
    if companion.follows == Follows::DefaultIndex && !companion.pairs.is_empty() {
        // It has builds for some releases of the framework only, and for the default index's build alone.
        return of_default_index(facts, companion, version, &wish);
    }
    let build = choose(facts, Flavour::Torch, &wish)?;
    finish(facts, companion, build, version)
}

/// The releases nearest to a version that was asked for and does not serve here, which do; none where nothing was asked for
/// or none does.
fn nearest(facts: &Facts, companion: &Companion, version: &str, wish: &Wish) -> Option<String> {
    if version.trim().is_empty() {
        return None;
    }
    let pairs = &companion.pairs;
    let fits = |pair: &Pair| meet(&pair.companion, version);
    // A version that goes with none lies beyond the newest or before the oldest.
    let bare = |text: &str| -> String {
        let text = text.trim_start_matches(['=', '>', '<', '~', '!', ' ']);
        text.split([',', '*'])
            .next()
            .unwrap_or(text)
            .trim_end_matches('.')
            .to_string()
    };
    let is_old = pairs
        .last()
        .is_some_and(|oldest| order(&bare(version), &bare(&oldest.companion)) == Ordering::Less);
    let beyond = if is_old { pairs.len() } else { 0 };
    let first = pairs.iter().position(fits).unwrap_or(beyond);
    let last = pairs.iter().rposition(fits).unwrap_or(beyond);
    let mut others: Vec<(usize, &Pair)> = pairs
        .iter()
        .enumerate()
        .filter(|(_, pair)| !fits(pair))
        .map(|(at, pair)| (first.saturating_sub(at) + at.saturating_sub(last), pair))
        .collect();
    others.sort_by_key(|(far, _)| *far);
    others.into_iter().find_map(|(_, pair)| {
        let choice = attempt(facts, companion, &pair.companion, wish).ok()?;
        Some(format!(
            "{} {}, which goes with torch {}, does: ask for that one",
            companion.name, pair.companion, choice.build.release
        ))
    })
}

fn refuse(name: &str, reason: String, hint: String) -> Problem {
    Problem::new(
        Code::NoFittingBuild,
        format!("no {name} build fits this machine"),
    )
    .because(reason)
    .hint(hint)
}

/// Bounds the framework to the releases that go with a version of the companion.
fn bound_by_version(companion: &Companion, version: &str, wish: &mut Wish) -> Result<(), Problem> {
    if companion.pairs.is_empty() {
        return Ok(());
    }
    let fits: Vec<&str> = companion
        .pairs
        .iter()
        .filter(|pair| meet(&pair.companion, version))
        .map(|pair| pair.framework.as_str())
        .collect();
    let (Some(newest), Some(oldest)) = (fits.first(), fits.last()) else {
        return Err(refuse(
            &companion.name,
            format!("no release that meets `{version}` is known to go with a release of PyTorch"),
            format!(
                "ask for one that does: {}",
                companion
                    .pairs
                    .first()
                    .map_or("the newest", |pair| pair.companion.as_str())
            ),
        ));
    };
    let bounds = format!(">={oldest},<{}", super::torch::next(newest));
    wish.framework = if wish.framework.trim().is_empty() {
        bounds
    } else {
        format!("{},{bounds}", specifiers(&wish.framework))
    };
    Ok(())
}

/// Whether two sets of specifiers have a version in common, as far as the bounds they name tell.
fn meet(one: &str, other: &str) -> bool {
    let versions = |text: &str| -> Vec<String> {
        text.split(',')
            .filter_map(|clause| {
                let bare = clause
                    .trim()
                    .trim_start_matches(['=', '>', '<', '~', '!', ' '])
                    .trim_end_matches(".*")
                    .to_string();
                (!bare.is_empty()).then_some(bare)
            })
            .collect()
    };
    let both: Vec<String> = versions(one).into_iter().chain(versions(other)).collect();
    both.iter().any(|version| {
        let near = [
            version.clone(),
            format!("{version}.0"),
            format!("{version}.1"),
        ];
        let meets = |wish: &str| {
            near.iter()
                .any(|version| admits_release(wish, version, std::slice::from_ref(version), false))
        };
        near.iter().any(|version| {
            let exact = std::slice::from_ref(version);
            admits_release(one, version, exact, false)
                && admits_release(other, version, exact, false)
        }) || (one == other && meets(one))
    })
}

/// A companion with a build for the default index's framework alone: the newest of its releases whose pinned framework's
/// default build serves here.
fn of_default_index(
    facts: &Facts,
    companion: &Companion,
    version: &str,
    wish: &Wish,
) -> Result<CompanionChoice, Problem> {
    let mut reasons = Vec::new();
    let wanted = |pair: &&Pair| version.trim().is_empty() || meet(&pair.companion, version);
    for pair in companion.pairs.iter().filter(wanted) {
        let bounds = format!("=={}.*", pair.framework);
        let framework = if wish.framework.trim().is_empty() {
            bounds
        } else {
            format!("{},{bounds}", specifiers(&wish.framework))
        };
        let attempt = Wish {
            framework,
            ..wish.clone()
        };
        match choose(facts, Flavour::Torch, &attempt) {
            Ok(build) if build.accelerated_or_waiting() && build.index.is_none() => {
                return finish(facts, companion, build, version);
            }
            Ok(build) => reasons.push(format!(
                "{} {} goes with torch {}, whose build here would be {}",
                companion.name, pair.companion, pair.framework, build.variant
            )),
            Err(problem) => reasons.extend(problem.causes.into_iter().take(1)),
        }
    }
    let mut problem = refuse(
        &companion.name,
        reasons
            .first()
            .cloned()
            .unwrap_or_else(|| "no release of it is known to fit".into()),
        format!(
            "it needs an NVIDIA GPU that a default build of PyTorch serves: see `deskside env why torch`, or build {} from its source",
            companion.name
        ),
    );
    for reason in reasons.into_iter().skip(1).take(2) {
        problem = problem.because(reason);
    }
    Err(problem)
}

/// The requirement beside a framework's build.
fn finish(
    facts: &Facts,
    companion: &Companion,
    build: Build,
    version: &str,
) -> Result<CompanionChoice, Problem> {
    let name = &companion.name;
    let cuda = build.cuda_major();
    if companion.nvidia_only && cuda.is_none() {
        let why = if facts.system.kind == OsKind::MacOs {
            "a Mac has none".to_string()
        } else if build.variant.starts_with("rocm") {
            format!(
                "PyTorch's build for this machine is AMD's ({})",
                build.variant
            )
        } else {
            format!(
                "there is none to use here: {}",
                build.why.first().cloned().unwrap_or_default()
            )
        };
        return Err(refuse(
            name,
            format!("it computes on NVIDIA GPUs, and {why}"),
            format!("leave {name} out here; see `deskside env why torch`"),
        ));
    }
    if companion.follows == Follows::WithFramework
        && cuda.is_none()
        && !build.variant.starts_with("rocm")
    {
        return Err(refuse(
            name,
            format!("PyTorch's {} build has no use for it", build.variant),
            format!("leave {name} out: PyTorch brings it where it is used"),
        ));
    }
    let mut too_old = Vec::new();
    if let Some(needed) = &companion.compute_capability {
        // The cards that the build computes on: one that serves is enough.
        let (lower, enough): (Vec<_>, Vec<_>) = cuda::gpus(facts)
            .into_iter()
            .filter(|gpu| {
                let shown = cuda::described(gpu);
                build.left_out.iter().all(|left| left.gpu != shown)
            })
            .partition(|gpu| {
                gpu.compute_capability
                    .value()
                    .is_some_and(|have| order(have, needed) == Ordering::Less)
            });
        if let (Some(gpu), true) = (lower.first(), enough.is_empty()) {
            return Err(refuse(
                name,
                format!(
                    "it needs compute capability {needed}, and this is {}",
                    cuda::described(gpu)
                ),
                companion.instead.clone().unwrap_or_else(|| {
                    format!("leave {name} out here; see `deskside env why torch`")
                }),
            ));
        }
        too_old.extend(lower.into_iter().map(|gpu| {
            format!(
                "it needs compute capability {needed}: not to be used on {}",
                cuda::described(gpu)
            )
        }));
    }
    let pair = companion
        .pairs
        .iter()
        .find(|pair| pair.framework == build.release);
    if pair.is_none() && !companion.pairs.is_empty() {
        return Err(refuse(
            name,
            format!(
                "no release of it is known to go with torch {}",
                build.release
            ),
            companion.pairs.first().map_or_else(String::new, |newest| {
                format!(
                    "{name} {} goes with torch {}: ask for that one",
                    newest.companion, newest.framework
                )
            }),
        ));
    }
    let extra = companion
        .extra
        .as_ref()
        .map_or_else(String::new, |extra| format!("[{extra}]"));
    let mut bounds = Vec::new();
    let mut why = vec![format!(
        "torch {} ({}) is the build for this machine",
        build.release, build.variant
    )];
    if let Some(pair) = pair {
        bounds.push(pair.companion.clone());
        why.push(format!(
            "{name} {} goes with torch {}",
            pair.companion, pair.framework
        ));
    } else if let (Some(major), Some(own), Some(older)) =
        (cuda, companion.cuda_major, &companion.cuda12)
    {
        if major < own {
            bounds.push(older.clone());
            why.push(format!("newer releases of {name} bring CUDA {own}, and this build of PyTorch is for CUDA {major}"));
        } else {
            why.push(format!(
                "its newest release brings CUDA {own}, as this build of PyTorch does"
            ));
        }
    }
    if !version.trim().is_empty() {
        bounds.push(specifiers(version));
    }
    let (arguments, index) = match companion.follows {
        Follows::SameIndex | Follows::WithFramework => {
            why.push(match &build.index {
                Some(index) => format!("it comes from the same index ({})", index.url),
                None => "it comes from the default index, as the framework does".into(),
            });
            (build.arguments.clone(), build.index.clone())
        }
        Follows::DefaultIndex | Follows::Any | Follows::Source => (build.arguments.clone(), None),
    };
    why.extend(too_old);
    why.push(companion.note.clone());
    let framework = format!("torch=={}.*", build.release);
    let mut requirements = vec![framework, format!("{name}{extra}{}", bounds.join(","))];
    if build.requirements.iter().any(|line| line.contains('[')) {
        requirements.splice(0..1, build.requirements.clone());
    }
    Ok(CompanionChoice {
        name: name.clone(),
        requirements,
        build_needs: companion.build_needs.clone(),
        arguments,
        index,
        build,
        why,
    })
}

impl Build {
    /// The CUDA major version of its libraries; none where it has none.
    pub fn cuda_major(&self) -> Option<u32> {
        cuda_major_of(&self.variant)
    }

    /// It computes on a GPU, or will once its driver is there.
    fn accelerated_or_waiting(&self) -> bool {
        self.cuda_major().is_some()
    }
}

/// The CUDA major version of a variant: 13 of `cu132` and `cuda13`; none of `rocm7.2`, `cpu`.
fn cuda_major_of(variant: &str) -> Option<u32> {
    if let Some(name) = variant.strip_prefix("cuda") {
        return name.parse().ok();
    }
    let digits = variant.strip_prefix("cu")?;
    // The last digit is the minor version.
    digits.get(..digits.len().checked_sub(1)?)?.parse().ok()
}

#[cfg(test)]
#[path = "companion_tests.rs"]
mod tests;
