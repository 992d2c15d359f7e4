//! Taking a snapshot: read from files alone, no process is started.

use super::record;
use super::record::RecordedFile;
use super::store::{Choice, Parts};
use super::{Distribution, MachineState, PythonState, SNAPSHOT_VERSION, Snapshot, Wheel};
use crate::environment::marker;
use crate::environment::venv::{self, State};
use crate::index::{address, settings};
use deskside_knowledge::python::normalised_name;
use deskside_machine::{Answer, DoorError, FileKind, Machine, Question, Reading};
use deskside_types::Problem;
use deskside_types::facts::Facts;
use deskside_types::run::RunId;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The project's files that name packages.
pub const PROJECT_FILES: &[&str] = &[
    "pyproject.toml",
    "uv.lock",
    "requirements.txt",
    "deskside.toml",
    ".python-version",
];
/// A project file larger than this is not kept.
const LARGEST: u64 = 64 << 20;

/// What a snapshot is to be taken of.
pub struct Taking<'a> {
    /// The project's folder.
    pub project: &'a Path,
    /// The environment's folder.
    pub environment: &'a Path,
    /// The machine.
    pub facts: &'a Facts,
    /// What leads to it, in a phrase.
    pub reason: String,
    /// The operation that led to it.
    pub operation: Option<String>,
    /// The framework build that was chosen for this machine.
    pub choice: Option<Choice>,
    /// What is installed beside it, of the project's own extras and groups.
    pub parts: Option<Parts>,
    /// What is installed in it, where that was looked at just now.
    pub installed: Option<&'a [Installed]>,
}

/// A snapshot with the contents of its project files, by their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Contents by file name.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Takes a snapshot; keeps nothing. None where there is no whole environment.
///
/// # Errors
/// When the environment or a project file can't be read.
pub fn take(machine: &dyn Machine, taking: &Taking<'_>) -> Result<Option<Taken>, Problem> {
    match venv::look(machine, taking.environment)? {
        // One whose packages were all removed is no state that anybody wants to go back to.
        State::Whole(venv) if has_site_packages(machine, taking.environment)? => {
            assemble(machine, taking, venv.version).map(Some)
        }
        _ => Ok(None),
    }
}

/// Whether the folder for packages is there, be it empty.
fn has_site_packages(machine: &dyn Machine, environment: &Path) -> Result<bool, Problem> {
    match venv::site_packages(machine, environment) {
        Some(folder) => Ok(machine.exists(folder)?),
        None => Ok(false),
    }
}

/// Takes a snapshot of an environment that can't start, from what its files still say; none where they say nothing.
///
/// # Errors
/// When a project file can't be read.
pub fn salvage(machine: &dyn Machine, taking: &Taking<'_>) -> Result<Option<Taken>, Problem> {
    let version = match venv::look(machine, taking.environment)? {
        State::Whole(venv) => venv.version,
        State::Broken { .. } => venv::stated_version(machine, taking.environment),
        _ => return Ok(None),
    };
    let taken = assemble(machine, taking, version)?;
    let tells =
        !taken.snapshot.python.version.is_empty() && !taken.snapshot.distributions.is_empty();
    Ok(tells.then_some(taken))
}

fn assemble(
    machine: &dyn Machine,
    taking: &Taking<'_>,
    version: Option<String>,
) -> Result<Taken, Problem> {
    let mut files = BTreeMap::new();
    for name in PROJECT_FILES {
        let path = taking.project.join(name);
        if machine.exists(&path)? {
            files.insert((*name).to_string(), machine.file(&path, LARGEST)?);
        }
    }
    let interpreter = machine
        .real_path(taking.environment.join("bin/python"))
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let locked = files
        .get("uv.lock")
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .map(locked)
        .unwrap_or_default();
    let now = machine.now()?.wall;
    let noted = marker::read(machine, taking.environment).unwrap_or_default();
    let own;
    let there = match taking.installed {
        Some(there) => there,
        None => {
            own = installed(machine, taking.environment);
            &own
        }
    };
    // Half removed: without a RECORD nothing says which files it had, so that it can never be brought back.
    let (there, half): (Vec<&Installed>, Vec<&Installed>) =
        there.iter().partition(|one| !one.files.is_empty());
    let reason = match half.is_empty() {
        true => taking.reason.clone(),
        false => {
            let names: Vec<&str> = half.iter().map(|one| one.name.as_str()).collect();
            format!(
                "{}, without what has no RECORD: {}",
                taking.reason,
                names.join(", ")
            )
        }
    };
    let snapshot = Snapshot {
        version: SNAPSHOT_VERSION,
        id: RunId::new(now, machine.random()? as u32).0,
        taken_at: now,
        reason,
        operation: taking.operation.clone(),
        project: taking.project.display().to_string(),
        environment: taking.environment.display().to_string(),
        python: PythonState {
            version: version.unwrap_or_default(),
            managed: taking.facts.pythons.iter().any(|python| {
                python.path == interpreter
                    && python.origin == deskside_types::facts::PythonOrigin::Uv
            }) || interpreter.contains("/uv/python/"),
            interpreter,
            system_packages: sees_the_systems(machine, taking.environment),
        },
        choice: taking.choice.clone(),
        parts: taking.parts.clone(),
        indexes: indexes(machine),
        machine: machine_state(taking.facts),
        files: files
            .iter()
            .map(|(name, bytes)| (name.clone(), crate::hex(&Sha256::digest(bytes))))
            .collect(),
        distributions: there.iter().map(|one| one.distribution(&locked)).collect(),
        full: false,
        finished: noted.packages,
        module: noted.module,
    };
    Ok(Taken { snapshot, files })
}

