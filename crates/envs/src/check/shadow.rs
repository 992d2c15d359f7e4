//! Modules and settings from outside that come before the environment's: variables, user site, files of the project.
//!
//! Source: docs.python.org, "The initialization of the sys.path module search path": the script's folder, then
//! `PYTHONPATH`, then the standard library, then `site-packages`.

use super::distributions::in_site;
use super::scene::{Scene, Seen};
use super::{Finding, Rank, Severity};
use deskside_machine::{FileKind, Reading};
use deskside_types::shell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names of the standard library that are imported before a script's folder is looked into, or that nobody misses.
const UNHARMED: &[&str] = &[
    "__future__",
    "__main__",
    "__hello__",
    "__phello__",
    "_collections_abc",
    "_sitebuiltins",
    "abc",
    "antigravity",
    "codecs",
    "encodings",
    "ensurepip",
    "genericpath",
    "idlelib",
    "io",
    "lib2to3",
    "ntpath",
    "os",
    "posixpath",
    "pydoc_data",
    "site",
    "sitecustomize",
    "stat",
    "test",
    "this",
    "turtledemo",
    "usercustomize",
    "venv",
    "zipimport",
];
/// Top-level names that are everybody's: a project has them, and badly packed distributions do.
const EVERYBODYS: &[&str] = &[
    "conftest", "docs", "examples", "scripts", "setup", "test", "tests",
];

pub(crate) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let modules = modules(scene);
    let library = library(scene);
    let mut findings = variables(scene);
    findings.extend(python_path(scene, &modules, &library));
    findings.extend(user_site(scene, &modules));
    findings.extend(project_files(scene, &modules, &library));
    findings
}

/// Top-level modules of the environment with the distribution that brings each.
fn modules(scene: &Scene<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for dist in &scene.distributions {
        let from_project = dist.direct.as_deref().is_some_and(|url| {
            url.strip_prefix("file://").is_some_and(|path| {
                scene.project.starts_with(path) || Path::new(path).starts_with(&scene.project)
            })
        });
        if from_project {
            continue;
        }
        for file in dist.record.as_ref().yes().into_iter().flatten() {
            let top = file.path.split('/').next().unwrap_or_default();
            let module = if top == file.path {
                top.strip_suffix(".py").or_else(|| {
                    top.ends_with(".so")
                        .then(|| top.split('.').next().unwrap_or(top))
                })
            } else {
                file.path.ends_with(".py").then_some(top)
            };
            let module = module.filter(|module| is_name(module) && !EVERYBODYS.contains(module));
            if let Some(module) = module
                && !all.contains_key(module)
            {
                all.insert(module.to_string(), dist.name.clone());
            }
        }
    }
    all
}

/// Modules of the standard library, by its folder.
fn library(scene: &Scene<'_>) -> BTreeSet<String> {
    let Some(folder) = &scene.interpreter.library else {
        return BTreeSet::new();
    };
    let entries = scene.machine.entries(folder).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|entry| match entry.kind {
            FileKind::Directory => Some(entry.name),
            _ => entry.name.strip_suffix(".py").map(String::from),
        })
        .filter(|name| is_name(name) && !UNHARMED.contains(&name.as_str()))
        .collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|letter: char| letter.is_ascii_digit())
        && text
            .chars()
            .all(|letter| letter == '_' || letter.is_alphanumeric())
}

/// Variables that lead Python or its callers elsewhere.
fn variables(scene: &Scene<'_>) -> Vec<Finding> {
    let set = |name: &str| {
        scene
            .machine
            .variable(name)
            .filter(|value| !value.is_empty())
    };
    let mut findings = Vec::new();
    if let Some(home) = set("PYTHONHOME") {
        findings.push(
            Finding::new(Rank::Surroundings, "python-home", Severity::Broken, format!("PYTHONHOME is set to {home}"))
                .evidence(format!("PYTHONHOME={home}"))
                .meaning("every Python takes its standard library from there, the environment's too: it does not start, or mixes two releases")
                .mend("unset PYTHONHOME"),
        );
    }
    let environment = scene
        .machine
        .real_path(&scene.environment)
        .unwrap_or_else(|_| scene.environment.clone());
    let is_here = |path: &str| {
        let path = Path::new(path);
        path == scene.environment
            || scene
                .machine
                .real_path(path)
                .is_ok_and(|real| real == environment)
    };
    if let Some(other) = set("VIRTUAL_ENV").filter(|path| !is_here(path)) {
        findings.push(
            Finding::new(
                Rank::Surroundings,
                "another-environment-active",
                Severity::Suspicious,
                format!("another environment is active in this shell: {other}"),
            )
            .evidence(format!("VIRTUAL_ENV={other}"))
            .meaning("`python` and `pip` without a path work in that one, not in the project's")
            .mend("deactivate"),
        );
    }
    if let Some(prefix) = set("CONDA_PREFIX").filter(|path| !is_here(path)) {
        let first = set("PATH").and_then(|path| {
            let folders = path.split(':').map(PathBuf::from).collect::<Vec<_>>();
            folders
                .into_iter()
                .find(|folder| scene.machine.exists(folder.join("python")).unwrap_or(false))
        });
        let conda_first = first.is_none_or(|folder| folder.starts_with(&prefix));
        if conda_first {
            findings.push(
                Finding::new(Rank::Surroundings, "conda-active", Severity::Suspicious, format!("conda's environment {prefix} is active in this shell"))
                    .evidence(format!("CONDA_PREFIX={prefix}"))
                    .evidence("the first `python` on PATH is conda's")
                    .meaning("`python` and `pip` without a path are conda's, and its libraries can come before the environment's")
                    .mend("conda deactivate"),
            );
        }
    }
    findings
}

