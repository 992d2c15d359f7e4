//! `deskside env init`: a project of what a folder has.

use super::extra::ExtraWish;
use super::project::{Project, Resolution};
use super::variants::{self, Reach};
use super::{Place, Prepared};
use crate::Context;
use deskside_envs::build::Flavour;
use deskside_envs::build::specifier::requirement;
use deskside_envs::manifest::{Manifest, as_of, conda};
use deskside_machine::command::without_credentials;
use deskside_machine::{ErrorKind, Reading};
use deskside_operate::Event;
use deskside_types::{Code, Problem, Result};
use std::path::{Path, PathBuf};

/// What is to be made.
#[derive(Debug, Clone, Default)]
pub struct InitRequest {
    /// The folder; the current one when none.
    pub folder: Option<PathBuf>,
    /// The framework, by its word; `none` for none.
    pub flavour: Option<String>,
    /// The file to start from.
    pub from: Option<PathBuf>,
    /// The Python wanted: a version.
    pub python: Option<String>,
    /// Packages as they were on a day or at a month's end.
    pub as_of: Option<String>,
}

/// The Python that a project asks for when nobody says.
const OLDEST_PYTHON: &str = "3.11";

/// Plans it. Called again on a project it adds only what is missing.
///
/// # Errors
/// When the folder or its files can't be read, or nothing satisfies all requirements together.
pub fn init(
    context: &Context,
    request: &InitRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    let machine = &*context.machine;
    let place = Place::at(context, request.folder.as_deref())?;
    let project = Project::open(context, place, listen)?;
    let folder = project.place.project.clone();
    let mut why = Vec::new();
    let mut warnings = Vec::new();
    let moment = match &request.as_of {
        Some(text) => {
            let today = jiff::tz::Offset::UTC
                .to_datetime(machine.now()?.wall)
                .date();
            Some(as_of::parse(text, today)?)
        }
        None => None,
    };
    let source = source(
        context,
        &folder,
        request.from.as_deref(),
        project.manifest.as_ref(),
    )?;
    let imported = match &source {
        Source::Conda(path) => {
            let shown = path.display().to_string();
            let imported = conda::import(&shown, &machine.text(path)?)?;
            why.push(format!("{shown} names its packages"));
            warnings.extend(
                imported
                    .left_out
                    .iter()
                    .map(|line| format!("{} is left out of what {} names", line, file_name(path))),
            );
            Some(imported)
        }
        _ => None,
    };
    let python = request
        .python
        .clone()
        .or_else(|| {
            imported
                .as_ref()
                .and_then(|imported| imported.python.clone())
        })
        .or_else(|| moment.as_ref().map(|moment| moment.python.clone()));
    let requires = requires_python(python.as_deref());
    let name = imported
        .as_ref()
        .and_then(|imported| imported.name.clone())
        .unwrap_or_else(|| file_name(&folder));
    let name = project_name(&name);
    let mut manifest = match project.manifest.clone() {
        Some(mut manifest) => {
            if !manifest.has_project() {
                manifest.make_project(&name, &requires);
            } else if request.python.is_some() {
                manifest.set_requires_python(&requires);
            }
            manifest
        }
        None => Manifest::new(&name, &requires),
    };
    if !manifest.is_package() {
        manifest.set_no_package();
    }
    if let Some(moment) = &moment {
        manifest.set_exclude_newer(&moment.moment);
        why.push(format!(
            "packages as they were at the end of {}; Python {} had been out for half a year then",
            moment.day, moment.python
        ));
    }
    let mut commands: Vec<(&str, Vec<String>)> = Vec::new();
    match (&source, &imported) {
        (Source::Requirements(path), _) => {
            why.push(format!("{} names its packages", path.display()));
            let read = deskside_envs::project::requirements::read(machine, path);
            for line in &read.wanted {
                match plain_requirement(line) {
                    Some(wanted) => {
                        manifest.add_dependency(&wanted);
                    }
                    None => warnings.push(format!("`{}` is left out", without_credentials(line))),
                }
            }
            for (file, bytes) in &read.files {
                let text = String::from_utf8_lossy(bytes);
                let options = text.lines().map(str::trim).filter(|line| {
                    line.starts_with('-')
                        && !["-r", "--requirement", "-c", "--constraint", "--hash"]
                            .iter()
                            .any(|known| line.starts_with(known))
                });
                warnings.extend(options.map(|line| {
                    format!(
                        "`{}` in {} is left out",
                        without_credentials(line),
                        file_name(file)
                    )
                }));
            }
            if !read.constraints.is_empty() {
                manifest.set_constraints(&read.constraints);
            }
            warnings.extend(
                read.unread
                    .iter()
                    .map(|what| format!("{} names {what}, which was not read", path.display())),
            );
        }
        (_, Some(imported)) => {
            for line in &imported.requirements {
                match plain_requirement(line) {
                    Some(wanted) => {
                        manifest.add_dependency(&wanted);
                    }
                    None => warnings.push(format!("`{}` is left out", without_credentials(line))),
                }
            }
        }
        _ => {}
    }
    let reach = Reach::new(context);
    for framework in wanted(&manifest, request.flavour.as_deref())? {
        warnings.extend(variants::give(&mut manifest, framework, "", &reach)?);
        why.push(format!(
            "{} comes as an extra for each of its builds; this machine's is chosen here and noted outside the project",
            framework.word()
        ));
    }
    commands.push(("resolve the project's packages", vec!["lock".to_string()]));
    let mut files = Vec::new();
    if let (Some(moment), None) = (&moment, &request.python) {
        // Else another machine would take its newest Python, for which there were no packages then.
        let series = python.as_deref().unwrap_or(&moment.python);
        let series = series.trim_start_matches("==").trim_end_matches(".*");
        files.push((".python-version".to_string(), format!("{series}\n")));
    }
    if let Some(text) = ignore(context, &folder)? {
        files.push((".gitignore".to_string(), text));
    }
    project
        .prepare(Resolution {
            reason: "env init".into(),
            wish: format!("make a project of {}", folder.display()),
            manifest,
            commands,
            forget_lock: moment.is_some(),
            extra: ExtraWish::Noted,
            python: python.clone(),
            group: None,
            files,
            why,
            warnings,
        })
        .map_err(|problem| explain(problem, moment.as_ref()))
}

