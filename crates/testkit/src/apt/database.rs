//! The simulated dpkg's state: `/var/lib/dpkg/status` and apt's marks.

use crate::sim::SimState;
use std::collections::BTreeMap;
use std::fmt::Write;

pub(super) const STATUS: &str = "/var/lib/dpkg/status";
const MARKS: &str = "/var/lib/apt/extended_states";

/// One package in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub version: String,
    /// As dpkg says it: `installed`, `half-configured`, `unpacked`, `config-files`.
    pub state: String,
    pub held: bool,
    pub automatic: bool,
    pub settings: Vec<String>,
    pub files: Vec<String>,
}

impl Entry {
    pub(super) fn is_there(&self) -> bool {
        self.state != "config-files"
    }
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Database(BTreeMap<String, Entry>);

impl Database {
    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.0.get_mut(name)
    }

    pub(super) fn insert(&mut self, name: &str, entry: Entry) {
        self.0.insert(name.into(), entry);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.0.iter()
    }

    pub(super) fn is_there(&self, name: &str) -> bool {
        self.get(name).is_some_and(Entry::is_there)
    }

    pub(super) fn read(state: &SimState) -> Self {
        let text = |path: &str| {
            String::from_utf8_lossy(state.contents(path).unwrap_or_default()).into_owned()
        };
        let mut all = BTreeMap::new();
        let marks = text(MARKS);
        for paragraph in text(STATUS).split("\n\n") {
            let field = |name: &str| {
                paragraph
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                    .unwrap_or_default()
            };
            let below = |name: &str| -> Vec<String> {
                let head = format!("{name}:");
                paragraph
                    .lines()
                    .skip_while(|line| *line != head)
                    .skip(1)
                    .take_while(|line| line.starts_with(' '))
                    .filter_map(|line| line.split_whitespace().next())
                    .map(str::to_string)
                    .collect()
            };
            let name = field("Package");
            if name.is_empty() {
                continue;
            }
            let mut status = field("Status").split(' ');
            let marked = format!("Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n");
            all.insert(
                name.to_string(),
                Entry {
                    version: field("Version").into(),
                    held: status.next() == Some("hold"),
                    state: status.nth(1).unwrap_or_default().into(),
                    automatic: marks.contains(&marked),
                    settings: below("Conffiles"),
                    files: below("Simulated-Files"),
                },
            );
        }
        Self(all)
    }

    pub(super) fn write(&self, state: &mut SimState) {
        let mut status = String::new();
        let mut marks = String::new();
        for (name, entry) in &self.0 {
            let wanted = match (entry.held, entry.is_there()) {
                (true, _) => "hold",
                (false, true) => "install",
                (false, false) => "deinstall",
            };
            // Writing into a string cannot fail.
            let _ = write!(
                status,
                "Package: {name}\nStatus: {wanted} ok {}\nArchitecture: amd64\nVersion: {}\n",
                entry.state, entry.version
            );
            for (head, paths) in [
                ("Conffiles", &entry.settings),
                ("Simulated-Files", &entry.files),
            ] {
                if !paths.is_empty() {
                    let _ = writeln!(status, "{head}:");
                    for path in paths {
                        let _ = writeln!(status, " {path} 00000000000000000000000000000000");
                    }
                }
            }
            status.push('\n');
            if entry.automatic && entry.is_there() {
                let _ = write!(
                    marks,
                    "Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n\n"
                );
            }
        }
        state.put_file(STATUS, status);
        if marks.is_empty() {
            state.remove(MARKS);
        } else {
            state.put_file(MARKS, marks);
        }
    }
}
