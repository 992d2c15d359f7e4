//! What every other source needs first: which kernel family, which kernel, container, WSL, who asks.

use crate::look::{is_there, known, text};
use crate::system::{kernel, surroundings};
use deskside_machine::{FileKind, Machine, PersonIdentity, Reading};
use deskside_types::Known;
use deskside_types::facts::{OsKind, Wsl};

/// Read once, used by all.
pub(crate) struct Start {
    pub kind: OsKind,
    pub kernel: Known<String>,
    pub container: Known<String>,
    pub wsl: Known<Wsl>,
    pub person: Known<PersonIdentity>,
    pub cpuinfo: Known<String>,
    pub mounts: Known<String>,
    pub home: Option<String>,
    /// The folders of PATH, each once.
    pub path: Vec<String>,
}

impl Start {
    pub(crate) fn of(machine: &dyn Machine) -> Self {
        let release = text(machine, "/proc/sys/kernel/osrelease");
        let kernel = match release {
            Known::Value(release) if !release.is_empty() => Known::Value(release),
            _ => text(machine, "/proc/version")
                .and_then(|text| kernel::release_of_version(&text).map(str::to_string).into()),
        };
        let path = folders(&machine.variable("PATH").unwrap_or_default());
        let person = known(machine.person());
        let home = machine
            .variable("HOME")
            .filter(|home| home.starts_with('/'))
            .map(|home| home.trim_end_matches('/').to_string());
        if kernel.value().is_none() && is_there(machine, crate::macos::VERSION_FILE) {
            let nothing = || Known::Absent;
            return Self {
                kind: OsKind::MacOs,
                kernel: nothing(),
                container: nothing(),
                wsl: Known::Absent,
                person,
                cpuinfo: nothing(),
                mounts: nothing(),
                home,
                path,
            };
        }
        let wsl = surroundings::wsl(machine, &kernel);
        let inside = wsl.value().is_some();
        Self {
            kind: OsKind::Linux,
            container: surroundings::container(machine),
            wsl,
            // Windows' folders hold nothing that runs here, and each look into them takes a millisecond.
            path: path
                .into_iter()
                .filter(|folder| !(inside && is_of_windows(folder)))
                .collect(),
            cpuinfo: text(machine, "/proc/cpuinfo"),
            mounts: text(machine, "/proc/self/mounts"),
            kernel,
            person,
            home,
        }
    }

    /// The first program of that name on PATH that can be executed.
    pub(crate) fn program(&self, machine: &dyn Machine, name: &str) -> Option<String> {
        let candidates = self.path.iter().map(|folder| format!("{folder}/{name}"));
        candidates.into_iter().find(|path| {
            machine
                .stat(path)
                .is_ok_and(|stat| stat.kind == FileKind::File && stat.mode & 0o111 != 0)
        })
    }

    /// Surely inside a container.
    pub(crate) fn contained(&self) -> bool {
        self.container.value().is_some()
    }

    /// Surely inside WSL.
    pub(crate) fn in_wsl(&self) -> bool {
        self.wsl.value().is_some()
    }
}

/// The absolute folders of a search path, each once.
fn folders(path: &str) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    for folder in path
        .split(':')
        .map(|folder| folder.trim_end_matches('/'))
        .filter(|folder| folder.starts_with('/'))
    {
        if !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_string());
        }
    }
    folders
}

/// `/mnt/c/…`: a drive of Windows under WSL.
fn is_of_windows(folder: &str) -> bool {
    let mut letters = folder.strip_prefix("/mnt/").unwrap_or_default().chars();
    letters
        .next()
        .is_some_and(|drive| drive.is_ascii_lowercase())
        && letters.next().is_none_or(|next| next == '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_paths_are_taken_apart() {
        assert_eq!(
            folders("/usr/bin:relative::/usr/bin/:/x y:/"),
            ["/usr/bin", "/x y"]
        );
        for (folder, of_windows) in [
            ("/mnt/c/WINDOWS", true),
            ("/mnt/d", true),
            ("/mnt/data/bin", false),
            ("/usr/bin", false),
            ("/mnt/", false),
        ] {
            assert_eq!(is_of_windows(folder), of_windows, "{folder}");
        }
    }
}
