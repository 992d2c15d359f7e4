//! What no choice can go beyond: the releases that there are, the system, the Pythons with packages.

use super::known;
use crate::build::admission::admits_python;
use crate::build::parts::RuledOut;
use crate::build::{Flavour, Wish, no_fit};
use deskside_knowledge::frameworks::ExtraRelease;
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, OsKind};
use std::cmp::Ordering;

/// Why a release does not run on this system; none where it does.
pub(super) fn obstacle(
    facts: &Facts,
    release: &ExtraRelease,
    architecture: &str,
    wish: &Wish,
) -> Option<String> {
    if facts.system.kind == OsKind::MacOs {
        if !release.macos.iter().any(|own| own == architecture) {
            return Some(if architecture == "aarch64" {
                "has no packages for Apple silicon".into()
            } else {
                "has no packages for Macs with Intel processors".into()
            });
        }
        if let Some(have) = facts.system.os.value().and_then(|os| os.version.as_deref())
            && architecture == "aarch64"
            && order(have, &release.macos_min) == Ordering::Less
        {
            return Some(format!("needs macOS {}, this is {have}", release.macos_min));
        }
    } else {
        if !release.linux.iter().any(|own| own == architecture) {
            return Some(format!("has no packages for Linux on {architecture}"));
        }
        if facts.system.glibc.is_absent() {
            return Some("needs glibc, and this system has another C library".into());
        }
        if let Some(have) = facts.system.glibc.value()
            && order(have, &release.glibc_min) == Ordering::Less
        {
            return Some(format!(
                "needs glibc {} or newer, this system has {have}",
                release.glibc_min
            ));
        }
    }
    (!admits_python(
        wish.python.as_deref(),
        &release.python_min,
        &release.python_max,
    ))
    .then(|| {
        format!(
            "has packages for Python {} to {}, not {}",
            release.python_min,
            release.python_max,
            wish.python.as_deref().unwrap_or("this one")
        )
    })
}

/// No release within the version wish.
pub(super) fn no_release(flavour: Flavour, wish: &Wish) -> Problem {
    let all = &known(flavour).releases;
    let (newest, oldest) = (
        all.first().map_or("", |release| &release.version),
        all.last().map_or("", |release| &release.version),
    );
    no_fit(
        flavour,
        format!(
            "no release is known that meets `{}`; there are {oldest} to {newest}",
            wish.framework
        ),
        format!(
            "the newest is {} {newest}; ask for one from {oldest} to {newest}",
            flavour.word()
        ),
    )
}

/// Reasons that are told; more of them say the same of older releases.
const TOLD: usize = 2;

/// No admitted release runs here: why, and the nearest that does.
pub(super) fn nothing_runs(
    facts: &Facts,
    flavour: Flavour,
    wish: &Wish,
    architecture: &str,
    ruled_out: &[RuledOut],
) -> Problem {
    let mut reasons: Vec<String> = ruled_out
        .iter()
        .take(TOLD)
        .map(|row| format!("{} {} {}", flavour.word(), row.builds.join(", "), row.why))
        .collect();
    if ruled_out.len() > TOLD {
        reasons.push("and older ones neither".into());
    }
    let all = &known(flavour).releases;
    let with_python = Wish {
        python: wish.python.clone(),
        ..Wish::default()
    };
    let runs = |release: &&ExtraRelease, wish: &Wish| {
        obstacle(facts, release, architecture, wish).is_none()
    };
    let nearest = all
        .iter()
        .find(|release| runs(release, &with_python))
        .map(|release| {
            format!(
                "{} {} is the newest that runs here",
                flavour.word(),
                release.versions.last().unwrap_or(&release.version)
            )
        })
        .or_else(|| {
            all.iter()
                .find(|release| runs(release, &Wish::default()))
                .map(|release| {
                    format!(
                        "{} {} runs here with Python {} to {}",
                        flavour.word(),
                        release.version,
                        release.python_min,
                        release.python_max
                    )
                })
        });
    let mut problem = no_fit(
        flavour,
        reasons.join("; "),
        nearest.unwrap_or_else(|| "try --flavour torch".into()),
    );
    if facts.system.kind == OsKind::MacOs && architecture != "aarch64" {
        problem = problem.hint(
            "on Apple silicon under Rosetta, open a native terminal and run the same command again",
        );
    }
    problem
}
