//! The facts of every machine under `fixtures/machines/`, each against its reviewed snapshot.
#![allow(clippy::unwrap_used, reason = "tests")]

use deskside_machine::bundle::{Bundle, BundleOrigin};
use deskside_machine::host::Host;
use deskside_machine::wrappers::Replay;
use deskside_machine::{FileKind, Reading};
use deskside_probe::collect;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/machines"
    ))
}

fn names() -> Vec<String> {
    let entries = Host::new().entries(folder()).unwrap();
    entries
        .into_iter()
        .filter(|entry| entry.kind == FileKind::Directory)
        .map(|entry| entry.name)
        .collect()
}

#[test]
fn every_machine_has_the_facts_that_were_reviewed() {
    let names = names();
    assert!(names.len() >= 16, "{names:?}");
    for name in names {
        let replay = Replay::open(folder().join(&name)).unwrap();
        assert_eq!(replay.bundle().warnings, Vec::<String>::new(), "{name}");
        let facts = collect(&replay);
        insta::assert_json_snapshot!(name.as_str(), facts);
        assert_eq!(facts, collect(&replay), "{name}: the same twice");
        let json = serde_json::to_value(&facts).unwrap();
        assert_eq!(
            serde_json::from_value::<deskside_types::Facts>(json).unwrap(),
            facts,
            "{name}: JSON and back"
        );
    }
}

#[test]
fn every_bundle_says_where_it_comes_from_and_hides_people() {
    for name in names() {
        let bundle = Bundle::load(folder().join(&name)).unwrap();
        let recorded = name.starts_with("recorded-");
        assert_eq!(
            bundle.header.origin,
            if recorded {
                BundleOrigin::Recorded
            } else {
                BundleOrigin::Synthetic
            },
            "{name}"
        );
        assert!(
            bundle.header.redacted && !bundle.header.notes.trim().is_empty(),
            "{name}"
        );
    }
}

#[test]
fn a_synthetic_bundle_answers_every_question_of_the_probe() {
    // An unasked question would make a fact unknown for a reason that no real machine has.
    for name in names()
        .into_iter()
        .filter(|name| !name.starts_with("recorded-"))
    {
        let facts =
            serde_json::to_string(&collect(&Replay::open(folder().join(&name)).unwrap())).unwrap();
        assert!(
            !facts.contains("not recorded in this bundle"),
            "{name}: {facts}"
        );
    }
}

#[test]
fn what_other_tools_changed_is_told_from_logs_plain_and_rotated() {
    let replay = Replay::open(folder().join("ubuntu-22.04-driver-library-mismatch")).unwrap();
    let told = deskside_probe::changes(&replay);
    assert_eq!(told.unread, Vec::<String>::new());
    let ids: Vec<(&str, &str, usize)> = told
        .changes
        .iter()
        .map(|change| {
            (
                change.id.as_str(),
                change.tool.as_str(),
                change.packages.len(),
            )
        })
        .collect();
    assert_eq!(
        ids,
        [
            ("apt-20261118-062714", "unattended-upgrades", 6),
            ("apt-20261002-190311", "apt", 2),
        ]
    );
    assert_eq!(told.changes[1].requested_by.as_deref(), Some("user (1000)"));
    let bare = Replay::open(folder().join("macbook-pro-m4-max")).unwrap();
    assert_eq!(deskside_probe::changes(&bare).changes, vec![]);
}

/// Who asks for the hardware alone gets the same of it, and nothing of what is installed.
#[test]
fn the_hardware_alone_is_the_same_hardware() {
    for name in names() {
        let replay = Replay::open(folder().join(&name)).unwrap();
        let (whole, hardware) = (collect(&replay), deskside_probe::collect_hardware(&replay));
        assert_eq!(
            (
                &whole.system,
                &whole.cpu,
                &whole.memory,
                &whole.gpus,
                &whole.drivers
            ),
            (
                &hardware.system,
                &hardware.cpu,
                &hardware.memory,
                &hardware.gpus,
                &hardware.drivers
            ),
            "{name}"
        );
        assert!(hardware.pythons.is_empty() && hardware.packages.value().is_none());
    }
}
