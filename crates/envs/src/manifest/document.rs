//! `pyproject.toml` as a person keeps it: read, changed in place, comments and order left as they are.
//!
//! Formats: packaging.python.org, "Declaring project metadata" (PEP 621, PEP 735); uv's own keys under `[tool.uv]`
//! (docs.astral.sh/uv, "Conflicting dependencies", "Dependency sources", "Package indexes").

use super::take_in::{is_same, marker_of};
use crate::build::specifier::requirement;
use deskside_types::{Code, Problem};
use std::collections::BTreeMap;
use toml_edit::{Array, DocumentMut, Item, Table, Value};

/// A `pyproject.toml`.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub(super) document: DocumentMut,
}

impl Manifest {
    /// A new one, for a folder with code that is no package.
    pub fn new(name: &str, requires_python: &str) -> Self {
        let mut manifest = Self {
            document: DocumentMut::new(),
        };
        let project = manifest.table("project");
        project.insert("name", toml_edit::value(name));
        project.insert("version", toml_edit::value("0.1.0"));
        project.insert("requires-python", toml_edit::value(requires_python));
        project.insert("dependencies", toml_edit::value(Array::new()));
        manifest.uv().insert("package", toml_edit::value(false));
        manifest
    }

    /// Reads one. `shown` is its path for messages.
    ///
    /// # Errors
    /// [`Code::ProjectUnreadable`] with the line when it is no TOML.
    pub fn parse(shown: &str, text: &str) -> Result<Self, Problem> {
        let document = text.parse::<DocumentMut>().map_err(|error| {
            let line = error
                .span()
                .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.map_or_else(|| shown.to_string(), |line| format!("{shown}:{line}"));
            Problem::new(
                Code::ProjectUnreadable,
                format!("{shown} is not valid TOML"),
            )
            .because(format!("{place}: {}", error.message().trim()))
            .hint(format!("mend {place}, then run the same command again"))
        })?;
        Ok(Self { document })
    }

    /// As text.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Whether it has a `[project]` table, without which uv takes no dependencies from it.
    pub fn has_project(&self) -> bool {
        self.document
            .get("project")
            .is_some_and(Item::is_table_like)
    }

    /// Gives it a `[project]` table where it has none.
    pub fn make_project(&mut self, name: &str, requires_python: &str) {
        let project = self.table("project");
        for (key, value) in [
            ("name", toml_edit::value(name)),
            ("version", toml_edit::value("0.1.0")),
            ("requires-python", toml_edit::value(requires_python)),
            ("dependencies", toml_edit::value(Array::new())),
        ] {
            if !project.contains_key(key) {
                project.insert(key, value);
            }
        }
    }

    /// Whether a key of `[project]` is named as dynamic: what builds the project gives it.
    pub fn is_dynamic(&self, key: &str) -> bool {
        self.document
            .get("project")
            .and_then(|project| project.get("dynamic"))
            .and_then(Item::as_array)
            .is_some_and(|dynamic| dynamic.iter().any(|value| value.as_str() == Some(key)))
    }

    /// Whether its dependencies are Poetry's, in a form that only Poetry reads.
    pub fn is_poetrys(&self) -> bool {
        self.document
            .get("tool")
            .and_then(|tool| tool.get("poetry"))
            .is_some_and(|poetry| poetry.get("dependencies").is_some())
            && !self.has_project()
    }

    /// `requires-python`.
    pub fn requires_python(&self) -> Option<&str> {
        self.document
            .get("project")?
            .get("requires-python")?
            .as_str()
    }

    /// Sets `requires-python`.
    pub fn set_requires_python(&mut self, specifiers: &str) {
        self.table("project")
            .insert("requires-python", toml_edit::value(specifiers));
    }

    /// The project's dependencies as they stand.
    pub fn dependencies(&self) -> Vec<String> {
        self.document
            .get("project")
            .and_then(|project| project.get("dependencies"))
            .and_then(Item::as_array)
            .map(strings)
            .unwrap_or_default()
    }

