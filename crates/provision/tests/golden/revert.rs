//! What other tools changed is taken back: reviewed plans, and refusals.

use super::cases::{ADA, healthy};
use super::machine::*;
use super::print::print;
use deskside_provision::{Wish, revert};
use deskside_types::Facts;
use deskside_types::changes::{ChangeKind, PackageChange, SystemChange};
use std::fmt::Write;

fn package(name: &str, kind: ChangeKind, from: &str, to: &str) -> PackageChange {
    let version = |text: &str| (!text.is_empty()).then(|| text.to_string());
    PackageChange {
        name: name.into(),
        kind,
        from: version(from),
        to: version(to),
        automatic: false,
    }
}

fn change(id: &str, tool: &str, packages: Vec<PackageChange>) -> SystemChange {
    SystemChange {
        id: id.into(),
        began: "2026-11-02T06:41:12".into(),
        ended: None,
        tool: tool.into(),
        command: None,
        requested_by: None,
        error: None,
        packages,
    }
}

const OLD: &str = "580.95.05-0ubuntu0.22.04.2";
const NEW: &str = "580.178.04-0ubuntu0.22.04.1";

fn changes() -> Vec<SystemChange> {
    vec![
        change(
            "apt-20261104-110000",
            "apt-get",
            vec![
                package("cuda-toolkit-13-0", ChangeKind::Install, "", "13.0.2-1"),
                package(
                    "nvidia-cuda-toolkit",
                    ChangeKind::Purge,
                    "11.5.1-1ubuntu1",
                    "",
                ),
            ],
        ),
        change(
            "apt-20261102-064112",
            "unattended-upgrades",
            [
                "nvidia-driver-580-open",
                "libnvidia-compute-580",
                "libnvidia-gl-580",
            ]
            .map(|name| package(name, ChangeKind::Upgrade, OLD, NEW))
            .into_iter()
            .chain([package(
                "linux-image-generic-hwe-22.04",
                ChangeKind::Upgrade,
                "6.8.0-87",
                "6.8.0-149",
            )])
            .collect(),
        ),
        change(
            "apt-20261101-090000",
            "apt",
            vec![package(
                "nvidia-utils-580",
                ChangeKind::Upgrade,
                "580.1-0ubuntu0",
                OLD,
            )],
        ),
    ]
}

fn told(facts: &Facts, word: &str) -> String {
    let wish = Wish::default().with(&format!("revert={word}")).unwrap();
    let mut text = format!("== {word}\n");
    match revert(facts, &wish, &changes()) {
        Ok(plan) => text.push_str(&print(&plan)),
        Err(problem) => {
            let _ = writeln!(text, "  refused: {problem}");
        }
    }
    text
}

#[test]
fn changes_are_taken_back_as_reviewed() {
    let mut facts = healthy("22.04", ADA);
    add(&mut facts, &["cuda-toolkit-13-0 13.0.2-1"]);
    let text: Vec<String> = [
        "apt-20261102-064112",
        "apt-20261104",
        // It was changed again since.
        "apt-20261101-090000",
        // Three changes begin so.
        "2026-11-02",
        "dpkg-2020",
    ]
    .into_iter()
    .map(|word| told(&facts, word))
    .collect();
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("revert", text.join("\n"));
    });
}

#[test]
fn what_was_taken_back_needs_nothing_more() {
    let mut facts = healthy("22.04", ADA);
    for name in [
        "nvidia-driver-580-open",
        "libnvidia-compute-580",
        "libnvidia-gl-580",
    ] {
        super::cases::without(&mut facts, name);
        add(&mut facts, &[&format!("{name} {OLD}")]);
    }
    let wish = Wish::default().with("revert=apt-20261102").unwrap();
    let plan = revert(&facts, &wish, &changes()).unwrap();
    assert!(plan.plan.is_empty(), "{}", print(&plan));
}

#[test]
fn no_odd_word_of_a_log_reaches_apt() {
    let facts = healthy("22.04", ADA);
    for (name, from) in [
        ("nvidia-driver-580-open", "1; rm -rf /"),
        ("nvidia-driver-580-open", "*"),
        ("nvidia-*", "1"),
        ("cuda ../x", "1"),
    ] {
        let odd = change(
            "apt-20261102-064112",
            "apt",
            vec![package(name, ChangeKind::Upgrade, from, NEW)],
        );
        let wish = Wish::default().with("revert=apt-20261102").unwrap();
        let plan = revert(&facts, &wish, &[odd]).unwrap();
        assert!(plan.plan.is_empty(), "{name} {from}");
    }
}
