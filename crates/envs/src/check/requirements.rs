//! What distributions ask for, judged for this Python and system: what is missing, what is of another version.

use super::distributions::{in_site, installed_by};
use super::platform::Platform;
use super::scene::{Dist, Scene, Seen};
use super::{Finding, Rank, Severity};
use deskside_knowledge::python::normalised_name;
use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, Requirement, VerbatimUrl, VersionOrUrl};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// One requirement that holds here.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    /// The distribution that asks, or the project's file.
    pub from: String,
    /// What stands there.
    pub text: String,
    /// Where it stands.
    pub place: String,
    /// The distribution that is asked for.
    pub name: String,
    /// The versions asked for; none when any will do or it is an address.
    pub versions: Option<VersionSpecifiers>,
    /// The project's own wish.
    pub of_project: bool,
    /// It stands in an extra that nobody asked for: it binds versions, but need not be there.
    pub optional: bool,
}

/// All requirements that hold here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    pub edges: Vec<Edge>,
}

impl Graph {
    pub fn of(scene: &Scene<'_>, platform: &Platform) -> Self {
        let mut graph = Self::default();
        let Some(markers) = &platform.markers else {
            return graph;
        };
        let mut wishes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut fresh: Vec<(String, String)> = Vec::new();
        for (place, text, extra) in project_requirements(scene) {
            let Ok(requirement) = Requirement::<VerbatimUrl>::from_str(&text) else {
                continue;
            };
            let extras: Vec<ExtraName> = extra
                .iter()
                .filter_map(|extra| ExtraName::from_str(extra).ok())
                .collect();
            if requirement.evaluate_markers(markers, &extras) {
                graph.add(
                    "the project",
                    place,
                    text,
                    &requirement,
                    true,
                    &mut wishes,
                    &mut fresh,
                );
            }
        }
        for dist in &scene.distributions {
            let Some(header) = dist.header.as_ref().yes() else {
                continue;
            };
            let place = format!("{}/METADATA", in_site(scene, &dist.folder));
            for text in &header.requires {
                if names_extra(text) {
                    continue;
                }
                match Requirement::<VerbatimUrl>::from_str(text) {
                    Ok(requirement) if requirement.evaluate_markers(markers, &[]) => {
                        let text = text.clone();
                        graph.add(
                            &dist.name,
                            place.clone(),
                            text,
                            &requirement,
                            false,
                            &mut wishes,
                            &mut fresh,
                        );
                    }
                    Ok(_) => {}
                    Err(_) => scene.unseen_because(format!(
                        "a requirement of {} can't be understood: {text}",
                        dist.name
                    )),
                }
            }
        }
        // JAX's plugins bind the versions of NVIDIA's libraries in an extra, whoever installed them.
        for dist in &scene.distributions {
            if dist.name.starts_with("jax-cuda") && dist.name.ends_with("-plugin") {
                fresh.push((dist.name.clone(), "with-cuda".into()));
            }
        }
        // Extras that were asked for ask for more, which may ask for extras.
        let mut done: BTreeSet<(String, String)> = BTreeSet::new();
        while let Some((name, extra)) = fresh.pop() {
            if !done.insert((name.clone(), extra.clone())) {
                continue;
            }
            let asked = wishes
                .get(&name)
                .is_some_and(|extras| extras.contains(&extra));
            let Ok(wanted) = ExtraName::from_str(&extra) else {
                continue;
            };
            for dist in scene.named(&name) {
                let Some(header) = dist.header.as_ref().yes() else {
                    continue;
                };
                for text in header.requires.iter().filter(|text| names_extra(text)) {
                    let Ok(requirement) = Requirement::<VerbatimUrl>::from_str(text) else {
                        continue;
                    };
                    if requirement.evaluate_markers(markers, std::slice::from_ref(&wanted)) {
                        let place = format!("{}/METADATA", in_site(scene, &dist.folder));
                        graph.add(
                            &name,
                            place,
                            text.clone(),
                            &requirement,
                            false,
                            &mut wishes,
                            &mut fresh,
                        );
                        if let Some(edge) = graph.edges.last_mut() {
                            edge.optional = !asked;
                        }
                    }
                }
            }
        }
        graph
    }

