//! What a person could change to get a better build: a newer driver, a wider wish.

use super::cuda::{self, Driver};
use super::{Build, Flavour, Wish, choose_among, extra, torch};
use deskside_knowledge::frameworks;
use deskside_knowledge::version::order;
use deskside_types::Known;
use deskside_types::facts::Facts;
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Ordering;

/// A change, and what it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Better {
    /// What to do: `update the NVIDIA driver to 580 or newer`.
    pub change: String,
    /// What serves then: `torch 2.15 (cu132)`.
    pub gives: String,
}

/// Changes that give a better build than the one that was chosen, the smallest first.
pub fn better(facts: &Facts, flavour: Flavour, wish: &Wish, now: &Build) -> Vec<Better> {
    let mut found = Vec::new();
    let shown = |build: &Build| format!("{} {} ({})", flavour.word(), build.release, build.variant);
    let gpus = cuda::gpus(facts);
    let driver = Driver::of(facts);
    // Of a driver that drives no card, the choice itself says which to get.
    let waits = matches!(driver, Driver::Unfit(_)) && now.cuda_major().is_some();
    if !gpus.is_empty()
        && !waits
        && let Some(version) = driver.version()
    {
        let last = cuda::last_branch(&gpus);
        let mut floors: Vec<String> = frameworks::torch()
            .drivers
            .iter()
            .map(|row| row.minimum.clone())
            .chain(
                [
                    frameworks::jax(),
                    frameworks::mlx(),
                    frameworks::tensorflow(),
                ]
                .iter()
                .flat_map(|known| known.builds.iter().map(|build| build.driver.clone())),
            )
            .chain(cuda::first_branch(&gpus))
            .filter(|floor| {
                !cuda::serves(version, floor)
                    && last.as_ref().is_none_or(|last| {
                        order(floor, &format!("{last}.9999")) != Ordering::Greater
                    })
            })
            .collect();
        floors.sort_by(|left, right| order(left, right));
        floors.dedup();
        for floor in floors {
            let mut newer = facts.clone();
            newer.drivers.nvidia.loaded = Known::Value(floor.clone());
            if let Ok(build) = choose_among(&newer, flavour, wish, None)
                && is_better(&build, now)
                && found
                    .iter()
                    .all(|other: &Better| other.gives != shown(&build))
            {
                found.push(Better {
                    change: format!("update the NVIDIA driver to {floor} or newer"),
                    gives: shown(&build),
                });
            }
        }
    }
    if !wish.framework.trim().is_empty() && !now.accelerated {
        found.extend(other_releases(facts, flavour, wish));
    }
    // A card that the driver does not drive is helped by no other build.
    let (driven, _) = cuda::driven(facts, &driver, &gpus);
    let left_out: Vec<String> = now
        .left_out
        .iter()
        .map(|out| out.gpu.clone())
        .filter(|out| driven.iter().any(|gpu| cuda::described(gpu) == *out))
        .collect();
    if !left_out.is_empty() && now.accelerated && now.cuda_major().is_some() {
        found.push(Better {
            change: format!(
                "give {} an environment of its own",
                super::counted(&left_out)
            ),
            gives: "a build with code for it there".into(),
        });
    }
    found
}

/// The nearest releases outside the wish that compute on a GPU here: the next newer one, the next older one.
fn other_releases(facts: &Facts, flavour: Flavour, wish: &Wish) -> Vec<Better> {
    let series = |wish: &Wish| -> Vec<String> {
        match flavour {
            Flavour::Torch => torch::by_wish(wish)
                .iter()
                .map(|release| release.version.clone())
                .collect(),
            _ => extra::by_wish(flavour, wish)
                .iter()
                .map(|release| release.version.clone())
                .collect(),
        }
    };
    let within = series(wish);
    let (Some(newest), Some(oldest)) = (within.first(), within.last()) else {
        return Vec::new();
    };
    let all = series(&Wish::default());
    let build = |release: &String| {
        let only = Wish {
            framework: format!("=={release}.*"),
            ..wish.clone()
        };
        choose_among(facts, flavour, &only, None)
            .ok()
            // Not one that sources contradict each other about.
            .filter(|build| build.accelerated && (build.sourced || build.cuda_major().is_some()))
    };
    let gives = |build: &Build| format!("{} {} ({})", flavour.word(), build.release, build.variant);
    let newer = all
        .iter()
        .rev()
        .filter(|release| order(release, newest) == Ordering::Greater)
        .find_map(|release| Some((release, build(release)?)));
    let older = all
        .iter()
        .filter(|release| order(release, oldest) == Ordering::Less)
        .find_map(|release| Some((release, build(release)?)));
    newer
        .map(|(release, build)| Better {
            change: format!("ask for {} {release} or newer", flavour.word()),
            gives: gives(&build),
        })
        .into_iter()
        .chain(older.map(|(release, build)| Better {
            change: format!("ask for {} {release} or older", flavour.word()),
            gives: gives(&build),
        }))
        .collect()
}

/// Newer, on a GPU where the other is not, or for more of the GPUs.
fn is_better(build: &Build, now: &Build) -> bool {
    match (build.accelerated, now.accelerated) {
        (true, false) => true,
        (false, true) => false,
        _ => {
            build.left_out.len() < now.left_out.len()
                || (build.left_out.len() == now.left_out.len()
                    && (order(&build.release, &now.release) == Ordering::Greater
                        || (order(&build.release, &now.release) == Ordering::Equal
                            && build.cuda_major() > now.cuda_major())))
        }
    }
}
