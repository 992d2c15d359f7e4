//! Breakages that are made for real: scripts in `lab/breakages` that break a fresh machine by real apt, dpkg, gpg, ldconfig and
//! files, and in their head what the doctor must say of it and what comes of it.
//!
//! The head: `# what:` a line; `# breakage:` the id that must be the first finding; `# machine:` where it is made; `# state:` a state
//! that it is made from; `# reboot: yes` boots after the script; `# asked:` a command for `doctor -- …`, where the doctor has to
//! hear its words; `# root: yes` where it can be seen by `doctor --root` only, and must not be claimed without; `# hands:` why nothing mends it by itself (without it, `doctor --fix` must mend it); `# undo: yes` takes the mend
//! back and must find the breakage again; `# all:` every id in the order in which they must be found, where several things are
//! broken at once; `# beside:` ids of findings that are true there beside it and may stay; `# simulated:`
//! which part of the state is made of files; `# quick: yes` is proved on every change.

use super::data;
use anyhow::{Result, ensure};

/// One breakage made for real.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recreation {
    /// The script's name.
    pub name: String,
    /// What it is, in a line.
    pub what: String,
    /// The id that must be found first; none where the doctor must stay silent.
    pub breakage: Option<String>,
    /// The machine.
    pub machine: String,
    /// The state it is made from.
    pub state: Option<String>,
    /// It takes a boot after the script.
    pub reboot: bool,
    /// The command whose failure is looked at.
    pub asked: Option<String>,
    /// Only root sees what proves it.
    pub root: bool,
    /// Why a person has to mend it.
    pub hands: Option<String>,
    /// The mend is taken back, too.
    pub undo: bool,
    /// All that must be found, in this order; empty where only the first counts.
    pub all: Vec<String>,
    /// What else is true there.
    pub beside: Vec<String>,
    /// What of it is made of files instead of being so.
    pub simulated: Option<String>,
    /// It is proved on every change.
    pub quick: bool,
    /// The script.
    pub script: String,
}

/// All, by name.
pub fn all() -> Result<Vec<Recreation>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data().join("breakages"))? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        found.push(parse(name, std::fs::read_to_string(&path)?)?);
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

const FIELDS: [&str; 13] = [
    "root",
    "all",
    "what",
    "breakage",
    "machine",
    "state",
    "reboot",
    "asked",
    "hands",
    "undo",
    "beside",
    "simulated",
    "quick",
];

fn parse(name: String, script: String) -> Result<Recreation> {
    for line in script.lines().take_while(|line| line.starts_with("# ")) {
        let Some((field, _)) = line[2..].split_once(": ") else {
            continue;
        };
        ensure!(
            field.contains(' ') || FIELDS.contains(&field),
            "{name}: `{field}` is no field"
        );
    }
    let line = |field: &str| {
        let head = format!("# {field}: ");
        script
            .lines()
            .find_map(|line| line.strip_prefix(&head))
            .map(|text| text.trim().to_string())
    };
    let list = |field: &str| -> Vec<String> {
        line(field)
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_string)
            .collect()
    };
    let yes = |field: &str| line(field).as_deref() == Some("yes");
    let breakage = line("breakage");
    ensure!(breakage.is_some(), "{name}: which breakage is it?");
    Ok(Recreation {
        what: line("what").unwrap_or_default(),
        breakage: breakage.filter(|id| id != "none"),
        machine: line("machine").unwrap_or_default(),
        state: line("state"),
        reboot: yes("reboot"),
        asked: line("asked"),
        root: yes("root"),
        hands: line("hands"),
        undo: yes("undo"),
        all: list("all"),
        beside: list("beside"),
        simulated: line("simulated"),
        quick: yes("quick"),
        name,
        script,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{machine::Description, state};

    #[test]
    fn every_recreation_is_whole() {
        let all = all().unwrap();
        assert!(all.iter().filter(|one| one.breakage.is_some()).count() >= 25);
        for one in &all {
            assert!(!one.what.is_empty(), "{}", one.name);
            Description::named(&one.machine).unwrap();
            if let Some(state) = &one.state {
                state::named(state).unwrap();
            }
            if let Some(id) = &one.breakage {
                let data =
                    crate::shell::root().join(format!("crates/knowledge/data/breakages/{id}.toml"));
                assert!(data.is_file(), "{}: there is no breakage {id}", one.name);
            }
        }
        let quick = all.iter().filter(|one| one.quick).count();
        assert!((3..=8).contains(&quick), "{quick} are quick");
    }

    #[test]
    fn a_field_that_is_none_is_said() {
        assert!(parse("x".into(), "# breakage: y\n# qick: yes\n".into()).is_err());
        assert!(parse("x".into(), "# what: y\n".into()).is_err());
        let one = parse("x".into(), "# breakage: none\n# beside: a b\n:\n".into()).unwrap();
        assert_eq!(one.breakage, None);
        assert_eq!(one.beside, ["a", "b"]);
    }
}