    #[allow(clippy::too_many_arguments, reason = "one edge with what it brings")]
    fn add(
        &mut self,
        from: &str,
        place: String,
        text: String,
        requirement: &Requirement<VerbatimUrl>,
        of_project: bool,
        wishes: &mut BTreeMap<String, BTreeSet<String>>,
        fresh: &mut Vec<(String, String)>,
    ) {
        let name = normalised_name(requirement.name.as_ref());
        for extra in &requirement.extras {
            let extra = extra.to_string();
            if wishes
                .entry(name.clone())
                .or_default()
                .insert(extra.clone())
            {
                fresh.push((name.clone(), extra));
            }
        }
        self.edges.push(Edge {
            from: from.into(),
            place,
            text,
            name,
            versions: match &requirement.version_or_url {
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => Some(specifiers.clone()),
                Some(VersionOrUrl::Url(_)) | None => None,
            },
            of_project,
            optional: false,
        });
    }

    /// The frameworks among those that ask for a distribution, directly or through others.
    pub fn askers(&self, name: &str, among: &[String]) -> BTreeSet<String> {
        let mut seen = BTreeSet::from([name.to_string()]);
        let mut ahead = vec![name.to_string()];
        let mut found = BTreeSet::new();
        while let Some(name) = ahead.pop() {
            for edge in self
                .edges
                .iter()
                .filter(|edge| edge.name == name && !edge.of_project)
            {
                if among.contains(&edge.from) {
                    found.insert(edge.from.clone());
                }
                if seen.insert(edge.from.clone()) {
                    ahead.push(edge.from.clone());
                }
            }
        }
        found
    }

    /// Whether the project asks for a distribution itself.
    pub fn project_wants(&self, name: &str) -> bool {
        self.edges
            .iter()
            .any(|edge| edge.of_project && edge.name == name)
    }
}

/// Whether a requirement's marker speaks of extras.
fn names_extra(text: &str) -> bool {
    text.split_once(';')
        .is_some_and(|(_, marker)| marker.contains("extra"))
}

/// The project's own requirements: place, text, the extra they stand in.
fn project_requirements(scene: &Scene<'_>) -> Vec<(String, String, Option<String>)> {
    let mut all = Vec::new();
    if let Seen::Yes(text) = scene.project_file("pyproject.toml") {
        let Ok(table) = text.parse::<toml::Table>() else {
            return all;
        };
        let project = table.get("project").and_then(toml::Value::as_table);
        let strings = |value: Option<&toml::Value>| -> Vec<String> {
            value
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|one| Some(one.as_str()?.to_string()))
                .collect()
        };
        let place = |text: &str, whole: &str| {
            let line = whole.lines().position(|line| line.contains(text));
            line.map_or("pyproject.toml".into(), |line| {
                format!("pyproject.toml:{}", line + 1)
            })
        };
        for one in strings(project.and_then(|project| project.get("dependencies"))) {
            all.push((place(&one, &text), one, None));
        }
        let optional = project.and_then(|project| project.get("optional-dependencies"));
        for extra in &scene.extras {
            for one in strings(optional.and_then(|all| all.get(extra.as_str()))) {
                all.push((place(&one, &text), one, Some(extra.clone())));
            }
        }
    } else if scene.machine_has("requirements.txt") {
        let path = scene.project.join("requirements.txt");
        let read = crate::project::requirements::read(scene.machine, &path);
        for one in read.wanted {
            all.push(("requirements.txt".into(), one, None));
        }
    }
    all
}

/// The names that the project itself asks for, whatever their markers say.
pub(crate) fn asked(scene: &Scene<'_>) -> BTreeSet<String> {
    project_requirements(scene)
        .into_iter()
        .filter_map(|(_, text, _)| Requirement::<VerbatimUrl>::from_str(&text).ok())
        .map(|requirement| normalised_name(requirement.name.as_ref()))
        .collect()
}

