//! `deskside env check`: whether a project's environment is whole, and what is the matter where it is not.

use super::{Place, parts, settle};
use crate::{Answer, Context};
use deskside_envs::check::{self, Depth, Finding, LookedAt, Scene, Severity};
use deskside_envs::environment::restore::was_cut_off;
use deskside_machine::Reading;
use deskside_types::facts::EnvironmentKind;
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

pub use deskside_envs::check::deep::{Device, Outcome, Step};
pub use deskside_envs::check::{Finding as CheckFinding, Severity as CheckSeverity};

/// How thoroughly is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Thoroughness {
    /// Import packages and compute on each device, too.
    pub deep: bool,
    /// Compare the contents of every file.
    pub hashes: bool,
}

/// The answer of `env check`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CheckReport {
    /// The project's folder.
    pub project: String,
    /// The environment's folder.
    pub environment: String,
    /// Nothing is broken, and nothing is about to be.
    pub healthy: bool,
    /// Root causes, the worst first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub looked_at: LookedAt,
    /// What could not be looked at, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_looked_at: Vec<String>,
    /// Packages that were imported, with --deep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proven: Vec<Step>,
    /// How long looking took, in milliseconds.
    pub took_ms: f64,
}

impl Answer for CheckReport {
    const SCHEMA: &'static str = "deskside.environment-check";
}

/// Checks the environment of a project. `hear` is told which packages are being imported.
///
/// # Errors
/// [`Code::EnvironmentMissing`] when there is no environment, and when a recorded machine is to be proven deeply.
pub fn check(
    context: &Context,
    project: Option<&Path>,
    how: Thoroughness,
    hear: &mut dyn FnMut(&str),
) -> Result<CheckReport> {
    context.heeding(|context| look(context, project, how, hear))
}

fn look(
    context: &Context,
    project: Option<&Path>,
    how: Thoroughness,
    hear: &mut dyn FnMut(&str),
) -> Result<CheckReport> {
    let machine = &*context.machine;
    let begun = machine.now()?.monotonic;
    if how.deep {
        context.require_live("env check --deep")?;
    }
    let place = match Place::find(context, project) {
        // A bundle rarely holds the folder that somebody stood in; the environments that were seen are in it.
        Err(problem) if context.recorded && project.is_none() => {
            recorded(context).ok_or(problem)?
        }
        found => found?,
    };
    let nothing = machine
        .stat(&place.environment)
        .is_err_and(|error| error.kind == deskside_machine::ErrorKind::Absent)
        && machine.link(&place.environment).is_err();
    if nothing && was_cut_off(machine, &place.environment)?.is_some() {
        return Err(settle::cut_off(context, &place));
    }
    if nothing {
        return Err(Problem::new(
            Code::EnvironmentMissing,
            format!("{} has no environment", place.project.display()),
        )
        .because(format!("there is no {}", place.environment.display()))
        .hint(format!("make it: {}", place.making(machine))));
    }
    let parts = parts::noted(machine, &place);
    let extras: Vec<String> = place
        .store
        .local(machine)
        .choice
        .map(|choice| choice.extra)
        .filter(|extra| !extra.is_empty())
        .into_iter()
        .chain(parts.extras)
        .collect();
    let where_ = check::Place {
        environment: &place.environment,
        project: &place.project,
        extras: &extras,
        groups: &parts.groups,
    };
    // Looking at the machine and reading the environment have nothing to do with each other.
    let (facts, scene) = std::thread::scope(|scope| {
        let facts = scope.spawn(|| deskside_probe::collect(machine));
        let scene = Scene::read(machine, &where_);
        match facts.join() {
            Ok(facts) => (facts, scene),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    if !scene.was_seen() {
        let folder = place.environment.display();
        let problem = Problem::new(
            Code::EnvironmentMissing,
            format!("{folder} can't be looked at"),
        );
        return Err(match machine.entries(&place.environment) {
            Err(error) => problem.because(error.detail),
            Ok(_) => problem,
        });
    }
    let depth = if how.hashes {
        Depth::Hashes
    } else {
        Depth::Sizes
    };
    let mut checked = check::judge(&scene, &facts, depth);
    let proven = if how.deep {
        check::deep::prove(&scene, &facts, &mut checked, hear)
    } else {
        Vec::new()
    };
    Ok(CheckReport {
        project: place.project.display().to_string(),
        environment: place.environment.display().to_string(),
        healthy: checked
            .findings
            .iter()
            .all(|finding| finding.severity == Severity::Suspicious),
        findings: checked.findings,
        looked_at: checked.looked_at,
        not_looked_at: checked.not_looked_at,
        proven,
        took_ms: machine.now()?.monotonic.saturating_sub(begun).as_secs_f64() * 1e3,
    })
}

/// The project of a virtual environment that is recorded in a bundle, the active one first.
fn recorded(context: &Context) -> Option<Place> {
    let facts = deskside_probe::collect(&*context.machine);
    let mut seen: Vec<_> = facts
        .environments
        .iter()
        .filter(|one| one.kind == EnvironmentKind::Venv)
        .collect();
    seen.sort_by_key(|one| !one.active);
    let environment = PathBuf::from(&seen.first()?.path);
    let project = environment.parent()?.to_path_buf();
    Some(Place {
        environment,
        ..Place::of(context, &project)
    })
}
