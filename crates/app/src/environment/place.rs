//! Where an environment command works: the project's folder, its environment, its store.

use crate::Context;
use deskside_envs::manifest::Manifest;
use deskside_envs::snapshot::{Store, home};
use deskside_envs::uv::{self, UvState};
use deskside_machine::{Machine, Reading};
use deskside_types::facts::Facts;
use deskside_types::{Code, Problem, Result};
use std::path::{Path, PathBuf};

/// A project's folder with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The project's folder, its real path.
    pub project: PathBuf,
    /// The environment's folder.
    pub environment: PathBuf,
    /// Its snapshots, and this machine's choices.
    pub store: Store,
    /// Where the project was before, while its snapshots still lie under that path's key.
    pub moved_from: Option<String>,
    /// The project that the environment was copied from.
    pub copied_from: Option<String>,
}

/// What makes a folder a project.
const SIGNS: &[&str] = &[
    "pyproject.toml",
    "uv.lock",
    ".venv/pyvenv.cfg",
    "requirements.txt",
    "environment.yml",
    "deskside.toml",
];

impl Place {
    /// The place of a folder by its real path.
    pub fn of(context: &Context, project: &Path) -> Self {
        let home = home::find(&*context.machine, &context.directories, project);
        Self {
            project: project.to_path_buf(),
            environment: project.join(".venv"),
            store: home.store,
            moved_from: home.moved_from,
            copied_from: home.copied_from,
        }
    }

    /// The place of a folder, whatever is in it. `path` is the current folder when none.
    ///
    /// # Errors
    /// When it is no folder.
    pub fn at(context: &Context, path: Option<&Path>) -> Result<Self> {
        let machine = &*context.machine;
        let here = machine.working_directory()?;
        let wanted = path.map_or_else(|| here.clone(), |path| here.join(path));
        let project = machine.real_path(&wanted).map_err(|error| {
            Problem::new(
                Code::ProjectUnreadable,
                format!("there is no folder {}", wanted.display()),
            )
            .because(error.detail)
            .hint("look at the name again, or make the folder first")
        })?;
        if project.to_str().is_none() {
            return Err(Problem::new(
                Code::ProjectUnreadable,
                format!("{} has a name that can't be used", project.display()),
            )
            .because("its path holds bytes that are no UTF-8 text, which plans and uv can't name")
            .hint("rename the folder, then run the same command again"));
        }
        Ok(Self::of(context, &project))
    }

    /// The place of the nearest project: the folder, or the first one above it that is a project.
    ///
    /// # Errors
    /// [`Code::EnvironmentMissing`] when there is none.
    pub fn find(context: &Context, path: Option<&Path>) -> Result<Self> {
        let found = Self::nearest(context, path);
        if context.recorded && path.is_none() {
            // A bundle rarely holds the folder that somebody stood in.
            return found.map_err(|problem| {
                problem
                    .hint("name the project's folder as it was on that machine: --project FOLDER")
            });
        }
        found
    }

    fn nearest(context: &Context, path: Option<&Path>) -> Result<Self> {
        let start = Self::at(context, path)?;
        let machine = &*context.machine;
        // A person who names a folder means that one.
        let up = if path.is_some() { 1 } else { usize::MAX };
        for folder in start.project.ancestors().take(up) {
            for sign in SIGNS {
                if machine.exists(folder.join(sign))? {
                    return Self::at(context, Some(folder));
                }
            }
        }
        Err(Problem::new(
            Code::EnvironmentMissing,
            format!("there is no project in {}", start.project.display()),
        )
        .because(
            "neither it nor a folder above it has a pyproject.toml, a requirements.txt or a .venv",
        )
        .hint("make one here: deskside env init"))
    }
}

impl Place {
    /// The command that makes an environment of what the folder has: a project's lock file, or files to be taken over.
    pub(crate) fn making(&self, machine: &dyn Machine) -> &'static str {
        let text = machine.text(self.project.join("pyproject.toml"));
        let manifest = text
            .ok()
            .map(|text| Manifest::parse("pyproject.toml", &text));
        match manifest {
            // One that can't be read is told by the command.
            Some(manifest) if manifest.is_err() => "deskside env sync",
            Some(Ok(manifest)) if manifest.has_project() => "deskside env sync",
            _ => "deskside env init",
        }
    }
}

/// uv as it is here, or where it comes from.
///
/// # Errors
/// When it is not here and can't be had.
pub fn uv_state(context: &Context, facts: &Facts) -> Result<UvState> {
    match uv::locate_known(&*context.machine, &context.directories, facts) {
        Some(tool) => Ok(UvState::Here(tool)),
        None => uv::source(&*context.machine, facts, &context.directories).map(UvState::Fetch),
    }
}
