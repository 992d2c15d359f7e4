//! Wheels of another Python or another system: their tags, and `Requires-Python`.
//!
//! Source: packaging.python.org, "Platform compatibility tags" (PEP 425, 600, 656).

use super::distributions::in_site;
use super::platform::Platform;
use super::scene::Scene;
use super::{Finding, Rank, Severity};
use deskside_types::facts::OsKind;
use pep440_rs::VersionSpecifiers;
use std::str::FromStr;

pub(crate) fn findings(scene: &Scene<'_>, platform: &Platform) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dist in &scene.distributions {
        let wrong = !dist.tags.is_empty()
            && dist
                .tags
                .iter()
                .all(|tag| fits(tag, platform) == Some(false));
        if wrong {
            let mut tags = dist.tags.clone();
            tags.dedup();
            findings.push(
                Finding::new(
                    Rank::Installation,
                    "built-for-another-python",
                    Severity::Broken,
                    format!(
                        "{} {} is built for {}, not for {}",
                        dist.name,
                        dist.version,
                        tags.join(", "),
                        shown(platform)
                    ),
                )
                .evidence(format!(
                    "{}/WHEEL: Tag: {}",
                    in_site(scene, &dist.folder),
                    dist.tags.first().map_or("", String::as_str)
                ))
                .meaning("its compiled modules can't be loaded by this Python")
                // What an environment's own files say of it is the wrong wheel; a lock file names the right one, too.
                .mend(scene.sync_command())
                .about([dist.name.as_str()]),
            );
        }
        let wanted = dist
            .header
            .as_ref()
            .yes()
            .and_then(|header| header.requires_python.as_deref());
        if let (Some(wanted), Some(python)) = (wanted, &platform.python)
            && let Ok(specifiers) = VersionSpecifiers::from_str(wanted)
            && !specifiers.contains(python)
            // Without a patch release nothing can be said of bounds within the series.
            && (python.release().len() > 2 || wanted.split(',').all(|part| part.matches('.').count() < 2))
        {
            findings.push(
                Finding::new(
                    Rank::Installation,
                    "needs-another-python",
                    Severity::WillBreak,
                    format!(
                        "{} {} needs Python {wanted}, and this is {python}",
                        dist.name, dist.version
                    ),
                )
                .evidence(format!(
                    "{}/METADATA: Requires-Python: {wanted}",
                    in_site(scene, &dist.folder)
                ))
                .meaning("it may use what this Python does not have, and no lock file can hold it")
                .mend("deskside env rebuild")
                .about([dist.name.as_str()]),
            );
        }
    }
    findings
}

fn shown(platform: &Platform) -> String {
    format!(
        "Python {} on {}",
        platform.series.as_deref().unwrap_or("?"),
        platform.architecture.as_deref().unwrap_or("this machine")
    )
}

/// Whether a tag fits; none where its form or the platform is not known well enough.
pub(crate) fn fits(tag: &str, platform: &Platform) -> Option<bool> {
    let mut parts = tag.split('-');
    let (python, abi, system) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let series = platform.series.as_deref()?;
    let threaded = series.strip_suffix('t');
    let minor: u32 = threaded
        .unwrap_or(series)
        .strip_prefix("3.")?
        .parse()
        .ok()?;
    let pythons = python.split('.').map(|one| {
        if let Some(digits) = one.strip_prefix("cp3") {
            let of: u32 = digits.parse().ok()?;
            if !platform.cpython {
                return Some(false);
            }
            return Some(match abi {
                "none" => of <= minor,
                abi if abi.contains("abi3") => of <= minor,
                abi => of == minor && (abi.ends_with('t') == threaded.is_some()),
            });
        }
        match one.strip_prefix("py") {
            Some("2" | "27") => Some(false),
            Some("3") => Some(true),
            Some(digits) => Some(digits.strip_prefix('3')?.parse::<u32>().ok()? <= minor),
            None => one.strip_prefix("pp").map(|_| !platform.cpython),
        }
    });
    let python = any(pythons)?;
    let systems = system.split('.').map(|one| on(one, platform));
    Some(python && any(systems)?)
}

/// True when one is true, none when none is and one is not known.
fn any(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut sum = Some(false);
    for one in answers {
        match one {
            Some(true) => return Some(true),
            Some(false) => {}
            None => sum = None,
        }
    }
    sum
}

fn on(system: &str, platform: &Platform) -> Option<bool> {
    if system == "any" {
        return Some(true);
    }
    let architecture = platform.architecture.as_deref()?;
    let linux = ["linux_", "manylinux", "musllinux"]
        .iter()
        .any(|start| system.starts_with(start));
    let (right, mac) = if linux {
        (platform.os == OsKind::Linux, false)
    } else if system.starts_with("macosx_") {
        (platform.os == OsKind::MacOs, true)
    } else if system.starts_with("win") {
        (false, false)
    } else {
        return None;
    };
    let universal = mac
        && ["universal2", "universal", "intel", "fat64"]
            .iter()
            .any(|end| system.ends_with(end));
    Some(right && (universal || system.ends_with(architecture)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_judged() {
        let platform = |series: &str, architecture: &str, os| Platform {
            markers: None,
            python: None,
            series: Some(series.into()),
            architecture: Some(architecture.into()),
            os,
            cpython: true,
        };
        let linux = platform("3.12", "x86_64", OsKind::Linux);
        let mac = platform("3.12", "arm64", OsKind::MacOs);
        let free = platform("3.13t", "x86_64", OsKind::Linux);
        for (tag, platform, expected) in [
            ("py3-none-any", &linux, Some(true)),
            ("py2.py3-none-any", &linux, Some(true)),
            ("py2-none-any", &linux, Some(false)),
            ("cp312-cp312-manylinux_2_28_x86_64", &linux, Some(true)),
            ("cp311-cp311-manylinux_2_28_x86_64", &linux, Some(false)),
            ("cp39-abi3-manylinux2014_x86_64", &linux, Some(true)),
            ("cp313-abi3-manylinux2014_x86_64", &linux, Some(false)),
            ("cp312-cp312-manylinux_2_28_aarch64", &linux, Some(false)),
            ("cp312-cp312-win_amd64", &linux, Some(false)),
            (
                "py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64",
                &linux,
                Some(true),
            ),
            ("cp312-cp312-macosx_11_0_arm64", &mac, Some(true)),
            ("cp312-cp312-macosx_10_9_universal2", &mac, Some(true)),
            ("cp312-cp312-macosx_10_9_x86_64", &mac, Some(false)),
            ("cp313-cp313t-manylinux_2_28_x86_64", &free, Some(true)),
            ("cp313-cp313-manylinux_2_28_x86_64", &free, Some(false)),
            ("odd", &linux, None),
            ("cp312-cp312-plan9_x86", &linux, None),
        ] {
            assert_eq!(fits(tag, platform), expected, "{tag}");
        }
    }
}
