//! Files in an environment that belong to no distribution and not to the environment itself: a person put them there.

use super::damage::place;
use super::take::Installed;
use deskside_machine::{FileKind, Machine, Reading};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Files and whole folders that nobody claims, relative to the environment, sorted.
///
/// Compiled files, empty folders, and what Python, uv, pip and Deskside make themselves are left out.
pub fn unclaimed(
    machine: &dyn Machine,
    environment: &Path,
    installed: &[Installed],
) -> Vec<PathBuf> {
    let mut claimed = Claimed::default();
    for one in installed {
        let site = one.information.parent().unwrap_or(environment);
        claimed.add_folder(one.information.clone(), environment);
        for file in &one.files {
            // Compiled files are passed over by their names.
            if !file.path.ends_with(".pyc") {
                let path = place(site, &file.path);
                if let Some(folder) = path.parent() {
                    claimed.add_folder(folder.to_path_buf(), environment);
                }
                claimed.files.insert(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(machine, environment, environment, &claimed, &mut found);
    found.sort();
    found
}

#[derive(Default)]
struct Claimed {
    files: HashSet<PathBuf>,
    folders: HashSet<PathBuf>,
}

impl Claimed {
    fn add_folder(&mut self, mut folder: PathBuf, environment: &Path) {
        while folder.starts_with(environment) && self.folders.insert(folder.clone()) {
            if !folder.pop() {
                return;
            }
        }
    }
}

fn walk(
    machine: &dyn Machine,
    environment: &Path,
    folder: &Path,
    claimed: &Claimed,
    found: &mut Vec<PathBuf>,
) {
    for entry in machine.entries(folder).unwrap_or_default() {
        let path = folder.join(&entry.name);
        let relative = path.strip_prefix(environment).unwrap_or(&path);
        if entry.kind == FileKind::Directory {
            if entry.name == "__pycache__" {
                continue;
            }
            if claimed.folders.contains(&path) || is_frame(relative) {
                walk(machine, environment, &path, claimed, found);
            } else if holds_files(machine, &path) {
                found.push(relative.to_path_buf());
            }
        } else if !claimed.files.contains(&path) && !is_own(relative, &entry.name) {
            found.push(relative.to_path_buf());
        }
    }
}

/// Folders that every environment has.
fn is_frame(relative: &Path) -> bool {
    let text = relative.to_string_lossy();
    let python = |text: &str| text.starts_with("python3") && !text.contains('/');
    ["bin", "lib", "lib64", "include", "share", "etc"].contains(&&*text)
        || text.strip_prefix("lib/").is_some_and(|rest| {
            python(rest) || rest.strip_suffix("/site-packages").is_some_and(python)
        })
}

/// Whether a folder holds any file that is not compiled by Python.
fn holds_files(machine: &dyn Machine, folder: &Path) -> bool {
    let entries = machine.entries(folder).unwrap_or_default();
    entries.iter().any(|entry| match entry.kind {
        FileKind::Directory => {
            entry.name != "__pycache__" && holds_files(machine, &folder.join(&entry.name))
        }
        _ => !entry.name.ends_with(".pyc"),
    })
}

/// Files that Python's `venv`, virtualenv, uv and Deskside make in every environment.
fn is_own(relative: &Path, name: &str) -> bool {
    if name.ends_with(".pyc") || name == ".DS_Store" {
        return true;
    }
    let folder = relative
        .parent()
        .map(|folder| folder.to_string_lossy().into_owned());
    match folder.as_deref() {
        Some("") => {
            ["pyvenv.cfg", ".gitignore", ".lock", "CACHEDIR.TAG", "lib64"].contains(&name)
                || name.starts_with(".deskside.json")
                || name.starts_with("..deskside.json.deskside-")
        }
        Some("bin") => {
            let known = ["activate", "Activate.ps1", "deactivate", "python", "pydoc"];
            known.iter().any(|known| name.starts_with(known)) || name.starts_with("𝜋thon")
        }
        // What is said of a distribution goes and comes with it.
        Some(folder) if folder.ends_with(".dist-info") => true,
        Some(folder) if folder.ends_with("/site-packages") => {
            ["_virtualenv.py", "_virtualenv.pth"].contains(&name)
        }
        _ => false,
    }
}
