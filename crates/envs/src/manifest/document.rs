//! `pyproject.toml` as a person keeps it: read, changed in place, comments and order left as they are.
//!
//! Formats: packaging.python.org, "Declaring project metadata" (PEP 621, PEP 735); uv's own keys under `[tool.uv]`
//! (docs.astral.sh/uv, "Conflicting dependencies", "Dependency sources", "Package indexes").

use super::Variant;
use super::take_in::{is_same, marker_of};
use crate::build::specifier::requirement;
use deskside_types::{Code, Problem};
use std::collections::BTreeMap;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

/// A `pyproject.toml`.
#[derive(Debug, Clone)]
pub struct Manifest {
    document: DocumentMut,
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

    /// Sets an extra's lines of one package, in the place of those it has; the others stay. No lines take it out.
    pub fn set_in_extra(&mut self, extra: &str, name: &str, lines: &[String]) {
        let Some(list) = self
            .table("project")
            .get_mut("optional-dependencies")
            .and_then(Item::as_table_like_mut)
            .and_then(|extras| extras.get_mut(extra))
            .and_then(Item::as_array_mut)
        else {
            return;
        };
        let is_its = |text: &str| requirement(text).is_some_and(|(own, _)| own == name);
        let there: Vec<String> = strings(list)
            .into_iter()
            .filter(|text| is_its(text))
            .collect();
        if there == lines {
            return;
        }
        list.retain(|value| !value.as_str().is_some_and(is_its));
        for line in lines {
            list.push(line.as_str());
        }
    }

    /// Writes the extras of a framework: its requirements, that they exclude each other, and where each comes from.
    /// Extras that are not among `variants` stay as they are. `sourced` are the normalised names of the packages that
    /// come from a variant's index.
    pub fn set_variants(&mut self, variants: &[Variant], sourced: &[String]) {
        let project = self.table("project");
        let extras = project
            .entry("optional-dependencies")
            .or_insert_with(|| Item::Table(Table::new()));
        if let Some(extras) = extras.as_table_like_mut() {
            for variant in variants {
                let mut list = Array::new();
                for wanted in &variant.requirements {
                    list.push(wanted.as_str());
                }
                let same = extras
                    .get(&variant.extra)
                    .and_then(Item::as_array)
                    .is_some_and(|old| strings(old) == variant.requirements);
                if !same {
                    extras.insert(&variant.extra, toml_edit::value(list));
                }
            }
        }
        self.set_conflicts(variants);
        self.set_sources(variants, sourced);
    }

    fn set_conflicts(&mut self, variants: &[Variant]) {
        if variants.len() < 2 {
            return;
        }
        let mut set = Array::new();
        for variant in variants {
            let mut entry = InlineTable::new();
            entry.insert("extra", variant.extra.as_str().into());
            let mut value = Value::InlineTable(entry);
            value.decor_mut().set_prefix("\n    ");
            set.push_formatted(value);
        }
        set.set_trailing("\n");
        set.set_trailing_comma(true);
        let names: Vec<&str> = variants
            .iter()
            .map(|variant| variant.extra.as_str())
            .collect();
        let uv = self.uv();
        let conflicts = uv
            .entry("conflicts")
            .or_insert_with(|| toml_edit::value(Array::new()));
        let Some(conflicts) = conflicts.as_array_mut() else {
            return;
        };
        // A set of ours holds nothing but extras, among them one of these.
        let is_ours = |value: &Value| {
            value.as_array().is_some_and(|set| {
                set.iter().any(|entry| {
                    entry
                        .as_inline_table()
                        .and_then(|entry| entry.get("extra"))
                        .and_then(Value::as_str)
                        .is_some_and(|extra| names.contains(&extra))
                })
            })
        };
        let found = conflicts.iter().position(is_ours);
        match found {
            Some(place) => {
                conflicts.replace(place, set);
            }
            None => conflicts.push(set),
        }
    }

