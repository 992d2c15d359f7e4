//! Taking a snapshot: read from files alone, no process is started.

use super::record;
use super::store::Choice;
use super::{Distribution, MachineState, PythonState, SNAPSHOT_VERSION, Snapshot, Wheel};
use crate::environment::venv::{self, State};
use crate::index::{address, settings};
use deskside_knowledge::python::normalised_name;
use deskside_machine::{FileKind, Machine, Reading};
use deskside_types::Problem;
use deskside_types::facts::Facts;
use deskside_types::run::RunId;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

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
    let State::Whole(venv) = venv::look(machine, taking.environment)? else {
        return Ok(None);
    };
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
    let wheels = files
        .get("uv.lock")
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .map(locked_wheels)
        .unwrap_or_default();
    let now = machine.now()?.wall;
    let snapshot = Snapshot {
        version: SNAPSHOT_VERSION,
        id: RunId::new(now, machine.random()? as u32).0,
        taken_at: now,
        reason: taking.reason.clone(),
        operation: taking.operation.clone(),
        project: taking.project.display().to_string(),
        environment: taking.environment.display().to_string(),
        python: PythonState {
            version: venv.version.clone().unwrap_or_default(),
            managed: taking.facts.pythons.iter().any(|python| {
                python.path == interpreter
                    && python.origin == deskside_types::facts::PythonOrigin::Uv
            }) || interpreter.contains("/uv/python/"),
            interpreter,
        },
        choice: taking.choice.clone(),
        indexes: indexes(machine),
        machine: machine_state(taking.facts),
        files: files
            .iter()
            .map(|(name, bytes)| (name.clone(), crate::hex(&Sha256::digest(bytes))))
            .collect(),
        distributions: distributions(machine, taking.environment, &wheels),
        full: false,
    };
    Ok(Some(Taken { snapshot, files }))
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

/// Wheels of a lock file by normalised name and version.
pub type Wheels = HashMap<(String, String), Vec<Wheel>>;

/// What is installed, by name.
pub fn distributions(
    machine: &dyn Machine,
    environment: &Path,
    wheels: &Wheels,
) -> Vec<Distribution> {
    let Some(folder) = venv::site_packages(machine, environment) else {
        return Vec::new();
    };
    let mut found: Vec<Distribution> = machine
        .entries(&folder)
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.kind == FileKind::Directory)
        .filter_map(|entry| {
            let (name, version) = entry.name.strip_suffix(".dist-info")?.split_once('-')?;
            Some(distribution(
                machine,
                &folder.join(&entry.name),
                name,
                version,
                wheels,
            ))
        })
        .collect();
    found.sort_by(|left, right| (&left.name, &left.version).cmp(&(&right.name, &right.version)));
    found
}

fn distribution(
    machine: &dyn Machine,
    information: &Path,
    name: &str,
    version: &str,
    wheels: &Wheels,
) -> Distribution {
    let text = |file: &str| machine.text(information.join(file)).ok();
    let files = record::parse(&text("RECORD").unwrap_or_default());
    let tags: Vec<String> = text("WHEEL")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("Tag:"))
        .map(|tag| tag.trim().to_string())
        .collect();
    let name = normalised_name(name);
    let version = version.to_string();
    let direct = text("direct_url.json")
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
    let wheel = match &direct {
        Some(_) => None,
        None => wheels
            .get(&(name.clone(), version.clone()))
            .and_then(|all| fitting(all, &tags))
            .cloned(),
    };
    Distribution {
        contents: record::contents(&files),
        tags,
        wheel,
        direct,
        installer: text("INSTALLER").map(|text| text.trim().to_string()),
        name,
        version,
    }
}

/// The wheel whose name carries the tags that are installed.
fn fitting<'a>(wheels: &'a [Wheel], tags: &[String]) -> Option<&'a Wheel> {
    if let [only] = wheels {
        return Some(only);
    }
    wheels.iter().find(|wheel| {
        let name = address::file_name(&wheel.url);
        crate::index::wheel::parse(&name)
            .is_some_and(|parsed| parsed.tags().iter().any(|tag| tags.contains(tag)))
    })
}

/// The wheels that a `uv.lock` names. What can't be read is left out.
pub fn locked_wheels(text: &str) -> Wheels {
    let Ok(table) = text.parse::<toml::Table>() else {
        return Wheels::new();
    };
    let mut wheels = Wheels::new();
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
        let entry = wheels
            .entry((normalised_name(name), version.to_string()))
            .or_default();
        for wheel in package
            .get("wheels")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            let (Some(url), Some(hash)) = (
                wheel.get("url").and_then(toml::Value::as_str),
                wheel.get("hash").and_then(toml::Value::as_str),
            ) else {
                continue;
            };
            let Some(sha256) = hash.strip_prefix("sha256:") else {
                continue;
            };
            entry.push(Wheel {
                url: address::without_credentials(url),
                sha256: sha256.to_string(),
                size: wheel
                    .get("size")
                    .and_then(toml::Value::as_integer)
                    .and_then(|size| u64::try_from(size).ok()),
                index: index.clone(),
            });
        }
    }
    wheels
}
