//! What must be mended before apt can do anything: dpkg left half-way, no room in `/boot`, a wrong clock.

use crate::draft::{Draft, are, packages, run};
use crate::names::{branch_of, is_package, shown};
use crate::present::Present;
use deskside_knowledge::platforms::package_kind;
use deskside_types::facts::{Package, PackageState, Packages};
use deskside_types::plan::Check;
use deskside_types::units;

/// Room that a new boot image of each kernel needs beside the old ones.
const BOOT_NEEDED: u64 = 300 << 20;

/// Notes on what stands in the way and no step changes.
pub(crate) fn surroundings(present: &Present<'_>, draft: &mut Draft) {
    if present.packages.clock_behind.value() == Some(&true) {
        draft.block(
            format!(
                "the clock says a time before {} came out: certificates and lists of packages will be refused; set it first",
                present.platform.name
            ),
            &["sudo timedatectl set-ntp true"],
        );
    }
    lock(present.packages, draft);
}

/// Another package manager at work.
pub(crate) fn lock(packages: &Packages, draft: &mut Draft) {
    if let Some(holder) = packages.lock_holder.value() {
        let program = holder
            .program
            .value()
            .map_or("a package manager", String::as_str);
        draft.note(
            format!(
                "{program} (process {}) is working on packages now; wait until it has ended",
                holder.pid
            ),
            &[],
        );
    }
}

/// Packages that dpkg left unfinished. Driver packages that a plan replaces go; the rest is finished.
pub(crate) fn dpkg(present: &Present<'_>, draft: &mut Draft) {
    let broken: Vec<&Package> = present
        .packages
        .installed
        .value()
        .into_iter()
        .flatten()
        .filter(|package| package.state.is_broken() && is_package(&package.name))
        .collect();
    let is_driver = |package: &&&Package| {
        matches!(
            package_kind(&package.name),
            Some("nvidia-modules" | "nvidia-driver")
        )
    };
    let mut drop: Vec<String> = broken
        .iter()
        .filter(is_driver)
        .map(|package| package.name.clone())
        .collect();
    // The package of the whole driver depends on them, and would go unnamed.
    let branches: Vec<String> = drop.iter().filter_map(|name| branch_of(name)).collect();
    for package in present.driver_packages() {
        if package.name.starts_with("nvidia-driver-")
            && branch_of(&package.name).is_some_and(|branch| branches.contains(&branch))
            && !drop.contains(&package.name)
        {
            drop.push(package.name.clone());
        }
    }
    let finish: Vec<String> = broken
        .iter()
        .filter(|package| !is_driver(package))
        .map(|package| package.name.clone())
        .collect();
    if !drop.is_empty() {
        draft.step(
            "dpkg.drop",
            &[("names", &shown(&drop))],
            vec![are(&[], &drop)],
            vec![packages(&[], &drop)],
        );
    }
    let interrupted = present.packages.interrupted.value() == Some(&true);
    if !finish.is_empty() || interrupted {
        let check = if finish.is_empty() {
            Check::Absent {
                path: "/var/lib/dpkg/updates/0000".into(),
            }
        } else {
            are(&finish, &[])
        };
        let names = if finish.is_empty() {
            "an interrupted run".to_string()
        } else {
            shown(&finish)
        };
        draft.step(
            "dpkg.finish",
            &[("names", &names)],
            vec![check],
            vec![run(["dpkg", "--configure", "--pending"], 1800)],
        );
    }
}

/// Whether a package is there of which not all was unpacked: apt fetches nothing until it is mended.
pub(crate) fn is_half_unpacked(present: &Present<'_>) -> bool {
    present.packages.interrupted.value() == Some(&true)
        || present
            .packages
            .installed
            .value()
            .into_iter()
            .flatten()
            .any(|package| {
                package.state.is_broken() && package.state != PackageState::HalfConfigured
            })
}

/// Room in `/boot`, before a driver makes boot images anew; false where there is none and none can be made.
pub(crate) fn boot_space(present: &Present<'_>, draft: &mut Draft) -> bool {
    let Some(free) = present
        .packages
        .boot_free_bytes
        .value()
        .copied()
        .filter(|free| *free < BOOT_NEEDED)
    else {
        return true;
    };
    let keep = present.kernels();
    let old: Vec<String> = present
        .packages
        .kernels
        .value()
        .into_iter()
        .flatten()
        .filter(|kernel| !keep.contains(&kernel.release))
        .map(|kernel| kernel.release.clone())
        .collect();
    let names: Vec<String> = present
        .packages
        .installed
        .value()
        .into_iter()
        .flatten()
        .map(|package| package.name.clone())
        .filter(|name| {
            is_package(name)
                && name.starts_with("linux-")
                && old
                    .iter()
                    .any(|release| name.ends_with(&format!("-{release}")))
        })
        .collect();
    let free = units::bytes(free);
    if names.is_empty() {
        draft.block(
            format!("only {free} are free in /boot, and there is no old kernel to remove: make room there first"),
            &["df -h /boot", "ls -lh /boot"],
        );
        return false;
    }
    draft.step(
        "boot.space",
        &[("names", &shown(&old)), ("free", &free)],
        vec![are(&[], &names)],
        vec![packages(&[], &names)],
    );
    true
}
