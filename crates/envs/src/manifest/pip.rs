//! Lines of requirements files in the terms of a project: requirements, sources, indexes; and what can't be taken over.
//!
//! The form is pip's: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>, with what `pip freeze` writes
//! in a conda environment (`six @ file:///…`) and what `conda list --export` writes (`six=1.16.0=pyh_0`). The keys are
//! uv's: <https://docs.astral.sh/uv/reference/settings/>.

use super::named::name_of;
use super::{conda, doubles};
use crate::project::requirements::Requirements;
use deskside_machine::Machine;
use deskside_machine::command::without_credentials;
use std::path::{Path, PathBuf};

/// What a requirements file says, in the terms of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Requirements (PEP 508).
    pub requirements: Vec<String>,
    /// Bounds for what is wanted anyway.
    pub constraints: Vec<String>,
    /// Packages that come from a folder or file, by normalised name.
    pub paths: Vec<(String, PathSource)>,
    /// The index instead of the default one.
    pub index: Option<String>,
    /// Further indexes.
    pub extra_indexes: Vec<String>,
    /// Pages and folders of packages.
    pub find_links: Vec<String>,
    /// Releases that are not final count.
    pub prereleases: bool,
    /// What is always built: names, or `:all:`.
    pub no_binary: Vec<String>,
    /// What is never built: names, or `:all:`.
    pub only_binary: Vec<String>,
    /// The folder itself is to be installed (`-e .`).
    pub own: bool,
    /// Lines that can't be taken over, each with the reason, without credentials.
    pub left_out: Vec<String>,
    /// What stands there twice and is taken as one, in sentences.
    pub doubles: Vec<String>,
    /// What is taken over otherwise than a person may think, in sentences.
    pub notes: Vec<String>,
}

/// A package from a folder or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathSource {
    /// Relative to the project where it was written so.
    pub path: String,
    /// Its code is used where it lies.
    pub editable: bool,
}

/// Takes lines over. Paths are relative to `project`.
pub fn take(machine: &dyn Machine, project: &Path, read: &Requirements) -> Taken {
    let mut taken = Taken::default();
    for line in read.options.iter().chain(&read.wanted) {
        if let Err(why) = one(machine, project, line, &mut taken) {
            taken
                .left_out
                .push(format!("`{}`: {why}", without_credentials(line)));
        }
    }
    for line in &read.constraints {
        match plain(without_options(line)) {
            Some(bound) => taken.constraints.push(bound),
            None => taken.left_out.push(format!(
                "the bound `{}`: uv takes bounds by name and version only",
                without_credentials(line)
            )),
        }
    }
    let (requirements, joined, lost) = doubles::joined(std::mem::take(&mut taken.requirements));
    taken.requirements = requirements;
    taken.doubles = joined;
    taken.left_out.extend(lost);
    if !taken.extra_indexes.is_empty() {
        taken.notes.push(
            "uv takes a package from the first index that has it, where pip takes the newest of all indexes".into(),
        );
    }
    taken
}

/// Takes one line over, or says why not.
fn one(machine: &dyn Machine, project: &Path, line: &str, taken: &mut Taken) -> Result<(), String> {
    if let Some((word, value)) = option(line) {
        return setting(machine, project, word, value, taken);
    }
    let line = without_options(line);
    if without_password(line) != line {
        return Err("it holds a password, which would stand in the project's files and in the history; give it to uv by a variable or ~/.netrc".into());
    }
    if line.contains("${") {
        return Err("pip puts a variable in there; pyproject.toml can't".into());
    }
    if let Some(wanted) = address(line)? {
        taken.requirements.push(wanted);
        return Ok(());
    }
    if let Some((name, rest)) = line.split_once('@')
        && let Some(path) = rest.trim().strip_prefix("file://")
    {
        return file(machine, name.trim(), path, taken);
    }
    if is_path(machine, project, line) {
        return path(machine, project, line, false, taken);
    }
    if let Some(wanted) = plain(line) {
        taken.requirements.push(wanted);
        return Ok(());
    }
    // `conda list --export`: name=version=build.
    if line.matches('=').count() == 2 && !line.contains("==") {
        let mut imported = conda::Imported::default();
        conda::one(line, &mut imported);
        taken.requirements.extend(imported.requirements);
        taken.left_out.extend(imported.left_out);
        return Ok(());
    }
    Err("it is no requirement".into())
}

