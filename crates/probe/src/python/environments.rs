//! Python environments: the active one, the current folder's, conda's, Deskside's projects, the interpreters' own packages.

use super::interpreters::{conda_roots, conda_version, is_version};
use super::metadata::frameworks;
use crate::look::{field, is_there, seen_names, text};
use crate::start::Start;
use deskside_machine::{Directories, ErrorKind, FileKind, Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{EnvironmentKind, PythonEnvironment, PythonInterpreter};
use std::collections::BTreeSet;

/// Environments looked at, at the most; a shared conda folder can hold hundreds.
const LIMIT: usize = 64;

/// All environments, the active ones first.
pub(crate) fn all(
    machine: &dyn Machine,
    start: &Start,
    pythons: &[PythonInterpreter],
) -> Vec<PythonEnvironment> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, active) in candidates(machine, start) {
        if found.len() == LIMIT {
            break;
        }
        let real = machine
            .real_path(&path)
            .map_or_else(|_| path.clone(), |real| real.to_string_lossy().into_owned());
        if seen.insert(real) {
            found.extend(environment(machine, &path, active));
        }
    }
    let own = pythons
        .iter()
        .filter(|python| python.default)
        .filter_map(|python| of_interpreter(machine, start, python));
    // A conda environment's interpreter has no packages beside the environment's.
    found.extend(own.filter(|environment| !seen.contains(&environment.path)));
    found
}

/// Folders that may be environments, and whether they are in use.
fn candidates(machine: &dyn Machine, start: &Start) -> Vec<(String, bool)> {
    let mut candidates = Vec::new();
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(path) = machine.variable(name).filter(|path| path.starts_with('/')) {
            candidates.push((path.trim_end_matches('/').to_string(), true));
        }
    }
    if let Ok(here) = machine.working_directory() {
        let here = here.to_string_lossy().trim_end_matches('/').to_string();
        candidates.extend(
            [(".venv", true), ("venv", false), ("env", false)]
                .map(|(name, active)| (format!("{here}/{name}"), active)),
        );
    }
    if let Ok(directories) = Directories::of(machine) {
        let projects = directories.projects.to_string_lossy().into_owned();
        candidates.extend(
            seen_names(machine, &projects)
                .into_iter()
                .map(|name| (format!("{projects}/{name}/.venv"), false)),
        );
    }
    for root in conda_roots(machine, start) {
        let named = seen_names(machine, &format!("{root}/envs"));
        candidates.push((root.clone(), false));
        candidates.extend(
            named
                .into_iter()
                .map(|name| (format!("{root}/envs/{name}"), false)),
        );
    }
    if let Some(home) = &start.home {
        // conda writes every environment it makes into this list.
        let listed = text(machine, &format!("{home}/.conda/environments.txt"));
        let listed = listed.value().map_or("", String::as_str);
        candidates.extend(
            listed
                .lines()
                .map(str::trim)
                .filter(|path| path.starts_with('/'))
                .map(|path| (path.trim_end_matches('/').to_string(), false)),
        );
    }
    candidates
}

/// The environment in a folder; none where there is no environment.
fn environment(machine: &dyn Machine, path: &str, active: bool) -> Option<PythonEnvironment> {
    let (kind, python) = match text(machine, &format!("{path}/pyvenv.cfg")) {
        Known::Value(settings) => (
            EnvironmentKind::Venv,
            venv_version(&settings).map_or_else(
                || Known::unknown("pyvenv.cfg names no version"),
                Known::Value,
            ),
        ),
        // Only where something is surely there; that it was not asked or not allowed proves no environment.
        Known::Unknown { unknown } if is_there(machine, &format!("{path}/pyvenv.cfg")) => {
            (EnvironmentKind::Venv, Known::unknown(unknown))
        }
        Known::Unknown { .. } => return None,
        Known::Absent => {
            if !is_there(machine, &format!("{path}/conda-meta")) {
                return None;
            }
            (
                EnvironmentKind::Conda,
                conda_version(&seen_names(machine, &format!("{path}/conda-meta"))).into(),
            )
        }
    };
    let interpreter_present = match machine.stat(format!("{path}/bin/python")) {
        Ok(stat) => Known::Value(stat.kind == FileKind::File),
        Err(error) if error.kind == ErrorKind::Absent => Known::Value(false),
        Err(error) => Known::unknown(error.reason()),
    };
    Some(PythonEnvironment {
        path: path.to_string(),
        kind,
        active,
        interpreter_present,
        frameworks: packages(machine, path, &python),
        python,
    })
}

