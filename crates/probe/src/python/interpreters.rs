//! Python interpreters: found by name, their versions read from paths and folders. None is ever started.

use crate::look::{is_there, seen_names, text};
use crate::start::Start;
use deskside_machine::{FileKind, Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{OsKind, PythonInterpreter, PythonOrigin};
use std::path::Path;

/// Minor releases of Python 3 that are looked for.
const MINORS: std::ops::RangeInclusive<u32> = 8..=16;

/// The interpreter of Apple's Command Line Tools.
const APPLE_PYTHON: &str = "/Library/Developer/CommandLineTools/usr/bin/python3";

/// All interpreters, those on PATH first.
pub(crate) fn all(
    machine: &dyn Machine,
    start: &Start,
    developer_tools: bool,
) -> Vec<PythonInterpreter> {
    let mut found: Vec<PythonInterpreter> = Vec::new();
    let mut default_seen = false;
    for folder in &start.path {
        if folder.ends_with("/.pyenv/shims") {
            // Shims are scripts; pyenv's own choice decides which interpreter `python3` is.
            if !default_seen {
                default_seen = true;
                add(machine, &mut found, &pyenv_default(machine, start), true);
            }
            continue;
        }
        if start.kind == OsKind::MacOs && folder == "/usr/bin" {
            // Apple's python3 there is a stub that starts the developer tools' one, or asks to install them.
            default_seen |=
                developer_tools && add(machine, &mut found, APPLE_PYTHON, !default_seen);
            continue;
        }
        for name in std::iter::once("python3".to_string())
            .chain(MINORS.map(|minor| format!("python3.{minor}")))
        {
            let path = format!("{folder}/{name}");
            let default = name == "python3" && !default_seen;
            if add(machine, &mut found, &path, default) && default {
                default_seen = true;
            }
        }
    }
    for path in elsewhere(machine, start) {
        add(machine, &mut found, &path, false);
    }
    found
}

/// Adds the interpreter at a path under its real path; false where there is none.
fn add(
    machine: &dyn Machine,
    found: &mut Vec<PythonInterpreter>,
    path: &str,
    default: bool,
) -> bool {
    let Ok(real) = machine.real_path(path) else {
        return false;
    };
    if !machine
        .stat(&real)
        .is_ok_and(|stat| stat.kind == FileKind::File)
    {
        return false;
    }
    let real = real.to_string_lossy().into_owned();
    match found
        .iter_mut()
        .find(|interpreter| interpreter.path == real)
    {
        Some(interpreter) => interpreter.default |= default,
        None => {
            let (origin, version) = describe(machine, &real);
            found.push(PythonInterpreter {
                path: real,
                version,
                origin,
                default,
            });
        }
    }
    true
}

/// Interpreters that managers keep outside PATH.
fn elsewhere(machine: &dyn Machine, start: &Start) -> Vec<String> {
    let mut paths = Vec::new();
    let home = start.home.as_deref();
    let data = machine
        .variable("XDG_DATA_HOME")
        .filter(|folder| folder.starts_with('/'))
        .or_else(|| home.map(|home| format!("{home}/.local/share")));
    let of_uv = machine
        .variable("UV_PYTHON_INSTALL_DIR")
        .filter(|folder| folder.starts_with('/'))
        .or_else(|| data.map(|data| format!("{data}/uv/python")));
    if let Some(folder) = of_uv {
        // Links beside the folders lead to the newest patch release of a minor one.
        let entries = machine.entries(&folder).unwrap_or_default();
        let installed = entries.into_iter().filter(|entry| {
            entry.kind == FileKind::Directory && entry.name.starts_with("cpython-3.")
        });
        paths.extend(installed.map(|entry| format!("{folder}/{}/bin/python3", entry.name)));
    }
    if let Some(root) = pyenv_root(machine, start) {
        let versions = seen_names(machine, &format!("{root}/versions"));
        paths.extend(
            versions
                .into_iter()
                .filter(|name| name.starts_with("3."))
                .map(|name| format!("{root}/versions/{name}/bin/python3")),
        );
    }
    if start.kind == OsKind::MacOs {
        paths.extend(MINORS.map(|minor| format!("/opt/homebrew/bin/python3.{minor}")));
        paths.push(APPLE_PYTHON.into());
    }
    paths.extend(
        conda_roots(machine, start)
            .into_iter()
            .map(|root| format!("{root}/bin/python3")),
    );
    paths
}

fn pyenv_root(machine: &dyn Machine, start: &Start) -> Option<String> {
    machine
        .variable("PYENV_ROOT")
        .filter(|root| root.starts_with('/'))
        .or_else(|| start.home.as_ref().map(|home| format!("{home}/.pyenv")))
}

/// The interpreter pyenv's shims lead to, by `PYENV_VERSION` or the `version` file.
fn pyenv_default(machine: &dyn Machine, start: &Start) -> String {
    let Some(root) = pyenv_root(machine, start) else {
        return String::new();
    };
    let version = machine
        .variable("PYENV_VERSION")
        .or_else(|| text(machine, &format!("{root}/version")).value().cloned())
        .unwrap_or_default();
    match version.split([':', '\n', ' ']).next() {
        Some(first) if first.starts_with("3.") && !first.contains('/') => {
            format!("{root}/versions/{first}/bin/python3")
        }
        _ => "/usr/bin/python3".into(),
    }
}

/// Folders conda and its kin are usually installed into, where they are.
pub(crate) fn conda_roots(machine: &dyn Machine, start: &Start) -> Vec<String> {
    let mut roots = Vec::new();
    if let Some(program) = machine
        .variable("CONDA_EXE")
        .filter(|path| path.starts_with('/'))
        && let Some(root) = Path::new(&program).parent().and_then(Path::parent)
    {
        roots.push(root.to_string_lossy().into_owned());
    }
    for name in [
        "miniconda3",
        "anaconda3",
        "miniforge3",
        "mambaforge",
        "micromamba",
    ] {
        roots.extend(start.home.as_ref().map(|home| format!("{home}/{name}")));
    }
    roots.extend(
        [
            "/opt/conda",
            "/opt/miniconda3",
            "/opt/homebrew/Caskroom/miniforge/base",
        ]
        .map(String::from),
    );
    roots.sort();
    roots.dedup();
    roots.retain(|root| is_there(machine, &format!("{root}/conda-meta")));
    roots
}

/// Who manages the interpreter at a real path, and which version it is.
fn describe(machine: &dyn Machine, real: &str) -> (PythonOrigin, Known<String>) {
    let prefix = Path::new(real)
        .parent()
        .and_then(Path::parent)
        .map(|prefix| prefix.to_string_lossy().into_owned())
        .unwrap_or_default();
    let origin = origin_by_path(real);
    if origin == PythonOrigin::Other
        && let Some(version) = conda_version(&seen_names(machine, &format!("{prefix}/conda-meta")))
    {
        return (PythonOrigin::Conda, Known::Value(version));
    }
    let version = version_by_path(real).or_else(|| {
        seen_names(machine, &format!("{prefix}/lib"))
            .into_iter()
            .find_map(|name| {
                name.strip_prefix("python")
                    .filter(|rest| is_version(rest))
                    .map(str::to_string)
            })
    });
    (
        origin,
        version.map_or_else(
            || Known::unknown("neither its path nor its library folder tells"),
            Known::Value,
        ),
    )
}

fn origin_by_path(real: &str) -> PythonOrigin {
    if real.contains("/uv/python/") || real.contains("/cpython-3.") {
        PythonOrigin::Uv
    } else if real.contains("/.pyenv/versions/") || real.contains("/pyenv/versions/") {
        PythonOrigin::Pyenv
    } else if real.contains("/Cellar/")
        || real.starts_with("/opt/homebrew/")
        || real.starts_with("/home/linuxbrew/")
    {
        PythonOrigin::Homebrew
    } else if real.contains("/CommandLineTools/")
        || real.contains("/Xcode.app/")
        || real.contains("/Python3.framework/")
    {
        PythonOrigin::Apple
    } else if real.starts_with("/usr/bin/") || real.starts_with("/bin/") {
        PythonOrigin::System
    } else {
        PythonOrigin::Other
    }
}

/// `conda-meta/python-3.11.7-h955ad1f_0.json`
pub(crate) fn conda_version(names: &[String]) -> Option<String> {
    names.iter().find_map(|name| {
        let version = name
            .strip_suffix(".json")?
            .strip_prefix("python-")?
            .split('-')
            .next()?;
        is_version(version).then(|| version.to_string())
    })
}

fn version_by_path(real: &str) -> Option<String> {
    let parts: Vec<&str> = real.split('/').collect();
    let exact = parts
        .iter()
        .zip(parts.iter().skip(1))
        .find_map(|(folder, name)| {
            let version = match *folder {
                "versions" | "Versions" => name,
                folder if folder.starts_with("python@3") => name.split('_').next()?,
                _ => return None,
            };
            is_version(version).then(|| version.to_string())
        });
    let of_uv = || {
        parts.iter().find_map(|part| {
            part.strip_prefix("cpython-")?
                .split(['-', '+'])
                .next()
                .filter(|version| is_version(version))
                .map(str::to_string)
        })
    };
    let by_name = || {
        parts
            .last()
            .and_then(|name| name.strip_prefix("python"))
            .filter(|version| version.contains('.') && is_version(version))
            .map(str::to_string)
    };
    exact.or_else(of_uv).or_else(by_name)
}

/// Digits and dots, at least `3.x`, with an optional pre-release.
pub(crate) fn is_version(text: &str) -> bool {
    text.starts_with("3.")
        && text.len() > 2
        && text[2..].starts_with(|letter: char| letter.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_version_and_manager() {
        for (path, version, origin) in [
            ("/usr/bin/python3.10", Some("3.10"), PythonOrigin::System),
            (
                "/home/me/.local/share/uv/python/cpython-3.12.7-linux-x86_64-gnu/bin/python3.12",
                Some("3.12.7"),
                PythonOrigin::Uv,
            ),
            (
                "/home/me/.pyenv/versions/3.11.9/bin/python3.11",
                Some("3.11.9"),
                PythonOrigin::Pyenv,
            ),
            (
                "/opt/homebrew/Cellar/python@3.13/3.13.1_2/Frameworks/Python.framework/Versions/3.13/bin/python3.13",
                Some("3.13.1"),
                PythonOrigin::Homebrew,
            ),
            (
                "/Library/Developer/CommandLineTools/Library/Frameworks/Python3.framework/Versions/3.9/bin/python3.9",
                Some("3.9"),
                PythonOrigin::Apple,
            ),
            (
                "/usr/local/bin/python3.13",
                Some("3.13"),
                PythonOrigin::Other,
            ),
            ("/usr/bin/python3", None, PythonOrigin::System),
            ("/usr/bin/python3.12-dbg", None, PythonOrigin::System),
        ] {
            assert_eq!(
                (version_by_path(path).as_deref(), origin_by_path(path)),
                (version, origin),
                "{path}"
            );
        }
        assert_eq!(
            conda_version(&["history".into(), "python-3.11.7-h955ad1f_0.json".into()]).as_deref(),
            Some("3.11.7")
        );
        assert_eq!(
            conda_version(&["python_abi-3.11-4_cp311.json".into()]),
            None
        );
        assert!(
            is_version("3.15.0rc1")
                && !is_version("3.")
                && !is_version("2.7")
                && !is_version("3.x/../y")
        );
    }
}
