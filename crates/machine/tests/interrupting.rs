//! Ctrl-C, seen from outside: this test program starts itself and is interrupted.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests look from outside"
)]

use deskside_machine::{Acting, Command, Effect, ErrorKind, Host, interrupt};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Not a test: what is interrupted, when another test starts this program for it.
#[test]
fn interrupted() {
    let Ok(what) = std::env::var("INTERRUPTED") else {
        return;
    };
    interrupt::install();
    interrupt::install();
    let (host, begun) = (Host::new(), Instant::now());
    println!("ready");
    let span = Duration::from_secs(20);
    let result = match what.split_once(' ') {
        None if what == "sleep" => host.effect(&Effect::Sleep { span }).map(drop),
        None if what == "lock" => {
            let folder = tempfile::tempdir().unwrap();
            let lock = |patience| {
                deskside_machine::Machine::lock(&host, &folder.path().join("lock"), patience)
                    .map(drop)
            };
            let _held =
                deskside_machine::Machine::lock(&host, &folder.path().join("lock"), Duration::ZERO)
                    .unwrap();
            lock(span)
        }
        None if what == "fetch" => {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            deskside_machine::Reading::fetch(&host, &url, "", 9, span).map(drop)
        }
        Some(("run", script)) => host
            .run(
                Command::new(["sh", "-c", script]).deadline(span),
                &mut |_| {},
            )
            .map(drop),
        // Honours nothing, as work that can't stop at once.
        _ => {
            std::thread::sleep(span);
            Ok(())
        }
    };
    let kind = result.unwrap_err().kind;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(
        interrupt::requested()
            && interrupt::take()
            && !interrupt::requested()
            && !interrupt::take()
    );
    assert_eq!(
        host.run(Command::new(["true"]), &mut |_| {}).unwrap().code,
        0,
        "after it was honoured work goes on"
    );
    println!("kind {kind:?}");
}

fn start(what: &str) -> (Child, impl Iterator<Item = String>) {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "interrupted", "--nocapture"])
        .env("INTERRUPTED", what)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line == "ready"));
    std::thread::sleep(Duration::from_millis(200));
    (child, lines)
}

#[test]
fn every_wait_stops_at_an_interrupt() {
    for what in ["sleep", "lock", "fetch", "run sleep 30"] {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let (child, mut lines) = start(what);
            kill_process(Pid::from_child(&child), signal).unwrap();
            let kind = lines.find(|line| line.starts_with("kind"));
            assert_eq!(
                kind,
                Some(format!("kind {:?}", ErrorKind::Interrupted)),
                "{what}"
            );
        }
    }
}

#[test]
fn an_interrupted_command_may_tidy_up_and_leaves_no_children() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let shown = |path: &Path| path.display().to_string();
    let script = format!(
        "run (sleep 2; touch {}) & trap 'touch {}; exit 0' TERM; while :; do sleep 0.05; done",
        shown(&place("late")),
        shown(&place("tidy"))
    );
    let (child, mut lines) = start(&script);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert!(lines.any(|line| line.starts_with("kind Interrupted")));
    assert!(place("tidy").exists());
    std::thread::sleep(Duration::from_millis(2200));
    assert!(!place("late").exists());
}

#[test]
fn a_second_ctrl_c_ends_the_process_at_once() {
    let (mut child, _lines) = start("deaf");
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        child.try_wait().unwrap().is_none(),
        "the first is only a request"
    );
    kill_process(pid, Signal::INT).unwrap();
    let begun = Instant::now();
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    assert!(begun.elapsed() < Duration::from_secs(2));
}
