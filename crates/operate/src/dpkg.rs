//! Whether packages are installed, by dpkg's status file (dpkg(1)), and who is in a group, by group(5).

use std::collections::{BTreeMap, BTreeSet};

/// dpkg's list of packages.
pub(crate) const STATUS: &str = "/var/lib/dpkg/status";
/// A list of packages is 2 to 8 MB.
pub(crate) const LARGEST: u64 = 32 << 20;

/// Whether the first are installed in full and none of the second is.
///
/// `absent` may name a version, too: then that version must not be there.
pub(crate) fn hold(list: &[u8], installed: &[String], absent: &[String]) -> bool {
    let mut there = BTreeMap::new();
    let mut unfinished = BTreeSet::new();
    let text = String::from_utf8_lossy(list);
    let mut name = None;
    let mut counted = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("Package: ") {
            name = Some(rest.trim());
            counted = None;
        } else if let Some(rest) = line.strip_prefix("Status: ")
            && let Some(name) = name.take()
        {
            match rest.split_whitespace().nth(2) {
                Some("installed" | "triggers-awaited" | "triggers-pending") => {
                    there.insert(name, "");
                    counted = Some(name);
                }
                Some("config-files" | "not-installed") | None => {}
                Some(_) => {
                    unfinished.insert(name);
                }
            }
        } else if let Some(version) = line.strip_prefix("Version: ")
            && let Some(name) = counted
        {
            there.insert(name, version.trim());
        }
    }
    installed
        .iter()
        .all(|name| there.contains_key(name.as_str()) && !unfinished.contains(name.as_str()))
        && !absent.iter().any(|one| match one.split_once('=') {
            Some((name, version)) => there.get(name) == Some(&version),
            None => there.contains_key(one.as_str()) || unfinished.contains(one.as_str()),
        })
}

/// Whether a group names a member.
pub(crate) fn is_member(table: &str, group: &str, name: &str) -> bool {
    table.lines().any(|line| {
        let mut cells = line.split(':');
        cells.next() == Some(group)
            && cells
                .nth(2)
                .is_some_and(|members| members.split(',').any(|member| member.trim() == name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_configured_package_is_installed_and_only_one_without_files_is_gone() {
        let list = b"Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok half-configured\n\nPackage: c\nStatus: deinstall ok config-files\n\nPackage: d\nPackage: e\nStatus: hold ok installed\n";
        let names =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_string).collect() };
        for (installed, absent, holds) in [
            ("a e", "c x", true),
            ("", "", true),
            ("b", "", false),
            ("", "b", false),
            ("c", "", false),
            ("x", "", false),
            ("", "a", false),
            ("d", "", false),
            ("a", "a=2 e=1", true),
            ("a", "a=1", false),
        ] {
            assert_eq!(
                hold(list, &names(installed), &names(absent)),
                holds,
                "{installed} | {absent}"
            );
        }
        assert!(!hold(b"", &names("a"), &[]));
    }

    #[test]
    fn members_are_whole_names() {
        let table = "render:x:110:me,you\nvideo:x:44:mee\n";
        assert!(is_member(table, "render", "you"));
        assert!(!is_member(table, "video", "me") && !is_member(table, "rend", "me"));
    }
}
