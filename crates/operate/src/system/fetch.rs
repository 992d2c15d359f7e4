//! Fetching what a later step installs before anything goes: `apt-get install --download-only -y NAME… NAME-…`.
//!
//! A name with a `-` behind it goes before the others come. apt itself would say of a package that goes to come back that
//! it is there already, and of two builders' packages that they contradict each other. So it is asked over a copy of dpkg's
//! list without what goes (`Dir::State::status`, apt.conf(5)); only its own cache of fetched files is written.

use super::{apt, dpkg, names};
use deskside_machine::{Acting, Command, Durability, Machine, Progress, Reading};
use deskside_types::plan::CommandLine;
use deskside_types::{Code, Result};
use std::collections::BTreeSet;
use std::time::Duration;

/// The folder of what is fetched for plans.
const CACHE: &str = "/var/cache/deskside";
/// The copy of dpkg's list.
const COPY: &str = "/var/cache/deskside/packages-without";

/// A command that only fetches.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fetching {
    /// What comes, for a machine without what goes.
    Coming {
        /// Names that come.
        come: Vec<String>,
        /// Names that go before.
        go: Vec<String>,
    },
    /// What is there now, in its version.
    Now(Vec<String>),
}

/// What a command fetches, where that is all it does.
pub(super) fn read(command: &CommandLine) -> Option<Fetching> {
    let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        [
            "apt-get",
            "install",
            "--download-only",
            "--reinstall",
            "-y",
            names @ ..,
        ] => Some(Fetching::Now(
            names.iter().map(ToString::to_string).collect(),
        )),
        ["apt-get", "install", "--download-only", "-y", names @ ..] => {
            let (mut come, mut go) = (Vec::new(), Vec::new());
            for word in names {
                match word.strip_suffix('-') {
                    Some(name) => go.push(name.to_string()),
                    None => come.push((*word).to_string()),
                }
            }
            Some(Fetching::Coming { come, go })
        }
        _ => None,
    }
}

/// Fetches. What is there now is fetched as far as its archive has it: that it could not be is no failure.
///
/// # Errors
/// When a name is no exact name, or something that comes could not be fetched: what it is for is then not begun.
pub(super) fn perform(
    machine: &dyn Machine,
    what: &Fetching,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    match what {
        Fetching::Coming { come, go } => coming(machine, come, go, watch),
        Fetching::Now(names) => now(machine, names, watch),
    }
}

fn now(machine: &dyn Machine, names: &[String], watch: &mut dyn FnMut(Progress<'_>)) -> Result<()> {
    for name in names {
        names::package(name)?;
    }
    let packages = dpkg::packages(machine)?;
    let words: Vec<String> = names
        .iter()
        .filter_map(|name| Some(format!("{name}={}", packages.get(name)?.version)))
        .collect();
    if words.is_empty() {
        return Ok(());
    }
    let mut all = ["install", "--download-only", "--reinstall"]
        .map(String::from)
        .to_vec();
    all.extend(words);
    match apt::run(machine, "fetch what is there now", door(&[], all), watch) {
        Err(problem) if problem.code == Code::Interrupted => Err(problem),
        _ => Ok(()),
    }
}

fn door(options: &[String], words: Vec<String>) -> Command {
    let mut argv = vec!["apt-get".to_string(), "--yes".into(), "--quiet".into()];
    argv.extend(apt::options());
    for option in options {
        argv.extend(["-o".to_string(), option.clone()]);
    }
    argv.extend(words);
    apt::quietly(Command::new(argv).deadline(Duration::from_secs(4 * 3600)))
}

fn coming(
    machine: &dyn Machine,
    come: &[String],
    go: &[String],
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    for name in come.iter().chain(go) {
        names::package(name)?;
    }
    let gone = gone(machine, go)?;
    let list = String::from_utf8_lossy(&machine.file(dpkg::STATUS, dpkg::LARGEST)?).into_owned();
    machine.create_directory(CACHE)?;
    machine.write_file(
        COPY,
        dpkg::without(&list, &gone),
        0o644,
        Durability::Process,
    )?;
    let options = [
        format!("Dir::State::status={COPY}"),
        "Dir::Cache::pkgcache=".into(),
        // They are released before they move; here nothing moves.
        "APT::Get::allow-change-held-packages=true".into(),
    ];
    let mut words = ["install", "--download-only"].map(String::from).to_vec();
    words.extend(come.iter().cloned());
    let command = door(&options, words);
    let said = apt::run(machine, "fetch what comes later", command, watch);
    machine.remove_file(COPY)?;
    let what = match come {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => "nothing".into(),
    };
    said.map_err(|problem| {
        problem.within(format!(
            "{what} could not be fetched, so nothing was taken away for it"
        ))
    })
}

/// What goes, with what apt takes along. Where apt can't say, what is named.
fn gone(machine: &dyn Machine, go: &[String]) -> Result<BTreeSet<String>> {
    let packages = dpkg::packages(machine)?;
    let there: Vec<String> = go
        .iter()
        .filter(|name| packages.get(name).is_some())
        .cloned()
        .collect();
    let mut gone: BTreeSet<String> = there.iter().cloned().collect();
    if there.is_empty() {
        return Ok(gone);
    }
    let mut words = vec![
        "remove".to_string(),
        "--allow-change-held-packages".to_string(),
    ];
    words.extend(there);
    if let Ok(transaction) = apt::simulate(machine, &words) {
        let removed = transaction.removed.iter();
        gone.extend(removed.map(|name| packages.key(name).to_string()));
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_told_from_what_comes() {
        let line = |words: &str| CommandLine {
            argv: words.split(' ').map(str::to_string).collect(),
            directory: None,
            variables: Default::default(),
            deadline_seconds: 1,
        };
        let names = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            read(&line("apt-get install --download-only -y a1 b2- a1- c3")),
            Some(Fetching::Coming {
                come: names(&["a1", "c3"]),
                go: names(&["b2", "a1"]),
            })
        );
        assert_eq!(
            read(&line("apt-get install --download-only --reinstall -y a1")),
            Some(Fetching::Now(names(&["a1"])))
        );
        for other in [
            "apt-get install -y a1",
            "apt-get install --download-only a1",
            "apt-get update",
        ] {
            assert_eq!(read(&line(other)), None, "{other}");
        }
    }
}
