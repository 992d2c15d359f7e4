//! The places that fill a researcher's disk, and what is known of each.

use super::SpaceLine;
use super::walk::Part;
use crate::Context;
use deskside_envs::snapshot::home;
use deskside_machine::{Machine, Reading};
use deskside_runs::sample::history;
use deskside_types::{Result, shell};
use std::path::{Path, PathBuf};

/// The kind of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Runs,
    Checkpoints,
    Trash,
    Code,
    Environment,
    Snapshots,
    UvCache,
    HuggingFace,
    Torch,
    Pip,
    Apt,
    Own,
    History,
}

/// A place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub kind: Kind,
    pub path: PathBuf,
    /// What it is called, where several are of its kind.
    pub name: Option<String>,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Checkpoints => "checkpoints",
            Self::Trash => "trash",
            Self::Code => "code",
            Self::Environment => "environment",
            Self::Snapshots => "snapshots",
            Self::UvCache => "uv-cache",
            Self::HuggingFace => "hugging-face",
            Self::Torch => "torch-cache",
            Self::Pip => "pip-cache",
            Self::Apt => "apt-cache",
            Self::Own => "deskside-cache",
            Self::History => "history",
        }
    }

    /// What it is; what is counted; how it can be had again, or why not.
    fn words(self) -> (&'static str, &'static str, bool, &'static str) {
        match self {
            Self::Runs => (
                "runs: logs, metrics, what they wrote",
                "run",
                false,
                "no: they are what happened",
            ),
            Self::Checkpoints => (
                "checkpoints in runs",
                "checkpoint",
                false,
                "only by training again",
            ),
            Self::Trash => (
                "moved into the trash",
                "thing",
                false,
                "yes, by undo, until the trash is emptied",
            ),
            Self::Code => (
                "code kept for the queue and for reruns",
                "file",
                false,
                "no: it is the code as it was",
            ),
            Self::Environment => (
                "environment",
                "file",
                true,
                "yes, from the project's files, by download or from uv's cache",
            ),
            Self::Snapshots => (
                "snapshots of environments",
                "file",
                false,
                "no: they are the way back",
            ),
            Self::UvCache => ("uv's cache of packages", "file", true, "yes, by download"),
            Self::HuggingFace => (
                "models and data sets of Hugging Face",
                "file",
                true,
                "yes, by download, while they are offered",
            ),
            Self::Torch => ("models of torch", "file", true, "yes, by download"),
            Self::Pip => ("pip's cache of packages", "file", true, "yes, by download"),
            Self::Apt => ("apt's cache of packages", "file", true, "yes, by download"),
            Self::Own => (
                "Deskside's own cache: uv, tools",
                "file",
                true,
                "yes, by download",
            ),
            Self::History => (
                "the machine's history",
                "file",
                false,
                "no: it is what was measured",
            ),
        }
    }
}

impl Place {
    pub fn line(&self, part: &Part, count: u64) -> SpaceLine {
        let (what, unit, again, how) = self.kind.words();
        let path = self.path.display().to_string();
        let quoted = shell::quoted(&path);
        let command = match self.kind {
            Kind::Checkpoints => Some("deskside space keep --last 3 --plan".into()),
            Kind::Trash => Some("deskside space gc".into()),
            Kind::Environment => Some(format!("rm -r {quoted}")),
            Kind::Snapshots => Some("deskside env gc --plan".into()),
            Kind::UvCache => Some("uv cache prune".into()),
            Kind::HuggingFace => Some("hf cache prune".into()),
            Kind::Torch | Kind::Own => Some(format!("rm -r {quoted}")),
            Kind::Pip => Some("pip cache purge".into()),
            Kind::Apt => Some("sudo apt-get clean".into()),
            Kind::Runs | Kind::Code | Kind::History => None,
        };
        SpaceLine {
            kind: self.kind.word().into(),
            what: match &self.name {
                Some(name) => format!("{what} of {name}"),
                None => what.into(),
            },
            path,
            bytes: part.bytes,
            frees: part.frees,
            count,
            unit: unit.into(),
            again,
            how: how.into(),
            // An environment's files come from uv's cache, as long as that has them.
            download_bytes: (again && self.kind != Kind::Environment).then_some(part.bytes),
            command,
        }
    }
}

