//! The recipe by which an environment is brought back: a `pylock.toml` made of a snapshot.
//!
//! Sources: PEP 751 (`pylock.toml`: `packages` with `wheels`, `sdist`, `archive`, `vcs`, `directory`; `[tool]` is for
//! tools of one's own), and packaging.python.org, "Direct URL data structure", for `direct_url.json`.

use super::origin::Origin;
use super::{Distribution, Wheel};
use deskside_types::Code;
use deskside_types::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Write;

/// How a snapshot is brought back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recipe {
    /// What stands in it, a package each.
    pub packages: Vec<Package>,
    /// Deskside's own part.
    pub notes: Notes,
}

/// One package of the recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// What Deskside keeps in the recipe for itself, as `[tool.deskside]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notes {
    /// `name==version` of what uv looks up by itself, because the index could not be asked for the file.
    #[serde(default)]
    pub versions: Vec<String>,
    /// Distributions that may come out with other contents, by normalised name: they are built anew.
    #[serde(default)]
    pub built: Vec<String>,
}

/// Makes the recipe. What is gone is left out: see [`super::available`].
pub fn recipe(distributions: &[Distribution], origins: &[Origin]) -> Recipe {
    let mut recipe = Recipe::default();
    for (place, (one, origin)) in distributions.iter().zip(origins).enumerate() {
        // A broken environment can hold two versions of one distribution: the one that sorts last is brought back.
        if distributions
            .get(place + 1)
            .is_some_and(|next| next.name == one.name)
        {
            continue;
        }
        let built = match origin {
            Origin::Files { wheels, .. } => wheels.is_empty(),
            Origin::Direct(direct) => direct.get("archive_info").is_none(),
            _ => false,
        };
        if built {
            recipe.notes.built.push(one.name.clone());
        }
        match origin {
            Origin::Version { .. } => {
                recipe
                    .notes
                    .versions
                    .push(format!("{}=={}", one.name, one.version));
            }
            Origin::Gone { .. } | Origin::NotKept => continue,
            _ => {}
        }
        recipe.packages.push(Package {
            name: one.name.clone(),
            version: one.version.clone(),
            origin: origin.clone(),
        });
    }
    recipe
}

impl Recipe {
    /// The recipe as the text of a `pylock.toml`.
    pub fn text(&self) -> String {
        let mut text = String::from("lock-version = \"1.0\"\ncreated-by = \"deskside\"\n");
        let list = |names: &[String]| {
            let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            names.join(", ")
        };
        let entries: Vec<String> = self.packages.iter().filter_map(Package::entry).collect();
        if entries.is_empty() {
            text.push_str("packages = []\n");
        }
        let _ = write!(
            text,
            "\n[tool.deskside]\nversions = [{}]\nbuilt = [{}]\n",
            list(&self.notes.versions),
            list(&self.notes.built)
        );
        for entry in entries {
            text.push('\n');
            text.push_str(&entry);
        }
        text
    }

    /// The same recipe with some packages only.
    #[must_use]
    pub fn only(&self, packages: &[&Package]) -> Self {
        Self {
            packages: packages.iter().map(|package| (*package).clone()).collect(),
            notes: Notes::default(),
        }
    }
}

/// Deskside's own part of a recipe's text.
///
/// # Errors
/// [`Code::SnapshotUnavailable`] when it can't be read.
pub fn notes(text: &str) -> Result<Notes, Problem> {
    #[derive(Deserialize)]
    struct File {
        tool: Tool,
    }
    #[derive(Deserialize)]
    struct Tool {
        deskside: Notes,
    }
    toml::from_str::<File>(text)
        .map(|file| file.tool.deskside)
        .map_err(|error| {
            Problem::new(
                Code::SnapshotUnavailable,
                "the snapshot's recipe can't be read",
            )
            .because(error)
            .hint("run the same command again: it makes the recipe anew")
        })
}

