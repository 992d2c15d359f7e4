//! Runs: exit codes, output, state, logs, faults.

use crate::person::{Person, said};
use std::process::Stdio;
use std::time::Duration;

fn latest(person: &Person) -> serde_json::Value {
    person.json(&["show", "latest"])
}

#[test]
fn a_run_passes_output_and_exit_code_through() {
    let person = Person::new();
    let said = person.says(&[
        "run",
        "--name",
        "first",
        "--tag",
        "kind=test",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 7",
    ]);
    assert_eq!(said.code, 7);
    assert_eq!(said.out, "out\n");
    assert!(said.talk.contains("err"));
    let run = latest(&person);
    assert_eq!(run["run"]["name"], "first");
    assert_eq!(run["run"]["tags"]["kind"], "test");
    assert_eq!(run["state"]["state"], "finished");
    assert_eq!(run["state"]["exit_code"], 7);
    let logs = person.says(&["logs"]).out;
    assert!(logs.contains("out") && logs.contains("err"), "{logs}");
    assert!(person.says(&["runs"]).out.contains("first"));
}

#[test]
fn a_command_that_cannot_be_run_has_the_shells_exit_codes() {
    let person = Person::new();
    let script = person.write("not-executable.sh", "echo no\n");
    let said = person.says(&["run", "--", "no-such-command-anywhere"]);
    assert_eq!(said.code, 127, "{}", said.talk);
    assert!(said.talk.contains("DS0503"), "{}", said.talk);
    assert_eq!(
        person.says(&["run", "--", script.to_str().unwrap()]).code,
        126
    );
    let kill = person.says(&["run", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(kill.code, 137);
    assert_eq!(latest(&person)["state"]["signal"], 9);
}

#[test]
fn params_are_read_and_secrets_are_not_kept() {
    let person = Person::new();
    let output = person
        .command(&[
            "run",
            "--param",
            "note=a b",
            "--",
            "true",
            "--lr",
            "3e-4",
            "epochs=3",
            "--api-key",
            "hf_abcdefghijklmnopqrstuvwxyz0123456789",
        ])
        .env("WANDB_API_KEY", "0123456789abcdef0123456789abcdef01234567")
        .env("CUDA_VISIBLE_DEVICES", "")
        .output()
        .unwrap();
    assert!(output.status.success());
    let run = latest(&person);
    assert_eq!(run["run"]["params"]["lr"], "3e-4");
    assert_eq!(run["run"]["params"]["note"], "a b");
    let mut folders = vec![person.home()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                let text = String::from_utf8_lossy(&bytes);
                assert!(
                    !text.contains("hf_abcdefgh")
                        && !text.contains("0123456789abcdef0123456789abcdef"),
                    "a secret lies in {}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn bytes_that_are_no_utf8_go_through_unchanged() {
    let person = Person::new();
    let output = person
        .command(&["run", "--", "printf", r"\377\376\n"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, [0xff, 0xfe, b'\n']);
    let output = person.command(&["logs"]).output().unwrap();
    assert_eq!(output.stdout, [0xff, 0xfe, b'\n']);
    use std::os::unix::ffi::OsStrExt;
    let mut command = person.command(&["run", "--", "echo"]);
    command.arg(std::ffi::OsStr::from_bytes(b"\xff"));
    assert_eq!(command.output().unwrap().stdout, b"\xff\n");
    assert_eq!(latest(&person)["state"]["state"], "finished");
}

#[test]
fn ctrl_c_reaches_the_command_and_the_run_is_stopped() {
    let person = Person::new();
    let child = person
        .command(&[
            "run",
            "--",
            "sh",
            "-c",
            "trap 'echo bye; exit 3' INT; echo ready; sleep 20 & wait",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_log(&person, "ready");
    kill(child.id(), "INT");
    let said = said(&child.wait_with_output().unwrap());
    assert_eq!(said.code, 3, "{}", said.talk);
    assert!(said.out.contains("bye"), "{}", said.out);
    assert_eq!(latest(&person)["state"]["state"], "stopped");
}

#[test]
fn a_killed_supervisor_leaves_the_truth() {
    let person = Person::new();
    let mut child = person
        .command(&["run", "--", "sh", "-c", "echo ready; sleep 3"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_log(&person, "ready");
    assert_eq!(latest(&person)["state"]["state"], "running");
    child.kill().unwrap();
    child.wait().unwrap();
    let run = latest(&person);
    assert_eq!(run["state"]["state"], "exit-unknown", "{run}");
    assert!(
        run["state"]["survivor"]["pid"].is_number(),
        "the command lives on and is named: {run}"
    );
}

#[test]
fn the_index_can_be_thrown_away() {
    let person = Person::new();
    for name in ["one", "two", "three"] {
        assert_eq!(person.says(&["run", "--name", name, "--", "true"]).code, 0);
    }
    let data = person.home().join(".local/share/deskside");
    let before = person.json(&["runs"]);
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("index.sqlite")
        {
            std::fs::write(&path, "garbage").unwrap();
        }
    }
    let after = person.json(&["runs"]);
    assert_eq!(before["runs"], after["runs"]);
    let report = person.json(&["reindex"]);
    assert_eq!(report["runs"], 3, "{report}");
    assert_eq!(before["runs"], person.json(&["runs"])["runs"]);
}

#[test]
fn a_home_that_cannot_be_written_is_said_before_anything_runs() {
    let person = Person::new();
    let output = person
        .command(&["run", "--", "touch", "started"])
        .env("DESKSIDE_HOME", "/proc/no-such-place")
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(125),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        !person.work().join("started").exists(),
        "the command was started although it could not be tracked"
    );
}

#[test]
fn logs_follow_until_the_end() {
    let person = Person::new();
    let mut run = person
        .command(&["run", "--", "sh", "-c", "echo one; sleep 1; echo two"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_log(&person, "one");
    let followed = person.says(&["logs", "--follow"]);
    assert_eq!(followed.out, "one\ntwo\n");
    run.wait().unwrap();
    assert_eq!(person.says(&["logs", "-n", "1"]).out, "two\n");
}

/// Waits until the newest run's log holds a text.
fn wait_for_log(person: &Person, text: &str) {
    for _ in 0..100 {
        if person.says(&["logs"]).out.contains(text) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the log never said {text}");
}

fn kill(pid: u32, signal: &str) {
    let status = std::process::Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
