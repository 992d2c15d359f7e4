//! Evidence that is worked out of facts and other evidence: what contradicts what among apt's sources, who holds devices
//! and locks, what is installed in an environment.

mod apt;
mod holders;
mod libraries;
mod models;
mod smi;

use super::Places;
use deskside_doctor::{Document, Scene};
use deskside_machine::{Machine, Reading};
use deskside_types::Facts;

/// Adds every derived item but the check of the environment.
pub(super) fn add(machine: &dyn Machine, facts: &Facts, places: &Places, scene: &mut Scene) {
    apt::add(machine, facts, scene);
    scene.put("distributions", distributions(machine, places));
    scene.put("library-path-files", libraries::on_path(machine));
    scene.put("device-holders", holders::holders(machine, facts));
    smi::add(scene);
    let models = models::files(machine, places, scene);
    scene.put("model-files", models);
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
        .map(|(name, version)| {
            format!(
                "{} {version}",
                deskside_knowledge::python::normalised_name(name)
            )
        })
        .collect();
    Some(Document::text(site, lines.join("\n")))
}
