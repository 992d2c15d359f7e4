//! Commands through the door of the real machine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests look from outside"
)]

use deskside_machine::{Acting, Command, ErrorKind, Host, Progress, Reading};
use std::time::{Duration, Instant};

fn shell(script: &str) -> Command {
    Command::new(["sh", "-c", script])
}

#[test]
fn output_exit_code_and_signal_are_told() {
    let host = Host::new();
    let output = host
        .command(shell("echo out; echo err >&2; exit 3"))
        .unwrap();
    assert_eq!(
        (
            output.code,
            output.text().as_str(),
            output.stderr.as_slice()
        ),
        (3, "out\n", b"err\n".as_slice())
    );
    assert_eq!(host.command(shell("kill -9 $$")).unwrap().code, 137);
}

#[test]
fn input_folder_and_variables_reach_it() {
    let host = Host::new();
    let mut command = Command::new(["cat"]);
    command.input = vec![b'x'; 300_000];
    command.limit = 1 << 20;
    assert_eq!(host.command(command.clone()).unwrap().stdout, command.input);
    // One that does not listen.
    command.argv = vec!["true".into()];
    assert_eq!(host.command(command).unwrap().code, 0);
    assert_eq!(
        host.command(Command::new(["cat"])).unwrap().stdout,
        b"",
        "no input is an empty one"
    );
    let mut command = shell("pwd; echo $ONE-${HOME-none}")
        .directory("/")
        .variable("ONE", "1 \"2\"");
    command.variables.insert("HOME".into(), None);
    assert_eq!(host.command(command).unwrap().text(), "/\n1 \"2\"-none\n");
}

#[test]
fn a_program_that_can_not_run_says_why() {
    let host = Host::new();
    for (argv, kind) in [
        (vec!["deskside-no-such-program"], ErrorKind::Absent),
        (vec!["/etc/passwd"], ErrorKind::Denied),
        (vec!["/none/at/all"], ErrorKind::Absent),
        (vec![], ErrorKind::Failed),
        (vec!["echo", "nul\0byte"], ErrorKind::Failed),
    ] {
        assert_eq!(
            host.command(Command::new(argv.clone())).unwrap_err().kind,
            kind,
            "{argv:?}"
        );
    }
    let long = "x".repeat(4 << 20);
    assert_eq!(
        host.command(Command::new(["echo", &long]))
            .unwrap_err()
            .kind,
        ErrorKind::TooLarge
    );
    let broken = shell("true").variable("A=B", "x");
    assert_eq!(host.command(broken).unwrap_err().kind, ErrorKind::Failed);
}

#[test]
fn much_output_is_kept_at_both_ends() {
    let mut command = shell("seq 1 200000");
    command.limit = 1000;
    let text = Host::new().command(command).unwrap().text();
    assert!(
        text.starts_with("1\n2\n") && text.ends_with("199999\n200000\n"),
        "{text}"
    );
    assert!(text.contains("bytes left out") && text.len() < 1100);
}

#[test]
fn the_deadline_ends_a_command_with_all_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let alive = folder.path().join("alive");
    let script = format!(
        "trap '' TERM; (trap '' TERM; sleep 3; touch {}) & echo busy; wait; sleep 9",
        alive.display()
    );
    let begun = Instant::now();
    let asked = Host::new()
        .command(shell(&script).deadline(Duration::from_millis(300)))
        .unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(asked.kind, ErrorKind::Timeout);
    assert!(asked.detail.contains("busy"), "{}", asked.detail);
    let begun = Instant::now();
    let acted = Host::new()
        .run(
            shell(&script).deadline(Duration::from_millis(300)),
            &mut |_| {},
        )
        .unwrap_err();
    let spent = begun.elapsed();
    assert_eq!(acted.kind, ErrorKind::Timeout);
    assert!(
        (1300..2200).contains(&spent.as_millis()),
        "a second of mercy: {spent:?}"
    );
    std::thread::sleep(Duration::from_millis(3200));
    assert!(!alive.exists(), "a child outlived its command");
}

#[test]
fn an_effect_may_tidy_up_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let tidy = folder.path().join("tidy");
    let script = format!(
        "trap 'touch {}; exit 0' TERM; echo up; while :; do sleep 0.05; done",
        tidy.display()
    );
    let mut said = Vec::new();
    let watch = &mut |progress: Progress<'_>| {
        if let Progress::Line(line) = progress {
            said.push(line.to_string());
        }
    };
    let error = Host::new()
        .run(shell(&script).deadline(Duration::from_millis(400)), watch)
        .unwrap_err();
    assert_eq!(
        (error.kind, said.first().map(String::as_str)),
        (ErrorKind::Timeout, Some("up"))
    );
    assert!(tidy.exists());
}

#[test]
fn lines_are_heard_while_it_runs() {
    let begun = Instant::now();
    let mut heard = Vec::new();
    let watch = &mut |progress: Progress<'_>| {
        if let Progress::Line(line) = progress {
            heard.push((line.to_string(), begun.elapsed()));
        }
    };
    let script = "echo one; sleep 0.5; printf '50%%\\r100%%\\n\\033[31mred\\033[0m' >&2";
    let output = Host::new().run(shell(script), watch).unwrap();
    let lines: Vec<&str> = heard.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines, ["one", "50%", "100%", "red"]);
    assert!(
        heard[0].1 + Duration::from_millis(300) < heard[1].1,
        "{heard:?}"
    );
    assert_eq!(output.text(), "one\n");
}

#[test]
fn a_child_in_the_background_does_not_hold_the_call() {
    let begun = Instant::now();
    let output = Host::new().command(shell("sleep 2.5 & echo done")).unwrap();
    assert_eq!(output.text(), "done\n");
    assert!(
        begun.elapsed() < Duration::from_millis(1000),
        "{:?}",
        begun.elapsed()
    );
}
