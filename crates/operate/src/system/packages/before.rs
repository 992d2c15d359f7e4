//! What was there before packages changed: versions, marks, settings.

use super::super::{apt, dpkg};
use super::{folder, wanted};
use crate::kept::LARGEST_KEPT;
use deskside_machine::{Acting, Durability, ErrorKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// apt's list of packages that came along with others (apt-mark(8)).
pub(super) const EXTENDED: &str = "/var/lib/apt/extended_states";
/// The name of the list of what was there.
const LIST: &str = "packages.json";
/// The name of the list of kept settings.
const SETTINGS: &str = "settings.json";

/// A package as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Was {
    pub version: String,
    pub state: String,
    pub architecture: String,
    /// dpkg was told that it is to go.
    #[serde(default)]
    pub is_to_go: bool,
}

/// Everything that was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// By name, as [`dpkg::Packages`] has it.
    pub packages: BTreeMap<String, Was>,
    /// Packages that came along with others.
    pub automatic: BTreeSet<String>,
}

/// A package that changed: its version then, none when it was not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    pub name: String,
    pub version: Option<String>,
}

/// What is known only afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// What differs from before, as it is afterwards.
    pub changed: Vec<Change>,
}

/// A configuration file of a package that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Setting {
    pub package: String,
    pub path: String,
    /// The name of its copy; none when the person had removed it, or when the package only moves.
    pub kept: Option<String>,
    pub mode: u32,
    /// The package goes. Else it only moves to another version, and its settings stay where they are.
    pub goes: bool,
    /// The maintainer's version lay beside it already.
    pub beside: bool,
}

/// Keeps what is there in a folder of its own.
///
/// # Errors
/// When dpkg's state can't be read, a name is no exact name, or the folder can't be written.
pub fn prepare(
    machine: &dyn Machine,
    kept: &Path,
    install: &[String],
    remove: &[String],
) -> Result<Value> {
    let wanted = wanted(install, remove)?;
    let packages = dpkg::packages(machine)?;
    // Where dpkg was interrupted apt may refuse; then it is known only when that was settled.
    let words = wanted.words(&packages);
    let transaction = if words.is_empty() {
        Some(apt::Transaction::default())
    } else {
        apt::simulate(machine, &words).ok()
    };
    let list = Kept {
        packages: packages
            .iter()
            .map(|(name, package)| {
                let was = Was {
                    version: package.version.clone(),
                    state: package.state.clone(),
                    architecture: package.architecture.clone(),
                    is_to_go: package.is_to_go,
                };
                (name.clone(), was)
            })
            .collect(),
        automatic: automatic(machine, &packages)?,
    };
    machine.write_file(kept.join(LIST), encoded(&list)?, 0o600, Durability::Power)?;
    let before = json!({
        "kept": kept,
        "touched": transaction.as_ref().map(|transaction| {
            transaction.installed.iter().chain(&transaction.removed)
                .map(|name| packages.key(name).to_string())
                .collect::<BTreeSet<_>>()
        }),
        "named": wanted.install.iter()
            .filter(|text| !text.starts_with('/'))
            .map(|text| packages.key(text.split('=').next().unwrap_or(text)).to_string())
            .collect::<BTreeSet<_>>(),
    });
    let transaction = transaction.unwrap_or_default();
    let mut going = wanted.remove.clone();
    going.extend(transaction.removed);
    keep_settings_of(machine, &before, &going, &transaction.installed, &packages)?;
    Ok(before)
}

/// Where dpkg lays the maintainer's version of a configuration file that a person changed (`--force-confold`).
pub(super) fn beside(path: &str) -> String {
    format!("{path}.dpkg-dist")
}

/// Keeps the settings of packages that go, and notes those of packages that move, beside those that are kept already.
pub(super) fn keep_settings_of(
    machine: &dyn Machine,
    before: &Value,
    going: &[String],
    moving: &[String],
    packages: &dpkg::Packages,
) -> Result<()> {
    let folder = folder(before)?;
    let mut settings = settings(machine, before)?;
    let known = settings.len();
    let mut names: BTreeMap<&str, bool> = BTreeMap::new();
    names.extend(moving.iter().map(|name| (packages.key(name), false)));
    names.extend(going.iter().map(|name| (packages.key(name), true)));
    for (name, goes) in names {
        if settings.iter().any(|setting| setting.package == name) {
            continue;
        }
        let Some(package) = packages.get(name) else {
            continue;
        };
        for path in &package.settings {
            let mut setting = Setting {
                package: name.into(),
                path: path.clone(),
                kept: None,
                mode: 0o644,
                goes,
                beside: machine.exists(beside(path))?,
            };
            if !goes {
                settings.push(setting);
                continue;
            }
            match machine.stat(path) {
                Ok(stat) if stat.size <= LARGEST_KEPT => {
                    let copy = format!("setting-{}", settings.len());
                    let contents = machine.file(path, LARGEST_KEPT)?;
                    machine.write_file(folder.join(&copy), contents, 0o600, Durability::Power)?;
                    setting.kept = Some(copy);
                    setting.mode = stat.mode;
                }
                Ok(_) => continue,
                Err(error) if error.kind == ErrorKind::Absent => {}
                Err(error) => return Err(error.into()),
            }
            settings.push(setting);
        }
    }
    if settings.len() > known {
        machine.write_file(
            folder.join(SETTINGS),
            encoded(&settings)?,
            0o600,
            Durability::Power,
        )?;
    }
    Ok(())
}