/// An option with its value: `--index-url=https://…`, `-e ./x`.
fn option(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with('-') {
        return None;
    }
    let end = line.find(['=', ' ', '\t']).unwrap_or(line.len());
    let (word, value) = line.split_at(end);
    // `-e./x` and `-ihttps://…`.
    let (word, value) = match word.starts_with("--") || word.len() <= 2 {
        true => (word, value),
        false if word.is_char_boundary(2) => line.split_at(2),
        false => (word, value),
    };
    let value = value.trim_start_matches(['=', ' ', '\t']).trim();
    Some((word, value.trim_matches(['"', '\''])))
}

fn setting(
    machine: &dyn Machine,
    project: &Path,
    word: &str,
    value: &str,
    taken: &mut Taken,
) -> Result<(), String> {
    let names = || value.split(',').map(|name| name.trim().to_string());
    match word {
        "-e" | "--editable" => editable(machine, project, value, taken),
        "-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links" => {
            if without_credentials(value) != value {
                return Err("it holds a user name or password; name the index in uv.toml or by UV_INDEX, where it stays yours".into());
            }
            if value.contains("${") {
                return Err("pip puts a variable in there; pyproject.toml can't".into());
            }
            if is_pytorch(machine, value) {
                taken.notes.push(format!(
                    "`{word} {value}` is not needed: the framework's builds come as extras, each from its own index"
                ));
                return Ok(());
            }
            match word {
                "-f" | "--find-links" => taken.find_links.push(value.into()),
                "--extra-index-url" => taken.extra_indexes.push(value.into()),
                _ => taken.index = Some(value.into()),
            }
            Ok(())
        }
        "--pre" => {
            taken.prereleases = true;
            Ok(())
        }
        "--no-binary" => {
            taken.no_binary.extend(names());
            Ok(())
        }
        "--only-binary" => {
            taken.only_binary.extend(names());
            Ok(())
        }
        // uv.lock always holds hashes, and wheels are preferred.
        "--require-hashes" | "--prefer-binary" => Ok(()),
        "--no-index" => Err("the project would have nothing to come from elsewhere; `uv sync --offline` does it once".into()),
        "-r" | "--requirement" | "-c" | "--constraint" => Err("a file at an address is not read".into()),
        _ => Err("it is an option of pip's that uv has not".into()),
    }
}

fn editable(
    machine: &dyn Machine,
    project: &Path,
    value: &str,
    taken: &mut Taken,
) -> Result<(), String> {
    let value = without_options(value);
    if without_password(value) != value {
        return Err("it holds a password, which would stand in the project's files".into());
    }
    if let Some(wanted) = address(value)? {
        let name = wanted.split(" @").next().unwrap_or_default().to_string();
        taken.notes.push(format!(
            "{name} is installed from its repository, and not as code that can be edited"
        ));
        taken.requirements.push(wanted);
        return Ok(());
    }
    path(machine, project, value, true, taken)
}

