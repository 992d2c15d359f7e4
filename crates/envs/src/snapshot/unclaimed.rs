//! Files in an environment that belong to no distribution and not to the environment itself: a person put them there.

use super::damage::place;
use super::take::Installed;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Files and whole folders that nobody claims, relative to the environment, sorted. `present` is everything but folders
/// in the environment.
///
/// Empty folders, and what Python, uv, pip and Deskside make themselves, are left out.
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
        // Without its RECORD nobody says what belongs to a distribution; what is said of it does.
        .filter(|relative| {
            let path = environment.join(relative);
            let mut half = installed.iter().filter(|one| one.files.is_empty());
            !half.any(|one| path.starts_with(&one.information))
        })
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

/// Files that Python's `venv`, virtualenv, uv and Deskside make in every environment, by their exact names: a file of a
/// person's may begin like one of them.
fn is_own(relative: &Path) -> bool {
    let name = relative.file_name().unwrap_or_default().to_string_lossy();
    let name = name.as_ref();
    if name == ".DS_Store" {
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
            SCRIPTS.contains(&name)
                || ["pydoc.bat", "python", "pypy", "𝜋thon"].contains(&name)
                || ["python", "pypy"]
                    .iter()
                    .any(|known| name.strip_prefix(known).is_some_and(is_version_of_python))
        }
        // What an installer says of a distribution goes and comes with it.
        Some(folder) if folder.ends_with(".dist-info") => SAID.contains(&name),
        Some(folder) if folder.ends_with("/site-packages") => {
            ["_virtualenv.py", "_virtualenv.pth"].contains(&name)
        }
        _ => false,
    }
}

/// The scripts in `bin` that make a shell use the environment, and that people add lines to.
pub const SCRIPTS: [&str; 12] = [
    "activate",
    "activate.bat",
    "activate.csh",
    "activate.fish",
    "activate.nu",
    "activate.ps1",
    "activate.xsh",
    "Activate.ps1",
    "activate_this.py",
    "deactivate",
    "deactivate.bat",
    "deactivate.nu",
];

/// What installers write beside a distribution (PEP 376, 427, 610, and uv's own).
const SAID: [&str; 13] = [
    "DELVEWHEEL",
    "INSTALLER",
    "METADATA",
    "RECORD",
    "RECORD.jws",
    "RECORD.p7s",
    "REQUESTED",
    "WHEEL",
    "direct_url.json",
    "entry_points.txt",
    "top_level.txt",
    "uv_build.json",
    "uv_cache.json",
];

/// `3`, `3.12`, `3.13t`.
fn is_version_of_python(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('3') else {
        return false;
    };
    let Some(minor) = rest.strip_prefix('.') else {
        return rest.is_empty();
    };
    let minor = minor.strip_suffix('t').unwrap_or(minor);
    !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_the_environments_own() {
        for (path, own) in [
            ("bin/activate", true),
            ("bin/Activate.ps1", true),
            ("bin/activate_wandb.sh", false),
            ("bin/deactivate_all", false),
            ("bin/python", true),
            ("bin/python3", true),
            ("bin/python3.12", true),
            ("bin/python3.13t", true),
            ("bin/python-profile", false),
            ("bin/pythonx", false),
            ("bin/python3-config", false),
            ("bin/python3.", false),
            ("bin/pydoc.bat", true),
            ("bin/pydoc-local", false),
            ("pyvenv.cfg", true),
            ("notes.txt", false),
            ("lib/python3.12/site-packages/x-1.dist-info/RECORD", true),
            (
                "lib/python3.12/site-packages/x-1.dist-info/notes.txt",
                false,
            ),
            ("lib/python3.12/site-packages/tool.pyc", false),
        ] {
            assert_eq!(is_own(Path::new(path)), own, "{path}");
        }
    }
}
