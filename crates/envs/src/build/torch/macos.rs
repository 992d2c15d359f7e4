//! PyTorch on Macs: the default index's packages, as far as macOS and the processor go.

use super::{Part, Wanted, download, finish, offered, variant_of, with};
use crate::build::admission::admits_python;
use crate::build::parts::rule_out;
use crate::build::source::Source;
use crate::build::{Build, Flavour, no_fit};
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::Facts;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The build for a Mac.
pub(super) fn macos(facts: &Facts, mut wanted: Wanted<'_>) -> Result<Build, Problem> {
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
