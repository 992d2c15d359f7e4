//! NumPy's two binary interfaces: modules compiled for NumPy 1 beside NumPy 2.

use super::distributions::in_site;
use super::requirements::Graph;
use super::scene::{Dist, Scene, parallel};
use super::{Finding, Rank, Severity};
use deskside_knowledge::environment::built_for_numpy_1;
use deskside_machine::Reading;
use pep440_rs::Version;
use std::str::FromStr;

/// Compiled files of a distribution that are looked into, the smallest first.
const FILES: usize = 4;
/// The largest compiled file that is looked into, in bytes.
const LARGEST: u64 = 1 << 20;
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
    parallel(scene.machine, &users, |dist| judged(scene, dist, numpy))
        .into_iter()
        .flatten()
        .collect()
}

fn judged(scene: &Scene<'_>, dist: &Dist, numpy: &str) -> Option<Finding> {
    let known = built_for_numpy_1().iter().find(|row| {
        row.name == dist.name
            && matches!((Version::from_str(&dist.version), Version::from_str(&row.fixed)), (Ok(now), Ok(fixed)) if now < fixed)
    });
    let (evidence, fixed) = match known {
        Some(row) => (
            format!(
                "{}: releases before {} are built with NumPy 1",
                in_site(scene, &dist.folder),
                row.fixed
            ),
            Some(&row.fixed),
        ),
        None => {
            let file = compiled_for_1(scene, dist)?;
            (
                format!("{}: built with NumPy 1's headers", in_site(scene, &file)),
                None,
            )
        }
    };
    let upgrade = match fixed {
        Some(fixed) => format!("'{}>={fixed}'", dist.name),
        None => format!("--upgrade {}", dist.name),
    };
    Some(
        Finding::new(
            Rank::Pair,
            "numpy-interface",
            Severity::WillBreak,
            format!("{} {} is compiled for NumPy 1, and NumPy {numpy} is installed", dist.name, dist.version),
        )
        .evidence(evidence)
        .evidence(format!("numpy {numpy}"))
        .meaning("importing it ends in \"numpy.dtype size changed\" or \"_ARRAY_API not found\", or NumPy arrays can't be given to it")
        .mend(format!("{} {upgrade}", scene.uv("install")))
        .about([dist.name.as_str()]),
    )
}

/// A compiled file that knows NumPy 1 only; the first file that uses NumPy's C interface decides.
fn compiled_for_1(scene: &Scene<'_>, dist: &Dist) -> Option<String> {
    let site = scene.site.as_ref()?;
    let mut files: Vec<_> = dist
        .record
        .as_ref()
        .yes()?
        .iter()
        .filter(|file| file.path.ends_with(".so") && file.size.is_some_and(|size| size <= LARGEST))
        .collect();
    files.sort_by_key(|file| file.size);
    for file in files.into_iter().take(FILES) {
        let Ok(bytes) = scene.machine.file(site.join(&file.path), LARGEST) else {
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
