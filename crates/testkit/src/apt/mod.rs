//! A small simulated apt and dpkg for [`Sim`]: packages with dependencies, settings and files, in a state that is
//! kept in the simulated machine's own files, so that it is killed, kept and put back with it.
//!
//! It is a stand-in: dependencies are exact names, versions are compared as text, and what matters is that its words,
//! exit codes, files and ways of stopping half-way are those of apt 2.4 to 2.8. Real apt is in the lab.

mod database;
mod resolve;
mod work;

use crate::sim::{Sim, SimState, output};
use database::Database;
use deskside_machine::{Command, Output};
use std::collections::BTreeSet;
use std::sync::Arc;

/// While this file is there, apt and dpkg are killed after as many changes of a package's state as it says.
pub const KILLED_AFTER: &str = "/sim/apt-killed-after";
/// While this file is there, somebody else holds the lock: `PROCESS NAME TRIES`; each try counts down.
pub const LOCKED: &str = "/sim/apt-locked";
/// Which packages' gates were open at the last `apt-get update`.
const LISTS: &str = "/var/lib/apt/lists/simulated";

/// A package of a simulated archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Names that must be there.
    pub depends: Vec<String>,
    /// Names that must not be there.
    pub conflicts: Vec<String>,
    /// Configuration files with what the package ships in them.
    pub settings: Vec<(String, String)>,
    /// Other files.
    pub files: Vec<(String, String)>,
    /// Its set-up fails.
    pub fails: bool,
    /// A text that must stand in a file of package sources for it to be had, and lists be fetched since.
    pub gate: Option<String>,
}

impl Package {
    /// A package without anything.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            ..Self::default()
        }
    }

    /// With dependencies.
    #[must_use]
    pub fn depends(mut self, names: &[&str]) -> Self {
        self.depends = names.iter().map(ToString::to_string).collect();
        self
    }

    /// With conflicts.
    #[must_use]
    pub fn conflicts(mut self, names: &[&str]) -> Self {
        self.conflicts = names.iter().map(ToString::to_string).collect();
        self
    }

    /// With a configuration file.
    #[must_use]
    pub fn setting(mut self, path: &str, contents: &str) -> Self {
        self.settings.push((path.into(), contents.into()));
        self
    }

    /// With a file.
    #[must_use]
    pub fn file(mut self, path: &str, contents: &str) -> Self {
        self.files.push((path.into(), contents.into()));
        self
    }

    /// With a set-up that fails.
    #[must_use]
    pub fn failing(mut self) -> Self {
        self.fails = true;
        self
    }

    /// Only from a source in which this text stands.
    #[must_use]
    pub fn gate(mut self, text: &str) -> Self {
        self.gate = Some(text.into());
        self
    }

    /// As a package's file, for `apt-get install /path/of.deb`.
    pub fn as_file(&self) -> String {
        format!("simulated package {} {}\n", self.name, self.version)
    }
}

/// Puts apt, dpkg and apt-mark on a simulated machine, with an archive. What is installed so far is in the machine's
/// `/var/lib/dpkg/status`; one with dpkg itself is written where there is none.
pub fn put(sim: &Sim, archive: Vec<Package>) {
    let archive = Arc::new(archive);
    sim.change(|state| {
        if state.contents(database::STATUS).is_none() {
            state.put_file(
                database::STATUS,
                "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22\n\n",
            );
        }
        for program in ["apt-get", "apt-mark", "dpkg"] {
            let path = format!("/usr/bin/{program}");
            state.put_file(&path, "").set_mode(&path, 0o755);
        }
        fetch_lists(state, &archive);
    });
    sim.on_command(
        |argv| ["apt-get", "apt-mark", "dpkg"].contains(&argv[0].as_str()),
        move |state, command| Ok(call(state, &archive, command)),
    );
}

/// Installs packages beforehand, as a person did: asked for by name.
pub fn install(sim: &Sim, archive: &[Package], names: &[&str]) {
    sim.change(|state| {
        let mut database = Database::read(state);
        for name in names {
            if let Some(package) = archive.iter().find(|package| package.name == *name) {
                work::unpack(state, &mut database, package);
                work::configure(&mut database, package);
            }
        }
        database.write(state);
    });
}

fn call(state: &mut SimState, archive: &[Package], command: &Command) -> Output {
    let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
    if state.person.uid != 0 && !words.contains(&"--simulate") && !words.contains(&"-s") {
        return output(
            100,
            "",
            "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\n",
        );
    }
    // Options with their values, then the words.
    let mut plain = Vec::new();
    let mut options = BTreeSet::new();
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match *word {
            "-o" => {
                rest.next();
            }
            word if word.starts_with('-') => {
                options.insert(word);
            }
            word => plain.push(word),
        }
    }
    let simulated = options.contains("--simulate") || options.contains("-s");
    if !simulated && let Some(refused) = locked(state, words[0]) {
        return refused;
    }
    match (words[0], plain.first().copied()) {
        ("apt-mark", Some(word)) => mark(state, word, &plain[1..]),
        ("dpkg", _) if options.contains("--configure") => configure_all(state, archive),
        ("apt-get", Some("update")) => {
            fetch_lists(state, archive);
            output(0, "Reading package lists...\n", "")
        }
        ("apt-get", Some(word @ ("install" | "remove" | "purge"))) => {
            let purge = word == "purge" || options.contains("--purge");
            change(state, archive, word, &plain[1..], purge, simulated)
        }
        _ => output(
            100,
            "",
            format!("E: Invalid operation {}\n", plain.join(" ")),
        ),
    }
}

