//! The framework builds of a project: extras that exclude each other, each with the index it comes from.
//!
//! Formats: uv's keys under `[tool.uv]` (docs.astral.sh/uv, "Conflicting dependencies", "Dependency sources", "Package
//! indexes").

use super::document::strings;
use super::{Manifest, Variant};
use crate::build::specifier::requirement;
use toml_edit::{Array, ArrayOfTables, InlineTable, Item, Table, Value};

impl Manifest {
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
}
