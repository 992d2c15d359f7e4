//! uv's own settings in a project: `[tool.uv]`.

use super::Manifest;
use super::document::{push, strings};
use toml_edit::{Array, InlineTable, Item, Value};

impl Manifest {
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