/// The version in `pyvenv.cfg`: `version` by venv, `version_info` by virtualenv and uv.
fn venv_version(settings: &str) -> Option<String> {
    let text = field(settings, "version_info", '=').or_else(|| field(settings, "version", '='))?;
    let version: Vec<&str> = text
        .split('.')
        .take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty())
        .take(3)
        .collect();
    let version = version.join(".");
    is_version(&version).then_some(version)
}

/// The frameworks in a prefix's site-packages.
fn packages(
    machine: &dyn Machine,
    prefix: &str,
    python: &Known<String>,
) -> Vec<deskside_types::facts::Framework> {
    let by_version = python.value().and_then(|version| {
        let mut parts = version.split('.');
        Some(format!("python{}.{}", parts.next()?, parts.next()?))
    });
    let folder = by_version.or_else(|| {
        seen_names(machine, &format!("{prefix}/lib"))
            .into_iter()
            .find(|name| name.strip_prefix("python").is_some_and(is_version))
    });
    match folder {
        Some(folder) => frameworks(
            seen_names(machine, &format!("{prefix}/lib/{folder}/site-packages"))
                .iter()
                .map(String::as_str),
        ),
        None => Vec::new(),
    }
}

/// The packages of the default interpreter itself, where frameworks are among them.
fn of_interpreter(
    machine: &dyn Machine,
    start: &Start,
    python: &PythonInterpreter,
) -> Option<PythonEnvironment> {
    let prefix = python
        .path
        .strip_suffix(python.path.rsplit('/').next()?)?
        .strip_suffix("/bin/")?;
    let minor = {
        let mut parts = python.version.value()?.split('.');
        format!("{}.{}", parts.next()?, parts.next()?)
    };
    let mut folders = vec![format!("{prefix}/lib/python{minor}/site-packages")];
    if prefix == "/usr" {
        // Debian keeps its own packages and those that pip installs as root apart.
        folders.push("/usr/lib/python3/dist-packages".into());
        folders.push(format!("/usr/local/lib/python{minor}/dist-packages"));
    }
    if prefix == "/usr/local" {
        folders.push(format!("/usr/local/lib/python{minor}/dist-packages"));
    }
    folders.extend(
        start
            .home
            .as_ref()
            .map(|home| format!("{home}/.local/lib/python{minor}/site-packages")),
    );
    let names: Vec<String> = folders
        .iter()
        .flat_map(|folder| seen_names(machine, folder))
        .collect();
    let frameworks = frameworks(names.iter().map(String::as_str));
    (!frameworks.is_empty()).then(|| PythonEnvironment {
        path: prefix.to_string(),
        kind: EnvironmentKind::Interpreter,
        python: python.version.clone(),
        active: false,
        interpreter_present: Known::Value(true),
        frameworks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_tell_the_version() {
        for (settings, version) in [
            ("home = /usr/bin\nversion = 3.10.12\n", Some("3.10.12")),
            (
                "home = /x\nimplementation = CPython\nuv = 0.9.2\nversion_info = 3.12.7\n",
                Some("3.12.7"),
            ),
            (
                "version_info = 3.11.4.final.0\nversion = 3.11.4\n",
                Some("3.11.4"),
            ),
            ("version = \n", None),
            ("version = 2.7\n", None),
            ("garbage", None),
        ] {
            assert_eq!(venv_version(settings).as_deref(), version, "{settings}");
        }
    }
}
