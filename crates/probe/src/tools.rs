//! uv, and the tools other capabilities rest on.

use crate::start::Start;
use deskside_knowledge::version;
use deskside_machine::{Command, Directories, Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{OsKind, Tool};
use std::path::PathBuf;
use std::time::Duration;

/// Tools by the name they are shown under, with the programs that serve, best first.
const TOOLS: [(&str, &[&str]); 5] = [
    ("git", &["git"]),
    ("c++", &["c++", "g++", "clang++"]),
    ("ssh", &["ssh"]),
    ("rsync", &["rsync"]),
    ("tmux", &["tmux"]),
];

/// uv on PATH, where installers put it, or where Deskside itself keeps it. Its version is asked, which takes a few milliseconds.
pub(crate) fn uv(machine: &dyn Machine, start: &Start) -> Known<Tool> {
    let on_path = start.program(machine, "uv");
    if let Some((path, version)) = own_uv(machine).filter(|_| on_path.is_none()) {
        return Known::Value(Tool {
            name: "uv".into(),
            path: path.to_string_lossy().into_owned(),
            version: Known::Value(version),
        });
    }
    let usual = start.home.iter().flat_map(|home| {
        [
            format!("{home}/.local/bin/uv"),
            format!("{home}/.cargo/bin/uv"),
        ]
    });
    let path = on_path.or_else(|| {
        usual
            .into_iter()
            .find(|path| machine.exists(path).unwrap_or(false))
    });
    let Some(path) = path else {
        return Known::Absent;
    };
    let version = match machine
        .command(Command::new([path.as_str(), "--version"]).deadline(Duration::from_secs(1)))
    {
        Ok(output) if output.succeeded() => version_in_answer(&output.text()).map_or_else(
            || Known::unknown("uv --version gave no version"),
            Known::Value,
        ),
        Ok(output) => Known::unknown(format!(
            "uv --version failed with exit code {}",
            output.code
        )),
        Err(error) => Known::unknown(error.reason()),
    };
    Known::Value(Tool {
        name: "uv".into(),
        path,
        version,
    })
}

/// The newest uv in Deskside's own folder, whose folder's name is its version.
fn own_uv(machine: &dyn Machine) -> Option<(PathBuf, String)> {
    let folder = Directories::of(machine).ok()?.data.join("tools/uv");
    let mut versions: Vec<String> = machine
        .entries(&folder)
        .ok()?
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    versions.retain(|name| name.starts_with(|letter: char| letter.is_ascii_digit()));
    versions.sort_by(|one, other| version::order(other, one));
    versions
        .into_iter()
        .map(|version| (folder.join(&version).join("uv"), version))
        .find(|(path, _)| machine.exists(path).unwrap_or(false))
}

/// `uv 0.9.2 (141369ce7 2025-10-10)`
fn version_in_answer(text: &str) -> Option<String> {
    let version = text.trim().strip_prefix("uv ")?.split_whitespace().next()?;
    version
        .starts_with(|letter: char| letter.is_ascii_digit())
        .then(|| version.to_string())
}

/// The other tools that are there. Their versions are not asked: each would cost a process.
pub(crate) fn others(machine: &dyn Machine, start: &Start, developer_tools: bool) -> Vec<Tool> {
    let stub = |path: &str| {
        start.kind == OsKind::MacOs && !developer_tools && path.starts_with("/usr/bin/")
    };
    let found = TOOLS.iter().filter_map(|(name, programs)| {
        let path = programs
            .iter()
            .find_map(|program| start.program(machine, program))?;
        // ssh and rsync are macOS's own; git and c++ without developer tools only open a window.
        if stub(&path) && matches!(*name, "git" | "c++") {
            return None;
        }
        Some(Tool {
            name: (*name).to_string(),
            path,
            version: Known::unknown("not asked"),
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uv_names_its_version() {
        assert_eq!(
            version_in_answer("uv 0.9.2 (141369ce7 2025-10-10)\n").as_deref(),
            Some("0.9.2")
        );
        assert_eq!(version_in_answer("uv 0.9.2").as_deref(), Some("0.9.2"));
        for odd in ["", "uv", "uv x", "0.9.2"] {
            assert_eq!(version_in_answer(odd), None);
        }
    }
}
