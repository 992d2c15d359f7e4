//! Evidence that is worked out of facts and other evidence: what contradicts what among apt's sources, who holds devices
//! and locks, what is installed in an environment.

mod absent_library;
mod apt;
mod holders;
mod libraries;
mod models;
mod modules;
mod shadow;
mod smi;
mod spaces;

pub(super) use holders::holders;

use super::Places;
use deskside_doctor::{Document, Scene};
use deskside_machine::{Machine, Reading};
use deskside_types::facts::Vendor;
use deskside_types::{Facts, Known};

/// Adds every derived item but the check of the environment.
pub(super) fn add(machine: &dyn Machine, facts: &Facts, places: &Places, scene: &mut Scene) {
    apt::add(machine, facts, scene);
    let environment = places
        .environment
        .clone()
        .map(|path| Document::text("the environment", path));
    scene.put("environment", environment);
    // What somebody recorded of the list of packages answers where the folder itself was not looked at.
    let own = distributions(machine, places);
    let told = own
        .as_ref()
        .is_some_and(|document| document.text.as_ref().is_ok_and(|text| !text.is_empty()));
    let mut list = if told { Vec::new() } else { listed(scene) };
    if list.is_empty() {
        list.extend(own);
    }
    scene.put("distributions", list);
    scene.put("library-path-files", libraries::on_path(machine));
    scene.put("device-holders", holders(machine, facts));
    smi::add(scene);
    scene.put("nvidia-gpus-served", Some(served(facts)));
    let models = models::files(machine, places, scene);
    scene.put("model-files", models);
    modules::missing(machine, places, scene);
    let shadow = shadow::file(machine, places, scene);
    scene.put("shadowing-file", shadow);
    let library = absent_library::missing(machine, places, scene);
    scene.put("missing-library", library);
    let spaces = spaces::of(machine, facts, places, scene);
    scene.put("file-systems", spaces);
}

/// `served=N`: the NVIDIA GPUs that its driver serves, or may serve; others hold theirs for display or virtual machines.
fn served(facts: &Facts) -> Document {
    let source = "gpus";
    let gpus = match &facts.gpus {
        Known::Value(gpus) => gpus,
        Known::Absent => return Document::text(source, "served=0"),
        Known::Unknown { unknown } => return Document::unseen(source, unknown.clone()),
    };
    let count = gpus
        .iter()
        .filter(|gpu| gpu.vendor == Vendor::Nvidia)
        .filter(|gpu| gpu.kernel_driver.value().is_none_or(|own| own == "nvidia"))
        .count();
    Document::text(source, format!("served={count}"))
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
            ["pip", "pip3", "conda", "mamba"].iter().any(|program| {
                [" list", " freeze"]
                    .iter()
                    .any(|verb| document.source.contains(&format!("{program}{verb}")))
            })
        })
        .filter_map(|document| {
            let lines = rows_of_list(document.text.as_ref().ok()?);
            (!lines.is_empty()).then(|| Document::text(document.source, lines.join("\n")))
        })
        .collect()
}

/// Rows `name   version` and `name==version`, and `--format json`; headings, rules and comments are no rows.
fn rows_of_list(text: &str) -> Vec<String> {
    if let Some(begin) = text.find("[{")
        && let Some(Ok(rows)) = serde_json::Deserializer::from_str(&text[begin..])
            .into_iter::<Vec<serde_json::Value>>()
            .next()
    {
        return rows
            .iter()
            .filter_map(|row| {
                let name = deskside_knowledge::python::normalised_name(row["name"].as_str()?);
                Some(format!("{name} {}", row["version"].as_str()?))
            })
            .collect();
    }
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
        let json = "note\n[{\"name\":\"Torch_X\",\"version\":\"2.6.0\"},{\"name\":\"a\",\"version\":\"1\"}]\n[exit 0]";
        assert_eq!(rows_of_list(json), ["torch-x 2.6.0", "a 1"]);
    }
}