/// An address as a requirement: `git+https://…@v1#egg=x` is `x @ git+https://…@v1`.
fn address(line: &str) -> Result<Option<String>, String> {
    let (bare, marker) = match line.split_once(" ;").or_else(|| line.split_once("; ")) {
        Some((bare, marker)) => (bare.trim(), Some(marker.trim())),
        None => (line, None),
    };
    let Some((scheme, _)) = bare.split_once("://") else {
        return Ok(None);
    };
    // `name @ scheme://…` is a requirement already.
    if scheme.contains('@') {
        return Ok(None);
    }
    let known = [
        "git+https",
        "git+http",
        "git+ssh",
        "git+file",
        "https",
        "http",
    ];
    if !known.contains(&scheme) {
        return match scheme {
            "file" => Ok(None),
            _ => Err(format!("uv fetches nothing by {scheme}")),
        };
    }
    let (place, fragment) = bare.split_once('#').unwrap_or((bare, ""));
    let part = |key: &str| {
        let mut parts = fragment.split('&');
        parts.find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
    };
    let name = part("egg")
        .map(String::from)
        .or_else(|| (!scheme.starts_with("git")).then(|| archive_name(place))?)
        .ok_or_else(|| {
            format!(
                "it does not say which package it is; add it by hand: deskside env add '{bare}'"
            )
        })?;
    let folder = part("subdirectory").map(|folder| format!("#subdirectory={folder}"));
    let marker = marker.map(|marker| format!(" ; {marker}"));
    Ok(Some(format!(
        "{name} @ {place}{}{}",
        folder.unwrap_or_default(),
        marker.unwrap_or_default()
    )))
}

/// The name in the file name of a wheel or source archive.
fn archive_name(place: &str) -> Option<String> {
    let file = place.rsplit('/').next()?.split('?').next()?;
    if let Some(wheel) = file.strip_suffix(".whl") {
        return wheel.split('-').next().map(String::from);
    }
    let stem = file
        .strip_suffix(".tar.gz")
        .or_else(|| file.strip_suffix(".zip"))?;
    let (name, version) = stem.rsplit_once('-')?;
    version
        .starts_with(|letter: char| letter.is_ascii_digit())
        .then(|| name.to_string())
}

/// `name @ file:///…`, as `pip freeze` writes it where conda built the package.
fn file(machine: &dyn Machine, name: &str, place: &str, taken: &mut Taken) -> Result<(), String> {
    use deskside_machine::Reading;
    let place = place.split(['#', ';']).next().unwrap_or(place).trim();
    if machine.exists(place).unwrap_or(false) {
        taken.requirements.push(format!("{name} @ file://{place}"));
        taken.notes.push(format!(
            "{name} comes from {place}, which other machines have not"
        ));
        return Ok(());
    }
    match plain(name) {
        Some(name) => {
            taken.notes.push(format!(
                "{name} was pinned to a file of the machine that wrote the list ({place}): any version of it is taken"
            ));
            taken.requirements.push(name);
            Ok(())
        }
        None => Err("it is no requirement".into()),
    }
}

/// Whether a line names a folder or file. A bare name is a package, whatever lies in the folder.
pub fn is_path(machine: &dyn Machine, project: &Path, line: &str) -> bool {
    use deskside_machine::Reading;
    let bare = bare_path(line);
    bare.starts_with(['.', '/', '~'])
        || bare.starts_with("file://")
        || (bare.contains('/')
            && !bare.contains("://")
            && machine.exists(project.join(bare)).unwrap_or(false))
        || (bare.ends_with(".whl") && !bare.contains(' ') && !bare.contains("://"))
}

/// A path without extras and marker: `./x[dev] ; python_version > "3.8"`.
pub fn bare_path(line: &str) -> &str {
    let line = line.split(';').next().unwrap_or(line);
    let line = line.split('[').next().unwrap_or(line);
    line.split("#egg=").next().unwrap_or(line).trim()
}

/// Takes one folder or file over, as it is called from `project`.
///
/// # Errors
/// The reason in words where nothing is there, or it does not say which package it is.
pub fn local(machine: &dyn Machine, project: &Path, line: &str) -> Result<Taken, String> {
    let mut taken = Taken::default();
    path(machine, project, line, false, &mut taken)?;
    Ok(taken)
}

