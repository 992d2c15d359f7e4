//! `deskside env init`: a project of what a folder has.

use super::extra::ExtraWish;
use super::parts::PartsWish;
use super::project::{Project, Resolution};
use super::requirements_file::{passed_over, take_in};
use super::variants::{self, Reach};
use super::{Place, Prepared, era, extra};
use crate::Context;
use deskside_envs::build::specifier::{requirement, series_of};
use deskside_envs::build::{self, Flavour, Wish};
use deskside_envs::manifest::{Manifest, as_of, conda};
use deskside_envs::project::requirements;
use deskside_machine::{ErrorKind, Reading};
use deskside_operate::Event;
use deskside_types::{Code, Facts, Problem, Result};
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
    /// Nothing is to be changed: only the plan is wanted.
    pub only_plan: bool,
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
    context.heeding(|context| beginning(context, request, listen))
}

fn beginning(
    context: &Context,
    request: &InitRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    let machine = &*context.machine;
    let place = Place::at(context, request.folder.as_deref())?;
    let project = Project::open(context, place, request.only_plan, listen)?;
    let folder = project.place.project.clone();
    if project.manifest.as_ref().is_some_and(Manifest::is_poetrys) {
        return Err(Problem::new(
            Code::ProjectUnreadable,
            format!("the pyproject.toml of {} is Poetry's", folder.display()),
        )
        .because("its dependencies stand under [tool.poetry], which uv does not read")
        .hint("let it be rewritten first: uvx migrate-to-uv; then: deskside env init")
        .hint("or export them: poetry export -o requirements.txt, and init a folder of its own with it"));
    }
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
                    .map(|line| format!("left out of {}: {line}", file_name(path))),
            );
            Some(imported)
        }
        _ => None,
    };
    if let Some(wish) = &request.python {
        refuse_no_python(wish)?;
    }
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
        let python_then = match &python {
            Some(python) if *python == moment.python => {
                format!("; Python {python} had been out for half a year then")
            }
            _ => String::new(),
        };
        why.push(format!(
            "packages as they were at the end of {}{python_then}",
            moment.day
        ));
    }
    let mut commands: Vec<(&str, Vec<String>)> = Vec::new();
    match (&source, &imported) {
        (Source::Requirements(path), _) => {
            why.push(format!("{} names its packages", path.display()));
            let read = requirements::read(machine, path);
            // Of a file that is no text nothing would be left but the project without its packages.
            if let Some(why) = read.of_the_first() {
                return Err(Problem::new(
                    Code::ProjectUnreadable,
                    format!("{} can't be read", path.display()),
                )
                .because(why)
                .hint("write it as plain text (UTF-8), a requirement a line"));
            }
            take_in(
                context,
                &folder,
                path,
                &read,
                &mut manifest,
                &mut why,
                &mut warnings,
            );
        }
        (Source::Conda(path), Some(imported)) => {
            for wanted in &imported.requirements {
                manifest.add_dependency(wanted);
            }
            let read = requirements::read_text(machine, path, &imported.pip.join("\n"));
            take_in(
                context,
                &folder,
                path,
                &read,
                &mut manifest,
                &mut why,
                &mut warnings,
            );
        }
        _ => warnings.extend(passed_over(context, &folder, &manifest)),
    }
    let reach = Reach::new(context);
    let is_bound = python.is_some()
        || project.manifest.is_some()
        || machine.exists(folder.join(".python-version"))?;
    let mut fitting = None;
    for framework in wanted(&manifest, request.flavour.as_deref())? {
        if !is_bound && fitting.is_none() {
            fitting = python_of(&project.facts, &manifest, framework);
        }
        let newest = era::newest(&project, &manifest, framework, "", python.as_deref())?;
        let told = variants::give(&mut manifest, framework, "", newest.as_deref(), &reach)?;
        warnings.extend(told);
        if extra::framework_of(&manifest.extras()).is_none() {
            continue;
        }
        why.push(format!(
            "{} comes as an extra for each of its builds; this machine's is chosen here and noted outside the project",
            framework.word()
        ));
    }
    commands.push(("resolve the project's packages", vec!["lock".to_string()]));
    let mut files = Vec::new();
    // Else another machine would take its newest Python, for which there may be no packages.
    if let Some(series) = python.as_deref().and_then(series_wished) {
        files.push((".python-version".to_string(), format!("{series}\n")));
    }
    if let Some(text) = ignore(context, &folder)? {
        files.push((".gitignore".to_string(), text));
    }
    project.prepare(Resolution {
        reason: "env init".into(),
        wish: format!("make a project of {}", folder.display()),
        manifest,
        commands,
        forget_lock: moment.is_some(),
        extra: ExtraWish::Noted,
        python: python.clone().or(fitting),
        parts: PartsWish::default(),
        files,
        why,
        warnings,
    })
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
            && let Ok(framework) = name.parse::<Flavour>()
            // `jax[cuda13]` names a build itself; PyTorch's extras are none of its builds.
            && (framework == Flavour::Torch || !line.contains('['))
            && !frameworks.contains(&framework)
        {
            frameworks.push(framework);
        }
    }
    Ok(frameworks)
}

