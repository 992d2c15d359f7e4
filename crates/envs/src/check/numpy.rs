//! NumPy's two binary interfaces: modules compiled for NumPy 1 beside NumPy 2.

use super::distributions::in_site;
use super::requirements::Graph;
use super::scene::{Dist, Scene, parallel};
use super::{Finding, Rank, Severity};
use deskside_knowledge::environment::built_for_numpy_1;
use deskside_machine::Reading;
use pep440_rs::Version;
use std::str::FromStr;

/// Bytes of a distribution's compiled files that are looked into, the smallest files first: most often the first or
/// second one decides.
const BUDGET: u64 = 6 << 20;
/// The module that NumPy's headers put into a module that uses the C interface, and the package before it: NumPy 1's
/// `numpy.core`, NumPy 2's `numpy._core` (and then `numpy.core` to fall back to).
const INTERFACE: &[u8] = b"_multiarray_umath";
const OLD: &[u8] = b"numpy.core.";
const NEW: &[u8] = b"numpy._core.";

pub(crate) fn findings(scene: &Scene<'_>, graph: &Graph) -> Vec<Finding> {
    let Some(numpy) = scene.version_of("numpy") else {
        return Vec::new();
    };
    let is_two =
        Version::from_str(numpy).is_ok_and(|version| version.release().first() >= Some(&2));
    if !is_two {
        return Vec::new();
    }
    let users: Vec<&Dist> = scene
        .distributions
        .iter()
        .filter(|dist| {
            dist.name != "numpy"
                && graph
                    .edges
                    .iter()
                    .any(|edge| edge.from == dist.name && edge.name == "numpy")
                || built_for_numpy_1().iter().any(|row| row.name == dist.name)
        })
        .collect();
    let old: Vec<(&Dist, String)> = parallel(scene.machine, &users, |dist| evidence(scene, dist))
        .into_iter()
        .zip(users)
        .filter_map(|(evidence, dist)| Some((dist, evidence?)))
        .collect();
    if old.is_empty() {
        return Vec::new();
    }
    let shown: Vec<String> = old
        .iter()
        .map(|(dist, _)| format!("{} {}", dist.name, dist.version))
        .collect();
    let names: Vec<&str> = old.iter().map(|(dist, _)| dist.name.as_str()).collect();
    let verb = if old.len() == 1 { "is" } else { "are" };
    let finding = Finding::new(
        Rank::Pair,
        "numpy-interface",
        Severity::WillBreak,
        format!(
            "{} {verb} compiled for NumPy 1, and NumPy {numpy} is installed",
            shown.join(", ")
        ),
    )
    .evidences(old.iter().take(8).map(|(_, evidence)| evidence.clone()))
    .meaning("importing them ends in \"numpy.dtype size changed\" or \"_ARRAY_API not found\", or NumPy arrays can't be given to them")
    .mend(format!("{} --upgrade {}", scene.uv("install"), names.join(" ")))
    .about(["numpy"])
    .about(names);
    vec![finding]
}

/// What proves that a distribution is built with NumPy 1; none when nothing does.
fn evidence(scene: &Scene<'_>, dist: &Dist) -> Option<String> {
    let known = built_for_numpy_1().iter().find(|row| {
        let versions = (
            Version::from_str(&dist.version),
            Version::from_str(&row.fixed),
        );
        row.name == dist.name && matches!(versions, (Ok(now), Ok(fixed)) if now < fixed)
    });
    match known {
        Some(row) => Some(format!(
            "{}: releases before {} are built with NumPy 1",
            in_site(scene, &dist.folder),
            row.fixed
        )),
        None => {
            let file = compiled_for_1(scene, dist)?;
            Some(format!(
                "{}: built with NumPy 1's headers",
                in_site(scene, &file)
            ))
        }
    }
}

/// A compiled file that knows NumPy 1 only; the first file that uses NumPy's C interface decides.
fn compiled_for_1(scene: &Scene<'_>, dist: &Dist) -> Option<String> {
    let site = scene.site.as_ref()?;
    let mut files: Vec<_> = dist
        .record
        .as_ref()
        .yes()?
        .iter()
        .filter(|file| file.path.ends_with(".so") && file.size.is_some_and(|size| size <= BUDGET))
        .collect();
    files.sort_by_key(|file| file.size);
    let mut left = BUDGET;
    for file in files {
        left = left.checked_sub(file.size.unwrap_or(BUDGET))?;
        let Ok(bytes) = scene.machine.file(site.join(&file.path), BUDGET) else {
            continue;
        };
        match interface(&bytes) {
            Some(true) => return Some(file.path.clone()),
            Some(false) => return None,
            None => {}
        }
    }
    None
}

/// Whether a compiled file knows NumPy 1's interface only; none when it uses neither.
fn interface(bytes: &[u8]) -> Option<bool> {
    let (mut old, mut place) = (false, 0);
    while let Some(at) = bytes[place..].iter().position(|byte| *byte == b'_') {
        let start = place + at;
        if bytes[start..].starts_with(INTERFACE) {
            if bytes[..start].ends_with(NEW) {
                return Some(false);
            }
            old |= bytes[..start].ends_with(OLD);
        }
        place = start + 1;
    }
    old.then_some(true)
}
