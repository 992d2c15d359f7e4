//! What a requirements file says, written into `pyproject.toml`.

use super::Manifest;
use super::document::push;
use super::pip::{PathSource, Taken};
use toml_edit::{Array, InlineTable, Item, Table, Value};

/// What builds a folder whose `pyproject.toml` names nothing else (PEP 517, "the legacy setup.py").
const BUILDER: (&str, &str) = ("setuptools>=61", "setuptools.build_meta");

impl Manifest {
    /// Takes over what a requirements file says. What the project says already stays.
    pub fn take_in(&mut self, taken: &Taken) {
        for wanted in &taken.requirements {
            self.add_dependency(wanted);
        }
        if !taken.constraints.is_empty() {
            self.set_constraints(&taken.constraints);
        }
        for (name, source) in &taken.paths {
            self.set_path(name, source);
        }
        if let Some(url) = &taken.index {
            self.add_index(url, true);
        }
        for url in &taken.extra_indexes {
            self.add_index(url, false);
        }
        for place in &taken.find_links {
            self.add_to_list("find-links", place);
        }
        if taken.prereleases && !self.uv().contains_key("prerelease") {
            self.uv().insert("prerelease", toml_edit::value("allow"));
        }
        for (names, all, some) in [
            (&taken.no_binary, "no-binary", "no-binary-package"),
            (&taken.only_binary, "no-build", "no-build-package"),
        ] {
            for name in names {
                match name.as_str() {
                    ":all:" => {
                        self.uv().insert(all, toml_edit::value(true));
                    }
                    ":none:" | "" => {}
                    name => self.add_to_list(some, name),
                }
            }
        }
    }

    /// Says that the folder itself is built and installed, by setuptools where nothing else is named.
    pub fn set_package(&mut self) {
        if !self.is_package() {
            self.uv().remove("package");
            let build = self.table("build-system");
            if build.is_empty() {
                let mut requires = Array::new();
                requires.push(BUILDER.0);
                build.insert("requires", toml_edit::value(requires));
                build.insert("build-backend", toml_edit::value(BUILDER.1));
            }
        }
        if self.uv().is_empty() {
            self.table("tool").remove("uv");
        }
    }

    /// Adds what a person named as folders and files, to the project or to one of its groups. It comes from there from now
    /// on, whatever was said before.
    pub fn add_local(&mut self, taken: &Taken, group: Option<&str>) {
        for wanted in &taken.requirements {
            match group {
                None => {
                    self.add_dependency(wanted);
                }
                Some(group) => self.add_to_group(group, wanted),
            }
        }
        for (name, source) in &taken.paths {
            if let Some(sources) = self
                .uv()
                .get_mut("sources")
                .and_then(Item::as_table_like_mut)
            {
                sources.remove(name);
            }
            self.set_path(name, source);
        }
    }

    fn add_to_group(&mut self, group: &str, wanted: &str) {
        let list = self
            .table("dependency-groups")
            .entry(group)
            .or_insert_with(|| toml_edit::value(Array::new()));
        let name = crate::build::specifier::requirement(wanted).map(|(name, _)| name);
        let marker = marker_of(wanted);
        if let Some(list) = list.as_array_mut() {
            list.retain(|value| !is_same(value, name.as_deref(), &marker, wanted));
            push(list, wanted);
        }
    }

    fn set_path(&mut self, name: &str, source: &PathSource) {
        let sources = self
            .uv()
            .entry("sources")
            .or_insert_with(|| Item::Table(Table::new()));
        let Some(sources) = sources.as_table_like_mut() else {
            return;
        };
        if sources.contains_key(name) {
            return;
        }
        let mut entry = InlineTable::new();
        entry.insert("path", source.path.as_str().into());
        if source.editable {
            entry.insert("editable", true.into());
        }
        sources.insert(name, toml_edit::value(entry));
    }

    /// Adds an index: instead of the default one, or beside it.
    fn add_index(&mut self, url: &str, default: bool) {
        let uv = self.uv();
        let indexes = uv
            .entry("index")
            .or_insert_with(|| Item::ArrayOfTables(toml_edit::ArrayOfTables::new()));
        let Some(indexes) = indexes.as_array_of_tables_mut() else {
            return;
        };
        let is_same = |table: &Table| table.get("url").and_then(Item::as_str) == Some(url);
        if indexes.iter().any(is_same) {
            return;
        }
        let mut table = Table::new();
        table.insert("url", toml_edit::value(url));
        if default {
            table.insert("default", toml_edit::value(true));
        }
        indexes.push(table);
    }

    fn add_to_list(&mut self, key: &str, text: &str) {
        let list = self
            .uv()
            .entry(key)
            .or_insert_with(|| toml_edit::value(Array::new()));
        if let Some(list) = list.as_array_mut()
            && !list.iter().any(|value| value.as_str() == Some(text))
        {
            push(list, text);
        }
    }
}

/// A requirement's marker, with single spaces and quotes of one kind; empty where it has none.
pub(super) fn marker_of(wanted: &str) -> String {
    let marker = wanted.split_once(';').map_or("", |(_, marker)| marker);
    marker
        .replace('"', "'")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a value of a list is this requirement's: the same name under the same marker.
pub(super) fn is_same(value: &Value, name: Option<&str>, marker: &str, wanted: &str) -> bool {
    value.as_str().is_some_and(|text| {
        text == wanted
            || (name.is_some()
                && marker_of(text) == marker
                && crate::build::specifier::requirement(text)
                    .is_some_and(|(own, _)| Some(own.as_str()) == name))
    })
}