/// The Pythons that the build of a framework for this machine has packages for, as specifiers; none where none serves.
fn python_of(facts: &Facts, manifest: &Manifest, framework: Flavour) -> Option<String> {
    let lines = manifest.dependencies();
    let mut own = lines.iter().filter_map(|line| requirement(line));
    let bounds = own.find(|(name, _)| name == framework.word());
    let wish = Wish {
        flavour: Some(framework),
        framework: bounds.map(|(_, bounds)| bounds).unwrap_or_default(),
        ..Wish::default()
    };
    let build = build::choose(facts, framework, &wish).ok()?;
    Some(build.own_python_range())
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

/// The one minor version that a wish for a Python names: `3.12`, `3.12.4`, `==3.12.*`.
fn series_wished(wish: &str) -> Option<String> {
    let version = wish.trim().trim_start_matches("==").trim();
    let version = version.strip_suffix(".*").unwrap_or(version);
    let is_version = version
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    (is_version && version.contains('.')).then(|| series_of(version))
}

/// Refuses what names no Python.
fn refuse_no_python(wish: &str) -> Result<()> {
    let is_clause = |clause: &str| {
        let version = clause
            .trim()
            .trim_start_matches(['=', '<', '>', '!', '~'])
            .trim();
        let version = version.strip_suffix(".*").unwrap_or(version);
        version
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if wish.split(',').all(is_clause) {
        return Ok(());
    }
    Err(Problem::new(
        Code::RequirementInvalid,
        format!("`{wish}` names no Python"),
    )
    .hint("name a version, or bounds: --python 3.12, --python '>=3.10,<3.13'"))
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

pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_for_a_python_are_read() {
        for (wish, requires, series) in [
            (Some("3.12"), ">=3.12", Some("3.12")),
            (Some("3.12.4"), ">=3.12.4", Some("3.12")),
            (Some("==3.9.*"), ">=3.9", Some("3.9")),
            (Some(">=3.10,<3.13"), ">=3.10,<3.13", None),
            (Some("3"), ">=3", None),
            (None, ">=3.11", None),
        ] {
            assert_eq!(requires_python(wish), requires, "{wish:?}");
            assert_eq!(wish.and_then(series_wished).as_deref(), series, "{wish:?}");
            assert!(wish.is_none_or(|wish| refuse_no_python(wish).is_ok()));
        }
        for bad in ["", "banana", "pypy3", "3.x", ">=", "3.11,", "=="] {
            assert!(refuse_no_python(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_made_fit() {
        for (text, name) in [
            ("My Project", "my-project"),
            ("_x_", "x"),
            ("héllo", "h-llo"),
            ("...", "project"),
            ("a.b-c_d", "a.b-c_d"),
        ] {
            assert_eq!(project_name(text), name);
        }
    }
}
