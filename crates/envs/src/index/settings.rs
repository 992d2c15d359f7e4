//! Which indexes a person uses: from uv's and pip's variables and configuration files.
//!
//! uv reads its own settings but not pip's. What stands in pip's is handed to uv in variables of its
//! process, never in arguments: an address may hold a password, and arguments are seen by everybody.

use super::ini;
use deskside_knowledge::frameworks;
use deskside_machine::command::without_credentials;
use deskside_machine::{Machine, Reading};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// An address with where it was configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The address, with credentials where it has any: never show it, show [`Source::shown`].
    pub url: String,
    /// Where it stands: `PIP_INDEX_URL`, `/etc/pip.conf`, `the default`.
    pub origin: String,
    /// uv reads this setting by itself.
    pub known_to_uv: bool,
}

impl Source {
    /// The address without credentials, and where it was configured.
    pub fn shown(&self) -> String {
        format!("{} ({})", without_credentials(&self.url), self.origin)
    }
}

/// The indexes a person uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The main index.
    pub index: Source,
    /// Further indexes.
    pub extra: Vec<Source>,
    /// Folders and pages with files.
    pub find_links: Vec<Source>,
    /// No index is asked, only `find_links`.
    pub no_index: bool,
    /// A certificate file for `https`, from pip's settings.
    pub certificate: Option<String>,
}

/// The address that is really fetched: the credentials that a person configured for its server are put back.
/// Plans and journals hold it without them.
pub fn address(machine: &dyn Machine, url: &str) -> String {
    let settings = read(machine);
    std::iter::once(&settings.index)
        .chain(&settings.extra)
        .chain(&settings.find_links)
        .map(|source| super::address::with_credentials_of(&source.url, url))
        .find(|whole| whole != url)
        .unwrap_or_else(|| url.to_string())
}

/// Reads the settings of the person this process runs for. A file that can't be read counts as empty.
pub fn read(machine: &dyn Machine) -> Settings {
    let uv = uv_options(machine);
    let pip = pip_options(machine);
    let variable = |name: &str| {
        machine
            .variable(name)
            .map(|value| value.trim().to_string())
            .filter(|value| !value.is_empty())
    };
    let from_variable = |name: &str, known_to_uv: bool| {
        variable(name).map(|url| Source {
            url,
            origin: name.to_string(),
            known_to_uv,
        })
    };
    let from_pip = |key: &str| pip.get(key).filter(|(value, _)| !value.is_empty());
    let index = from_variable("UV_DEFAULT_INDEX", true)
        .or_else(|| from_variable("UV_INDEX_URL", true))
        .or_else(|| from_variable("PIP_INDEX_URL", false))
        .or_else(|| uv.index.clone())
        .or_else(|| {
            from_pip("index-url").map(|(url, origin)| Source {
                url: url.clone(),
                origin: origin.clone(),
                known_to_uv: false,
            })
        })
        .unwrap_or_else(|| Source {
            url: frameworks::indexes().default.url.clone(),
            origin: "the default".into(),
            known_to_uv: true,
        });
    let several = |names: &[(&str, bool)], key: &str| {
        let mut found: Vec<Source> = Vec::new();
        for (name, known_to_uv) in names {
            let separators: &[char] = if *name == "UV_FIND_LINKS" {
                &[',']
            } else {
                &[' ', '\t', '\n']
            };
            let value = variable(name).unwrap_or_default();
            for word in value
                .split(separators)
                .filter(|word| !word.trim().is_empty())
            {
                let url = named_index(word.trim());
                found.push(Source {
                    url: url.to_string(),
                    origin: (*name).to_string(),
                    known_to_uv: *known_to_uv,
                });
            }
        }
        if !names
            .iter()
            .any(|(name, _)| name.starts_with("PIP_") && variable(name).is_some())
            && let Some((value, origin)) = from_pip(key)
        {
            found.extend(ini::list(value).into_iter().map(|url| Source {
                url,
                origin: origin.clone(),
                known_to_uv: false,
            }));
        }
        found
    };
    let mut extra = several(
        &[
            ("UV_INDEX", true),
            ("UV_EXTRA_INDEX_URL", true),
            ("PIP_EXTRA_INDEX_URL", false),
        ],
        "extra-index-url",
    );
    extra.extend(uv.extra);
    let mut find_links = several(
        &[("UV_FIND_LINKS", true), ("PIP_FIND_LINKS", false)],
        "find-links",
    );
    find_links.extend(uv.find_links);
    let truth = |value: &str| {
        matches!(
            value.to_ascii_lowercase().as_str(),
            "1" | "true" | "yes" | "on"
        )
    };
    Settings {
        index,
        extra,
        find_links,
        no_index: variable("UV_NO_INDEX")
            .or_else(|| variable("PIP_NO_INDEX"))
            .map_or_else(
                || from_pip("no-index").is_some_and(|(value, _)| truth(value)),
                |value| truth(&value),
            ),
        certificate: variable("PIP_CERT")
            .or_else(|| from_pip("cert").map(|(path, _)| path.clone())),
    }
}

