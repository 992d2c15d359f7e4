//! What lies in an environment's folder, told from its files alone; no process is started.

use super::marker::{self, Marker};
use deskside_knowledge::python::normalised_name;
use deskside_machine::{DoorError, ErrorKind, FileKind, Machine, Reading};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The state of an environment's folder.
#[allow(
    clippy::large_enum_variant,
    reason = "one folder is looked at at a time"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing is there.
    Absent,
    /// A folder with nothing in it.
    Empty,
    /// A whole environment whose interpreter is there.
    Whole(Venv),
    /// An environment that can't start, and why; `ours` when Deskside made it.
    Broken {
        /// In words.
        why: String,
        /// Deskside's marker is in it, and says that Deskside made it.
        ours: bool,
    },
    /// Something else, and what.
    Foreign(String),
}

/// A whole environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venv {
    /// Its folder.
    pub path: PathBuf,
    /// Its Python's version, for example `3.11.7`; none when its files do not say.
    pub version: Option<String>,
    /// What Deskside noted in it.
    pub marker: Option<Marker>,
}

/// Looks at an environment's folder.
///
/// # Errors
/// When the folder or `pyvenv.cfg` can't be read for a reason other than absence.
pub fn look(machine: &dyn Machine, path: &Path) -> Result<State, DoorError> {
    match machine.stat(path) {
        Err(error) if error.kind == ErrorKind::Absent => {
            // A link that leads nowhere is there, but no folder.
            return Ok(if machine.link(path).is_ok() {
                State::Foreign("a link that leads nowhere".into())
            } else {
                State::Absent
            });
        }
        Err(error) => return Err(error),
        Ok(stat) if stat.kind != FileKind::Directory => {
            return Ok(State::Foreign("a file, not a folder".into()));
        }
        Ok(_) => {}
    }
    let marker = marker::read(machine, path);
    let configuration = match machine.text(path.join("pyvenv.cfg")) {
        Ok(text) => Some(text),
        Err(error) if error.kind == ErrorKind::Absent => None,
        Err(error) => return Err(error),
    };
    let Some(configuration) = configuration else {
        if let Some(marker) = &marker {
            let ours = marker.made_here();
            let why = if ours {
                "it was only half made"
            } else {
                "it has no pyvenv.cfg"
            };
            return Ok(State::Broken {
                why: why.into(),
                ours,
            });
        }
        let mut entries = machine.entries(path)?;
        // A process that was killed while it wrote the marker leaves half of it beside its place.
        let half = format!(".{}.deskside-", marker::NAME);
        let left = entries.len();
        entries.retain(|entry| !entry.name.starts_with(&half));
        return Ok(match entries.len() {
            0 if left > 0 => State::Broken {
                why: "it was only half made".into(),
                ours: true,
            },
            0 => State::Empty,
            _ => State::Foreign("a folder that is no Python environment".into()),
        });
    };
    if marker.as_ref().is_some_and(|marker| marker.making) {
        return Ok(State::Broken {
            why: "it was only half made".into(),
            ours: true,
        });
    }
    let python = path.join("bin/python");
    match machine.stat(&python) {
        Ok(_) => {}
        Err(error) if error.kind == ErrorKind::Absent => {
            let target = machine
                .link(&python)
                .map(|target| target.display().to_string());
            let why = target.map_or_else(
                |_| "it has no bin/python".to_string(),
                |target| format!("its interpreter {target} is gone"),
            );
            return Ok(State::Broken {
                why,
                ours: marker.is_some_and(|marker| marker.made_here()),
            });
        }
        Err(error) => return Err(error),
    }
    Ok(State::Whole(Venv {
        path: path.to_path_buf(),
        version: version(&configuration),
        marker,
    }))
}

/// `version_info` (uv, virtualenv) or `version` (venv) of a `pyvenv.cfg`.
fn version(configuration: &str) -> Option<String> {
    let value = |wanted: &str| {
        configuration.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim().eq_ignore_ascii_case(wanted)).then(|| value.trim().to_string())
        })
    };
    value("version_info")
        .or_else(|| value("version"))
        .filter(|version| version.starts_with(|letter: char| letter.is_ascii_digit()))
}

/// The Python's version that an environment's `pyvenv.cfg` states, whether it can start or not.
pub fn stated_version(machine: &dyn Machine, path: &Path) -> Option<String> {
    version(&machine.text(path.join("pyvenv.cfg")).ok()?)
}

/// The folder of packages: `lib/python3.N/site-packages`.
pub fn site_packages(machine: &dyn Machine, path: &Path) -> Option<PathBuf> {
    let lib = path.join("lib");
    let folder = machine
        .entries(&lib)
        .ok()?
        .into_iter()
        .find(|entry| entry.name.starts_with("python3") && entry.kind == FileKind::Directory)?;
    Some(lib.join(folder.name).join("site-packages"))
}

/// Distributions in an environment by their normalised names, with their versions, from the names of their folders.
pub fn distributions(machine: &dyn Machine, path: &Path) -> BTreeMap<String, String> {
    let entries = site_packages(machine, path)
        .and_then(|folder| machine.entries(folder).ok())
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let (name, version) = entry.name.strip_suffix(".dist-info")?.split_once('-')?;
            Some((normalised_name(name), version.to_string()))
        })
        .collect()
}