/// Every place, runs first. What is not there takes nothing.
pub(super) fn all(context: &Context, projects: &[PathBuf]) -> Result<Vec<Place>> {
    let machine = &*context.machine;
    let directories = &context.directories;
    let mut places = Vec::new();
    let mut add = |kind: Kind, path: PathBuf, name: Option<String>| {
        let is_known = places.iter().any(|place: &Place| place.path == path);
        if !is_known {
            places.push(Place { kind, path, name });
        }
    };
    add(Kind::Runs, directories.runs(), None);
    add(Kind::Code, directories.queue().join("code"), None);
    add(Kind::History, history::folder(directories), None);
    for project in known_projects(context, projects)? {
        let name = project.display().to_string();
        add(Kind::Environment, project.join(".venv"), Some(name));
    }
    add(Kind::Snapshots, home::stores(directories), None);
    let variable = |name: &str| {
        let value = machine
            .variable(name)
            .filter(|value| value.starts_with('/'));
        value.map(PathBuf::from)
    };
    let caches = variable("XDG_CACHE_HOME").unwrap_or_else(|| directories.home.join(".cache"));
    let under = |name: &str| caches.join(name);
    add(
        Kind::UvCache,
        variable("UV_CACHE_DIR").unwrap_or_else(|| under("uv")),
        None,
    );
    add(
        Kind::HuggingFace,
        variable("HF_HOME").unwrap_or_else(|| under("huggingface")),
        None,
    );
    add(
        Kind::Torch,
        variable("TORCH_HOME").unwrap_or_else(|| under("torch")),
        None,
    );
    add(
        Kind::Pip,
        variable("PIP_CACHE_DIR").unwrap_or_else(|| under("pip")),
        None,
    );
    add(Kind::Own, directories.cache.clone(), None);
    add(Kind::Apt, "/var/cache/apt/archives".into(), None);
    Ok(places)
}

/// Projects with an environment: those that are named, the one a person stands in, those below the folder for projects.
fn known_projects(context: &Context, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let machine = &*context.machine;
    let here = machine.working_directory()?;
    let mut found: Vec<PathBuf> = named.iter().map(|path| here.join(path)).collect();
    found.push(here);
    let below = &context.directories.projects;
    let entries = machine.entries(below).unwrap_or_default();
    found.extend(entries.into_iter().map(|entry| below.join(entry.name)));
    found.extend(home::projects(machine, &context.directories));
    let mut seen: Vec<PathBuf> = Vec::new();
    for path in found {
        let has_one = machine
            .exists(path.join(".venv/pyvenv.cfg"))
            .unwrap_or(false);
        let real = machine.real_path(&path).unwrap_or(path);
        if has_one && !seen.contains(&real) {
            seen.push(real);
        }
    }
    Ok(seen)
}

/// Whether a name is one that an operation gave to what it moved aside: `.NAME.deskside-OPERATION-…`.
pub(super) fn is_trash(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.starts_with('.') && name.contains(".deskside-") && name.contains("-keep-")
}

/// What is there, is not ours to walk, and often large.
pub(super) fn only_named(machine: &dyn Machine) -> Vec<String> {
    [
        (
            "/var/lib/docker",
            "docker: `docker system df` says what it takes",
        ),
        (
            "/var/lib/containers",
            "podman: `podman system df` says what it takes",
        ),
    ]
    .into_iter()
    .filter(|(path, _)| machine.exists(path).unwrap_or(false))
    .map(|(_, words)| words.to_string())
    .collect()
}
