//! Files that several distributions write: the last one installed wins, and removing one breaks the other.

use super::distributions::in_site;
use super::lock;
use super::scene::Scene;
use super::{Finding, Rank, Severity};
use deskside_knowledge::environment::exclusive;
use deskside_machine::Reading;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Top-level folders that badly packed distributions bring by mistake; nobody imports them.
const BY_MISTAKE: &[&str] = &[
    "benchmarks",
    "bin",
    "doc",
    "docs",
    "example",
    "examples",
    "licenses",
    "scripts",
    "share",
    "test",
    "testing",
    "tests",
    "tools",
];

/// Files with several owners that say different hashes, by path.
#[derive(Debug, Default)]
pub(crate) struct Overlaps {
    /// Path, then owner and hash.
    pub files: BTreeMap<String, Vec<(String, String)>>,
}

pub(crate) fn overlaps(scene: &Scene<'_>) -> Overlaps {
    let mut owners: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut overlaps = Overlaps::default();
    for (place, dist) in scene.distributions.iter().enumerate() {
        for file in dist.record.as_ref().yes().into_iter().flatten() {
            if file.hash.is_empty() {
                continue;
            }
            match owners.get(file.path.as_str()) {
                None => {
                    owners.insert(&file.path, (place, &file.hash));
                }
                Some((other, hash)) if *other != place && *hash != file.hash => {
                    let owner = &scene.distributions[*other];
                    let entry = overlaps.files.entry(file.path.clone()).or_default();
                    if entry.is_empty() {
                        entry.push((owner.name.clone(), (*hash).to_string()));
                    }
                    entry.push((dist.name.clone(), file.hash.clone()));
                }
                Some(_) => {}
            }
        }
    }
    overlaps
}

pub(crate) fn findings(scene: &Scene<'_>, overlaps: &Overlaps) -> Vec<Finding> {
    let mut findings = flavours(scene);
    let mut by_owners: BTreeMap<BTreeSet<&str>, Vec<&str>> = BTreeMap::new();
    for (path, owners) in &overlaps.files {
        let names: BTreeSet<&str> = owners.iter().map(|(name, _)| name.as_str()).collect();
        // Two of one name are told as that.
        if names.len() < 2 || !matters(scene, path) {
            continue;
        }
        by_owners.entry(names).or_default().push(path);
    }
    for (names, files) in by_owners {
        let shown: Vec<&str> = names.iter().copied().collect();
        findings.push(
            Finding::new(
                Rank::Overlap,
                "files-of-two",
                Severity::WillBreak,
                format!(
                    "{} write the same {}, each with other contents",
                    shown.join(" and "),
                    if files.len() == 1 { "file".to_string() } else { format!("{} files", files.len()) }
                ),
            )
            .evidences(files.iter().take(4).map(|file| in_site(scene, file)))
            .meaning("the one installed last has overwritten the other, which is no longer what its metadata say; removing one breaks the other")
            .mend(format!("{} {}", scene.uv("uninstall"), shown.join(" ")))
            .mend(format!("{} THE-ONE-YOU-NEED", scene.uv("install")))
            .about(names),
        );
    }
    findings
}

/// Whether it harms that a file is another's: code that is imported, and no name space's `__init__.py`.
fn matters(scene: &Scene<'_>, path: &str) -> bool {
    let mut parts = path.split('/');
    let (Some(top), Some(_)) = (parts.next(), parts.next()) else {
        // A module by itself counts, another file at the top is a readme.
        return path.ends_with(".py") || path.ends_with(".so");
    };
    if top == ".." || BY_MISTAKE.contains(&top) || top.ends_with(".dist-info") {
        return false;
    }
    let is_code = [".py", ".so", ".pyd", ".dylib"]
        .iter()
        .any(|end| path.ends_with(end))
        || path.contains(".so.");
    if !is_code {
        return false;
    }
    if path.ends_with("/__init__.py")
        && let Some(site) = &scene.site
        && let Ok(text) = scene.machine.text(site.join(path))
    {
        let is_namespace = text.contains("extend_path") || text.contains("declare_namespace");
        let says_nothing = text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        return !is_namespace && !says_nothing;
    }
    true
}

/// Distributions that are known to exclude each other.
fn flavours(scene: &Scene<'_>) -> Vec<Finding> {
    exclusive()
        .iter()
        .filter_map(|group| {
            let there: Vec<&str> = group
                .names
                .iter()
                .map(String::as_str)
                .filter(|name| scene.named(name).next().is_some())
                .collect();
            (there.len() > 1).then(|| {
                // Where the lock file names one of them, that one is meant.
                let decided = there.iter().any(|name| {
                    let rest: Vec<&str> = there.iter().copied().filter(|other| other != name).collect();
                    lock::decides(scene, &[name], &rest)
                });
                let finding = Finding::new(
                    Rank::Family,
                    "flavours-exclude-each-other",
                    Severity::WillBreak,
                    format!("{} are installed at once, and both bring {}", there.join(" and "), group.module),
                )
                .evidences(
                    there
                        .iter()
                        .flat_map(|name| scene.named(name))
                        .map(|dist| in_site(scene, &dist.folder)),
                )
                .meaning("the one installed last has overwritten the other's files; which features are there (a GPU, a window) is left to chance");
                let finding = if decided {
                    finding.mend("deskside env sync")
                } else {
                    finding
                        .mend(format!("{} {}", scene.uv("uninstall"), there.join(" ")))
                        .mend(format!("{} THE-ONE-YOU-NEED", scene.uv("install")))
                };
                finding.about(there)
            })
        })
        .collect()
}
