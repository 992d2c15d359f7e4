//! What the simulated apt would do.

use super::Package;
use super::database::Database;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What apt is asked for.
pub(super) struct Asked<'a> {
    pub words: &'a [&'a str],
    /// Words without a mark go.
    pub remove: bool,
    pub purge: bool,
    /// Package files that are named, with what is in them.
    pub files: &'a [(String, String)],
    pub all: &'a [Package],
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Transaction {
    pub install: Vec<Package>,
    pub remove: Vec<String>,
    /// What is there already and is asked for by name.
    pub named: BTreeSet<String>,
    /// Settings go, too.
    pub purge: bool,
}

impl Transaction {
    pub(super) fn is_empty(&self) -> bool {
        self.install.is_empty() && self.remove.is_empty()
    }

    /// The words of `apt-get -s`.
    pub(super) fn simulated(&self, database: &Database) -> String {
        let mut text = String::from(
            "NOTE: This is only a simulation!\nReading package lists...\nBuilding dependency tree...\n",
        );
        let word = if self.purge { "Purg" } else { "Remv" };
        // Writing into a string cannot fail.
        for name in &self.remove {
            let version = database.get(name).map_or("", |entry| &entry.version);
            let _ = writeln!(text, "{word} {name} [{version}]");
        }
        for package in &self.install {
            let old = match database.get(&package.name) {
                Some(entry) if entry.is_there() => format!("[{}] ", entry.version),
                _ => String::new(),
            };
            let _ = writeln!(
                text,
                "Inst {} {old}({} Simulated:1 [amd64])",
                package.name, package.version
            );
        }
        for package in &self.install {
            let _ = writeln!(
                text,
                "Conf {} ({} Simulated:1 [amd64])",
                package.name, package.version
            );
        }
        text
    }
}

fn newest<'a>(available: &'a [Package], name: &str) -> Option<&'a Package> {
    available
        .iter()
        .filter(|package| package.name == name)
        .max_by(|one, other| one.version.cmp(&other.version))
}

pub(super) fn resolve(
    database: &Database,
    available: &[Package],
    asked: &Asked<'_>,
) -> Result<Transaction, String> {
    let mut transaction = Transaction {
        purge: asked.purge,
        ..Transaction::default()
    };
    let mut errors = String::new();
    for word in asked.words {
        if let Some((_, text)) = asked.files.iter().find(|(path, _)| path == word) {
            let mut words = text.trim().rsplit(' ');
            let (version, name) = (
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            );
            let package = asked
                .all
                .iter()
                .find(|package| package.name == name && package.version == version)
                .cloned();
            take(
                &mut transaction,
                database,
                package.unwrap_or_else(|| Package::new(name, version)),
            );
            continue;
        }
        let known = |name: &str| {
            database.get(name).is_some() || available.iter().any(|one| one.name == name)
        };
        if let Some(name) = word.strip_suffix('-').or(asked.remove.then_some(*word)) {
            match database.get(name) {
                Some(entry) if entry.is_there() || asked.purge => {
                    transaction.remove.push(name.into());
                }
                _ if known(name) => {}
                _ => {
                    let _ = writeln!(errors, "E: Unable to locate package {name}");
                }
            }
            continue;
        }
        let (name, version) = match word.split_once('=') {
            Some((name, version)) => (name, Some(version)),
            None => (*word, None),
        };
        let there = database
            .get(name)
            .filter(|entry| entry.state == "installed");
        if let Some(entry) = there
            && version.is_none_or(|version| version == entry.version)
            && newest(available, name)
                .is_none_or(|package| version.is_some() || package.version <= entry.version)
        {
            transaction.named.insert(name.into());
            continue;
        }
        let found = match version {
            Some(version) => available
                .iter()
                .find(|package| package.name == name && package.version == version),
            None => newest(available, name),
        };
        match (found, version) {
            (Some(package), _) => take(&mut transaction, database, package.clone()),
            (None, Some(version)) if known(name) => {
                let _ = writeln!(errors, "E: Version '{version}' for '{name}' was not found");
            }
            (None, _) => {
                let _ = writeln!(errors, "E: Unable to locate package {name}");
            }
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    close(&mut transaction, database, available)?;
    Ok(transaction)
}

fn take(transaction: &mut Transaction, database: &Database, package: Package) {
    if database
        .get(&package.name)
        .is_some_and(|entry| entry.state == "installed" && entry.version == package.version)
    {
        transaction.named.insert(package.name);
    } else if !transaction
        .install
        .iter()
        .any(|one| one.name == package.name)
    {
        transaction.named.insert(package.name.clone());
        transaction.install.push(package);
    }
}

/// Adds what is needed and what must go, until nothing changes.
fn close(
    transaction: &mut Transaction,
    database: &Database,
    available: &[Package],
) -> Result<(), String> {
    loop {
        let mut grown = false;
        let stays = |transaction: &Transaction, name: &str| {
            transaction.install.iter().any(|one| one.name == name)
                || database.is_there(name) && !transaction.remove.iter().any(|one| one == name)
        };
        for package in transaction.install.clone() {
            for needed in &package.depends {
                if stays(transaction, needed) {
                    continue;
                }
                let found = newest(available, needed)
                    .filter(|_| !transaction.remove.contains(needed))
                    .cloned();
                let Some(found) = found else {
                    return Err(format!(
                        "The following packages have unmet dependencies:\n {} : Depends: {needed} but it is not going to be installed\nE: Unable to correct problems, you have held broken packages.\n",
                        package.name
                    ));
                };
                transaction.install.push(found);
                grown = true;
            }
            for other in &package.conflicts {
                if database.is_there(other) && !transaction.remove.contains(other) {
                    transaction.remove.push(other.clone());
                    grown = true;
                }
            }
        }
        // Who needs what goes, goes.
        for (name, entry) in database.iter() {
            let package = available
                .iter()
                .find(|package| package.name == *name && package.version == entry.version);
            let needs_gone = package.is_some_and(|package| {
                package
                    .depends
                    .iter()
                    .any(|needed| transaction.remove.contains(needed))
            });
            if needs_gone && entry.is_there() && stays(transaction, name) {
                transaction.remove.push(name.clone());
                grown = true;
            }
        }
        if !grown {
            return Ok(());
        }
    }
}