fn path(
    machine: &dyn Machine,
    project: &Path,
    line: &str,
    editable: bool,
    taken: &mut Taken,
) -> Result<(), String> {
    use deskside_machine::Reading;
    let bare = bare_path(line);
    let bare = bare.strip_prefix("file://").unwrap_or(bare);
    if bare.starts_with('~') {
        return Err("write the folder's path without ~".into());
    }
    let extras = line
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(extras, _)| format!("[{extras}]"))
        .unwrap_or_default();
    if matches!(bare, "." | "./") {
        taken.own = true;
        if !extras.is_empty() {
            taken.notes.push(format!(
                "the extras {extras} of the project itself are installed by `uv sync --extra`"
            ));
        }
        return Ok(());
    }
    let place: PathBuf = project.join(bare);
    if !machine.exists(&place).unwrap_or(false) {
        return Err(format!("there is no {}", place.display()));
    }
    let name = line
        .split_once("#egg=")
        .map(|(_, name)| name.trim().to_string())
        .or_else(|| archive_name(bare))
        .or_else(|| name_of(machine, &place))
        .ok_or("it does not say which package it is: it has no pyproject.toml, setup.cfg or setup.py with a name")?;
    let marker = line
        .split_once(';')
        .map(|(_, marker)| format!(" ; {}", marker.trim()))
        .unwrap_or_default();
    if bare.starts_with('/') {
        taken.notes.push(format!(
            "{name} comes from {bare}, which other machines have not"
        ));
    }
    taken.requirements.push(format!("{name}{extras}{marker}"));
    taken.paths.push((
        deskside_knowledge::python::normalised_name(&name),
        PathSource {
            path: bare.to_string(),
            editable: editable && machine.entries(&place).is_ok(),
        },
    ));
    Ok(())
}

/// A requirement by name, extras, versions and marker; none where it is something else.
fn plain(line: &str) -> Option<String> {
    let bare = line.split(';').next().unwrap_or(line).trim();
    let end = bare
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
        .unwrap_or(bare.len());
    let name = &bare[..end];
    if !name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        return None;
    }
    let mut rest = bare[end..].trim();
    if rest.starts_with('[') {
        rest = rest.split_once(']')?.1.trim();
    }
    let rest = rest
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(rest);
    let is_clause = |clause: &str| {
        let clause = clause.trim();
        ["===", "==", "~=", "!=", ">=", "<=", ">", "<"]
            .iter()
            .find_map(|operator| clause.strip_prefix(operator))
            .is_some_and(|version| {
                let version = version.trim();
                version.starts_with(|letter: char| letter.is_ascii_alphanumeric())
                    && !version.contains(char::is_whitespace)
                    && !version.contains('=')
            })
    };
    let fits = rest.is_empty()
        || rest.starts_with('@')
        || rest.trim_end_matches(',').split(',').all(is_clause);
    fits.then(|| line.trim().to_string())
}

/// A line without pip's options behind it: ` --hash=…`, ` --config-settings …`.
fn without_options(line: &str) -> &str {
    line.split(" --").next().unwrap_or(line).trim()
}

/// A line without what is secret in an address: a user name of ssh is not.
fn without_password(line: &str) -> String {
    match line.split_once("ssh://") {
        Some((_, rest)) if !rest.split('@').next().unwrap_or(rest).contains(':') => {
            line.to_string()
        }
        _ => without_credentials(line),
    }
}

/// Whether an address is one of PyTorch's own indexes, or a page of them.
fn is_pytorch(machine: &dyn Machine, address: &str) -> bool {
    use deskside_machine::Reading;
    let host = "download.pytorch.org/whl";
    let mirror = machine.variable(crate::build::PYTORCH_INDEX);
    address.contains(host)
        || mirror
            .is_some_and(|root| !root.is_empty() && address.starts_with(root.trim_end_matches('/')))
}

#[cfg(test)]
#[path = "pip_tests.rs"]
mod tests;
