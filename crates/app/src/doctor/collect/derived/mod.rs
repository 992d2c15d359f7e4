//! Evidence that is worked out of facts and other evidence: what contradicts what among apt's sources, who holds devices
//! and locks, what is installed in an environment.

mod apt;
mod holders;
mod libraries;
mod models;
mod smi;

pub(super) use holders::holders;

use super::Places;
use deskside_doctor::{Document, Scene};
use deskside_machine::{Machine, Reading};
use deskside_types::Facts;

/// Adds every derived item but the check of the environment.
pub(super) fn add(machine: &dyn Machine, facts: &Facts, places: &Places, scene: &mut Scene) {
    apt::add(machine, facts, scene);
    let distributions =
        distributions(machine, places).map_or_else(|| listed(scene), |document| vec![document]);
    scene.put("distributions", distributions);
    scene.put("library-path-files", libraries::on_path(machine));
    scene.put("device-holders", holders(machine, facts));
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

/// The same from what somebody recorded of `pip list`, `pip freeze`, `uv pip list` or `conda list`, where the environment
/// itself can't be looked at.
fn listed(scene: &Scene) -> Vec<Document> {
    ["uv-said", "python-said"]
        .iter()
        .flat_map(|item| scene.documents(item))
        .filter(|document| {
            [
                "pip list",
                "pip freeze",
                "pip3 list",
                "pip3 freeze",
                "conda list",
            ]
            .iter()
            .any(|words| document.source.contains(words))
        })
        .filter_map(|document| {
            let lines = rows_of_list(document.text.as_ref().ok()?);
            (!lines.is_empty()).then(|| Document::text(document.source, lines.join("\n")))
        })
        .collect()
}

/// Rows `name   version` and `name==version`; headings, rules and comments are no rows.
fn rows_of_list(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim();
            let (name, version) = match line.split_once("==") {
                Some((name, version)) => (name, version.split(' ').next()?),
                None => {
                    let mut words = line.split_whitespace();
                    (words.next()?, words.next()?)
                }
            };
            let is_name = name.starts_with(|letter: char| letter.is_ascii_alphanumeric());
            let is_version = version.starts_with(|letter: char| letter.is_ascii_digit());
            (is_name && is_version).then(|| {
                format!(
                    "{} {version}",
                    deskside_knowledge::python::normalised_name(name)
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_packages_are_read_in_each_form() {
        let text = "Package    Version\n---------- -------\nTorch      2.6.0+cpu\nnvidia_cublas-cu12 12.4.5.8\n# comment\nnumpy==2.1.3\nlocal @ file:///x\n";
        assert_eq!(
            rows_of_list(text),
            [
                "torch 2.6.0+cpu",
                "nvidia-cublas-cu12 12.4.5.8",
                "numpy 2.1.3"
            ]
        );
    }
}
