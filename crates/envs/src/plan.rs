//! The steps that set a project up: its files, uv, the environment, its packages, Deskside's own module.

use crate::build::Build;
use crate::build::specifier::{admits, requirement, series_of};
use crate::environment::venv::{self, State};
use crate::environment::{moved_aside, sha256};
use crate::project::{Packages, Project, first};
use crate::uv::{self, UvState};
use deskside_machine::{Machine, Reading};
use deskside_types::Problem;
use deskside_types::plan::{Action, Check, EnvironmentAction, FileContents, Step, Undo};

/// Deskside's own Python module as it lies in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its version.
    pub version: String,
    /// The wheel's file name, which is also its name among the program's own files.
    pub file_name: String,
    /// The wheel's SHA-256 in hex.
    pub sha256: String,
    /// Where the wheel is written before it is installed.
    pub wheel: String,
}

/// The steps in order. Those that hold already are among them: their checks say so. `extra` are uv's arguments for the
/// framework build of a project with a lock file.
///
/// # Errors
/// When the project's folder or its environment can't be looked at.
pub fn steps(
    machine: &dyn Machine,
    project: &Project,
    build: Option<&Build>,
    uv: &UvState,
    extra: &[String],
    module: Option<&Module>,
) -> Result<Vec<Step>, Problem> {
    let mut steps = Vec::new();
    steps.extend(files_step(machine, project)?);
    if let UvState::Fetch(source) = uv {
        steps.push(uv::step(source));
    }
    let environment = project.environment();
    let existing = venv::look(machine, &environment)?;
    let path = environment.display().to_string();
    let uv = uv.path().to_string();
    let mut making = environment_step(&existing, &path, &uv, project, build);
    let python = python(&existing, project, build);
    if let Some(way) = moved_aside(machine, &environment, &python)? {
        making.why = way;
    }
    steps.push(making);
    if let Some(step) = packages_step(&existing, &path, &uv, project, build, extra) {
        steps.push(step);
    }
    if let Some(module) = module {
        steps.push(module_step(&path, &uv, module));
    }
    Ok(steps)
}

/// Writes the files of a first project that are not there yet.
fn files_step(machine: &dyn Machine, project: &Project) -> Result<Option<Step>, Problem> {
    let Some(flavour) = project.first else {
        return Ok(None);
    };
    let first = first(flavour);
    let mut actions = Vec::new();
    let mut verify = Vec::new();
    for (name, contents) in first.files {
        let path = project.path.join(name).display().to_string();
        if !machine.exists(&path)? {
            actions.push(Action::WriteFile {
                path: path.clone(),
                contents: FileContents::Text((*contents).into()),
                mode: 0o644,
            });
        }
        verify.push(Check::Exists { path });
    }
    Ok(Some(Step {
        id: "project".into(),
        title: format!("Write the first project into {}", project.path.display()),
        why: format!(
            "it trains a small {} network on real handwritten digits; files that are there already stay as they are",
            flavour.name()
        ),
        check: verify.clone(),
        actions,
        verify,
        ..Step::simple()
    }))
}

/// The Python request: the environment's own series where it serves, so that a newer Python on the machine changes nothing.
fn python(existing: &State, project: &Project, build: Option<&Build>) -> String {
    if let State::Whole(venv) = existing
        && let Some(version) = &venv.version
    {
        let series = series_of(version);
        let admitted = project
            .python
            .as_deref()
            .is_none_or(|wish| admits(wish, &series))
            && build.is_none_or(|build| admits(&build.python_range, &series));
        if admitted {
            return series;
        }
    }
    match (build, &project.python) {
        (Some(build), _) => build.python.clone(),
        (None, Some(python)) => python.clone(),
        (None, None) => deskside_knowledge::frameworks::indexes()
            .python
            .wanted
            .clone(),
    }
}

fn environment_step(
    existing: &State,
    path: &str,
    uv: &str,
    project: &Project,
    build: Option<&Build>,
) -> Step {
    let fetches = build.is_some_and(|build| build.fetches_python);
    make_environment(
        existing,
        path,
        uv,
        &python(existing, project, build),
        fetches,
    )
}

/// Makes an environment with a Python. `fetches` says that uv downloads that Python.
pub(crate) fn make_environment(
    existing: &State,
    path: &str,
    uv: &str,
    python: &str,
    fetches: bool,
) -> Step {
    let action = EnvironmentAction::Create {
        path: path.into(),
        python: python.into(),
        uv: uv.into(),
    };
    let check = vec![Check::Environment {
        action: action.clone(),
    }];
    let mut why = "an environment of its own keeps the project's packages apart from the system's"
        .to_string();
    match existing {
        State::Broken {
            why: reason,
            ours: true,
        } => why = format!("the environment there is broken ({reason}) and is made anew"),
        State::Broken {
            why: reason,
            ours: false,
        } => {
            why = format!(
                "the environment there is broken ({reason}); it is moved aside and made anew"
            )
        }
        _ => {}
    }
    let fetches = !python.starts_with('/') && fetches;
    Step {
        id: "environment".into(),
        title: format!(
            "Make the Python environment {path} ({})",
            shown_python(python)
        ),
        why,
        check: check.clone(),
        actions: vec![Action::Env { action }],
        verify: check,
        download_bytes: (!fetches).then_some(0),
        ..Step::simple()
    }
}

/// A Python request for people: `Python 3.11`, also of an interpreter's path.
fn shown_python(request: &str) -> String {
    let name = request.rsplit('/').next().unwrap_or(request);
    let version = name.strip_prefix("python").filter(|rest| !rest.is_empty());
    if request.starts_with('/') && version.is_none() {
        request.to_string()
    } else {
        format!("Python {}", version.unwrap_or(name))
    }
}

