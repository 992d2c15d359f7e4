//! What no choice can go beyond: the releases that there are, the C library, the Pythons with packages.

use super::Wanted;
use crate::build::admission::admits_python;
use crate::build::parts::{RuledOut, rule_out};
use crate::build::{Flavour, Wish, no_fit};
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::Facts;
use std::cmp::Ordering;

/// No release within the version wish; the nearest ones that there are.
pub(super) fn no_release(wish: &Wish) -> Problem {
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
pub(super) fn glibc(
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
pub(super) fn pythons(wanted: &Wanted<'_>) -> Result<(), Problem> {
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
