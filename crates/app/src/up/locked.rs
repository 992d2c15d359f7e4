//! A project with a lock file: which of its extras is this machine's, and whether the lock still fits.

use crate::Context;
use crate::environment::{self, Place, extra, parts, sync};
use deskside_envs::manifest::Manifest;
use deskside_envs::project::{Packages, Project};
use deskside_envs::snapshot::Choice;
use deskside_envs::uv::UvState;
use deskside_machine::Reading;
use deskside_types::plan::Plan;
use deskside_types::{Code, Facts, Result};

/// The extra, and uv's arguments for it and for what is noted beside it; none where the project has no lock file, or no extras for framework builds.
///
/// # Errors
/// [`Code::LockUnusable`] when the lock is damaged or older than `pyproject.toml`.
pub fn extra(
    context: &Context,
    facts: &Facts,
    project: &Project,
    warnings: &mut Vec<String>,
) -> Result<(Option<Choice>, Vec<String>)> {
    if project.packages != Packages::Lock {
        return Ok((None, Vec::new()));
    }
    let path = project.path.join("pyproject.toml");
    let manifest = Manifest::parse(&path.display().to_string(), &context.projects.text(&path)?)?;
    let place = Place::of(context, &project.path);
    let mut why = Vec::new();
    let chosen = extra::choose(
        context,
        &place,
        facts,
        &manifest,
        &extra::ExtraWish::Noted,
        &mut why,
    );
    let chosen = match chosen {
        Ok(chosen) => chosen,
        // None of its builds runs here: what its lock names beside them is installed all the same.
        Err(problem) if problem.code == Code::NoFittingBuild => {
            warnings.push(problem.to_string());
            None
        }
        Err(problem) => return Err(problem),
    };
    // The person's own files, wherever the answer is for.
    let parts = parts::noted(&*context.projects, &place);
    let arguments = environment::project::arguments(chosen.as_ref(), &parts);
    Ok((chosen, arguments))
}

/// Whether the lock still fits `pyproject.toml`: asked where packages are about to be installed from it.
///
/// # Errors
/// [`Code::LockUnusable`].
pub fn require_fit(
    context: &Context,
    project: &Project,
    uv: &UvState,
    plan: &Plan,
) -> Result<Option<String>> {
    let installs = plan.steps.iter().any(|step| step.id == "packages");
    let UvState::Here(tool) = uv else {
        return Ok(None);
    };
    if context.recorded || !installs || project.packages != Packages::Lock {
        return Ok(None);
    }
    let place = Place::of(context, &project.path);
    sync::lock_fits(context, &place, &tool.path)
}