/// `include-system-site-packages = true` in `pyvenv.cfg` (PEP 405).
fn sees_the_systems(machine: &dyn Machine, environment: &Path) -> bool {
    machine
        .text(environment.join("pyvenv.cfg"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once('='))
        .any(|(key, value)| {
            key.trim()
                .eq_ignore_ascii_case("include-system-site-packages")
                && value.trim().eq_ignore_ascii_case("true")
        })
}

/// The configured indexes, without credentials, the default one first.
fn indexes(machine: &dyn Machine) -> Vec<String> {
    let settings = settings::read(machine);
    std::iter::once(&settings.index)
        .chain(&settings.extra)
        .map(|source| address::without_credentials(&source.url))
        .collect()
}

fn machine_state(facts: &Facts) -> MachineState {
    MachineState {
        system: facts
            .system
            .os
            .value()
            .map(|os| os.name.clone())
            .unwrap_or_default(),
        architecture: facts
            .system
            .architecture
            .value()
            .cloned()
            .unwrap_or_default(),
        glibc: facts.system.glibc.value().cloned(),
        nvidia_driver: facts.drivers.nvidia.loaded.value().cloned(),
        accelerators: facts
            .known_gpus()
            .iter()
            .filter_map(|gpu| gpu.name.value().cloned())
            .collect(),
    }
}

/// The files of one package of a lock file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockedFiles {
    /// Its wheels.
    pub wheels: Vec<Wheel>,
    /// Its source archive.
    pub sdist: Option<Wheel>,
}

/// Files of a lock file by normalised name and version.
pub type Locked = HashMap<(String, String), LockedFiles>;

/// What is installed, by name.
pub fn distributions(
    machine: &dyn Machine,
    environment: &Path,
    locked: &Locked,
) -> Vec<Distribution> {
    installed(machine, environment)
        .iter()
        .map(|one| one.distribution(locked))
        .collect()
}

/// An installed distribution as its files tell of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// Its `*.dist-info` folder.
    pub information: PathBuf,
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its RECORD; empty where it can't be read.
    pub files: Vec<RecordedFile>,
    /// SHA-256 over what its RECORD says of its own files.
    pub contents: String,
    tags: Vec<String>,
    direct: Option<serde_json::Value>,
    installer: Option<String>,
}

/// What is installed, by name, each with its RECORD.
pub fn installed(machine: &dyn Machine, environment: &Path) -> Vec<Installed> {
    installed_among(machine, environment, &|_| true)
}

/// As [`installed`], only those with such a normalised name: no others are read.
pub fn installed_among(
    machine: &dyn Machine,
    environment: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<Installed> {
    let Some(folder) = venv::site_packages(machine, environment) else {
        return Vec::new();
    };
    let mut found: Vec<Installed> = machine
        .entries(&folder)
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.kind == FileKind::Directory)
        // What pip moved aside and did not take away is no package.
        .filter(|entry| !entry.name.starts_with('~'))
        .filter_map(|entry| {
            let (name, version) = entry.name.strip_suffix(".dist-info")?.split_once('-')?;
            wanted(&normalised_name(name))
                .then(|| read(machine, &folder.join(&entry.name), name, version))
        })
        .collect();
    found.sort_by(|left, right| (&left.name, &left.version).cmp(&(&right.name, &right.version)));
    found
}