/// Modules in a folder that an import of their name would take.
fn importable(scene: &Scene<'_>, folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in scene.machine.entries(folder).unwrap_or_default() {
        let path = folder.join(&entry.name);
        let module = match entry.kind {
            FileKind::File | FileKind::Link if entry.name.ends_with(".py") => {
                entry.name.trim_end_matches(".py").to_string()
            }
            FileKind::File if entry.name.ends_with(".so") => {
                entry.name.split('.').next().unwrap_or_default().to_string()
            }
            FileKind::Directory | FileKind::Link => {
                // A folder without it is no package: whatever comes later on the path is taken.
                if !is_name(&entry.name)
                    || !scene
                        .machine
                        .exists(path.join("__init__.py"))
                        .unwrap_or(false)
                {
                    continue;
                }
                entry.name.clone()
            }
            _ => continue,
        };
        if is_name(&module) {
            found.insert(module, path);
        }
    }
    found
}

fn python_path(
    scene: &Scene<'_>,
    modules: &BTreeMap<String, String>,
    library: &BTreeSet<String>,
) -> Vec<Finding> {
    let Some(value) = scene
        .machine
        .variable("PYTHONPATH")
        .filter(|value| !value.is_empty())
    else {
        return Vec::new();
    };
    let site = scene
        .site
        .as_ref()
        .and_then(|site| scene.machine.real_path(site).ok());
    let mut shadowed: Vec<String> = Vec::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for part in value.split(':') {
        let folder = if part.is_empty() {
            scene.project.clone()
        } else {
            scene.project.join(part)
        };
        if scene.machine.real_path(&folder).ok() == site && site.is_some() {
            continue;
        }
        let other_python = folder
            .iter()
            .filter_map(|part| super::scene::series(&part.to_string_lossy()))
            .next();
        if let (Some(other), Some(own)) = (&other_python, &scene.series)
            && other != own
            && scene.machine.exists(&folder).unwrap_or(false)
        {
            shadowed.push(format!(
                "{}: packages of Python {other}, and this is {own}",
                folder.display()
            ));
        }
        for (module, path) in importable(scene, &folder) {
            if let Some(dist) = modules.get(&module) {
                names.insert(dist.clone());
                shadowed.push(format!("{}: comes before {dist}", path.display()));
            } else if library.contains(&module) {
                shadowed.push(format!(
                    "{}: comes before Python's own {module}",
                    path.display()
                ));
            }
        }
    }
    if shadowed.is_empty() {
        return Vec::new();
    }
    let more = shadowed.len().saturating_sub(5);
    let what = if names.is_empty() {
        "other modules before the environment's".to_string()
    } else {
        let some: Vec<&str> = names.iter().take(4).map(String::as_str).collect();
        format!("other copies of {}", some.join(", "))
    };
    let mut finding = Finding::new(
        Rank::Surroundings,
        "python-path",
        Severity::WillBreak,
        format!("PYTHONPATH puts {what} before the environment's"),
    )
    .evidence(format!("PYTHONPATH={value}"))
    .evidences(shadowed.into_iter().take(5));
    if more > 0 {
        finding = finding.evidence(format!("and {more} more"));
    }
    vec![
        finding
            .meaning("what is imported is not what is installed and locked here")
            .mend("unset PYTHONPATH"),
    ]
}

