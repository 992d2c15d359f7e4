//! The wrappers around a machine: rehearse, listen, break.

#![allow(clippy::unwrap_used, reason = "tests")]

use deskside_machine::wrappers::Heard;
use deskside_machine::{
    Acting, Answer, Audited, Command, Died, DryRun, Durability, Effect, ErrorKind, Fault, Faulty,
    Launch, Machine, Reading,
};
use deskside_testkit::{Sim, SimLaunched, sim};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A made-up program: makes a file, and says so.
fn simulated() -> Sim {
    let sim = Sim::linux();
    sim.on_command(
        |argv| argv[0] == "make-it",
        |state, _| {
            state.put_file("/home/user/made", "x");
            Ok(sim::output(0, "made it\n", ""))
        },
    );
    sim
}

/// Four effects that end in the same state however often they are begun anew.
fn work(machine: &dyn Machine) -> Result<(), deskside_machine::DoorError> {
    machine.create_directory("/home/user/project/deep")?;
    machine.write_file(
        "/home/user/project/file",
        "0123456789",
        0o644,
        Durability::Power,
    )?;
    machine.run(Command::new(["make-it"]), &mut |_| {})?;
    machine.remove_tree("/home/user/old")
}

#[test]
fn faults_are_read_from_text() {
    for text in [
        "die-before@7",
        "die-after@7",
        "half@7",
        "fail-full@7",
        "fail-read-only@7",
        "fail-network@7",
    ] {
        assert_eq!(Fault::parse(text).unwrap().at, 7, "{text}");
    }
    for text in [
        "",
        "die@7",
        "die-before",
        "die-before@0",
        "die-before@x",
        "fail-@7",
        "fail-nothing@7",
        "half@-1",
    ] {
        assert_eq!(Fault::parse(text), None, "{text}");
    }
}

#[test]
fn work_that_died_anywhere_is_finished_by_doing_it_again() {
    let clean = simulated();
    clean
        .put_file("/home/user/old/a", "x")
        .put_file("/home/user/old/b/c", "x");
    let start = clean.snapshot();
    let counting = Faulty::counting(clean.shared());
    work(&counting).unwrap();
    assert_eq!(counting.effects(), 4);
    let wanted = clean.tree();
    for at in 1..=4 {
        for mode in ["die-before", "die-after", "half"] {
            let sim = simulated();
            sim.restore(start.clone());
            let faulty = Faulty::new(sim.shared(), Fault::parse(&format!("{mode}@{at}")).unwrap());
            let death = catch_unwind(AssertUnwindSafe(|| work(&faulty))).unwrap_err();
            assert_eq!(death.downcast_ref::<Died>().unwrap().at, at);
            work(&sim).unwrap();
            let left = sim
                .tree()
                .lines()
                .filter(|line| !line.contains(".deskside-"))
                .collect::<Vec<_>>()
                .join("\n");
            assert_eq!(left, wanted.trim_end(), "{mode} at {at}");
        }
        let sim = simulated();
        sim.restore(start.clone());
        let faulty = Faulty::new(
            sim.shared(),
            Fault::parse(&format!("fail-full@{at}")).unwrap(),
        );
        assert_eq!(work(&faulty).unwrap_err().kind, ErrorKind::Full);
        // Only once: what comes after goes well.
        work(&faulty).unwrap();
        assert_eq!(sim.tree(), wanted);
    }
}