/// Names whose requirements the project overrides on purpose: `override-dependencies` of uv.
fn overridden(scene: &Scene<'_>) -> BTreeSet<String> {
    let Seen::Yes(text) = scene.project_file("pyproject.toml") else {
        return BTreeSet::new();
    };
    let table = text.parse::<toml::Table>().unwrap_or_default();
    table
        .get("tool")
        .and_then(|tool| tool.get("uv")?.get("override-dependencies")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let requirement = Requirement::<VerbatimUrl>::from_str(one.as_str()?).ok()?;
            Some(normalised_name(requirement.name.as_ref()))
        })
        .collect()
}

pub(crate) fn findings(scene: &Scene<'_>, graph: &Graph) -> Vec<Finding> {
    let overridden = overridden(scene);
    let mut missing: BTreeMap<&str, Vec<&Edge>> = BTreeMap::new();
    let mut wrong: BTreeMap<&str, Vec<&Edge>> = BTreeMap::new();
    for edge in &graph.edges {
        if overridden.contains(&edge.name) {
            continue;
        }
        let installed: Vec<&Dist> = scene.named(&edge.name).collect();
        if installed.is_empty() {
            match scene.outside.get(&edge.name) {
                _ if edge.optional => {}
                Some((version, _)) if meets(edge, version) => {}
                _ => missing.entry(&edge.name).or_default().push(edge),
            }
        } else if !installed.iter().any(|dist| meets(edge, &dist.version)) {
            wrong.entry(&edge.name).or_default().push(edge);
        }
    }
    let mut findings = Vec::new();
    for (name, edges) in missing {
        let install = edges
            .iter()
            .find(|edge| edge.versions.is_some())
            .map_or_else(
                || name.to_string(),
                |edge| {
                    format!(
                        "'{name}{}'",
                        edge.versions
                            .as_ref()
                            .map(ToString::to_string)
                            .unwrap_or_default()
                            .replace(", ", ",")
                    )
                },
            );
        let mend = match scene.machine_has("uv.lock") {
            true => scene.sync_command().to_string(),
            false => scene.uv(&format!("install {install}")),
        };
        findings.push(
            Finding::new(
                Rank::Requirement,
                "requirement-missing",
                Severity::Broken,
                format!(
                    "{name} is not installed, and {} {} it",
                    listed(&edges),
                    ask(&edges)
                ),
            )
            .evidences(evidence(&edges))
            .meaning("what needs it ends in ModuleNotFoundError")
            .mend(mend)
            .about([name]),
        );
    }
    for (name, edges) in wrong {
        let Some(dist) = scene.named(name).next() else {
            continue;
        };
        let id = if name.starts_with("nvidia-") {
            "cuda-library-version"
        } else {
            "requirement-version"
        };
        findings.push(
            Finding::new(
                Rank::Requirement,
                id,
                Severity::WillBreak,
                format!(
                    "{name} {} is installed, and {} {} another version of it",
                    dist.version,
                    listed(&edges),
                    ask(&edges)
                ),
            )
            .evidence(format!(
                "{}{}",
                in_site(scene, &dist.folder),
                installed_by(dist)
            ))
            .evidences(evidence(&edges))
            .meaning("they were never tried together: errors at import, or wrong results")
            .mend(scene.sync_command())
            .about([name]),
        );
    }
    findings
}

fn meets(edge: &Edge, version: &str) -> bool {
    let (Some(wanted), Ok(version)) = (&edge.versions, Version::from_str(version)) else {
        return true;
    };
    wanted.contains(&version)
}

fn evidence(edges: &[&Edge]) -> Vec<String> {
    edges
        .iter()
        .take(8)
        .map(|edge| format!("{}: {}", edge.place, edge.text))
        .collect()
}

fn ask(edges: &[&Edge]) -> &'static str {
    if edges.len() == 1 {
        "asks for"
    } else {
        "ask for"
    }
}

fn listed(edges: &[&Edge]) -> String {
    let names: BTreeSet<&str> = edges.iter().map(|edge| edge.from.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_string(),
        [some @ .., last] if names.len() < 5 => format!("{} and {last}", some.join(", ")),
        [first, second, ..] => format!("{first}, {second} and {} others", names.len() - 2),
    }
}

impl Scene<'_> {
    /// Whether the project has a file of that name.
    pub(crate) fn machine_has(&self, name: &str) -> bool {
        use deskside_machine::Reading;
        self.machine
            .exists(self.project.join(name))
            .unwrap_or(false)
    }
}