/// Packages of the person's own folder, where the environment lets them in.
fn user_site(scene: &Scene<'_>, modules: &BTreeMap<String, String>) -> Vec<Finding> {
    if !scene.sees_outside() {
        return Vec::new();
    }
    let setting = if scene.is_conda {
        "a conda environment lets the user site in".to_string()
    } else {
        let path = scene.shown(&scene.environment.join("pyvenv.cfg"));
        format!("{path}: include-system-site-packages = true")
    };
    let user = scene.user_site();
    let mut findings = Vec::new();
    if let Some(user) = &user {
        let shadowing: Vec<(String, PathBuf)> = importable(scene, user)
            .into_iter()
            .filter(|(module, _)| modules.contains_key(module))
            .collect();
        if !shadowing.is_empty() {
            // conda's environments put the user site first; a virtual environment puts its own packages first.
            let first = scene.is_conda;
            findings.push(
                Finding::new(
                    Rank::Surroundings,
                    "user-site",
                    if first { Severity::WillBreak } else { Severity::Suspicious },
                    format!("{} lies in {} too", shadowing.iter().take(4).map(|(module, _)| module.as_str()).collect::<Vec<_>>().join(", "), user.display()),
                )
                .evidence(setting.clone())
                .evidences(shadowing.iter().take(4).map(|(_, path)| path.display().to_string()))
                .meaning(if first {
                    "the copies there are imported instead of the environment's"
                } else {
                    "the environment's copies are imported first, and their dependencies may come from there"
                })
                .mend("export PYTHONNOUSERSITE=1"),
            );
        }
    }
    let needed: BTreeSet<&String> = scene
        .distributions
        .iter()
        .filter_map(|dist| dist.header.as_ref().yes())
        .flat_map(|header| &header.requires)
        .filter(|text| !text.contains(';'))
        .filter_map(|text| {
            let end = text
                .find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
                .unwrap_or(text.len());
            let name = deskside_knowledge::python::normalised_name(&text[..end]);
            (scene.named(&name).next().is_none()).then(|| scene.outside.get_key_value(&name))?
        })
        .map(|(name, _)| name)
        .collect();
    if !needed.is_empty() {
        findings.push(
            Finding::new(
                Rank::Surroundings,
                "not-isolated",
                Severity::Suspicious,
                format!("packages of the environment rest on packages outside it: {}", needed.iter().take(5).map(|name| name.as_str()).collect::<Vec<_>>().join(", ")),
            )
            .evidence(setting)
            .evidences(needed.iter().take(5).filter_map(|name| {
                let (version, folder) = scene.outside.get(name.as_str())?;
                Some(format!("{}: {name} {version}", folder.display()))
            }))
            .meaning("an update of the system or of your own packages changes the environment, and nobody else gets the same")
            .mend("deskside env rebuild"),
        );
    }
    findings
}

/// Files of the project that are imported in place of a package: `python train.py` looks into its own folder first.
fn project_files(
    scene: &Scene<'_>,
    modules: &BTreeMap<String, String>,
    library: &BTreeSet<String>,
) -> Vec<Finding> {
    let own: BTreeSet<String> = match scene.project_file("pyproject.toml") {
        Seen::Yes(text) => text
            .parse::<toml::Table>()
            .ok()
            .and_then(|table| Some(table.get("project")?.get("name")?.as_str()?.to_string()))
            .map(|name| {
                BTreeSet::from([
                    deskside_knowledge::python::normalised_name(&name).replace('-', "_")
                ])
            })
            .unwrap_or_default(),
        Seen::No | Seen::Unknown => BTreeSet::new(),
    };
    let mut findings = Vec::new();
    for (module, path) in importable(scene, &scene.project) {
        if own.contains(&module) || EVERYBODYS.contains(&module.as_str()) {
            continue;
        }
        let (cause, evidence) = if let Some(dist) = modules.get(&module) {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let file = scene
                .named(dist)
                .next()
                .map(|dist| in_site(scene, &dist.folder))
                .unwrap_or_default();
            (
                format!("{name} in the project is named like the installed {dist}"),
                format!("{file} brings the module {module}"),
            )
        } else if library.contains(&module) {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            (
                format!("{name} in the project is named like Python's own {module}"),
                format!("Python's standard library has a module {module}"),
            )
        } else {
            continue;
        };
        let shown = scene.shown(&path);
        findings.push(
            Finding::new(Rank::Surroundings, "project-file-shadows", Severity::WillBreak, cause)
                .evidence(shown.clone())
                .evidence(evidence)
                .meaning("a script in the project's folder imports this file instead: errors speak of missing attributes or half-initialised modules")
                .mend(format!(
                    "mv {} {}",
                    shell::quoted(&shown),
                    shell::quoted(&renamed(&shown))
                )),
        );
    }
    findings
}

fn renamed(path: &str) -> String {
    match path.strip_suffix(".py") {
        Some(stem) => format!("{stem}_own.py"),
        None => format!("{path}_own"),
    }
}