#[test]
fn half_an_effect_is_seen() {
    let half = |effect: Effect| {
        let sim = simulated();
        sim.put_file("/home/user/old/a", "x")
            .put_file("/home/user/old/b", "x")
            .put_file("/home/user/log", "begun\n");
        let faulty = Faulty::new(sim.shared(), Fault::parse("half@1").unwrap());
        catch_unwind(AssertUnwindSafe(|| faulty.effect(&effect))).unwrap_err();
        sim
    };
    let path = |name: &str| Path::new("/home/user").join(name);
    let durability = Durability::Process;
    let written = half(Effect::WriteFile {
        path: path("new"),
        contents: b"0123456789".into(),
        mode: 0o644,
        durability,
    });
    assert!(!written.exists(path("new")).unwrap());
    assert_eq!(
        written
            .text(path(".new.deskside-0000000000000000"))
            .unwrap(),
        "01234"
    );
    let appended = half(Effect::AppendFile {
        path: path("log"),
        contents: b"0123456789".into(),
        durability,
    });
    assert_eq!(appended.text(path("log")).unwrap(), "begun\n01234");
    let removed = half(Effect::RemoveTree { path: path("old") });
    assert_eq!(removed.entries(path("old")).unwrap().len(), 1);
    let made = half(Effect::CreateDirectory {
        path: path("x/y/z"),
    });
    assert!(made.exists(path("x")).unwrap() && !made.exists(path("x/y")).unwrap());
    let ran = half(Effect::Command(Command::new(["make-it"])));
    assert!(
        ran.exists(path("made")).unwrap(),
        "it ran, and its answer is lost"
    );
}

#[test]
fn locks_and_launches_count_and_a_death_lets_go() {
    let sim = simulated();
    let faulty = Faulty::new(sim.shared(), Fault::parse("die-after@2").unwrap());
    let death = catch_unwind(AssertUnwindSafe(|| {
        let _held = faulty
            .lock(Path::new("/home/user/lock"), Duration::ZERO)
            .unwrap();
        faulty.create_directory("/home/user/x").unwrap();
    }));
    assert!(death.is_err());
    assert_eq!(faulty.effects(), 2);
    assert!(
        sim.lock(Path::new("/home/user/lock"), Duration::ZERO)
            .is_ok()
    );
}

#[test]
fn a_dry_run_changes_nothing_and_lists_all() {
    let sim = simulated();
    let before = sim.tree();
    let dry = DryRun::new(sim.shared());
    work(&dry).unwrap();
    let _held = dry
        .lock(Path::new("/home/user/lock"), Duration::ZERO)
        .unwrap();
    assert_eq!(sim.tree(), before);
    let phrases: Vec<String> = dry.effects().iter().map(Effect::phrase).collect();
    let expected = [
        "make the folder /home/user/project/deep",
        "write /home/user/project/file",
        "run make-it",
        "remove /home/user/old",
    ];
    assert_eq!(phrases, expected);
    assert!(dry.text("/etc/os-release").unwrap().contains("22.04"));
    assert_eq!(
        dry.launch(&launch("train")).err().unwrap().kind,
        ErrorKind::Refused
    );
}

#[test]
fn an_audit_hears_every_call_and_how_it_went() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let audited = Audited::new(simulated().shared(), move |call: &Heard<'_>| {
        sink.lock()
            .unwrap()
            .push((call.phrase.clone(), call.is_effect, call.kind(), call.took));
    });
    audited.text("/not/there").unwrap_err();
    audited
        .effect(&Effect::Sleep {
            span: Duration::from_secs(3),
        })
        .unwrap();
    let zero = Some(Duration::ZERO);
    assert_eq!(
        *heard.lock().unwrap(),
        [
            (
                "read /not/there".to_string(),
                false,
                Some(ErrorKind::Absent),
                zero
            ),
            (
                "wait 3s".to_string(),
                true,
                None,
                Some(Duration::from_secs(3))
            ),
        ]
    );
}

fn launch(program: &str) -> Launch {
    Launch {
        argv: vec![program.into()],
        directory: None,
        variables: std::collections::BTreeMap::new(),
        log: "/home/user/run/log".into(),
        foreground: false,
        to_stderr: false,
    }
}

#[test]
fn a_simulated_child_lives_until_it_is_waited_for() {
    let sim = Sim::linux();
    sim.on_launch(
        |argv| argv[0] == "train",
        |_, _| Ok(SimLaunched::exit(3, "loss 0.5\n")),
    );
    assert_eq!(
        sim.launch(&launch("other")).err().unwrap().kind,
        ErrorKind::Absent
    );
    let mut child = sim.launch(&launch("train")).unwrap();
    let process = child.started().process.clone();
    assert!(sim.is_alive(&process).unwrap());
    assert_eq!(child.wait().unwrap().exit.shell_code(), 3);
    assert!(!sim.is_alive(&process).unwrap());
    assert_eq!(sim.text("/home/user/run/log").unwrap(), "loss 0.5\n");
}

