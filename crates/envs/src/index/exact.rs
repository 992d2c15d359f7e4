//! The files of one version of a project, wherever the person's indexes have them.

use super::page::File;
use super::settings::{Settings, Source};
use super::{address, files, wheel};
use deskside_knowledge::python::normalised_name;
use deskside_knowledge::version::order;
use deskside_machine::command::without_credentials;
use deskside_machine::{ErrorKind, Machine};
use std::cmp::Ordering;

/// The files of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// Its wheels, for whatever machine.
    pub wheels: Vec<File>,
    /// Its source archive.
    pub sdist: Option<File>,
    /// The index's address, without credentials; none for a folder or a page of files.
    pub index: Option<String>,
}

/// What the indexes answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// They have it.
    Has(Version),
    /// They have other versions, newest first, or none at all.
    HasNot {
        /// Versions with a wheel.
        others: Vec<String>,
    },
}

/// The files of a version. Folders and pages of files are looked through first, then the indexes in the order a person
/// configured them; the first that has the version is taken.
///
/// # Errors
/// In words, when none has it and one of them did not answer.
pub fn version(
    machine: &dyn Machine,
    settings: &Settings,
    project: &str,
    wanted: &str,
) -> Result<Answered, String> {
    let mut silent = Vec::new();
    let mut others: Vec<String> = Vec::new();
    let indexes: Vec<&Source> = if settings.no_index {
        Vec::new()
    } else {
        // uv asks further indexes first.
        settings.extra.iter().chain([&settings.index]).collect()
    };
    let places = settings.find_links.iter().map(|source| (source, false));
    for (source, is_index) in places.chain(indexes.into_iter().map(|source| (source, true))) {
        let files = match files(machine, source, is_index, &normalised_name(project)) {
            Ok(files) => files,
            Err(error) => {
                // A server that refuses access or is in trouble has not said that it lacks the project.
                let answered = error.kind == ErrorKind::Absent || error.is_gone();
                if !answered {
                    silent.push(format!(
                        "{}: {}",
                        source.shown(),
                        without_credentials(&error.detail)
                    ));
                }
                continue;
            }
        };
        let mut found = Version {
            index: is_index.then(|| address::without_credentials(&source.url)),
            ..Version::default()
        };
        for file in files {
            match of(&file.name, project) {
                Some((version, is_wheel)) if same(&version, wanted) => {
                    if is_wheel {
                        found.wheels.push(file);
                    } else {
                        found.sdist = Some(file);
                    }
                }
                Some((version, true)) if !file.yanked && !others.contains(&version) => {
                    others.push(version);
                }
                _ => {}
            }
        }
        if !found.wheels.is_empty() || found.sdist.is_some() {
            return Ok(Answered::Has(found));
        }
    }
    if !silent.is_empty() {
        return Err(silent.join("; "));
    }
    others.sort_by(|left, right| order(right, left));
    Ok(Answered::HasNot { others })
}

/// Version and kind of a project's file, by its name.
fn of(name: &str, project: &str) -> Option<(String, bool)> {
    if let Some(parsed) = wheel::parse(name) {
        return (normalised_name(parsed.project) == normalised_name(project))
            .then(|| (parsed.version.to_string(), true));
    }
    let stem = [".tar.gz", ".zip", ".tar.bz2"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))?;
    // The version holds no `-`, the name may.
    let (own, version) = stem.rsplit_once('-')?;
    (normalised_name(own) == normalised_name(project)).then(|| (version.to_string(), false))
}

/// Whether two texts are the same version (`1.0` and `1.0.0` are).
fn same(left: &str, right: &str) -> bool {
    let local = |text: &str| {
        text.split_once('+')
            .map(|(_, local)| local.to_ascii_lowercase())
    };
    left == right || order(left, right) == Ordering::Equal && local(left) == local(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_names() {
        for (name, project, expected) in [
            (
                "charset_normalizer-3.5.3-cp311-cp311-manylinux_2_28_x86_64.whl",
                "charset-normalizer",
                Some(("3.5.3", true)),
            ),
            (
                "charset_normalizer-3.5.3.tar.gz",
                "charset-normalizer",
                Some(("3.5.3", false)),
            ),
            ("ruamel.yaml-0.18.zip", "ruamel-yaml", Some(("0.18", false))),
            ("other-1.0.tar.gz", "charset-normalizer", None),
            ("six-1.17.0.exe", "six", None),
        ] {
            let found = of(name, project);
            let found = found
                .as_ref()
                .map(|(version, wheel)| (version.as_str(), *wheel));
            assert_eq!(found, expected, "{name}");
        }
        assert!(same("2.9.0+cu126", "2.9.0+CU126") && !same("2.9.0+cu126", "2.9.0"));
    }
}
