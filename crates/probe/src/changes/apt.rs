//! apt's history.log: paragraphs of `Key: value` lines, one a run.

use super::{bare, identity, is_told, moment};
use deskside_types::changes::{ChangeKind, PackageChange, SystemChange};

/// The runs that changed packages that are told, in the log's order. What can't be understood is passed over.
pub(super) fn parse(text: &str) -> Vec<SystemChange> {
    text.split("\n\n").filter_map(run).collect()
}

fn run(paragraph: &str) -> Option<SystemChange> {
    let field = |key: &str| {
        paragraph.lines().find_map(|line| {
            let value = line.strip_prefix(key)?.strip_prefix(':')?;
            Some(value.trim()).filter(|value| !value.is_empty())
        })
    };
    let date = |key: &str| {
        let mut words = field(key)?.split_whitespace();
        moment(words.next()?, words.next()?)
    };
    let began = date("Start-Date")?;
    let packages: Vec<PackageChange> = [
        ("Install", ChangeKind::Install),
        ("Reinstall", ChangeKind::Reinstall),
        ("Upgrade", ChangeKind::Upgrade),
        ("Downgrade", ChangeKind::Downgrade),
        ("Remove", ChangeKind::Remove),
        ("Purge", ChangeKind::Purge),
    ]
    .into_iter()
    .flat_map(|(key, kind)| {
        field(key)
            .map(|list| entries(list, kind))
            .unwrap_or_default()
    })
    .collect();
    let command = field("Commandline").map(str::to_string);
    (!packages.is_empty()).then(|| SystemChange {
        id: identity("apt", &began),
        ended: date("End-Date"),
        tool: tool(command.as_deref()),
        command,
        requested_by: field("Requested-By").map(str::to_string),
        error: field("Error").map(str::to_string),
        packages,
        began,
    })
}

/// `a:amd64 (1.0, automatic), b:amd64 (1, 2)`
fn entries(list: &str, kind: ChangeKind) -> Vec<PackageChange> {
    list.split("),")
        .filter_map(|entry| {
            let (name, inside) = entry.trim().trim_end_matches(')').split_once(" (")?;
            let name = bare(name.trim());
            let mut words: Vec<&str> = inside.split(',').map(str::trim).collect();
            let automatic = words.last() == Some(&"automatic");
            if automatic {
                words.pop();
            }
            let first = words
                .first()
                .copied()
                .filter(|word| !word.is_empty())
                .map(str::to_string);
            let second = words.get(1).copied().map(str::to_string);
            let (from, to) = match kind {
                ChangeKind::Install => (None, first),
                ChangeKind::Reinstall => (first.clone(), first),
                ChangeKind::Upgrade | ChangeKind::Downgrade => (first, second),
                ChangeKind::Remove | ChangeKind::Purge => (first, None),
            };
            is_told(name).then(|| PackageChange {
                name: name.into(),
                kind,
                from,
                to,
                automatic,
            })
        })
        .collect()
}

/// The program behind a run, as a person knows it.
fn tool(command: Option<&str>) -> String {
    let mut words = command.unwrap_or_default().split_whitespace();
    let base = |word: &str| word.rsplit('/').next().unwrap_or(word).to_string();
    let mut program = words.next().map(base).unwrap_or_default();
    // An interpreter says nothing, its script does.
    if program.starts_with("python")
        && let Some(script) = words.find(|word| !word.starts_with('-'))
    {
        program = base(script);
    }
    match program.as_str() {
        "" => "apt".into(),
        "unattended-upgrade" => "unattended-upgrades".into(),
        _ => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "
Start-Date: 2026-11-02  06:41:12
Commandline: /usr/bin/unattended-upgrade
Upgrade: libnvidia-compute-580:amd64 (580.95.05-0ubuntu0.22.04.2, 580.178.04-0ubuntu0.22.04.1), tzdata:all (1, 2), nvidia-driver-580-open:amd64 (580.95.05-0ubuntu0.22.04.2, 580.178.04-0ubuntu0.22.04.1)
End-Date: 2026-11-02  06:43:50

Start-Date: 2026-11-03  10:00:00
Commandline: apt install firefox
Install: firefox:amd64 (1)
End-Date: 2026-11-03  10:00:05

Start-Date: 2026-11-04  11:00:00
Commandline: apt-get install cuda-toolkit-13-0
Requested-By: me (1000)
Install: cuda-toolkit-13-0:amd64 (13.0.2-1), cuda-nvcc-13-0:amd64 (13.0.88-1, automatic)
Purge: nvidia-cuda-toolkit:amd64 (11.5.1-1ubuntu1)
Error: Sub-process /usr/bin/dpkg returned an error code (1)
";

    #[test]
    fn runs_are_told_with_versions_and_people() {
        let runs = parse(LOG);
        assert_eq!(runs.len(), 2, "{runs:?}");
        let first = &runs[0];
        assert_eq!(
            (
                first.id.as_str(),
                first.tool.as_str(),
                first.ended.as_deref()
            ),
            (
                "apt-20261102-064112",
                "unattended-upgrades",
                Some("2026-11-02T06:43:50")
            )
        );
        assert_eq!(first.packages.len(), 2);
        assert_eq!(first.packages[1].name, "nvidia-driver-580-open");
        assert_eq!(
            (
                first.packages[1].from.as_deref(),
                first.packages[1].to.as_deref()
            ),
            (
                Some("580.95.05-0ubuntu0.22.04.2"),
                Some("580.178.04-0ubuntu0.22.04.1")
            )
        );
        let second = &runs[1];
        assert_eq!(second.requested_by.as_deref(), Some("me (1000)"));
        assert!(second.error.is_some() && second.ended.is_none());
        let told: Vec<(&str, ChangeKind, bool)> = second
            .packages
            .iter()
            .map(|one| (one.name.as_str(), one.kind, one.automatic))
            .collect();
        assert_eq!(
            told,
            [
                ("cuda-toolkit-13-0", ChangeKind::Install, false),
                ("cuda-nvcc-13-0", ChangeKind::Install, true),
                ("nvidia-cuda-toolkit", ChangeKind::Purge, false)
            ]
        );
        assert_eq!(second.packages[2].from.as_deref(), Some("11.5.1-1ubuntu1"));
    }

    #[test]
    fn tools_are_named_as_people_know_them() {
        for (command, name) in [
            (Some("/usr/bin/unattended-upgrade"), "unattended-upgrades"),
            (
                Some("/usr/bin/python3 /usr/bin/unattended-upgrade"),
                "unattended-upgrades",
            ),
            (Some("packagekit role='update-packages'"), "packagekit"),
            (Some("apt install x"), "apt"),
            (None, "apt"),
        ] {
            assert_eq!(tool(command), name);
        }
    }

    #[test]
    fn damaged_logs_are_read_as_far_as_they_go() {
        for end in 0..LOG.len() {
            let _ = parse(&LOG[..end]);
        }
        assert!(parse("Start-Date: x\nInstall: cuda (1)\n\nInstall: cuda ()").is_empty());
        let odd = parse(
            "Start-Date: 2026-01-01  00:00:00\nInstall: cuda:amd64 (), cuda-x (,automatic), (",
        );
        assert!(
            odd.iter()
                .flat_map(|run| &run.packages)
                .all(|one| one.to.is_none())
        );
    }
}
