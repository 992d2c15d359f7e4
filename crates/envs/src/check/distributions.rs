//! Distributions as they are installed: two of one name, half-made ones, left-overs, files that belong to nobody.

use super::scene::{Dist, Scene, Seen};
use super::{Finding, Rank, Severity};
use deskside_knowledge::environment::imports;
use deskside_knowledge::python::normalised_name;
use deskside_machine::{FileKind, Reading};
use deskside_types::shell;
use std::collections::{BTreeMap, BTreeSet};

/// What lies in a folder of packages without being a distribution's.
const NOBODYS: &[&str] = &[
    "__pycache__",
    "_virtualenv.py",
    "sitecustomize.py",
    "usercustomize.py",
    "README.txt",
    "README",
    ".lock",
];

pub(crate) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = duplicates(scene);
    findings.extend(half_made(scene));
    let wanted = wanted(scene);
    findings.extend(leftovers(scene, &wanted));
    findings.extend(orphans(scene, &wanted));
    findings
}

/// All names that distributions and the project's lock file speak of.
fn wanted(scene: &Scene<'_>) -> BTreeSet<String> {
    let name = |text: &str| {
        let end = text
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
            .unwrap_or(text.len());
        normalised_name(&text[..end])
    };
    let mut all: BTreeSet<String> = scene
        .distributions
        .iter()
        .filter_map(|dist| dist.header.as_ref().yes())
        .flat_map(|header| header.requires.iter().map(|text| name(text)))
        .collect();
    all.extend(scene.distributions.iter().map(|dist| dist.name.clone()));
    if let Ok(bytes) = scene.machine.file(scene.project.join("uv.lock"), 64 << 20) {
        all.extend(
            String::from_utf8_lossy(&bytes)
                .lines()
                .filter_map(|line| line.strip_prefix("name = \""))
                .map(|rest| normalised_name(rest.trim_end_matches('"'))),
        );
    }
    all
}

fn duplicates(scene: &Scene<'_>) -> Vec<Finding> {
    let mut by_name: BTreeMap<&str, Vec<&Dist>> = BTreeMap::new();
    for dist in &scene.distributions {
        by_name.entry(&dist.name).or_default().push(dist);
    }
    by_name
        .into_iter()
        .filter(|(_, all)| all.len() > 1)
        .map(|(name, all)| {
            let versions: Vec<&str> = all.iter().map(|dist| dist.version.as_str()).collect();
            Finding::new(
                Rank::Installation,
                "distribution-twice",
                Severity::Broken,
                format!("{name} is installed {} times at once: {}", all.len(), versions.join(", ")),
            )
            .evidences(all.iter().map(|dist| {
                format!("{}{}", in_site(scene, &dist.folder), installed_by(dist))
            }))
            .meaning("which version is imported, and which one installers see, is left to chance; their files lie mixed in one place")
            .mend("deskside env rebuild")
            .about([name])
        })
        .collect()
}

fn half_made(scene: &Scene<'_>) -> Vec<Finding> {
    scene
        .distributions
        .iter()
        .filter(|dist| dist.header.is_no() || (!dist.egg && dist.record.is_no()))
        .map(|dist| {
            let missing: Vec<&str> = [
                (dist.header.is_no(), if dist.egg { "PKG-INFO" } else { "METADATA" }),
                (!dist.egg && dist.record.is_no(), "RECORD"),
            ]
            .into_iter()
            .filter_map(|(gone, file)| gone.then_some(file))
            .collect();
            let folder = in_site(scene, &dist.folder);
            Finding::new(
                Rank::Installation,
                "distribution-half-made",
                Severity::Broken,
                format!("{} is only half installed: {} is missing or says nothing", dist.name, missing.join(" and ")),
            )
            .evidences(missing.iter().map(|file| format!("{folder}/{file}")))
            .meaning("an install or a removal was cut off: its files may lack, and installers can neither check nor remove it")
            .mend("deskside env rebuild")
            .about([dist.name.as_str()])
        })
        .collect()
}