fn packages_step(
    existing: &State,
    path: &str,
    uv: &str,
    project: &Project,
    build: Option<&Build>,
    extra: &[String],
) -> Option<Step> {
    let arguments = build
        .map(|build| build.arguments.clone())
        .unwrap_or_default();
    let mut expected: Vec<String> = project
        .dependencies
        .iter()
        .filter(|line| !line.contains(';'))
        .filter_map(|line| requirement(line))
        .map(|(name, _)| name)
        .collect();
    let requirements: Vec<String> = build
        .map(|build| build.requirements.as_slice())
        .unwrap_or_default()
        .iter()
        // Where the project bounds the framework itself, its bounds stand alone; the build was chosen within them.
        .filter(|line| {
            requirement(line).is_none_or(|(name, _)| {
                line.contains('[') || project.bounds(&name).is_none_or(|bounds| bounds.is_empty())
            })
        })
        .cloned()
        .collect();
    expected.extend(
        requirements
            .iter()
            .filter_map(|line| requirement(line))
            .map(|(name, _)| name),
    );
    expected.sort();
    expected.dedup();
    let file = |name: &str| vec![project.path.join(name).display().to_string()];
    let (action, source) = match project.packages {
        Packages::Lock => (
            EnvironmentAction::Sync {
                path: path.into(),
                project: project.path.display().to_string(),
                arguments: extra.to_vec(),
                exact: false,
                uv: uv.into(),
            },
            "uv.lock".to_string(),
        ),
        Packages::None if requirements.is_empty() => return None,
        packages => {
            let files = match packages {
                Packages::Pyproject => file("pyproject.toml"),
                Packages::Requirements => file("requirements.txt"),
                Packages::Lock | Packages::None => Vec::new(),
            };
            let source = files
                .first()
                .cloned()
                .unwrap_or_else(|| "the flavour".into());
            (
                EnvironmentAction::Install {
                    path: path.into(),
                    requirements,
                    files,
                    expected,
                    arguments,
                    uv: uv.into(),
                },
                source,
            )
        }
    };
    let what = build.map_or_else(
        || "the project's packages".to_string(),
        |build| {
            format!(
                "the project's packages with {} ({})",
                build.flavour.name(),
                build.variant
            )
        },
    );
    let why = match (build, project.packages) {
        (Some(build), packages) if packages != Packages::Lock => build.why.join(". "),
        _ => format!("{source} names them"),
    };
    let check = vec![Check::Environment {
        action: action.clone(),
    }];
    Some(Step {
        id: "packages".into(),
        title: format!("Install {what}"),
        why,
        check: check.clone(),
        actions: vec![Action::Env { action }],
        verify: check,
        undo: match existing {
            State::Whole(_) => Undo::BestEffort { why: "packages that were changed come back in their versions, if the index still has them".into() },
            _ => Undo::Exact,
        },
        download_bytes: build.filter(|_| project.packages != Packages::Lock).and_then(|build| build.download_estimate),
        ..Step::simple()
    })
}

pub(crate) fn module_step(path: &str, uv: &str, module: &Module) -> Step {
    let action = EnvironmentAction::Module {
        path: path.into(),
        version: module.version.clone(),
        wheel: module.wheel.clone(),
        uv: uv.into(),
    };
    let check = vec![Check::Environment {
        action: action.clone(),
    }];
    Step {
        id: "module".into(),
        title: format!("Put the deskside module {} into the environment", module.version),
        why: "training code logs its metrics with it (import deskside); it is plain Python without dependencies".into(),
        check: check.clone(),
        actions: vec![
            Action::WriteFile {
                path: module.wheel.clone(),
                contents: FileContents::Embedded { name: module.file_name.clone(), sha256: module.sha256.clone() },
                mode: 0o644,
            },
            Action::Env { action },
        ],
        verify: check,
        ..Step::simple()
    }
}

/// The steps that make an environment for a tool of Deskside's own, apart from every project's.
///
/// # Errors
/// When the folder can't be looked at.
pub fn tool_steps(
    machine: &dyn Machine,
    path: &std::path::Path,
    uv: &str,
    python: &str,
    requirements: &[&str],
    why: &str,
) -> Result<Vec<Step>, Problem> {
    let existing = venv::look(machine, path)?;
    let shown = path.display().to_string();
    let names: Vec<String> = requirements
        .iter()
        .map(|name| (*name).to_string())
        .collect();
    let action = EnvironmentAction::Install {
        path: shown.clone(),
        requirements: names.clone(),
        files: Vec::new(),
        expected: names,
        arguments: Vec::new(),
        uv: uv.into(),
    };
    let check = vec![Check::Environment {
        action: action.clone(),
    }];
    Ok(vec![
        make_environment(&existing, &shown, uv, python, false),
        Step {
            id: "packages".into(),
            title: format!("Install {}", requirements.join(" and ")),
            why: why.into(),
            check: check.clone(),
            actions: vec![Action::Env { action }],
            verify: check,
            download_bytes: None,
            ..Step::simple()
        },
    ])
}

/// A wheel that the program carries, as the plan names it.
pub fn module(version: &str, file_name: &str, contents: &[u8], cache: &std::path::Path) -> Module {
    Module {
        version: version.into(),
        file_name: file_name.into(),
        sha256: sha256(contents),
        wheel: cache.join("module").join(file_name).display().to_string(),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
