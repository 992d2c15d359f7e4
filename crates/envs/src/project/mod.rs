//! A project: the folder with training code that is to be set up and run.

mod first;
pub mod requirements;
mod settings;

pub use first::{First, first};
pub use settings::Settings;

use crate::build::specifier::requirement;
use crate::build::{Flavour, Wish};
use deskside_machine::{DoorError, ErrorKind, FileKind, Machine, Reading};
use deskside_types::{Code, Problem};
use std::path::{Path, PathBuf};

/// What was read of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its folder, absolute.
    pub path: PathBuf,
    /// Its name for people.
    pub name: String,
    /// The command that trains, program first; empty when nothing says it.
    pub command: Vec<String>,
    /// Where the packages are named.
    pub packages: Packages,
    /// The requirements as they stand, where they could be read.
    pub dependencies: Vec<String>,
    /// The framework, named in `deskside.toml` or found among the requirements.
    pub flavour: Option<Flavour>,
    /// The Python wanted, a version or specifiers.
    pub python: Option<String>,
    /// What is odd, in sentences.
    pub warnings: Vec<String>,
    /// The first project it is to be made from; its files are written where they are not there yet.
    pub first: Option<Flavour>,
}

/// Where a project's packages are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packages {
    /// `uv.lock` beside `pyproject.toml`: exactly these.
    Lock,
    /// `pyproject.toml`.
    Pyproject,
    /// `requirements.txt`.
    Requirements,
    /// Nowhere: only the framework of the flavour is installed.
    None,
}

impl Project {
    /// The environment's folder.
    pub fn environment(&self) -> PathBuf {
        self.path.join(".venv")
    }

    /// What is wanted of the framework build.
    pub fn wish(&self, flavour: Option<Flavour>) -> Wish {
        let flavour = flavour.or(self.flavour);
        Wish {
            flavour,
            python: self.python.clone(),
            framework: flavour
                .and_then(|flavour| self.bounds(flavour.word()))
                .unwrap_or_default(),
            pytorch_index: None,
        }
    }

    /// Refuses a project that does not say how it is trained.
    ///
    /// # Errors
    /// [`Code::NothingToTrain`].
    pub fn require_command(&self) -> Result<(), Problem> {
        if !self.command.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            Code::NothingToTrain,
            format!("{} does not say how it is trained", self.path.display()),
        )
        .because("deskside.toml has no [run] command, and there is no train.py or main.py")
        .hint("write into deskside.toml:  [run]  command = [\"python\", \"your_script.py\"]")
        .hint("or only set it up: deskside up --no-train"))
    }

    /// The specifiers the project gives a distribution; none when it does not name it, empty when it leaves the version open.
    pub fn bounds(&self, distribution: &str) -> Option<String> {
        let mut found: Option<Vec<String>> = None;
        for dependency in &self.dependencies {
            if let Some((name, specifiers)) = requirement(dependency)
                && name == distribution
            {
                let all = found.get_or_insert_with(Vec::new);
                if !specifiers.is_empty() {
                    all.push(specifiers);
                }
            }
        }
        found.map(|all| all.join(","))
    }
}