    fn set_sources(&mut self, variants: &[Variant], sourced: &[String]) {
        let indexed: Vec<&Variant> = variants
            .iter()
            .filter(|variant| variant.index.is_some())
            .collect();
        if indexed.is_empty() {
            return;
        }
        let uv = self.uv();
        let indexes = uv
            .entry("index")
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        if let Some(indexes) = indexes.as_array_of_tables_mut() {
            for index in indexed.iter().filter_map(|variant| variant.index.as_ref()) {
                let known = indexes
                    .iter()
                    .any(|table| table.get("name").and_then(Item::as_str) == Some(&index.name));
                if !known {
                    let mut table = Table::new();
                    table.insert("name", toml_edit::value(index.name.as_str()));
                    table.insert("url", toml_edit::value(index.url.as_str()));
                    // Only what names it comes from it.
                    table.insert("explicit", toml_edit::value(true));
                    indexes.push(table);
                }
            }
        }
        let sources = uv
            .entry("sources")
            .or_insert_with(|| Item::Table(Table::new()));
        let Some(sources) = sources.as_table_like_mut() else {
            return;
        };
        for name in sourced {
            let mut list = Array::new();
            for variant in &indexed {
                let Some(index) = &variant.index else {
                    continue;
                };
                let mut entry = InlineTable::new();
                entry.insert("index", index.name.as_str().into());
                entry.insert("extra", variant.extra.as_str().into());
                if let Some(marker) = &variant.marker {
                    entry.insert("marker", marker.as_str().into());
                }
                let mut value = Value::InlineTable(entry);
                value.decor_mut().set_prefix("\n    ");
                list.push_formatted(value);
            }
            list.set_trailing("\n");
            list.set_trailing_comma(true);
            // A source that a person wrote for another reason (a path, a repository) is theirs.
            let foreign = sources.get(name).is_some_and(|item| {
                item.as_array().is_none_or(|old| {
                    old.iter().any(|entry| {
                        entry
                            .as_inline_table()
                            .is_none_or(|entry| !entry.contains_key("extra"))
                    })
                })
            });
            if !foreign {
                sources.insert(name, toml_edit::value(list));
            }
        }
    }

    /// Takes extras out, with what excludes them and the sources that only they have.
    pub fn remove_variants(&mut self, names: &[String], sourced: &[String]) {
        let project = self.table("project");
        if let Some(extras) = project
            .get_mut("optional-dependencies")
            .and_then(Item::as_table_like_mut)
        {
            for name in names {
                extras.remove(name);
            }
            if extras.is_empty() {
                project.remove("optional-dependencies");
            }
        }
        let uv = self.uv();
        if let Some(conflicts) = uv.get_mut("conflicts").and_then(Item::as_array_mut) {
            conflicts.retain(|set| {
                !set.as_array().is_some_and(|set| {
                    set.iter().any(|entry| {
                        entry
                            .as_inline_table()
                            .and_then(|entry| entry.get("extra"))
                            .and_then(Value::as_str)
                            .is_some_and(|extra| names.iter().any(|name| name == extra))
                    })
                })
            });
            if conflicts.is_empty() {
                uv.remove("conflicts");
            }
        }
        if let Some(spared) = uv
            .get_mut("exclude-newer-package")
            .and_then(Item::as_table_like_mut)
        {
            for name in sourced {
                if spared.get(name).and_then(Item::as_bool) == Some(false) {
                    spared.remove(name);
                }
            }
            if spared.is_empty() {
                uv.remove("exclude-newer-package");
            }
        }
        let mut unused: Vec<String> = Vec::new();
        if let Some(sources) = uv.get_mut("sources").and_then(Item::as_table_like_mut) {
            for name in sourced {
                let ours = sources
                    .get(name)
                    .and_then(Item::as_array)
                    .is_some_and(|list| {
                        list.iter().all(|entry| {
                            entry
                                .as_inline_table()
                                .is_some_and(|entry| entry.contains_key("extra"))
                        })
                    });
                if ours && let Some(item) = sources.remove(name) {
                    unused.extend(item.as_array().into_iter().flatten().filter_map(|entry| {
                        Some(entry.as_inline_table()?.get("index")?.as_str()?.to_string())
                    }));
                }
            }
            if sources.is_empty() {
                uv.remove("sources");
            }
        }
        if let Some(indexes) = uv.get_mut("index").and_then(Item::as_array_of_tables_mut) {
            indexes.retain(|table| {
                !table
                    .get("name")
                    .and_then(Item::as_str)
                    .is_some_and(|name| unused.iter().any(|one| one == name))
            });
            if indexes.is_empty() {
                uv.remove("index");
            }
        }
    }