/// Where a folder's packages are named.
enum Source {
    /// `pyproject.toml`, or nowhere.
    Own,
    Requirements(PathBuf),
    Conda(PathBuf),
}

fn source(
    context: &Context,
    folder: &Path,
    from: Option<&Path>,
    manifest: Option<&Manifest>,
) -> Result<Source> {
    let machine = &*context.machine;
    if let Some(from) = from {
        let path = machine.working_directory()?.join(from);
        if !machine.exists(&path)? {
            return Err(Problem::new(
                Code::ProjectUnreadable,
                format!("there is no file {}", path.display()),
            )
            .hint("look at the name again"));
        }
        return match path.extension().and_then(|end| end.to_str()) {
            Some("yml" | "yaml") => Ok(Source::Conda(path)),
            Some("txt" | "in") => Ok(Source::Requirements(path)),
            _ => Err(Problem::new(
                Code::Usage,
                format!(
                    "{} is neither a requirements.txt nor an environment.yml",
                    path.display()
                ),
            )
            .hint("name a file that ends in .txt, .yml or .yaml")),
        };
    }
    if manifest.is_some_and(Manifest::has_project) {
        return Ok(Source::Own);
    }
    for name in ["requirements.txt", "environment.yml", "environment.yaml"] {
        let path = folder.join(name);
        if machine.exists(&path)? {
            return Ok(if name.ends_with("txt") {
                Source::Requirements(path)
            } else {
                Source::Conda(path)
            });
        }
    }
    Ok(Source::Own)
}

/// The frameworks that are to come as extras: the one that was named, and those among the dependencies.
fn wanted(manifest: &Manifest, flavour: Option<&str>) -> Result<Vec<Flavour>> {
    let mut frameworks = Vec::new();
    match flavour {
        None => {}
        Some("none") => return Ok(frameworks),
        Some(word) => frameworks.push(
            word.parse::<Flavour>()
                .map_err(|why| Problem::new(Code::Usage, why))?,
        ),
    }
    for line in manifest.dependencies() {
        if let Some((name, _)) = requirement(&line)
            && !line.contains('[')
            && let Ok(framework) = name.parse::<Flavour>()
            && !frameworks.contains(&framework)
        {
            frameworks.push(framework);
        }
    }
    Ok(frameworks)
}

/// `requires-python` of a wish: `3.12` is `>=3.12`, specifiers stay.
fn requires_python(wish: Option<&str>) -> String {
    match wish {
        None => format!(">={OLDEST_PYTHON}"),
        Some(text) if text.starts_with(|letter: char| letter.is_ascii_digit()) => {
            format!(">={}", text.trim_end_matches(".*"))
        }
        Some(text) => match text
            .strip_prefix("==")
            .and_then(|exact| exact.strip_suffix(".*"))
        {
            Some(series) => format!(">={series}"),
            None => text.to_string(),
        },
    }
}

/// A name that packaging allows: letters, digits, `-`, `_`, `.`, none of the last three at an end.
fn project_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
                letter
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_matches(['-', '_', '.']).to_ascii_lowercase();
    if name.is_empty() {
        "project".into()
    } else {
        name
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A line of a requirements file as pyproject.toml takes it: without comment and hashes; an address only by a name.
fn plain_requirement(line: &str) -> Option<String> {
    let line = line.split(" #").next().unwrap_or(line);
    let line = line.split(" --hash").next().unwrap_or(line);
    let line = line.trim().trim_end_matches('\\').trim();
    let bare_address = line.contains("://") && !line.contains(" @ ") && !line.contains("@ ");
    (!line.is_empty() && !line.starts_with('-') && !bare_address).then(|| line.to_string())
}

/// `.gitignore` with the environment in it, where the folder is a repository that does not ignore it yet.
fn ignore(context: &Context, folder: &Path) -> Result<Option<String>> {
    let machine = &*context.machine;
    if !machine.exists(folder.join(".git"))? {
        return Ok(None);
    }
    let path = folder.join(".gitignore");
    let text = match machine.file(&path, 1 << 20) {
        Ok(bytes) if bytes.len() < 1 << 20 => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => return Ok(None),
        },
        Err(error) if error.kind == ErrorKind::Absent => String::new(),
        // What can't be read whole is not rewritten.
        _ => return Ok(None),
    };
    let ignored = text
        .lines()
        .any(|line| [".venv", ".venv/", "/.venv", "/.venv/"].contains(&line.trim()));
    if ignored {
        return Ok(None);
    }
    let gap = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    Ok(Some(format!("{text}{gap}.venv/\n")))
}

/// A failure to resolve packages of the past, with what may be behind it.
fn explain(problem: Problem, moment: Option<&as_of::AsOf>) -> Problem {
    match moment {
        Some(moment) if problem.code == Code::Unsatisfiable => problem
            .because(format!(
                "only what was on the index by {} counts; packages that were removed since, or that had no wheels for Python {} then, can't be had",
                moment.day, moment.python
            ))
            .hint("a later month, or another Python, may do: --as-of 2024-01 --python 3.10"),
        _ => problem,
    }
}
