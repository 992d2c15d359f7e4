//! Names of packages that a person typed: whether the project has them, and what may be meant.

use super::project::Project;
use deskside_envs::build::specifier::requirement;
use deskside_envs::manifest::Manifest;
use deskside_envs::snapshot::take::locked;
use deskside_machine::Reading;
use deskside_types::spelling::closest;
use deskside_types::{Code, Problem, Result, shell};
use std::collections::BTreeSet;

/// Refuses a name that the project, or the group, does not have, with the nearest that it has.
///
/// # Errors
/// [`Code::RequirementInvalid`].
pub(super) fn require(
    project: &Project<'_>,
    manifest: &Manifest,
    name: &str,
    group: Option<&str>,
) -> Result<()> {
    let option = project.place.option(&*project.context.machine);
    let own: Vec<String> = manifest
        .dependencies()
        .iter()
        .filter_map(|line| requirement(line))
        .map(|(name, _)| name)
        .collect();
    let groups = manifest.groups();
    let there = match group {
        None => own.clone(),
        Some(group) if groups.iter().any(|known| known == group) => manifest.group(group),
        Some(group) => {
            let problem = Problem::new(
                Code::RequirementInvalid,
                format!("the project has no dependency group {group}"),
            );
            return Err(
                match (
                    groups.is_empty(),
                    closest(group, groups.iter().map(String::as_str)),
                ) {
                    (true, _) => problem.hint(format!(
                        "it has none at all; leave --group away: deskside env remove{option} {name}"
                    )),
                    (_, Some(meant)) => problem.hint(format!("did you mean --group {meant}?")),
                    _ => problem.hint(format!("it has: {}", groups.join(", "))),
                },
            );
        }
    };
    if there.iter().any(|known| known == name) {
        return Ok(());
    }
    let place = group.map_or_else(String::new, |group| format!(" in its group {group}"));
    let mut problem = Problem::new(
        Code::RequirementInvalid,
        format!("the project names no package {name}{place}"),
    );
    if group.is_some() && own.iter().any(|known| known == name) {
        return Err(problem
            .because("it is one of the project's own dependencies")
            .hint(format!(
                "leave --group away: deskside env remove{option} {name}"
            )));
    }
    let elsewhere = groups
        .iter()
        .find(|other| manifest.group(other).iter().any(|known| known == name));
    if let Some(other) = elsewhere {
        return Err(problem
            .because(format!("it stands in the group {other}"))
            .hint(format!(
                "deskside env remove{option} --group {} {name}",
                shell::quoted(other)
            )));
    }
    if locked_names(project).contains(name) {
        problem = problem.because(format!(
            "{name} is there because another package needs it, and goes with that"
        ));
    }
    Err(
        match (
            there.is_empty(),
            closest(name, there.iter().map(String::as_str)),
        ) {
            (true, _) => problem.hint("it names none at all: look into pyproject.toml"),
            (_, Some(meant)) => problem.hint(format!("did you mean {meant}?")),
            _ => problem.hint(format!("it names: {}", super::restoring::listed(&there))),
        },
    )
}

/// A failed resolution of packages, with what may be meant by a name that the index does not have.
pub(super) fn explain(problem: Problem, project: &Project<'_>, wanted: &[String]) -> Problem {
    let missing = wanted
        .iter()
        .find(|name| problem.message.contains(&format!("`{name}`")));
    let (Code::Unsatisfiable, Some(name)) = (problem.code, missing) else {
        return problem;
    };
    // Names that are known to be packages: frameworks with what their work rests on, and what the project's lock has.
    let mut known: Vec<String> = deskside_knowledge::python::shown()
        .map(String::from)
        .collect();
    known.extend(locked_names(project));
    match closest(name, known.iter().map(String::as_str)) {
        Some(meant) => problem.hint(format!("did you mean {meant}?")),
        None => problem,
    }
}

fn locked_names(project: &Project<'_>) -> BTreeSet<String> {
    let path = project.place.project.join("uv.lock");
    let bytes = project.context.machine.file(path, 64 << 20);
    let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
    locked(&text).into_keys().map(|(name, _)| name).collect()
}
