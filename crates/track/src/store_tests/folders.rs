//! Records and states of one folder: written, read, refused, settled.

use super::*;

#[test]
fn every_state_is_written_and_read_as_toml() {
    let home = Home::new();
    let folder = home.make("20260101-000000-aaaa", |_| {}, finished());
    let process = dead("b");
    for state in [
        RunState::Queued,
        RunState::Starting {
            supervisor: process.clone(),
        },
        RunState::Running {
            process: process.clone(),
            supervisor: None,
        },
        RunState::Running {
            process: process.clone(),
            supervisor: Some(process.clone()),
        },
        finished(),
        RunState::Stopped {
            exit: RunExit::Signal(15),
            reason: None,
        },
        RunState::Failed {
            reason: "no \"such\" command".into(),
        },
        RunState::Interrupted,
        RunState::ExitUnknown { survivor: None },
        RunState::ExitUnknown {
            survivor: Some(process.clone()),
        },
    ] {
        let written = StateRecord {
            state,
            started_at: Some("2026-01-01T00:00:00.25Z".parse().unwrap()),
            ended_at: None,
        };
        write_state(&home.host, &folder, &written, Durability::Process).unwrap();
        assert_eq!(record::read_state(&home.host, &folder).unwrap(), written);
    }
    write_state(
        &home.host,
        &folder,
        &StateRecord {
            state: finished(),
            started_at: None,
            ended_at: None,
        },
        Durability::Process,
    )
    .unwrap();
    assert_eq!(
        home.host.text(folder.state()).unwrap(),
        "state = \"finished\"\nexit_code = 0\n"
    );
}

#[test]
fn the_golden_folder_of_version_1_is_read() {
    let host = Host::new();
    let folder = Folder::at(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/20260101-000000-gold"
    ))
    .unwrap();
    let record = record::read(&host, &folder).unwrap();
    assert_eq!(
        (record.name.as_str(), record.experiment.as_str()),
        ("the golden one", "digits")
    );
    assert_eq!(
        record.tags,
        BTreeMap::from([
            ("purpose".into(), "kept as a test".into()),
            ("kept".into(), "yes".into())
        ])
    );
    assert!(
        record
            .code
            .as_ref()
            .is_some_and(|code| code.dirty && code.untracked == ["notes.md"])
    );
    let params = record::params(&host, &folder, &record);
    let expected = [
        ("lr", "3e-4"),
        ("model.depth", "3"),
        ("model.norm", "layer"),
        ("seeds", "[1,2]"),
        ("width", "64"),
    ];
    assert_eq!(
        params,
        expected
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .into()
    );
    let state = truth(&host, &folder).unwrap();
    assert_eq!(state.state, finished());
    assert_eq!(
        state.ended_at,
        Some("2026-01-01T00:10:00Z".parse().unwrap())
    );
    let summary = crate::summary::summary(&host, &folder).unwrap();
    assert_eq!(summary.values["best/accuracy"], SummaryValue::Number(0.987));
    assert_eq!(summary.values["note"], SummaryValue::Text("good".into()));
    assert_eq!(summary.values["train/loss"], SummaryValue::Number(5e-324));
    assert!(summary.values["diverged"].number().is_some_and(f64::is_nan));
    assert_eq!(summary.metrics[1].count, 4);
}

#[test]
fn a_newer_or_damaged_folder_says_so_and_is_left_alone() {
    let home = Home::new();
    let folder = home.make("20260101-000000-aaaa", |_| {}, finished());
    for (text, words) in [
        ("version = 2\nfuture = true\n", "newer version"),
        ("version = ", "run.toml"),
        ("name = \"x\"\n", "no version"),
        ("version = 1\n", "run.toml"),
    ] {
        std::fs::write(folder.record(), text).unwrap();
        let problem = record::read(&home.host, &folder).unwrap_err();
        assert_eq!(problem.code, Code::RunUnreadable);
        assert!(
            problem.to_string().contains(words) && !problem.hints.is_empty(),
            "{problem:?}"
        );
    }
    let listing = home.store().list(&Filter::default()).unwrap();
    assert!(
        listing.runs.is_empty() && listing.warnings.len() == 1,
        "{listing:?}"
    );
    assert_eq!(home.store().reindex().unwrap().unreadable.len(), 1);
}

#[test]
fn what_a_dead_process_left_is_settled_and_stays_so() {
    let home = Home::new();
    let boot = home.host.boot_id();
    let me = home.me();
    let unknown = RunState::ExitUnknown { survivor: None };
    for (written, expected) in [
        (
            RunState::Running {
                process: me.clone(),
                supervisor: None,
            },
            RunState::Running {
                process: me.clone(),
                supervisor: None,
            },
        ),
        (
            RunState::Running {
                process: dead(&boot),
                supervisor: Some(dead(&boot)),
            },
            unknown.clone(),
        ),
        (
            RunState::Running {
                process: ProcessIdentity {
                    start_time: me.start_time + 1,
                    ..me.clone()
                },
                supervisor: None,
            },
            unknown.clone(),
        ),
        (
            RunState::Running {
                process: me.clone(),
                supervisor: Some(dead(&boot)),
            },
            RunState::ExitUnknown {
                survivor: Some(me.clone()),
            },
        ),
        (
            RunState::Running {
                process: dead("another boot"),
                supervisor: None,
            },
            RunState::Interrupted,
        ),
    ] {
        let folder = home.make("20260101-000000-aaaa", |_| {}, written);
        // It began: what has no log never did.
        std::fs::write(folder.log(), "begun\n").unwrap();
        assert_eq!(truth(&home.host, &folder).unwrap().state, expected);
        assert_eq!(
            record::read_state(&home.host, &folder).unwrap().state,
            expected
        );
    }
    let folder = home.make(
        "20260101-000000-bbbb",
        |_| {},
        RunState::Starting {
            supervisor: dead(&boot),
        },
    );
    assert!(matches!(
        truth(&home.host, &folder).unwrap().state,
        RunState::Failed { .. }
    ));
}
