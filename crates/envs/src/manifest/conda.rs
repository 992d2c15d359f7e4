//! `environment.yml` of conda: what of it can be had from a Python package index, and what can't.
//!
//! Format: conda documentation, "Creating an environment from an environment.yml file" and "Package match
//! specifications" (`name=1.2`, `name==1.2`, `name>=1,<2`, `name=1.2=build`, `channel::name`).

use deskside_knowledge::conda;
use deskside_knowledge::python::normalised_name;
use deskside_machine::command::without_credentials;
use deskside_types::{Code, Problem};
use saphyr::{LoadableYamlNode, Yaml};

/// An `environment.yml` in the terms of a Python project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Its name.
    pub name: Option<String>,
    /// The Python wanted, as specifiers or a version.
    pub python: Option<String>,
    /// Requirements.
    pub requirements: Vec<String>,
    /// The lines for pip, in the form of a requirements file.
    pub pip: Vec<String>,
    /// What could not be taken over, a sentence each.
    pub left_out: Vec<String>,
}

/// Reads one. `shown` is its path for messages.
///
/// # Errors
/// [`Code::ProjectUnreadable`] when it is no YAML, or has no list of dependencies.
pub fn import(shown: &str, text: &str) -> Result<Imported, Problem> {
    let unreadable = |why: String| {
        Problem::new(Code::ProjectUnreadable, format!("{shown} can't be read"))
            .because(why)
            .hint(format!(
                "mend {shown}, or write the packages into a requirements.txt"
            ))
    };
    let documents = Yaml::load_from_str(text)
        .map_err(|error| unreadable(format!("it is not valid YAML: {error}")))?;
    let document = documents
        .first()
        .ok_or_else(|| unreadable("it is empty".into()))?;
    let mut imported = Imported {
        name: document
            .as_mapping_get("name")
            .and_then(Yaml::as_str)
            .map(String::from),
        ..Imported::default()
    };
    let channels: Vec<String> = document
        .as_mapping_get("channels")
        .and_then(Yaml::as_sequence)
        .into_iter()
        .flatten()
        .filter_map(Yaml::as_str)
        .filter(|channel| *channel != "nodefaults")
        .map(without_credentials)
        .collect();
    if !channels.is_empty() {
        imported.left_out.push(format!(
            "its channels ({}): packages come from the Python package index",
            channels.join(", ")
        ));
    }
    let list = document
        .as_mapping_get("dependencies")
        .and_then(|list| list.as_sequence())
        .ok_or_else(|| unreadable("it has no list `dependencies`".into()))?;
    for (place, entry) in list.iter().enumerate() {
        if let Some(spec) = entry.as_str() {
            one(spec, &mut imported);
        } else if let Some(pip) = entry
            .as_mapping_get("pip")
            .and_then(|list| list.as_sequence())
        {
            for line in pip.iter().filter_map(Yaml::as_str) {
                imported.pip.push(line.trim().to_string());
            }
        } else {
            imported.left_out.push(format!(
                "entry {} of its dependencies: it is neither a package nor a list for pip",
                place + 1
            ));
        }
    }
    if let Some(variables) = document
        .as_mapping_get("variables")
        .and_then(|variables| variables.as_mapping())
        && !variables.is_empty()
    {
        let names: Vec<&str> = variables
            .iter()
            .filter_map(|(name, _)| name.as_str())
            .collect();
        imported.left_out.push(format!(
            "its variables ({}): uv sets none; put them into your shell or a .env of your own",
            names.join(", ")
        ));
    }
    Ok(imported)
}

/// One conda specification.
pub(super) fn one(spec: &str, imported: &mut Imported) {
    let spec = spec.split('#').next().unwrap_or(spec).trim();
    let bare = spec.rsplit("::").next().unwrap_or(spec).trim();
    let end = bare
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
        .unwrap_or(bare.len());
    let (name, rest) = bare.split_at(end);
    let name = name.to_ascii_lowercase();
    if name.is_empty() {
        return;
    }
    let rest = rest.trim();
    let (rest, keys) = rest.split_once('[').unwrap_or((rest, ""));
    // `scipy[version='>=1.10']` is another way to write `scipy>=1.10`.
    let version = keys.split_once("version=").and_then(|(_, text)| {
        text.trim_matches(['\'', '"', ']', ' '])
            .split(['\'', '"'])
            .next()
    });
    let rest = version
        .filter(|_| rest.trim().is_empty())
        .unwrap_or(rest)
        .trim();
    if name == "python" {
        imported.python = specifiers(rest).or_else(|| imported.python.clone());
        return;
    }
    match conda::package(&name) {
        Some(known) if known.python.is_none() => {
            imported.left_out.push(format!("{name}: {}", known.why));
        }
        known => {
            let own = known
                .and_then(|known| known.python.clone())
                .unwrap_or_else(|| normalised_name(&name));
            let bounds = specifiers(rest).unwrap_or_default();
            imported.requirements.push(format!("{own}{bounds}"));
        }
    }
}