/// Whether somebody else is at work.
fn locked(state: &mut SimState, program: &str) -> Option<Output> {
    let text = String::from_utf8_lossy(state.contents(LOCKED)?).into_owned();
    let mut words = text.split_whitespace();
    let (process, name) = (words.next()?, words.next()?);
    let tries: u32 = words.next()?.parse().ok()?;
    if tries <= 1 {
        state.remove(LOCKED);
    } else {
        state.put_file(LOCKED, format!("{process} {name} {}", tries - 1));
    }
    Some(if program == "dpkg" {
        output(
            2,
            "",
            format!(
                "dpkg: error: dpkg frontend lock was locked by another process with pid {process}\n"
            ),
        )
    } else {
        output(
            100,
            "",
            format!(
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process {process} ({name})\n"
            ),
        )
    })
}

/// Notes which gates are open.
fn fetch_lists(state: &mut SimState, archive: &[Package]) {
    let mut text = String::new();
    for path in state.paths_below("/etc/apt") {
        let shown = path.to_string_lossy();
        if shown.contains("/sources.list")
            && !shown.contains("/.")
            && let Some(bytes) = state.contents(&path)
        {
            let lines = String::from_utf8_lossy(bytes).into_owned();
            for line in lines.lines().filter(|line| !line.starts_with('#')) {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    let open: BTreeSet<&str> = archive
        .iter()
        .filter_map(|package| package.gate.as_deref())
        .filter(|gate| text.contains(gate))
        .collect();
    state.put_file(LISTS, open.into_iter().collect::<Vec<_>>().join("\n"));
}

fn is_to_be_had(state: &SimState, package: &Package) -> bool {
    package.gate.as_ref().is_none_or(|gate| {
        state.contents(LISTS).is_some_and(|lists| {
            String::from_utf8_lossy(lists)
                .lines()
                .any(|line| line == gate)
        })
    })
}

fn mark(state: &mut SimState, word: &str, names: &[&str]) -> Output {
    let mut database = Database::read(state);
    for name in names {
        let Some(entry) = database.get_mut(name) else {
            return output(100, "", format!("E: Unable to locate package {name}\n"));
        };
        match word {
            "hold" | "unhold" => entry.held = word == "hold",
            "auto" | "manual" => entry.automatic = word == "auto",
            _ => return output(1, "", format!("E: Invalid operation {word}\n")),
        }
    }
    database.write(state);
    output(0, "", "")
}

fn configure_all(state: &mut SimState, archive: &[Package]) -> Output {
    let mut database = Database::read(state);
    // What an interrupted run left in the journal is taken into the status file.
    for entry in state.paths_below("/var/lib/dpkg/updates") {
        if entry != std::path::Path::new("/var/lib/dpkg/updates") {
            state.remove(entry);
        }
    }
    let failed = work::configure_pending(&mut database, archive);
    database.write(state);
    match failed {
        None => output(0, "", ""),
        Some(name) => output(1, "", work::failure(&name)),
    }
}

fn change(
    state: &mut SimState,
    archive: &[Package],
    word: &str,
    words: &[&str],
    purge: bool,
    simulated: bool,
) -> Output {
    let mut database = Database::read(state);
    let available: Vec<Package> = archive
        .iter()
        .filter(|package| is_to_be_had(state, package))
        .cloned()
        .collect();
    let files: Vec<(String, String)> = words
        .iter()
        .filter(|word| word.starts_with('/'))
        .filter_map(|path| {
            let text = String::from_utf8_lossy(state.contents(path)?).into_owned();
            Some((path.to_string(), text))
        })
        .collect();
    let asked = resolve::Asked {
        words,
        remove: word != "install",
        purge,
        files: &files,
        all: archive,
    };
    let transaction = match resolve::resolve(&database, &available, &asked) {
        Ok(transaction) => transaction,
        Err(text) => return output(100, "Reading package lists...\n", text),
    };
    if simulated {
        return output(0, transaction.simulated(&database), "");
    }
    let interrupted = database
        .iter()
        .any(|(_, entry)| entry.state == "half-installed");
    if interrupted && transaction.is_empty() {
        return output(
            100,
            "",
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\n",
        );
    }
    let outcome = work::carry_out(state, &mut database, &transaction, archive);
    database.write(state);
    outcome
}
