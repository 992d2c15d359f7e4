//! Evidence that is worked out of facts and other evidence: what contradicts what among apt's sources, who holds devices
//! and locks, what is installed in an environment.

use super::Places;
use deskside_doctor::{Document, Scene};
use deskside_machine::{Machine, Reading};
use deskside_types::Facts;
use deskside_types::facts::PackageSource;
use std::collections::BTreeMap;

/// Adds every derived item.
pub(super) fn add(machine: &dyn Machine, facts: &Facts, places: &Places, scene: &mut Scene) {
    sources(facts, scene);
    scene.put("distributions", distributions(machine, places));
}

/// `name version` of every distribution, by the names of its folders in `site-packages`.
fn distributions(machine: &dyn Machine, places: &Places) -> Option<Document> {
    let site = places.site.as_deref()?;
    let entries = match machine.entries(site) {
        Ok(entries) => entries,
        Err(error) => return Some(Document::unseen(site, error.reason())),
    };
    let lines: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.name.strip_suffix(".dist-info"))
        .filter_map(|stem| stem.split_once('-'))
        .map(|(name, version)| format!("{} {version}", name.to_lowercase().replace('_', "-")))
        .collect();
    Some(Document::text(site, lines.join("\n")))
}

fn sources(facts: &Facts, scene: &mut Scene) {
    let Some(packages) = facts.packages.value() else {
        return;
    };
    let Some(sources) = packages.sources.value() else {
        return;
    };
    scene.put("apt-conflicts", conflicts(sources));
}

/// The same repository and suite, listed with different signers: a line for each, `file:line signer` side by side.
fn conflicts(sources: &[PackageSource]) -> Option<Document> {
    let mut groups: BTreeMap<(String, &str), Vec<&PackageSource>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.enabled) {
        groups
            .entry((source.uri.trim_end_matches('/').to_string(), &source.suite))
            .or_default()
            .push(source);
    }
    let signer = |source: &PackageSource| source.signed_by.value().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for ((uri, suite), group) in groups {
        let first = signer(group[0]);
        if group.iter().all(|source| signer(source) == first) {
            continue;
        }
        let places: Vec<String> = group
            .iter()
            .map(|source| {
                let signer = signer(source);
                let signer = if signer.is_empty() {
                    "no Signed-By".to_string()
                } else {
                    signer
                };
                format!("{}:{} ({signer})", source.file, source.line)
            })
            .collect();
        lines.push(format!("{uri} {suite}: {}", places.join(" against ")));
    }
    (!lines.is_empty()).then(|| Document::text("apt's sources", lines.join("\n")))
}
