//! dpkg.log: what was installed past apt, by `dpkg --install` and its kind.

use super::{bare, identity, is_told, moment};
use deskside_types::changes::{ChangeKind, PackageChange, SystemChange};

/// Lines further apart than this belong to another change, in seconds.
const GAP: i64 = 120;

/// Changes of packages that are told, outside the runs that apt tells of itself.
pub(super) fn parse(text: &str, runs: &[SystemChange]) -> Vec<SystemChange> {
    let mut changes: Vec<SystemChange> = Vec::new();
    for line in text.lines() {
        let Some((at, package)) = entry(line) else {
            continue;
        };
        if runs.iter().any(|run| covers(run, &at)) {
            continue;
        }
        match changes.last_mut().filter(|last| follows(last, &at)) {
            Some(last) => {
                last.ended = Some(at);
                add(&mut last.packages, package);
            }
            None => changes.push(SystemChange {
                id: identity("dpkg", &at),
                ended: Some(at.clone()),
                began: at,
                tool: "dpkg".into(),
                command: None,
                requested_by: None,
                error: None,
                packages: vec![package],
            }),
        }
    }
    changes
}

/// `2026-11-02 06:41:30 upgrade libnvidia-gl-580:amd64 1 2`
fn entry(line: &str) -> Option<(String, PackageChange)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [day, time, action, name, from, to] = words.as_slice() else {
        return None;
    };
    let kind = match *action {
        "install" => ChangeKind::Install,
        "upgrade" => ChangeKind::Upgrade,
        "remove" => ChangeKind::Remove,
        "purge" => ChangeKind::Purge,
        _ => return None,
    };
    let name = bare(name);
    let version = |text: &str| (text != "<none>").then(|| text.to_string());
    let (from, to) = match kind {
        // What stands first is the version whose settings were left.
        ChangeKind::Install => (None, version(to)),
        ChangeKind::Upgrade => (version(from), version(to)),
        _ => (version(from), None),
    };
    let kind = match (&from, &to) {
        (Some(from), Some(to)) if from == to => ChangeKind::Reinstall,
        (Some(from), Some(to)) if deskside_knowledge::version::debian_order(from, to).is_gt() => {
            ChangeKind::Downgrade
        }
        _ => kind,
    };
    let at = moment(day, time)?;
    is_told(name).then(|| {
        (
            at,
            PackageChange {
                name: name.into(),
                kind,
                from,
                to,
                automatic: false,
            },
        )
    })
}

/// A package that is removed and then purged went once.
fn add(packages: &mut Vec<PackageChange>, package: PackageChange) {
    match packages.iter_mut().find(|one| one.name == package.name) {
        Some(there) if package.kind == ChangeKind::Purge && there.kind == ChangeKind::Remove => {
            there.kind = ChangeKind::Purge;
        }
        _ => packages.push(package),
    }
}

/// Whether a run of apt's covers a moment; a run without an end covers what follows it closely.
fn covers(run: &SystemChange, at: &str) -> bool {
    run.began.as_str() <= at
        && match &run.ended {
            Some(ended) => at <= ended.as_str(),
            None => seconds(&run.began, at).is_some_and(|seconds| seconds <= 3600),
        }
}

fn follows(change: &SystemChange, at: &str) -> bool {
    let last = change.ended.as_deref().unwrap_or(&change.began);
    seconds(last, at).is_some_and(|seconds| (0..=GAP).contains(&seconds))
}

fn seconds(from: &str, to: &str) -> Option<i64> {
    let parse = |text: &str| text.parse::<jiff::civil::DateTime>().ok();
    let span = parse(to)?.duration_since(parse(from)?);
    Some(span.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_apt_does_not_tell_is_told_and_lines_of_one_call_are_one_change() {
        let runs = crate::changes::apt::parse(
            "Start-Date: 2026-11-02  06:41:12\nUpgrade: cuda:amd64 (1, 2)\nEnd-Date: 2026-11-02  06:43:50\n",
        );
        let log = "2026-11-02 06:41:30 upgrade cuda:amd64 1 2\n2026-11-03 10:00:00 startup archives unpack\n2026-11-03 10:00:01 install cuda-repo-ubuntu2204-12-8-local:amd64 <none> 12.8.1-1\n2026-11-03 10:00:01 status half-installed cuda-drivers:amd64 1\n2026-11-03 10:00:40 upgrade cuda-drivers:amd64 580.1 570.1\n2026-11-03 10:05:00 remove nvidia-utils-535:amd64 535.1 <none>\n2026-11-03 10:05:01 purge nvidia-utils-535:amd64 535.1 <none>\n2026-11-03 10:05:02 install firefox:amd64 <none> 1\n";
        let changes = parse(log, &runs);
        let told: Vec<(&str, Vec<(&str, ChangeKind)>)> = changes
            .iter()
            .map(|change| {
                (
                    change.id.as_str(),
                    change
                        .packages
                        .iter()
                        .map(|one| (one.name.as_str(), one.kind))
                        .collect(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    "dpkg-20261103-100001",
                    vec![
                        ("cuda-repo-ubuntu2204-12-8-local", ChangeKind::Install),
                        ("cuda-drivers", ChangeKind::Downgrade)
                    ]
                ),
                (
                    "dpkg-20261103-100500",
                    vec![("nvidia-utils-535", ChangeKind::Purge)]
                ),
            ]
        );
    }

    #[test]
    fn odd_lines_are_passed_over() {
        assert!(
            parse(
                "\n2026\nx y install cuda a b\n2026-11-03 10:00:01 install cuda",
                &[]
            )
            .is_empty()
        );
    }
}