/// Reads a project.
///
/// # Errors
/// [`Code::ProjectUnreadable`] when the folder or one of its files can't be read or has nothing to set up.
pub fn read(machine: &dyn Machine, path: &Path) -> Result<Project, Problem> {
    let path = if path.is_absolute() {
        path.to_path_buf()
    } else {
        machine.working_directory()?.join(path)
    };
    let shown = path.display();
    if path.to_str().is_none() {
        return Err(unreadable(
            format!("{shown} has a name that can't be used"),
            "its path holds bytes that are no UTF-8 text, which plans and uv can't name",
        )
        .hint("rename the folder, or move the project to another place, then run the same command again"));
    }
    match machine.stat(&path) {
        Ok(stat) if stat.kind != FileKind::Directory => {
            return Err(
                unreadable(format!("{shown} is not a folder"), "a project is a folder").hint(
                    format!(
                        "name the folder: deskside up {}",
                        path.parent().unwrap_or(&path).display()
                    ),
                ),
            );
        }
        Ok(_) => {}
        Err(error) if error.kind == ErrorKind::Absent => {
            return Err(unreadable(format!("there is no folder {shown}"), "a project is a folder with training code")
                .hint("look at the name again, or run `deskside up` without a folder to get a first project"));
        }
        Err(error) => return Err(file_problem(&path, &error)),
    }
    let entries = machine
        .entries(&path)
        .map_err(|error| file_problem(&path, &error))?;
    let has = |name: &str| {
        entries
            .iter()
            .any(|entry| entry.name == name && entry.kind != FileKind::Directory)
    };
    let settings = match text(machine, &path, "deskside.toml", has("deskside.toml"))? {
        Some(text) => settings::parse(&path.join("deskside.toml").display().to_string(), &text)?,
        None => Settings::default(),
    };
    let pyproject = match text(machine, &path, "pyproject.toml", has("pyproject.toml"))? {
        Some(text) => Some(parse_toml(
            &path.join("pyproject.toml").display().to_string(),
            &text,
        )?),
        None => None,
    };
    let project_table = pyproject
        .as_ref()
        .and_then(|table| table.get("project"))
        .and_then(toml::Value::as_table);
    let mut warnings = settings.warnings.clone();
    let mut dependencies = Vec::new();
    let packages = if has("uv.lock") && pyproject.is_some() {
        Packages::Lock
    } else if project_table.is_some() {
        Packages::Pyproject
    } else if has("requirements.txt") {
        Packages::Requirements
    } else {
        Packages::None
    };
    if let Some(table) = project_table {
        dependencies.extend(
            table
                .get("dependencies")
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(toml::Value::as_str)
                .map(String::from),
        );
    }
    if packages == Packages::Requirements {
        // Unreadable itself, it is an error; one that it names is uv's to complain of.
        text(machine, &path, "requirements.txt", true)?;
        let file = path.join("requirements.txt");
        let read = requirements::read(machine, &file);
        let unread = read.unread.iter();
        warnings.extend(
            unread.map(|what| format!("{} names {what}, which was not read", file.display())),
        );
        dependencies.extend(read.wanted);
        let names: Vec<String> = dependencies
            .iter()
            .filter_map(|line| requirement(line).map(|(name, _)| name))
            .collect();
        // A constraint bounds what is wanted, and wants nothing itself.
        dependencies.extend(
            read.constraints
                .into_iter()
                .filter(|line| requirement(line).is_some_and(|(name, _)| names.contains(&name))),
        );
    }
    if pyproject.is_some() && project_table.is_none() && packages != Packages::Requirements {
        warnings.push(format!(
            "{} has no [project] table, so that no packages are read from it",
            path.join("pyproject.toml").display()
        ));
    }
    let script = ["train.py", "main.py"].into_iter().find(|name| has(name));
    if packages == Packages::None
        && settings.flavour.is_none()
        && settings.command.is_none()
        && script.is_none()
    {
        return Err(unreadable(
            format!("{shown} has nothing to set up"),
            "there is no deskside.toml, pyproject.toml, requirements.txt or train.py in it",
        )
        .hint("write the packages it needs into requirements.txt, or run `deskside up` without a folder to get a first project"));
    }
    let command = match (&settings.command, script) {
        (Some(command), _) => command.clone(),
        (None, Some(script)) => vec!["python".into(), script.into()],
        (None, None) => Vec::new(),
    };
    let mut project = Project {
        name: settings
            .name
            .clone()
            .or_else(|| project_table?.get("name")?.as_str().map(String::from))
            .unwrap_or_else(|| folder_name(&path)),
        command,
        packages,
        dependencies,
        flavour: settings.flavour,
        python: settings.python.clone().or_else(|| {
            project_table?
                .get("requires-python")?
                .as_str()
                .map(String::from)
        }),
        warnings,
        first: None,
        path,
    };
    if project.flavour.is_none() {
        project.flavour = Flavour::ALL
            .into_iter()
            .find(|flavour| project.bounds(flavour.word()).is_some());
    }
    Ok(project)
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || "project".to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// A file's text where it is there.
fn text(
    machine: &dyn Machine,
    folder: &Path,
    name: &str,
    there: bool,
) -> Result<Option<String>, Problem> {
    if !there {
        return Ok(None);
    }
    let path = folder.join(name);
    machine
        .text(&path)
        .map(Some)
        .map_err(|error| file_problem(&path, &error))
}

fn unreadable(message: impl Into<String>, cause: impl Into<String>) -> Problem {
    Problem::new(Code::ProjectUnreadable, message).because(cause.into())
}

fn file_problem(path: &Path, error: &DoorError) -> Problem {
    let problem = unreadable(
        format!("{} can't be read", path.display()),
        error.detail.clone(),
    );
    match error.kind {
        ErrorKind::Denied => {
            problem.hint(format!("look at who owns it: ls -ld {}", path.display()))
        }
        _ => problem.hint("look at the name and the disk, then run the same command again"),
    }
}

/// TOML, or the problem with its line.
fn parse_toml(shown: &str, text: &str) -> Result<toml::Table, Problem> {
    text.parse::<toml::Table>().map_err(|error| {
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map_or_else(|| shown.to_string(), |line| format!("{shown}:{line}"));
        unreadable(
            format!("{shown} is not valid TOML"),
            format!("{place}: {}", error.message()),
        )
        .hint(format!("mend {place}, then run the same command again"))
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
