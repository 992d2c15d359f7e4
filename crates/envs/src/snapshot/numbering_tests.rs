//! Numbers as people say them.

use super::*;
use crate::snapshot::{MachineState, PythonState, SNAPSHOT_VERSION};

fn snapshot(id: &str, python: &str) -> Snapshot {
    Snapshot {
        version: SNAPSHOT_VERSION,
        id: id.into(),
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        reason: "test".into(),
        operation: None,
        project: "/p".into(),
        environment: "/p/.venv".into(),
        python: PythonState {
            version: python.into(),
            interpreter: String::new(),
            managed: false,
            system_packages: false,
        },
        choice: None,
        parts: None,
        indexes: vec![],
        machine: MachineState::default(),
        files: Default::default(),
        distributions: vec![],
        full: false,
        finished: None,
        module: None,
    }
}

#[test]
fn numbers_count_from_the_state_that_is_there() {
    let all = [
        snapshot("20261101-100000-aaaa", "3.10"),
        snapshot("20261102-100000-bbbb", "3.11"),
        snapshot("20261103-100000-2222", "3.12"),
    ];
    let same = snapshot("x", "3.12");
    let changed = snapshot("x", "3.13");
    let id = |present: Option<&Snapshot>, wanted: &str| {
        find(&all, present, wanted)
            .map(|found| found.id.clone())
            .map_err(|problem| problem.message)
    };
    // The newest is there: it is 0.
    assert_eq!(id(Some(&same), "0").unwrap(), all[2].id);
    assert_eq!(id(Some(&same), "1").unwrap(), all[1].id);
    // Changed since: what is there is 0 and kept nowhere, the newest is 1.
    assert_eq!(id(Some(&changed), "1").unwrap(), all[2].id);
    assert!(
        id(Some(&changed), "0")
            .unwrap_err()
            .contains("no snapshot yet")
    );
    assert_eq!(id(Some(&changed), "3").unwrap(), all[0].id);
    // Nothing readable is there: the newest is what it was.
    assert_eq!(id(None, "0").unwrap(), all[2].id);
    for (wanted, said) in [
        ("3", "oldest of the 3 is 2"),
        ("zzzz", "no snapshot zzzz"),
        ("-1", "no snapshot"),
    ] {
        let message = id(Some(&same), wanted).unwrap_err();
        assert!(message.contains(said), "{wanted}: {message}");
    }
    let first = find(&all[..1], Some(&snapshot("x", "3.10")), "1").unwrap_err();
    assert_eq!(
        first.message,
        "there is no snapshot 1: only one is kept, number 0, and nothing is kept from before it"
    );
    assert_eq!(id(Some(&same), "bbbb").unwrap(), all[1].id);
    // An end of four digits is an identity.
    assert_eq!(id(Some(&same), "2222").unwrap(), all[2].id);
    assert_eq!(id(Some(&same), &all[0].id).unwrap(), all[0].id);
    assert_eq!(
        find(&[], None, "1").unwrap_err().code,
        Code::SnapshotUnknown
    );
}
