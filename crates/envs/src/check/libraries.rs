//! Shared libraries that come before the environment's: `LD_LIBRARY_PATH`, `DYLD_LIBRARY_PATH`.
//!
//! Source: `ld.so(8)`: the variable is looked through before the `RUNPATH` that wheels carry.

use super::distributions::in_site;
use super::scene::Scene;
use super::{Finding, Rank, Severity};
use deskside_machine::Reading;
use deskside_types::facts::{Facts, OsKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where Linux systems keep their C++ library.
const SYSTEM: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
    "/lib/x86_64-linux-gnu/libstdc++.so.6",
    "/usr/lib/aarch64-linux-gnu/libstdc++.so.6",
    "/usr/lib64/libstdc++.so.6",
    "/usr/lib/libstdc++.so.6",
];

pub(crate) fn findings(scene: &Scene<'_>, facts: &Facts) -> Vec<Finding> {
    let name = match facts.system.kind {
        OsKind::Linux => "LD_LIBRARY_PATH",
        OsKind::MacOs => "DYLD_LIBRARY_PATH",
    };
    let Some(value) = scene
        .machine
        .variable(name)
        .filter(|value| !value.is_empty())
    else {
        return Vec::new();
    };
    let bundled = bundled(scene);
    let environment = scene
        .machine
        .real_path(&scene.environment)
        .unwrap_or_else(|_| scene.environment.clone());
    let mut evidence = Vec::new();
    let mut old_cxx = None;
    for part in value.split([':', ';']).filter(|part| !part.is_empty()) {
        let folder = PathBuf::from(part);
        if scene
            .machine
            .real_path(&folder)
            .is_ok_and(|real| real.starts_with(&environment))
        {
            continue;
        }
        for entry in scene.machine.entries(&folder).unwrap_or_default() {
            let theirs = folder.join(&entry.name);
            if let Some(ours) = bundled.get(entry.name.as_str())
                && let Some(site) = &scene.site
                && differ(scene, &theirs, &site.join(ours))
            {
                evidence.push(format!(
                    "{} comes before {}",
                    theirs.display(),
                    in_site(scene, ours)
                ));
            }
            if entry.name == "libstdc++.so.6" {
                old_cxx = old_cxx.or_else(|| older(scene, &theirs));
            }
        }
    }
    let mut findings = Vec::new();
    if !evidence.is_empty() {
        let more = evidence.len().saturating_sub(5);
        let mut finding = Finding::new(
            Rank::Surroundings,
            "library-path",
            Severity::WillBreak,
            format!("{name} puts other libraries before those that the packages bring"),
        )
        .evidence(format!("{name}={value}"))
        .evidences(evidence.into_iter().take(5));
        if more > 0 {
            finding = finding.evidence(format!("and {more} more"));
        }
        findings.push(
            finding
                .meaning("the packages load libraries they were not built with: \"undefined symbol\" at import, or wrong versions of cuDNN")
                .mend(format!("unset {name}")),
        );
    }
    if let Some((old, system)) = old_cxx.filter(|_| {
        !bundled.is_empty()
            || scene
                .distributions
                .iter()
                .any(|dist| dist.tags.iter().any(|tag| !tag.ends_with("-any")))
    }) {
        findings.push(
            Finding::new(
                Rank::Surroundings,
                "old-cxx-library",
                Severity::WillBreak,
                format!("{name} puts an older libstdc++ before the system's"),
            )
            .evidence(old)
            .evidence(system)
            .meaning(
                "compiled packages that need the newer one end in \"version `GLIBCXX_… not found\"",
            )
            .mend(format!("unset {name}")),
        );
    }
    findings
}

/// Shared libraries that distributions bring, by the name the loader looks for.
fn bundled<'a>(scene: &'a Scene<'_>) -> BTreeMap<&'a str, &'a str> {
    scene
        .distributions
        .iter()
        .filter_map(|dist| dist.record.as_ref().yes())
        .flatten()
        .filter_map(|file| {
            let path = file.path.as_str();
            let name = path.rsplit('/').next()?;
            // Modules of Python carry its tag and are found by Python, not by the loader.
            let is_library = name.starts_with("lib")
                && (name.contains(".so") || name.ends_with(".dylib"))
                && !name.contains("cpython");
            is_library.then_some((name, path))
        })
        .collect()
}

/// Whether two libraries of one name are different ones.
fn differ(scene: &Scene<'_>, theirs: &Path, ours: &Path) -> bool {
    match (scene.machine.stat(theirs), scene.machine.stat(ours)) {
        (Ok(theirs), Ok(ours)) => theirs.size != ours.size,
        _ => false,
    }
}

/// Whether a libstdc++ is older than the system's: its real file's name carries its number.
fn older(scene: &Scene<'_>, theirs: &Path) -> Option<(String, String)> {
    let number = |path: &Path| -> Option<(u32, PathBuf)> {
        let real = scene.machine.real_path(path).ok()?;
        let number = real
            .file_name()?
            .to_string_lossy()
            .rsplit('.')
            .next()?
            .parse()
            .ok()?;
        Some((number, real))
    };
    let (its, its_path) = number(theirs)?;
    let (systems, systems_path) = SYSTEM.iter().find_map(|path| number(Path::new(path)))?;
    (its < systems).then(|| {
        (
            its_path.display().to_string(),
            systems_path.display().to_string(),
        )
    })
}
