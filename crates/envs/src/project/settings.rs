//! `deskside.toml` of a project.

use super::{parse_toml, unreadable};
use crate::build::Flavour;
use deskside_types::Problem;
use deskside_types::spelling::closest;

/// What `deskside.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `[project] name`.
    pub name: Option<String>,
    /// `[run] command`, program first.
    pub command: Option<Vec<String>>,
    /// `[environment] flavour`, or `[project] flavour`.
    pub flavour: Option<Flavour>,
    /// `[environment] python`.
    pub python: Option<String>,
    /// Keys nobody knows, in sentences.
    pub warnings: Vec<String>,
}

/// Tables with their keys.
const KNOWN: &[(&str, &[&str])] = &[
    ("project", &["name", "flavour"]),
    ("run", &["command"]),
    ("environment", &["flavour", "python"]),
];

/// Reads the text of a `deskside.toml`. `shown` is its path for messages.
///
/// # Errors
/// `ProjectUnreadable` with file, line or key.
pub fn parse(shown: &str, text: &str) -> Result<Settings, Problem> {
    let table = parse_toml(shown, text)?;
    let mut settings = Settings::default();
    let tables: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    for (name, value) in &table {
        let Some((_, keys)) = KNOWN.iter().find(|(known, _)| known == name) else {
            settings.warnings.push(unknown(shown, name, &tables));
            continue;
        };
        let Some(inner) = value.as_table() else {
            return Err(wrong(shown, name, &format!("a table: [{name}]")));
        };
        for (key, value) in inner {
            let whole = format!("{name}.{key}");
            match (name.as_str(), key.as_str()) {
                ("project", "name") => settings.name = Some(string(shown, &whole, value)?),
                ("project" | "environment", "flavour") => {
                    let word = string(shown, &whole, value)?;
                    if word != "auto" {
                        settings.flavour = Some(word.parse().map_err(|reason: String| {
                            wrong(shown, &whole, "torch, jax, mlx or auto").because(reason)
                        })?);
                    }
                }
                ("environment", "python") => settings.python = Some(string(shown, &whole, value)?),
                ("run", "command") => settings.command = Some(command(shown, &whole, value)?),
                _ => settings.warnings.push(unknown(
                    shown,
                    &whole,
                    &keys
                        .iter()
                        .map(|key| format!("{name}.{key}"))
                        .collect::<Vec<_>>(),
                )),
            }
        }
    }
    Ok(settings)
}

fn string(shown: &str, key: &str, value: &toml::Value) -> Result<String, Problem> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(String::from)
        .ok_or_else(|| wrong(shown, key, "a text in quotes"))
}

/// A list of words. A single text would need a shell to be taken apart.
fn command(shown: &str, key: &str, value: &toml::Value) -> Result<Vec<String>, Problem> {
    let words: Option<Vec<String>> = value.as_array().map(|words| {
        words
            .iter()
            .filter_map(toml::Value::as_str)
            .map(String::from)
            .collect()
    });
    match words {
        Some(words)
            if !words.is_empty()
                && Some(words.len()) == value.as_array().map(Vec::len)
                && words.iter().all(|word| !word.contains('\0')) =>
        {
            Ok(words)
        }
        _ => Err(wrong(
            shown,
            key,
            "a list of words: [\"python\", \"train.py\"]",
        )),
    }
}

fn wrong(shown: &str, key: &str, wanted: &str) -> Problem {
    unreadable(
        format!("{shown} can't be used"),
        format!("`{key}` must be {wanted}"),
    )
    .hint(format!("change `{key}` in {shown}"))
}

fn unknown<S: AsRef<str>>(shown: &str, key: &str, known: &[S]) -> String {
    match closest(key, known.iter().map(AsRef::as_ref)) {
        Some(near) => {
            format!("{shown}: `{key}` is not known and was passed over; did you mean `{near}`?")
        }
        None => format!("{shown}: `{key}` is not known and was passed over"),
    }
}
