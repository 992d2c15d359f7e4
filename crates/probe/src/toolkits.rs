//! CUDA and ROCm toolkits outside Python environments, by their own version files.

use crate::look::{is_there, known, names, seen_names, text};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{Toolkit, ToolkitKind};
use std::collections::BTreeMap;

/// The toolkits of a Linux machine.
pub(crate) fn linux(machine: &dyn Machine) -> Known<Vec<Toolkit>> {
    let mut toolkits = Vec::new();
    for (kind, parent, stem) in [
        (ToolkitKind::Cuda, "/usr/local", "cuda"),
        (ToolkitKind::Rocm, "/opt", "rocm"),
    ] {
        match names(machine, parent) {
            Known::Value(names) => toolkits.extend(versioned(machine, kind, parent, stem, &names)),
            Known::Absent => {}
            Known::Unknown { unknown } => return Known::unknown(unknown),
        }
    }
    toolkits.extend(of_distribution(machine));
    Known::Value(toolkits)
}

/// `/usr/local/cuda-12.8` and its kind; `/usr/local/cuda` says which is the default. Links to the same folder count once.
fn versioned(
    machine: &dyn Machine,
    kind: ToolkitKind,
    parent: &str,
    stem: &str,
    names: &[String],
) -> Vec<Toolkit> {
    let mut found: BTreeMap<String, bool> = BTreeMap::new();
    for name in names.iter().filter(|name| {
        name.strip_prefix(stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }) {
        let Ok(real) = machine.real_path(format!("{parent}/{name}")) else {
            continue;
        };
        let default = name == stem;
        *found
            .entry(real.to_string_lossy().into_owned())
            .or_default() |= default;
    }
    found
        .into_iter()
        .filter_map(|(path, default)| {
            let version = match kind {
                ToolkitKind::Cuda => {
                    // A folder without the compiler holds only libraries that a runtime image or a driver brought.
                    if known(machine.stat(format!("{path}/bin/nvcc"))).is_absent() {
                        return None;
                    }
                    cuda_version(machine, &path)
                }
                _ => rocm_version(machine, &path)?,
            };
            Some(Toolkit {
                kind,
                version,
                path,
                default,
            })
        })
        .collect()
}

fn cuda_version(machine: &dyn Machine, path: &str) -> Known<String> {
    if let Known::Value(json) = text(machine, &format!("{path}/version.json"))
        && let Some(version) = cuda_in_json(&json)
    {
        return Known::Value(version);
    }
    if let Known::Value(line) = text(machine, &format!("{path}/version.txt"))
        && let Some(version) = line
            .strip_prefix("CUDA Version ")
            .and_then(|rest| rest.split_whitespace().next())
    {
        return Known::Value(version.to_string());
    }
    match path.rsplit_once("cuda-").map(|(_, version)| version) {
        Some(version) if version.starts_with(|letter: char| letter.is_ascii_digit()) => {
            Known::Value(version.to_string())
        }
        _ => Known::unknown("neither version.json nor the folder's name tells"),
    }
}

/// `{"cuda": {"name": "CUDA SDK", "version": "12.8.1"}, …}`
fn cuda_in_json(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(value.get("cuda")?.get("version")?.as_str()?.to_string())
}

/// ROCm's version; none for a folder that is no ROCm.
fn rocm_version(machine: &dyn Machine, path: &str) -> Option<Known<String>> {
    match text(machine, &format!("{path}/.info/version")) {
        Known::Value(text) => Some(Known::Value(
            text.split('-').next().unwrap_or(&text).to_string(),
        )),
        Known::Unknown { unknown } => Some(Known::unknown(unknown)),
        Known::Absent => {
            let is_rocm = seen_names(machine, &format!("{path}/bin"))
                .iter()
                .any(|name| name == "hipcc" || name == "rocminfo");
            is_rocm.then(|| Known::unknown("there is no .info/version"))
        }
    }
}

/// The distribution's own package, which puts nvcc into `/usr/bin`.
fn of_distribution(machine: &dyn Machine) -> Option<Toolkit> {
    let real = machine
        .real_path("/usr/bin/nvcc")
        .ok()?
        .to_string_lossy()
        .into_owned();
    if real.starts_with("/usr/local/") || real.starts_with("/opt/") {
        return None;
    }
    let version = match text(machine, "/usr/lib/cuda/version.txt") {
        Known::Value(line) => line.strip_prefix("CUDA Version ").map_or_else(
            || Known::unknown("/usr/lib/cuda/version.txt names no version"),
            |version| Known::Value(version.trim().to_string()),
        ),
        _ => Known::unknown("the distribution's package has no version file"),
    };
    // Debian's nvcc there is a script that starts the one in a folder of its own.
    let own = "/usr/lib/nvidia-cuda-toolkit";
    let path = if real.starts_with(own) || is_there(machine, own) {
        own
    } else {
        "/usr"
    };
    Some(Toolkit {
        kind: ToolkitKind::Cuda,
        version,
        path: path.into(),
        default: false,
    })
}

/// Apple's tools: Xcode's own file tells its version, the Command Line Tools have none that is text.
pub(crate) fn macos(machine: &dyn Machine) -> Known<Vec<Toolkit>> {
    let chosen = machine
        .link("/var/db/xcode_select_link")
        .ok()
        .map(|path| path.to_string_lossy().into_owned());
    let tools = "/Library/Developer/CommandLineTools";
    let xcode = "/Applications/Xcode.app";
    let mut toolkits = Vec::new();
    if let Known::Value(plist) = text(machine, &format!("{xcode}/Contents/version.plist")) {
        toolkits.push(Toolkit {
            kind: ToolkitKind::Xcode,
            version: crate::macos::plist_text(&plist, "CFBundleShortVersionString").map_or_else(
                || Known::unknown("version.plist names no version"),
                Known::Value,
            ),
            path: xcode.into(),
            default: chosen.as_ref().is_none_or(|path| path.starts_with(xcode)),
        });
    }
    match known(machine.stat(format!("{tools}/usr/bin/clang"))) {
        Known::Value(_) => toolkits.push(Toolkit {
            kind: ToolkitKind::Xcode,
            version: Known::unknown(
                "the Command Line Tools keep their version in a binary receipt",
            ),
            path: tools.into(),
            default: chosen
                .as_ref()
                .map_or(toolkits.is_empty(), |path| path.starts_with(tools)),
        }),
        Known::Absent => {}
        Known::Unknown { unknown } => return Known::unknown(unknown),
    }
    Known::Value(toolkits)
}

/// Whether Apple's developer tools are there; without them its stubs in `/usr/bin` only open a window.
pub(crate) fn has_developer_tools(toolkits: &Known<Vec<Toolkit>>) -> bool {
    toolkits
        .value()
        .is_some_and(|toolkits| !toolkits.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuda_names_itself_in_json() {
        assert_eq!(
            cuda_in_json(r#"{"cuda":{"name":"CUDA SDK","version":"12.8.1"}}"#).as_deref(),
            Some("12.8.1")
        );
        for odd in ["", "[]", "{}", r#"{"cuda":{"version":1}}"#] {
            assert_eq!(cuda_in_json(odd), None);
        }
    }
}