/// Conda's version part as Python specifiers: `=1.2` is `==1.2.*`, `=1.2=build` and ` 1.2 build` lose the build.
fn specifiers(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text == "*" {
        return None;
    }
    // `1.2.3 py39_0` and `=1.2.3=py39_0`: the last part is a build.
    let text = match text.strip_prefix("==") {
        Some(exact) => return Some(format!("=={}", exact.split('=').next()?.trim())),
        None => text,
    };
    if let Some(fuzzy) = text.strip_prefix('=') {
        let mut parts = fuzzy.splitn(2, '=');
        let version = parts.next()?.trim();
        // With a build the version is exact.
        return Some(match parts.next() {
            Some(_) => format!("=={version}"),
            None if version.ends_with(".*") => format!("=={version}"),
            None => format!(
                "=={}.*",
                version.trim_end_matches('*').trim_end_matches('.')
            ),
        });
    }
    // Alternatives (`1.2|1.3`) have no like among Python's specifiers; the resolver decides.
    if text.contains('|') {
        return None;
    }
    if text.starts_with(|letter: char| letter.is_ascii_digit()) {
        let version = text.split_whitespace().next()?;
        return Some(if version.ends_with('*') {
            format!(
                "=={}.*",
                version.trim_end_matches('*').trim_end_matches('.')
            )
        } else {
            format!("=={version}")
        });
    }
    let clauses: Vec<String> = text
        .split(',')
        .map(|clause| clause.trim().replace(' ', ""))
        .filter(|clause| !clause.is_empty())
        .map(|clause| match clause.strip_prefix('=') {
            Some(fuzzy) if !fuzzy.starts_with('=') => {
                format!("=={}.*", fuzzy.trim_end_matches(".*"))
            }
            _ => clause,
        })
        .collect();
    (!clauses.is_empty()).then(|| clauses.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_taken_over() {
        for (conda, python) in [
            ("", None),
            ("=1.26", Some("==1.26.*")),
            ("==1.26.4", Some("==1.26.4")),
            ("=1.26.4=py311h64a7726_0", Some("==1.26.4")),
            (" 1.26.4 py311_0", Some("==1.26.4")),
            (">=1.2,<2", Some(">=1.2,<2")),
            (" >=1.2, <2", Some(">=1.2,<2")),
            ("=1.2.*", Some("==1.2.*")),
            ("1.2.*", Some("==1.2.*")),
            ("*", None),
            ("1.2|1.3", None),
            (">=1.2|=1.0", None),
        ] {
            assert_eq!(specifiers(conda).as_deref(), python, "{conda}");
        }
    }

    #[test]
    fn an_environment_file_is_taken_over() {
        let imported = import(
            "environment.yml",
            "name: old\nchannels: [conda-forge]\ndependencies:\n  - python=3.11\n  - numpy=1.26\n  - conda-forge::pytorch>=2.0\n  - cudatoolkit=11.8\n  - mkl\n  - pip\n  - pip:\n    - six>=1.10\n    - -e .\nvariables:\n  A: b\n",
        )
        .unwrap();
        assert_eq!(imported.name.as_deref(), Some("old"));
        assert_eq!(imported.python.as_deref(), Some("==3.11.*"));
        assert_eq!(imported.requirements, ["numpy==1.26.*", "torch>=2.0"]);
        assert_eq!(imported.pip, ["six>=1.10", "-e ."]);
        let keyed = import(
            "environment.yml",
            "dependencies:\n  - scipy[version='>=1.10,<2']\n  - numpy[version=\"1.26.*\", build=x]\n  - {a: b}\n",
        )
        .unwrap();
        assert_eq!(keyed.requirements, ["scipy>=1.10,<2", "numpy==1.26.*"]);
        assert!(keyed.left_out[0].starts_with("entry 3 of"), "{keyed:?}");
        assert_eq!(imported.left_out.len(), 5, "{:?}", imported.left_out);
        assert!(imported.left_out[0].starts_with("its channels (conda-forge)"));
        assert!(imported.left_out[1].starts_with("cudatoolkit: "));
        for bad in ["", "a: [", "just words", "dependencies: 3"] {
            assert!(import("environment.yml", bad).is_err(), "{bad}");
        }
    }
}