fn read(machine: &dyn Machine, information: &Path, name: &str, version: &str) -> Installed {
    let question = |file: &str| Question::File {
        path: information.join(file),
        // The RECORD of a large framework has more than a million letters.
        limit: LARGEST,
    };
    let words = |answer: Result<Answer, DoorError>| match answer {
        Ok(Answer::Bytes(bytes)) => Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
        _ => None,
    };
    let text = |file: &str| words(machine.ask(&question(file)));
    // What each distribution has is asked for at once.
    let mut had = machine
        .ask_all(&["RECORD", "WHEEL", "INSTALLER"].map(question))
        .into_iter()
        .map(words);
    let mut next = || had.next().flatten();
    let (record, wheel, installer) = (next(), next(), next());
    let files = record::parse(&record.unwrap_or_default());
    let has_programs = files
        .iter()
        .any(|file| file.path.ends_with("/entry_points.txt"));
    let points = has_programs.then(|| text("entry_points.txt")).flatten();
    let contents = match points {
        Some(points) => record::contents(record::without_generated(&files, &points)),
        None => record::contents(&files),
    };
    let is_listed = |name: &str| files.iter().any(|file| file.path.ends_with(name));
    let direct = is_listed("/direct_url.json")
        .then(|| text("direct_url.json"))
        .flatten()
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .map(|mut value| {
            if let Some(url) = value
                .get("url")
                .and_then(|url| url.as_str())
                .map(address::without_credentials)
            {
                value["url"] = url.into();
            }
            value
        });
    Installed {
        information: information.to_path_buf(),
        name: normalised_name(name),
        version: version.to_string(),
        tags: wheel
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.strip_prefix("Tag:"))
            .map(|tag| tag.trim().to_string())
            .collect(),
        contents,
        direct,
        installer: installer.map(|text| text.trim().to_string()),
        files,
    }
}

impl Installed {
    /// As a snapshot keeps it.
    pub fn distribution(&self, locked: &Locked) -> Distribution {
        let files = match &self.direct {
            Some(_) => None,
            None => locked.get(&(self.name.clone(), self.version.clone())),
        };
        let wheel = files.and_then(|files| fitting(&files.wheels, &self.tags));
        let sdist = match wheel {
            Some(_) => None,
            None => files.and_then(|files| files.sdist.clone()),
        };
        Distribution {
            wheel: wheel.cloned(),
            sdist,
            kept: None,
            name: self.name.clone(),
            version: self.version.clone(),
            contents: self.contents.clone(),
            tags: self.tags.clone(),
            direct: self.direct.clone(),
            installer: self.installer.clone(),
        }
    }
}

/// The wheel whose name carries the tags that are installed.
fn fitting<'a>(wheels: &'a [Wheel], tags: &[String]) -> Option<&'a Wheel> {
    wheels.iter().find(|wheel| {
        let name = address::file_name(&wheel.url);
        crate::index::wheel::parse(&name)
            .is_some_and(|parsed| parsed.tags().iter().any(|tag| tags.contains(tag)))
    })
}

/// The files that a `uv.lock` names. What can't be read is left out.
pub fn locked(text: &str) -> Locked {
    let Ok(table) = text.parse::<toml::Table>() else {
        return Locked::new();
    };
    let mut locked = Locked::new();
    for package in table
        .get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        let string = |key: &str| package.get(key).and_then(toml::Value::as_str);
        let (Some(name), Some(version)) = (string("name"), string("version")) else {
            continue;
        };
        let index = package
            .get("source")
            .and_then(|source| source.get("registry"))
            .and_then(toml::Value::as_str)
            .map(address::without_credentials);
        let file = |value: &toml::Value| -> Option<Wheel> {
            let url = value.get("url")?.as_str()?;
            let sha256 = value.get("hash")?.as_str()?.strip_prefix("sha256:")?;
            Some(Wheel {
                url: address::without_credentials(url),
                sha256: sha256.to_string(),
                size: value
                    .get("size")
                    .and_then(toml::Value::as_integer)
                    .and_then(|size| u64::try_from(size).ok()),
                index: index.clone(),
            })
        };
        let entry = locked
            .entry((normalised_name(name), version.to_string()))
            .or_default();
        entry.sdist = package.get("sdist").and_then(file);
        let wheels = package.get("wheels").and_then(toml::Value::as_array);
        entry
            .wheels
            .extend(wheels.into_iter().flatten().filter_map(file));
    }
    locked
}

#[cfg(test)]
#[path = "take_tests.rs"]
mod tests;