    /// The extras with their requirements.
    pub fn extras(&self) -> BTreeMap<String, Vec<String>> {
        self.document
            .get("project")
            .and_then(|project| project.get("optional-dependencies"))
            .and_then(Item::as_table_like)
            .map(|table| {
                table
                    .iter()
                    .filter_map(|(name, item)| Some((name.to_string(), strings(item.as_array()?))))
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The names of the dependency groups.
    pub fn groups(&self) -> Vec<String> {
        self.document
            .get("dependency-groups")
            .and_then(Item::as_table_like)
            .map(|table| table.iter().map(|(name, _)| name.to_string()).collect())
            .unwrap_or_default()
    }

    /// The dependency groups that uv installs where nobody says otherwise (docs.astral.sh/uv, "Default groups").
    pub fn default_groups(&self) -> Vec<String> {
        let all = self.groups();
        let stated = self
            .document
            .get("tool")
            .and_then(|tool| tool.get("uv"))
            .and_then(|uv| uv.get("default-groups"));
        match stated {
            Some(item) if item.as_str() == Some("all") => all,
            Some(item) => item.as_array().map(strings).unwrap_or_default(),
            None => all.into_iter().filter(|name| name == "dev").collect(),
        }
    }

    /// The names of the packages that a dependency group names itself, normalised.
    pub fn group(&self, name: &str) -> Vec<String> {
        let list = self
            .document
            .get("dependency-groups")
            .and_then(|groups| groups.get(name))
            .and_then(Item::as_array)
            .map(strings)
            .unwrap_or_default();
        let names = list.iter().filter_map(|line| requirement(line));
        names.map(|(name, _)| name).collect()
    }

    /// Adds a dependency, in the place of one of the same name under the same marker; answers whether anything changed.
    pub fn add_dependency(&mut self, wanted: &str) -> bool {
        let name = requirement(wanted).map(|(name, _)| name);
        let list = self.dependency_array();
        let marker = marker_of(wanted);
        let same = |value: &Value| is_same(value, name.as_deref(), &marker, wanted);
        let found = list.iter().position(same);
        match found {
            Some(place) if list.get(place).and_then(Value::as_str) == Some(wanted) => false,
            Some(place) => {
                list.replace(place, wanted);
                true
            }
            None => {
                push(list, wanted);
                true
            }
        }
    }

    /// Takes all dependencies of that normalised name out; answers with them.
    pub fn take_dependency(&mut self, name: &str) -> Vec<String> {
        if self.dependencies().is_empty() {
            return Vec::new();
        }
        let list = self.dependency_array();
        let mut taken = Vec::new();
        let mut place = 0;
        while place < list.len() {
            let text = list.get(place).and_then(Value::as_str).unwrap_or_default();
            if requirement(text).is_some_and(|(own, _)| own == name) {
                taken.push(text.to_string());
                list.remove(place);
            } else {
                place += 1;
            }
        }
        taken
    }

    fn dependency_array(&mut self) -> &mut Array {
        let project = self.table("project");
        let item = project
            .entry("dependencies")
            .or_insert_with(|| toml_edit::value(Array::new()));
        if !item.is_array() {
            *item = toml_edit::value(Array::new());
        }
        #[expect(clippy::expect_used, reason = "made an array just above")]
        item.as_array_mut().expect("an array")
    }

    pub(super) fn table(&mut self, name: &str) -> &mut Table {
        let item = self
            .document
            .entry(name)
            .or_insert_with(|| Item::Table(Table::new()));
        if !item.is_table() {
            *item = Item::Table(
                std::mem::take(item)
                    .into_table()
                    .unwrap_or_else(|_| Table::new()),
            );
        }
        #[expect(clippy::expect_used, reason = "made a table just above")]
        item.as_table_mut().expect("a table")
    }

    pub(super) fn uv(&mut self) -> &mut Table {
        let tool = self.table("tool");
        tool.set_implicit(true);
        let item = tool.entry("uv").or_insert_with(|| {
            // Without keys of its own no header is needed.
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        if !item.is_table() {
            *item = Item::Table(
                std::mem::take(item)
                    .into_table()
                    .unwrap_or_else(|_| Table::new()),
            );
        }
        #[expect(clippy::expect_used, reason = "made a table just above")]
        item.as_table_mut().expect("a table")
    }
}

pub(super) fn strings(array: &Array) -> Vec<String> {
    array
        .iter()
        .filter_map(Value::as_str)
        .map(String::from)
        .collect()
}

/// Adds a text at an array's end, each on a line of its own.
pub(super) fn push(list: &mut Array, text: &str) {
    let mut value = Value::from(text);
    value.decor_mut().set_prefix("\n    ");
    list.push_formatted(value);
    list.set_trailing("\n");
    list.set_trailing_comma(true);
}
