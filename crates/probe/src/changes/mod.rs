//! What other tools changed: the logs of apt and dpkg, told as changes of drivers, toolkits and kernels.
//!
//! Both logs can be read by everybody. Rotated ones are read, too, compressed or not.

mod apt;
mod dpkg;

use crate::look::known;
use deskside_knowledge::platforms::package_kind;
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::changes::SystemChange;
use std::io::Read;

/// The most that is read of one log, compressed or not.
const LARGEST: u64 = 16 << 20;
/// The most logs of one kind that are read: a year of them.
const MOST: usize = 13;

/// What the logs tell.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Changes, newest first.
    pub changes: Vec<SystemChange>,
    /// Logs that are there and could not be read, and why.
    pub unread: Vec<String>,
}

/// The changes of drivers, toolkits and kernels that the package managers' logs tell of, whoever made them.
pub fn changes(machine: &dyn Machine) -> Changes {
    let mut unread = Vec::new();
    let mut changes = Vec::new();
    for text in texts(machine, "/var/log/apt", "history.log", &mut unread) {
        changes.extend(apt::parse(&text));
    }
    let runs = changes.clone();
    let mut beside = Vec::new();
    for text in texts(machine, "/var/log", "dpkg.log", &mut unread) {
        beside.extend(dpkg::parse(&text, &runs));
    }
    changes.extend(beside);
    changes.sort_by(|one, other| other.began.cmp(&one.began));
    number(&mut changes);
    Changes { changes, unread }
}

/// Changes that began in the same second get a number behind their identity; the oldest of them first.
fn number(changes: &mut [SystemChange]) {
    let mut seen: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
    for change in changes.iter_mut().rev() {
        let count = seen.entry(change.id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            change.id = format!("{}-{count}", change.id);
        }
    }
}

/// A log and its rotated ones: `history.log`, `history.log.1.gz`, … (logrotate(8)).
fn texts(machine: &dyn Machine, folder: &str, stem: &str, unread: &mut Vec<String>) -> Vec<String> {
    let names = match crate::look::names(machine, folder) {
        Known::Value(names) => names,
        Known::Absent => return Vec::new(),
        Known::Unknown { unknown } => {
            unread.push(format!("{folder}: {unknown}"));
            return Vec::new();
        }
    };
    let mut texts = Vec::new();
    let logs = names.into_iter().filter(|name| {
        name.strip_prefix(stem).is_some_and(|rest| {
            let rest = rest.strip_suffix(".gz").unwrap_or(rest);
            rest.is_empty()
                || rest.strip_prefix('.').is_some_and(|number| {
                    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
                })
        })
    });
    for name in logs.take(MOST) {
        let path = format!("{folder}/{name}");
        match known(machine.file(&path, LARGEST)) {
            Known::Value(bytes) if name.ends_with(".gz") => {
                let mut text = Vec::new();
                let read = flate2::read::MultiGzDecoder::new(bytes.as_slice())
                    .take(LARGEST)
                    .read_to_end(&mut text);
                if read.is_err() {
                    unread.push(format!("{path}: its compression is damaged"));
                }
                texts.push(String::from_utf8_lossy(&text).into_owned());
            }
            Known::Value(bytes) => texts.push(String::from_utf8_lossy(&bytes).into_owned()),
            Known::Absent => {}
            Known::Unknown { unknown } => unread.push(format!("{path}: {unknown}")),
        }
    }
    texts
}

/// Packages whose changes are told: drivers, toolkits, kernels.
fn is_told(name: &str) -> bool {
    package_kind(name).is_some()
        || [
            "linux-image",
            "linux-headers",
            "linux-modules",
            "linux-generic",
        ]
        .iter()
        .any(|head| name.starts_with(head))
}

/// A moment as logs write it, `2026-04-24` and `06:50:54`, as one text that sorts by time.
fn moment(day: &str, time: &str) -> Option<String> {
    let text = format!("{day}T{time}");
    text.parse::<jiff::civil::DateTime>().ok()?;
    (text.len() == 19).then_some(text)
}

/// The identity of a change by its tool and moment.
fn identity(tool: &str, moment: &str) -> String {
    let digits: String = moment
        .chars()
        .filter(char::is_ascii_digit)
        .enumerate()
        .flat_map(|(place, digit)| (place == 8).then_some('-').into_iter().chain([digit]))
        .collect();
    format!("{tool}-{digits}")
}

/// `name:amd64` without its architecture.
fn bare(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_come_from_the_moment_and_are_unique() {
        assert_eq!(
            identity("apt", "2026-04-24T06:50:54"),
            "apt-20260424-065054"
        );
        assert_eq!(
            moment("2026-04-24", "06:50:54").as_deref(),
            Some("2026-04-24T06:50:54")
        );
        assert!(moment("2026-13-24", "06:50:54").is_none() && moment("x", "").is_none());
        let text = "Start-Date: 2026-04-24  06:50:54\nInstall: cuda:amd64 (1)\n\nStart-Date: 2026-04-24  06:50:54\nRemove: cuda:amd64 (1)\n";
        let mut changes = apt::parse(text);
        changes.reverse();
        number(&mut changes);
        assert_eq!(
            (changes[1].id.as_str(), changes[0].id.as_str()),
            ("apt-20260424-065054", "apt-20260424-065054-2")
        );
    }
}
