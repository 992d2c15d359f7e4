//! uv: found on PATH or among our own tools, or fetched through the person's package index.

use crate::index::{self, address, settings, wheel::Platform};
use deskside_knowledge::frameworks;
use deskside_knowledge::version::order;
use deskside_machine::{Command, Directories, Machine, Reading};
use deskside_types::facts::{Facts, Tool};
use deskside_types::plan::{Action, Check, CommandLine, Step};
use deskside_types::{Code, Known, Problem};
use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A uv that can be had from an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UvSource {
    /// Its version.
    pub version: String,
    /// The wheel's address. It may hold credentials: never show it as it is.
    pub url: String,
    /// The wheel's file name.
    pub file_name: String,
    /// The wheel's SHA-256 in hex.
    pub sha256: String,
    /// The wheel's size in bytes; 0 where the index does not state it.
    pub size: u64,
    /// The program inside the wheel.
    pub member: String,
    /// Where the wheel is kept, or lies already.
    pub archive: String,
    /// The wheel is on this machine already and needs no download.
    pub local: bool,
    /// Where uv will be.
    pub path: String,
    /// The index it comes from, without credentials.
    pub origin: String,
}

/// Whether uv is here, or where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UvState {
    /// It is here.
    Here(Tool),
    /// It will be fetched.
    Fetch(UvSource),
}

impl UvState {
    /// The program's path, now or after it was fetched.
    pub fn path(&self) -> &str {
        match self {
            Self::Here(tool) => &tool.path,
            Self::Fetch(source) => &source.path,
        }
    }
}

/// The folder of uv versions of our own.
pub fn tools(directories: &Directories) -> PathBuf {
    directories.data.join("tools/uv")
}

/// A uv that runs and is new enough: the one on PATH, else the newest of our own.
pub fn locate(machine: &dyn Machine, directories: &Directories) -> Option<Tool> {
    located(machine, directories, &|path| version_of(machine, path))
}

/// As [`locate`]; one that the facts tell of is not asked again.
pub fn locate_known(
    machine: &dyn Machine,
    directories: &Directories,
    facts: &Facts,
) -> Option<Tool> {
    located(machine, directories, &|path| {
        let known = facts
            .uv
            .value()
            .filter(|tool| Path::new(&tool.path) == path);
        match known.and_then(|tool| tool.version.value()) {
            Some(version) => Some(version.clone()),
            None => version_of(machine, path),
        }
    })
}

fn located(
    machine: &dyn Machine,
    directories: &Directories,
    version_of: &dyn Fn(&Path) -> Option<String>,
) -> Option<Tool> {
    let floor = &frameworks::indexes().uv.minimum;
    let mut candidates: Vec<PathBuf> = machine.program("uv").into_iter().collect();
    let mut own: Vec<String> = machine
        .entries(tools(directories))
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    own.sort_by(|left, right| order(right, left));
    candidates.extend(
        own.iter()
            .map(|version| tools(directories).join(version).join("uv")),
    );
    candidates.iter().find_map(|path| {
        let version = version_of(path)?;
        let good = order(&version, floor) != Ordering::Less;
        good.then(|| Tool {
            name: "uv".into(),
            path: path.display().to_string(),
            version: Known::Value(version),
        })
    })
}

/// Asks a uv for its version: `uv 0.13.9 (…)`.
fn version_of(machine: &dyn Machine, path: &Path) -> Option<String> {
    machine.stat(path).ok()?;
    let output = machine
        .command(
            Command::new([path.display().to_string(), "--version".into()])
                .deadline(Duration::from_secs(10)),
        )
        .ok()?;
    let text = output.succeeded().then(|| output.text())?;
    let version = text.trim().strip_prefix("uv ")?.split_whitespace().next()?;
    version
        .starts_with(|letter: char| letter.is_ascii_digit())
        .then(|| version.to_string())
}

/// Where uv can be had for this machine.
///
/// # Errors
/// [`Code::IndexUnreachable`] or [`Code::UvUnavailable`] with a cause for each index tried.
pub fn source(
    machine: &dyn Machine,
    facts: &Facts,
    directories: &Directories,
) -> Result<UvSource, Problem> {
    let Some(platform) = Platform::of(facts) else {
        return Err(
            Problem::new(Code::UvUnavailable, "can't tell which uv fits this machine")
                .because(
                    facts
                        .system
                        .architecture
                        .reason()
                        .unwrap_or("its processor architecture is not known"),
                )
                .hint("install uv yourself so that it is on PATH"),
        );
    };
    let settings = settings::read(machine);
    let floor = &frameworks::indexes().uv.minimum;
    let found = index::newest(machine, &settings, "uv", &platform, floor)
        .map_err(|problem| problem.within("could not get uv, which installs Python packages"))?;
    let archive = found.local.clone().unwrap_or_else(|| {
        directories
            .cache
            .join("downloads")
            .join(&found.file.name)
            .display()
            .to_string()
    });
    Ok(UvSource {
        member: format!("uv-{}.data/scripts/uv", found.version),
        path: tools(directories)
            .join(&found.version)
            .join("uv")
            .display()
            .to_string(),
        local: found.local.is_some(),
        archive,
        url: found.file.url,
        file_name: found.file.name,
        // `newest` gives no file without a hash.
        sha256: found.file.sha256.unwrap_or_default(),
        size: found.file.size.unwrap_or(0),
        version: found.version,
        origin: found.origin,
    })
}

/// The step that fetches uv.
pub fn step(source: &UvSource) -> Step {
    let works = Check::Succeeds {
        command: CommandLine {
            argv: vec![source.path.clone(), "--version".into()],
            directory: None,
            variables: Default::default(),
            deadline_seconds: 10,
        },
    };
    let mut actions = Vec::new();
    if !source.local {
        // Plans are shown and kept, so the address stands there without credentials.
        actions.push(Action::Download {
            url: address::without_credentials(&source.url),
            path: source.archive.clone(),
            sha256: source.sha256.clone(),
            size: source.size,
        });
    }
    actions.push(Action::Extract {
        archive: source.archive.clone(),
        member: source.member.clone(),
        path: source.path.clone(),
        mode: 0o755,
    });
    Step {
        id: "uv".into(),
        title: format!("Get uv {}", source.version),
        why: format!(
            "uv makes the environment and installs packages; no uv that is new enough was found. It comes from {}",
            source.origin
        ),
        check: vec![
            Check::Exists {
                path: source.path.clone(),
            },
            works.clone(),
        ],
        actions,
        verify: vec![works],
        download_bytes: if source.local {
            Some(0)
        } else {
            (source.size > 0).then_some(source.size)
        },
        ..Step::simple()
    }
}
