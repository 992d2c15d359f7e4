//! Files in an environment that belong to no distribution and not to the environment itself: a person put them there.

use super::damage::place;
use super::take::Installed;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Files and whole folders that nobody claims, relative to the environment, sorted. `present` is everything but folders
/// in the environment.
///
/// Compiled files, empty folders, and what Python, uv, pip and Deskside make themselves are left out.
pub fn unclaimed<'a>(
    environment: &Path,
    present: impl Iterator<Item = &'a Path>,
    installed: &[Installed],
) -> Vec<PathBuf> {
    // As text: hashing paths part by part takes as long as looking at the files.
    let mut files: HashSet<OsString> = HashSet::new();
    for one in installed {
        let site = one.information.parent().unwrap_or(environment);
        let claimed = one.files.iter();
        files.extend(claimed.map(|file| place(site, &file.path).into_os_string()));
    }
    let own: Vec<&Path> = present
        .filter(|path| !files.contains(path.as_os_str()))
        .filter_map(|path| path.strip_prefix(environment).ok())
        .filter(|relative| !is_own(relative))
        .collect();
    if own.is_empty() {
        return Vec::new();
    }
    // A folder in which nothing is claimed goes as a whole.
    let mut shared: HashSet<&Path> = HashSet::new();
    let claimed = files
        .iter()
        .filter_map(|path| Path::new(path).strip_prefix(environment).ok());
    for relative in claimed {
        shared.extend(relative.ancestors().skip(1));
    }
    let mut found: Vec<PathBuf> = own
        .into_iter()
        .map(|relative| {
            let mut folders: Vec<&Path> = relative.ancestors().skip(1).collect();
            folders.reverse();
            let whole = folders
                .into_iter()
                .find(|folder| !shared.contains(folder) && !is_frame(folder));
            whole.unwrap_or(relative).to_path_buf()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Folders that every environment has.
fn is_frame(relative: &Path) -> bool {
    let text = relative.to_string_lossy();
    let python = |text: &str| text.starts_with("python3") && !text.contains('/');
    ["", "bin", "lib", "lib64", "include", "share", "etc"].contains(&&*text)
        || text.strip_prefix("lib/").is_some_and(|rest| {
            python(rest) || rest.strip_suffix("/site-packages").is_some_and(python)
        })
}

/// Files that Python's `venv`, virtualenv, uv and Deskside make in every environment.
fn is_own(relative: &Path) -> bool {
    let name = relative.file_name().unwrap_or_default().to_string_lossy();
    let name = name.as_ref();
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
