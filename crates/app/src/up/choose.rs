//! Which project, and which framework build for it.

use crate::Context;
use deskside_envs::build::{self, Build, Flavour};
use deskside_envs::environment::marker;
use deskside_envs::project::{self, First, Project};
use deskside_machine::Reading;
use deskside_types::facts::{Facts, Vendor};
use deskside_types::{Code, Problem, Result};
use std::path::Path;

/// The oldest Python that the deskside module runs on.
const OLDEST_PYTHON: &str = "3.9";

/// A project of the person's own; without a framework among its packages there is no build to choose.
pub fn named(
    context: &Context,
    facts: &Facts,
    path: &Path,
    flavour: Option<Flavour>,
) -> Result<(Project, Option<Build>)> {
    // `.` and `..` are how a person names a folder, not what it is called.
    let real = context.projects.real_path(path);
    let mut project = project::read(&*context.projects, real.as_deref().unwrap_or(path))?;
    if flavour.or(project.flavour).is_none() {
        // No framework bounds the Python, so one that is installed serves where the project takes it.
        let newest = &deskside_knowledge::frameworks::indexes().python.newest;
        let python = build::python::choose(facts, OLDEST_PYTHON, newest, project.python.as_deref())
            .map_err(|why| {
                Problem::new(Code::NoFittingBuild, "no Python fits the project")
                    .because(why)
                    .hint("change requires-python in the project's pyproject.toml")
            })?;
        project.python = Some(python.request);
        return Ok((project, None));
    }
    let build = build::select(&*context.machine, facts, &project.wish(flavour))?;
    Ok((project, Some(build)))
}

/// A first project of ours: the one that was named, or set up before, else the one that fits the machine.
pub fn first(
    context: &Context,
    facts: &Facts,
    flavour: Option<Flavour>,
) -> Result<(Project, Option<Build>)> {
    let machine = &*context.machine;
    // Set up before, the build is known; a network that is gone since must not change it.
    if flavour.is_none()
        && let Some(flavour) = settled(context, facts)
    {
        let project = make(context, flavour)?;
        let wish = build::with_mirror(machine, project.wish(Some(flavour)));
        let build = build::choose(facts, flavour, &wish)?;
        return Ok((project, Some(build)));
    }
    if let Some(flavour) = flavour {
        let project = make(context, flavour)?;
        let build = build::select(machine, facts, &project.wish(Some(flavour)))?;
        return Ok((project, Some(build)));
    }
    let natural = build::select(machine, facts, &build::Wish::default())?;
    let project = make(context, natural.flavour)?;
    // The project bounds framework and Python; the reasons, and what the network answered, stay.
    let wish = build::with_mirror(machine, project.wish(Some(natural.flavour)));
    let bounded = build::choose(facts, natural.flavour, &wish)?;
    let build = if bounded.variant == natural.variant {
        Build {
            why: natural.why,
            ..bounded
        }
    } else {
        natural
    };
    Ok((project, Some(build)))
}

/// On a machine without an accelerator: the framework whose first project is set up already, so that no index is asked.
fn settled(context: &Context, facts: &Facts) -> Option<Flavour> {
    if facts
        .known_gpus()
        .iter()
        .any(|gpu| matches!(gpu.vendor, Vendor::Nvidia | Vendor::Amd | Vendor::Apple))
    {
        return None;
    }
    Flavour::ALL.into_iter().find(|flavour| {
        let environment = context
            .directories
            .projects
            .join(project::first(*flavour).name())
            .join(".venv");
        // A broken one counts too: it is mended, and not left for another framework.
        marker::read(&*context.machine, &environment)
            .is_some_and(|marker| marker.packages.is_some())
    })
}

fn make(context: &Context, flavour: Flavour) -> Result<Project> {
    let first: First = project::first(flavour);
    let folder = context.directories.projects.join(first.name());
    // Once it is written it is the person's, and read like any other.
    let there = context.machine.exists(folder.join("deskside.toml"));
    // On a recorded machine, what was not recorded counts as not there yet.
    if there.or_else(|error| {
        if context.recorded {
            Ok(false)
        } else {
            Err(Problem::from(error))
        }
    })? {
        let mut project = project::read(&*context.machine, &folder)?;
        project.first = Some(flavour);
        return Ok(project);
    }
    Ok(first.project(&folder))
}