impl Settings {
    /// The variables that tell uv what it does not read by itself. What the person set for uv stays as it is.
    pub fn variables(&self, machine: &dyn Machine) -> BTreeMap<String, Option<String>> {
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: String| {
            if machine
                .variable(name)
                .is_none_or(|value| value.trim().is_empty())
                && !value.is_empty()
            {
                variables.insert(name.to_string(), Some(value));
            }
        };
        let foreign = |sources: &[Source], separator: &str| {
            let urls: Vec<&str> = sources
                .iter()
                .filter(|source| !source.known_to_uv)
                .map(|source| source.url.as_str())
                .collect();
            urls.join(separator)
        };
        if !self.index.known_to_uv {
            set("UV_DEFAULT_INDEX", self.index.url.clone());
        }
        set("UV_INDEX", foreign(&self.extra, " "));
        set("UV_FIND_LINKS", foreign(&self.find_links, ","));
        if self.no_index {
            set("UV_NO_INDEX", "1".into());
        }
        if let Some(certificate) = &self.certificate {
            set("SSL_CERT_FILE", certificate.clone());
        }
        variables
    }
}

/// `name=https://…` as uv takes named indexes: the address alone.
fn named_index(text: &str) -> &str {
    match text.split_once('=') {
        Some((name, url))
            if !name.contains("://") && !name.starts_with('/') && url.contains("://") =>
        {
            url
        }
        _ => text,
    }
}

/// pip's options with the file each comes from, later files winning.
fn pip_options(machine: &dyn Machine) -> BTreeMap<String, (String, String)> {
    let variable = |name: &str| machine.variable(name).filter(|value| !value.is_empty());
    let own = variable("PIP_CONFIG_FILE");
    if own.as_deref() == Some("/dev/null") {
        return BTreeMap::new();
    }
    let home = variable("HOME").map(PathBuf::from);
    let mut files: Vec<PathBuf> = vec!["/etc/xdg/pip/pip.conf".into()];
    if let Some(folders) = variable("XDG_CONFIG_DIRS") {
        files.extend(
            folders
                .split(':')
                .filter(|folder| folder.starts_with('/'))
                .map(|folder| Path::new(folder).join("pip/pip.conf")),
        );
    }
    files.push("/etc/pip.conf".into());
    if let Some(home) = &home {
        files.push(home.join(".pip/pip.conf"));
        files.push(home.join("Library/Application Support/pip/pip.conf"));
    }
    files.extend(config_home(machine).map(|folder| folder.join("pip/pip.conf")));
    files.extend(own.map(PathBuf::from));
    let mut options = BTreeMap::new();
    for file in files {
        if let Ok(text) = machine.text(&file) {
            options.extend(
                ini::options(&text)
                    .into_iter()
                    .map(|(key, value)| (key, (value, file.display().to_string()))),
            );
        }
    }
    options
}

fn config_home(machine: &dyn Machine) -> Option<PathBuf> {
    let folder = |name: &str| {
        machine
            .variable(name)
            .filter(|value| value.starts_with('/'))
            .map(PathBuf::from)
    };
    folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))
}

#[derive(Default)]
struct UvOptions {
    index: Option<Source>,
    extra: Vec<Source>,
    find_links: Vec<Source>,
}

/// uv's own configuration: the person's file, then the system's; `UV_CONFIG_FILE` replaces both.
fn uv_options(machine: &dyn Machine) -> UvOptions {
    let files: Vec<PathBuf> = match machine
        .variable("UV_CONFIG_FILE")
        .filter(|value| !value.is_empty())
    {
        Some(file) => vec![file.into()],
        None if machine
            .variable("UV_NO_CONFIG")
            .is_some_and(|value| !value.is_empty()) =>
        {
            Vec::new()
        }
        None => config_home(machine)
            .map(|folder| folder.join("uv/uv.toml"))
            .into_iter()
            .chain(["/etc/uv/uv.toml".into()])
            .collect(),
    };
    let mut options = UvOptions::default();
    for file in files {
        let Ok(text) = machine.text(&file) else {
            continue;
        };
        let Ok(table) = text.parse::<toml::Table>() else {
            continue;
        };
        let source = |url: &str| Source {
            url: url.to_string(),
            origin: file.display().to_string(),
            known_to_uv: true,
        };
        let strings = |value: Option<&toml::Value>| -> Vec<Source> {
            value
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(toml::Value::as_str)
                .map(source)
                .collect()
        };
        for table in [
            Some(&table),
            table.get("pip").and_then(toml::Value::as_table),
        ]
        .into_iter()
        .flatten()
        {
            for index in table
                .get("index")
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
            {
                let Some(url) = index.get("url").and_then(toml::Value::as_str) else {
                    continue;
                };
                if index.get("explicit").and_then(toml::Value::as_bool) == Some(true) {
                } else if index.get("default").and_then(toml::Value::as_bool) == Some(true) {
                    options.index.get_or_insert_with(|| source(url));
                } else {
                    options.extra.push(source(url));
                }
            }
            if let Some(url) = table.get("index-url").and_then(toml::Value::as_str) {
                options.index.get_or_insert_with(|| source(url));
            }
            options.extra.extend(strings(table.get("extra-index-url")));
            options.find_links.extend(strings(table.get("find-links")));
        }
    }
    options
}