/// pip renames what it removes: `numpy` becomes `~umpy`, and stays when it is cut off. uv's temporary folders stay too.
fn leftovers(scene: &Scene<'_>, wanted: &BTreeSet<String>) -> Vec<Finding> {
    let mut of: BTreeMap<String, (BTreeSet<String>, Vec<String>)> = BTreeMap::new();
    for entry in &scene.listing {
        let Some(tail) = entry.name.strip_prefix('~') else {
            continue;
        };
        let tail = tail.trim_start_matches('~');
        let stem = tail
            .split(".dist-info")
            .next()
            .and_then(|stem| stem.split('-').next())
            .unwrap_or(tail)
            .trim_end_matches(".py");
        let tail = normalised_name(stem);
        let names: BTreeSet<String> = wanted
            .iter()
            .filter(|name| {
                let cut = name.len().checked_sub(tail.len());
                !tail.is_empty() && name.ends_with(&tail) && cut.is_some_and(|cut| cut <= 2)
            })
            .cloned()
            .collect();
        let (all, entries) = of.entry(tail).or_default();
        all.extend(names);
        entries.push(in_site(scene, &entry.name));
    }
    of.into_iter()
        .map(|(tail, (names, entries))| {
            let gone = names.iter().any(|name| scene.version_of(name).is_none());
            let shown = names
                .first()
                .map_or_else(|| format!("~{tail}"), Clone::clone);
            Finding::new(
                Rank::Installation,
                "leftover-of-removal",
                if gone {
                    Severity::Broken
                } else {
                    Severity::Suspicious
                },
                format!("a removal of {shown} by pip was cut off"),
            )
            .evidences(entries.iter().cloned())
            .meaning(if gone {
                "the distribution is gone, and what is left of it can't be imported"
            } else {
                "the left-overs take space, and pip warns of an invalid distribution at each call"
            })
            .mend(if gone {
                "deskside env rebuild".to_string()
            } else {
                let quoted: Vec<String> =
                    entries.iter().map(|entry| shell::quoted(entry)).collect();
                format!("rm -r {}", quoted.join(" "))
            })
            .about(names)
        })
        .collect()
}

/// Modules that belong to no distribution: its `dist-info` was removed, or somebody put them there.
fn orphans(scene: &Scene<'_>, wanted: &BTreeSet<String>) -> Vec<Finding> {
    // What a RECORD could not be read of may own anything.
    if scene
        .distributions
        .iter()
        .any(|dist| dist.egg || matches!(dist.record, Seen::Unknown | Seen::No))
    {
        return Vec::new();
    }
    let owned: BTreeSet<&str> = scene
        .distributions
        .iter()
        .filter_map(|dist| dist.record.as_ref().yes())
        .flatten()
        .map(|file| file.path.split('/').next().unwrap_or_default())
        .collect();
    let is_code = |name: &str, kind: FileKind| match kind {
        FileKind::File => name.ends_with(".py") || name.ends_with(".so"),
        _ => scene.site.as_ref().is_some_and(|site| {
            scene
                .machine
                .entries(site.join(name))
                .unwrap_or_default()
                .iter()
                .any(|entry| entry.name.ends_with(".py") || entry.name.ends_with(".so"))
        }),
    };
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in &scene.listing {
        let name = entry.name.as_str();
        let ordinary = !name.starts_with(['~', '.'])
            && !NOBODYS.contains(&name)
            && ![
                ".dist-info",
                ".egg-info",
                ".pth",
                ".egg-link",
                ".egg",
                ".libs",
                ".virtualenv",
            ]
            .iter()
            .any(|end| name.ends_with(end));
        if ordinary && !owned.contains(name) && is_code(name, entry.kind) {
            let module = name.split('.').next().unwrap_or(name);
            let known = imports::distribution_of(module).map(String::from);
            let plain = normalised_name(module);
            let distribution = known
                .filter(|known| wanted.contains(known))
                .unwrap_or(plain);
            by_name
                .entry(distribution)
                .or_default()
                .push(in_site(scene, name));
        }
    }
    by_name
        .into_iter()
        .map(|(name, files)| {
            let known = wanted.contains(&name);
            Finding::new(
                Rank::Installation,
                "files-of-nobody",
                if known { Severity::WillBreak } else { Severity::Suspicious },
                if known {
                    format!("the files of {name} are there, but its dist-info folder is gone")
                } else {
                    format!("{} belongs to no installed distribution", files.join(", "))
                },
            )
            .evidences(files.iter().map(|file| format!("{file}: in no RECORD")))
            .meaning("it can be imported, but installers don't know of it: they can neither replace, check nor remove it")
            .mend("deskside env rebuild")
            .about([name])
        })
        .collect()
}

/// A path in the folder of packages as findings show it.
pub(crate) fn in_site(scene: &Scene<'_>, name: &str) -> String {
    scene
        .site
        .as_ref()
        .map_or_else(|| name.to_string(), |site| scene.shown(&site.join(name)))
}

/// `, installed by pip`; nothing where it is not known.
pub(crate) fn installed_by(dist: &Dist) -> String {
    if dist.installer.is_empty() {
        String::new()
    } else {
        format!(", installed by {}", dist.installer)
    }
}