#[test]
fn a_reboot_ends_processes_and_locks() {
    let sim = Sim::linux();
    let boot = sim.boot_id();
    let pid = sim.change(sim::SimState::start_process);
    let held = sim
        .lock(Path::new("/home/user/lock"), Duration::ZERO)
        .unwrap();
    sim.put_file("/tmp/x", "x").reboot();
    assert_ne!(sim.boot_id(), boot);
    assert_eq!(sim.process(pid).unwrap(), None);
    assert!(!sim.exists("/tmp/x").unwrap());
    let second = sim
        .lock(Path::new("/home/user/lock"), Duration::ZERO)
        .unwrap();
    drop(held);
    let third = sim.lock(Path::new("/home/user/lock"), Duration::from_secs(5));
    assert_eq!(
        third.err().unwrap().kind,
        ErrorKind::Busy,
        "an old holder frees nothing"
    );
    drop(second);
}

#[test]
fn a_simulated_disk_fills_and_can_be_read_only() {
    let sim = Sim::linux();
    sim.change(|state| state.disk_free = 10);
    let write = |name: &str, text: &str| {
        sim.write_file(
            Path::new("/home/user").join(name),
            text,
            0o644,
            Durability::Process,
        )
    };
    write("a", "12345678").unwrap();
    assert_eq!(
        write("a", "123").unwrap_err().kind,
        ErrorKind::Full,
        "both are there for a moment"
    );
    assert_eq!(
        sim.text("/home/user/a").unwrap(),
        "12345678",
        "the old one is whole"
    );
    sim.remove_file("/home/user/a").unwrap();
    write("a", "123").unwrap();
    sim.change(|state| state.read_only.insert("/home".into()));
    assert_eq!(write("a", "1").unwrap_err().kind, ErrorKind::ReadOnly);
    assert!(!sim.access("/home/user/a", true).unwrap());
    assert_eq!(
        sim.write_file("/etc/x", "1", 0o644, Durability::Process)
            .unwrap_err()
            .kind,
        ErrorKind::Denied
    );
    assert_eq!(sim.text("/etc/shadow").unwrap_err().kind, ErrorKind::Denied);
}

#[test]
fn a_simulated_network_serves_checks_and_fails() {
    let sim = Sim::linux();
    sim.serve("https://index.example/a", "text/plain", "hello");
    let fetch = |url: &str, limit| sim.fetch(url, "*/*", limit, Duration::from_secs(1));
    assert_eq!(fetch("https://index.example/a", 9).unwrap().body, b"hello");
    assert_eq!(
        fetch("https://index.example/a", 3).unwrap_err().kind,
        ErrorKind::TooLarge
    );
    assert_eq!(
        fetch("https://index.example/b", 9).unwrap_err().kind,
        ErrorKind::Status
    );
    let download = |sha256: &str| {
        sim.effect(&Effect::Download {
            url: "https://index.example/a".into(),
            path: "/home/user/a".into(),
            sha256: sha256.into(),
            size: 5,
            deadline: Duration::from_secs(1),
        })
    };
    assert_eq!(download("00").unwrap_err().kind, ErrorKind::Hash);
    assert!(!sim.exists("/home/user/a").unwrap());
    // SHA-256 of `hello`.
    let answer =
        download("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824").unwrap();
    assert_eq!(answer, Answer::Done);
    assert_eq!(sim.text("/home/user/a").unwrap(), "hello");
    sim.set_network(false);
    assert_eq!(
        fetch("https://index.example/a", 9).unwrap_err().kind,
        ErrorKind::Network
    );
}

#[test]
fn a_snapshot_puts_everything_back() {
    let sim = simulated();
    let before = sim.snapshot();
    let tree = sim.tree();
    work(&sim).unwrap();
    sim.advance(Duration::from_secs(60)).set_variable("X", "y");
    assert_ne!(sim.tree(), tree);
    sim.restore(before);
    assert_eq!(sim.tree(), tree);
    assert_eq!(sim.variable("X"), None);
    assert!(sim.tree().contains("/bin -> usr/bin\n"));
    assert!(sim.tree_of("/home").contains("/home/user/ 0750\n"));
}
