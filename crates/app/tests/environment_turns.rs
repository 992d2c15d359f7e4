//! Whoever writes into an environment's store waits for its turn: a snapshot that is being brought back stays.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_app::environment::{gc, history, keep};
use deskside_app::{Context, undo};
use deskside_machine::Machine;
use deskside_testkit::Sim;
use deskside_types::Code;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PROJECT: &str = "/home/user/p";
const SITE: &str = "/home/user/p/.venv/lib/python3.12/site-packages";

/// A project with an environment that has one distribution of that version.
fn installed(sim: &Sim, version: &str) {
    let name = format!("six-{version}.dist-info");
    let information = format!("{SITE}/{name}");
    sim.change(|state| {
        state.remove(SITE);
    });
    sim.put_program("/usr/bin/python3.12", "elf")
        .put_link(format!("{PROJECT}/.venv/bin/python"), "/usr/bin/python3.12")
        .put_file(
            format!("{PROJECT}/.venv/pyvenv.cfg"),
            "home = /usr/bin\nversion_info = 3.12.3\n",
        )
        .put_file(
            format!("{information}/METADATA"),
            format!("Name: six\nVersion: {version}\n"),
        )
        .put_file(
            format!("{information}/RECORD"),
            format!("{name}/METADATA,,\n{name}/RECORD,,\n"),
        );
}

#[test]
fn gc_and_snapshot_wait_for_who_is_at_work() {
    let sim = Arc::new(Sim::linux());
    let context = Context::here(sim.clone()).unwrap();
    let project = Some(Path::new(PROJECT));
    let snapshot = || keep::snapshot(&context, project, false, &mut |_| {});
    let count = || history::history(&context, project).unwrap().snapshots.len();
    for version in ["1.0", "2.0"] {
        installed(&sim, version);
        assert!(snapshot().unwrap().new);
        sim.advance(Duration::from_secs(10));
    }
    installed(&sim, "3.0");
    let going = gc::prepare(&context, project, 1, false).unwrap();
    let lock = context.directories.state.join("lock");
    let held = sim.lock(&lock, Duration::ZERO).unwrap();
    assert_eq!(snapshot().unwrap_err().code, Code::Locked);
    assert_eq!(
        gc::carry_out(&context, &going).err().unwrap().code,
        Code::Locked
    );
    assert_eq!(count(), 2);
    drop(held);
    // Kept meanwhile by another command: what a person was shown is not what would go now.
    assert!(snapshot().unwrap().new);
    assert_eq!(
        gc::carry_out(&context, &going).err().unwrap().code,
        Code::PlanStale
    );
    assert_eq!(count(), 3);
    let going = gc::prepare(&context, project, 1, false).unwrap();
    assert_eq!(going.preview.snapshots.len(), 2);
    gc::carry_out(&context, &going).unwrap();
    assert_eq!(count(), 1);
    undo::undo(&context, None, &mut |_| {}).unwrap();
    assert_eq!(count(), 3);
}