impl Package {
    /// The package's table; none for what uv looks up by its version.
    fn entry(&self) -> Option<String> {
        let mut entry = format!("[[packages]]\nname = {}\n", quoted(&self.name));
        let mut add = |key: &str, value: String| {
            let _ = writeln!(entry, "{key} = {value}");
        };
        match &self.origin {
            Origin::Lying { path, sha256 } => {
                add("version", quoted(&self.version));
                let path = quoted(&path.display().to_string());
                add(
                    "wheels",
                    format!(
                        "[{{ path = {path}, hashes = {} }}]",
                        hashes(sha256.as_deref())
                    ),
                );
            }
            Origin::Files { wheels, sdist } => {
                add("version", quoted(&self.version));
                let index = wheels
                    .iter()
                    .chain(sdist)
                    .find_map(|wheel| wheel.index.as_ref());
                if let Some(index) = index {
                    add("index", quoted(index));
                }
                if let Some(sdist) = sdist {
                    add("sdist", file(sdist));
                }
                if !wheels.is_empty() {
                    let files: Vec<String> = wheels.iter().map(file).collect();
                    add("wheels", format!("[{}]", files.join(", ")));
                }
            }
            Origin::Direct(direct) => {
                let (key, value) = direct_entry(direct)?;
                add(key, value);
            }
            Origin::Version { .. } | Origin::Gone { .. } | Origin::NotKept => return None,
        }
        Some(entry)
    }
}

fn file(wheel: &Wheel) -> String {
    let place = match crate::index::address::local_path(&wheel.url) {
        Some(path) => format!("path = {}", quoted(&path)),
        None => format!("url = {}", quoted(&wheel.url)),
    };
    let size = wheel
        .size
        .map_or_else(String::new, |size| format!(", size = {size}"));
    format!(
        "{{ {place}{size}, hashes = {} }}",
        hashes(Some(&wheel.sha256))
    )
}

fn hashes(sha256: Option<&str>) -> String {
    sha256.map_or_else(
        || "{}".into(),
        |sha256| format!("{{ sha256 = {} }}", quoted(sha256)),
    )
}

/// What was installed from an address or a folder; none where that can't be told.
fn direct_entry(direct: &Value) -> Option<(&'static str, String)> {
    let url = direct.get("url")?.as_str()?;
    let local = crate::index::address::local_path(url);
    let inside = direct
        .get("subdirectory")
        .and_then(Value::as_str)
        .map_or_else(String::new, |folder| {
            format!(", subdirectory = {}", quoted(folder))
        });
    let place = match &local {
        Some(path) => format!("path = {}", quoted(path)),
        None => format!("url = {}", quoted(url)),
    };
    if let Some(folder) = direct.get("dir_info") {
        let editable = folder
            .get("editable")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        return Some((
            "directory",
            format!("{{ {place}, editable = {editable}{inside} }}"),
        ));
    }
    if let Some(vcs) = direct.get("vcs_info") {
        let kind = vcs.get("vcs").and_then(Value::as_str).unwrap_or("git");
        let commit = vcs.get("commit_id")?.as_str()?;
        let wanted = vcs
            .get("requested_revision")
            .and_then(Value::as_str)
            .map_or_else(String::new, |wanted| {
                format!(", requested-revision = {}", quoted(wanted))
            });
        return Some((
            "vcs",
            format!(
                "{{ type = {}, {place}, commit-id = {}{wanted}{inside} }}",
                quoted(kind),
                quoted(commit)
            ),
        ));
    }
    let archive = direct.get("archive_info")?;
    let sha256 = archive
        .get("hashes")
        .and_then(|hashes| hashes.get("sha256"))
        .and_then(Value::as_str)
        .or_else(|| archive.get("hash")?.as_str()?.strip_prefix("sha256="));
    Some((
        "archive",
        format!("{{ {place}, hashes = {}{inside} }}", hashes(sha256)),
    ))
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
#[path = "recipe_tests.rs"]
mod tests;