    /// `[tool.uv] exclude-newer`.
    pub fn exclude_newer(&self) -> Option<&str> {
        self.document
            .get("tool")?
            .get("uv")?
            .get("exclude-newer")?
            .as_str()
    }

    /// Sets `[tool.uv] exclude-newer`.
    pub fn set_exclude_newer(&mut self, moment: &str) {
        self.uv().insert("exclude-newer", toml_edit::value(moment));
    }

    /// Lets `exclude-newer` not count for these packages, where it is set.
    pub fn spare_from_exclude_newer(&mut self, names: &[String]) {
        if self.exclude_newer().is_none() {
            return;
        }
        let spared = self
            .uv()
            .entry("exclude-newer-package")
            .or_insert_with(|| toml_edit::value(InlineTable::new()));
        if let Some(spared) = spared.as_table_like_mut() {
            for name in names {
                if !spared.contains_key(name) {
                    spared.insert(name, toml_edit::value(false));
                }
            }
        }
    }

    /// Sets `[tool.uv] constraint-dependencies`: bounds for what is wanted anyway.
    pub fn set_constraints(&mut self, lines: &[String]) {
        let mut list = Array::new();
        for line in lines {
            push(&mut list, line.split(" #").next().unwrap_or(line).trim());
        }
        self.uv()
            .insert("constraint-dependencies", toml_edit::value(list));
    }

    /// Says that the project is no package to be built and installed itself.
    pub fn set_no_package(&mut self) {
        if !self.uv().contains_key("package") {
            self.uv().insert("package", toml_edit::value(false));
        }
    }

    /// Whether it says how it is built, so that uv builds and installs it.
    pub fn is_package(&self) -> bool {
        let said = self
            .document
            .get("tool")
            .and_then(|tool| tool.get("uv"))
            .and_then(|uv| uv.get("package"))
            .and_then(Item::as_bool);
        said.unwrap_or_else(|| self.document.contains_key("build-system"))
    }

    /// Relative paths that its sources and workspace lead to.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let Some(uv) = self.document.get("tool").and_then(|tool| tool.get("uv")) else {
            return paths;
        };
        if let Some(sources) = uv.get("sources").and_then(Item::as_table_like) {
            for (_, item) in sources.iter() {
                collect_paths(item, &mut paths);
            }
        }
        if let Some(members) = uv
            .get("workspace")
            .and_then(|workspace| workspace.get("members"))
            .and_then(Item::as_array)
        {
            paths.extend(strings(members));
        }
        paths
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
        let item = tool
            .entry("uv")
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
}

fn collect_paths(item: &Item, paths: &mut Vec<String>) {
    if let Some(table) = item.as_table_like() {
        paths.extend(table.get("path").and_then(Item::as_str).map(String::from));
    }
    for value in item.as_array().into_iter().flatten() {
        if let Some(path) = value
            .as_inline_table()
            .and_then(|table| table.get("path"))
            .and_then(Value::as_str)
        {
            paths.push(path.to_string());
        }
    }
}

fn strings(array: &Array) -> Vec<String> {
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