/// The settings that were kept.
pub(super) fn settings(machine: &dyn Machine, before: &Value) -> Result<Vec<Setting>> {
    match machine.file(folder(before)?.join(SETTINGS), LARGEST_KEPT) {
        Ok(bytes) => decoded(&bytes),
        Err(error) if error.kind == ErrorKind::Absent => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Packages that came along with others, among those that are there.
pub(super) fn automatic(
    machine: &dyn Machine,
    packages: &dpkg::Packages,
) -> Result<BTreeSet<String>> {
    match machine.file(EXTENDED, LARGEST_KEPT) {
        Ok(bytes) => Ok(marks(&String::from_utf8_lossy(&bytes), packages)),
        Err(error) if error.kind == ErrorKind::Absent => Ok(BTreeSet::new()),
        Err(error) => Err(error.into()),
    }
}

fn marks(text: &str, packages: &dpkg::Packages) -> BTreeSet<String> {
    let field = |paragraph: &str, name: &str| {
        paragraph
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(|value| value.trim().to_string())
    };
    text.split("\n\n")
        .filter(|paragraph| field(paragraph, "Auto-Installed").as_deref() == Some("1"))
        .filter_map(|paragraph| {
            let name = field(paragraph, "Package")?;
            let full = match field(paragraph, "Architecture") {
                Some(architecture) => format!("{name}:{architecture}"),
                None => name,
            };
            let key = packages.key(&full);
            packages
                .get(key)
                .is_some_and(|package| !package.is_only_settings())
                .then(|| key.to_string())
        })
        .collect()
}

impl Kept {
    /// What was kept.
    pub(super) fn read(machine: &dyn Machine, before: &Value) -> Result<Self> {
        let path = folder(before)?.join(LIST);
        decoded(&machine.file(path, LARGEST_KEPT)?)
    }

    /// Its version, where it was there with its files.
    pub(super) fn version(&self, name: &str) -> Option<&str> {
        self.packages
            .get(name)
            .filter(|was| was.state != "config-files")
            .map(|was| was.version.as_str())
    }

    /// What is not as it was.
    pub(super) fn differing(&self, now: &dpkg::Packages) -> Vec<Change> {
        let there: BTreeMap<&String, &dpkg::Package> = now.iter().collect();
        let names: BTreeSet<&String> = self.packages.keys().chain(there.keys().copied()).collect();
        names
            .into_iter()
            .filter(|name| {
                let was = self
                    .packages
                    .get(*name)
                    .map(|was| (was.version.as_str(), was.state.as_str()));
                let is = there
                    .get(*name)
                    .map(|package| (package.version.as_str(), package.state.as_str()));
                was != is
            })
            .map(|name| Change {
                name: name.clone(),
                version: there
                    .get(name)
                    .filter(|package| !package.is_only_settings())
                    .map(|package| package.version.clone()),
            })
            .collect()
    }
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| {
        Problem::new(Code::Bug, "could not note what was there before").because(error)
    })
}

fn decoded<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(
            Code::JournalUnreadable,
            "what was noted of the packages of before can't be read",
        )
        .because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_by_name_and_architecture() {
        let packages = dpkg::parse(
            "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n\nPackage: aa\nStatus: install ok installed\nArchitecture: amd64\n\nPackage: aa\nStatus: install ok installed\nArchitecture: i386\n\nPackage: bb\nStatus: install ok installed\nArchitecture: all\n\nPackage: cc\nStatus: deinstall ok config-files\nArchitecture: all\n",
        );
        let text = "Package: aa\nArchitecture: i386\nAuto-Installed: 1\n\nPackage: aa\nArchitecture: amd64\nAuto-Installed: 0\n\nPackage: bb\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: cc\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: zz\nAuto-Installed: 1\n";
        assert_eq!(
            marks(text, &packages).into_iter().collect::<Vec<_>>(),
            ["aa:i386", "bb"]
        );
    }
}
