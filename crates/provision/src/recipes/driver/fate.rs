//! What becomes of each driver package that is there.

use crate::names::{branch_of, fits, number};
use deskside_knowledge::platforms::Branch;
use deskside_knowledge::version::debian_order;
use deskside_types::facts::Package;
use std::cmp::Ordering;

pub(super) enum Fate {
    Stays,
    /// Goes to the archive's version in place.
    Moves,
    GoesWith,
    GoesBefore,
}

pub(super) fn at_version(package: &Package) -> String {
    format!("{}={}", package.name, package.version)
}

/// What becomes of a driver package that is there.
pub(super) fn fate(
    package: &Package,
    branch: &Branch,
    origin: &str,
    wanted: &[String],
    prebuilt_only: bool,
) -> Fate {
    let name = &package.name;
    let built_by = package.origin.value().map_or(origin, String::as_str);
    if !fits(name, &branch.name) {
        return Fate::GoesWith;
    }
    // A module built here would be loaded before the signed one, and refused.
    if prebuilt_only && name.starts_with("nvidia-dkms-") {
        return Fate::GoesWith;
    }
    if built_by == origin {
        return Fate::Stays;
    }
    // Debian's packages and NVIDIA's for Debian bear the same names in different cuts.
    if origin == "debian" || built_by == "debian" {
        return Fate::GoesBefore;
    }
    let named_alike = branch_of(name).is_some_and(|own| number(&own) == number(&branch.name))
        || wanted.contains(name);
    if !named_alike {
        return Fate::GoesWith;
    }
    // An older package of the same name is upgraded in place; a newer one has to go first.
    let upstream = package.version.split('-').next().unwrap_or_default();
    if debian_order(upstream, &branch.version) == Ordering::Less {
        Fate::Moves
    } else {
        Fate::GoesBefore
    }
}
