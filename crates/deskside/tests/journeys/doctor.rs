//! The doctor as a person meets it: a recorded machine, a failed command, a pasted log, a bundle for a report.

use crate::person::{Person, machine as bundle};
use std::io::Write;
use std::process::Stdio;

const MISMATCH: &str = "ubuntu-22.04-driver-library-mismatch";

#[test]
fn a_recorded_machine_is_told_its_root_cause_first_and_the_way_back_last() {
    let person = Person::new();
    let bundle = bundle(MISMATCH);
    let said = person.says(&["doctor", "--machine", &bundle]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.talk);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(
        lines[0].contains("system") && lines[0].contains("Ubuntu 22.04"),
        "{}",
        said.out
    );
    let cause = said
        .out
        .find("upgraded under the running kernel module (proven)");
    let seen = said.out.find("module 570.133.07 is loaded");
    let fix = said.out.find("deskside doctor --fix");
    assert!(
        cause < seen && seen < fix && cause.is_some(),
        "{}",
        said.out
    );
    assert!(
        said.out.lines().all(|line| line.chars().count() <= 100),
        "{}",
        said.out
    );
    // The same from JSON, and quickly.
    let json: serde_json::Value =
        serde_json::from_str(&person.says(&["doctor", "--machine", &bundle, "--json"]).out)
            .unwrap();
    assert_eq!(json["schema"], "deskside.doctor");
    assert_eq!(
        json["findings"][0]["id"],
        "nvml-mismatch-after-package-upgrade"
    );
    assert_eq!(json["findings"][0]["confidence"], "proven");
    // A recorded machine is not mended.
    let refused = person.says(&["doctor", "--fix", "--machine", &bundle]);
    assert_eq!(refused.code, 2, "{}", refused.talk);
}

#[test]
fn a_healthy_machine_is_one_line_a_layer_and_nothing_more() {
    let person = Person::new();
    let said = person.says(&["doctor", "--machine", &bundle("ubuntu-22.04-rtx-4090")]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    assert!(
        said.out.trim_end().ends_with("Nothing is broken."),
        "{}",
        said.out
    );
    assert!(said.out.lines().count() <= 8, "{}", said.out);
}

#[test]
fn a_commands_failure_keeps_its_exit_code_and_output() {
    let person = Person::new();
    let said = person.says(&["doctor", "--", "sh", "-c", "echo out; echo oh >&2; exit 41"]);
    assert_eq!(said.code, 41, "{}{}", said.out, said.talk);
    assert!(said.out.contains("out"), "{}", said.out);
    assert!(said.out.contains("nothing is claimed"), "{}", said.out);
    let well = person.says(&["doctor", "--", "true"]);
    assert_eq!(well.code, 0, "{}", well.talk);
    let gone = person.says(&["doctor", "--", "there-is-no-such-program"]);
    assert_eq!(gone.code, 127, "{}{}", gone.out, gone.talk);
    assert!(
        gone.talk
            .contains("there-is-no-such-program: command not found"),
        "{}",
        gone.talk
    );
}

/// Pipes a log in.
fn explained(person: &Person, arguments: &[&str], log: &[u8]) -> crate::person::Said {
    let mut child = person
        .command(&[&["explain-error"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(log).unwrap();
    crate::person::said(&child.wait_with_output().unwrap())
}

#[test]
fn a_pasted_log_is_judged_by_the_machine_and_not_by_its_words() {
    let person = Person::new();
    let log = b"\x1b[31mFailed to initialize NVML: Driver/library version mismatch\x1b[0m\r\n";
    let broken = bundle(MISMATCH);
    let there = explained(&person, &["--machine", &broken], log);
    assert_eq!(there.code, 0, "{}{}", there.out, there.talk);
    assert!(
        there.out.contains("(proven)") && !there.out.contains('\x1b'),
        "{}",
        there.out
    );
    let healthy = bundle("ubuntu-22.04-rtx-4090");
    let not_there = explained(&person, &["--machine", &healthy], log);
    assert_eq!(not_there.code, 1, "{}", not_there.out);
    assert!(
        not_there.out.contains("ruled out") && !not_there.out.contains("(proven)"),
        "{}",
        not_there.out
    );
    // A log of 40 MB, a log of nothing, a log of no text.
    let mut huge = b"epoch 1 step 2 loss 0.3\n".repeat(1_700_000);
    huge.extend_from_slice(log);
    assert_eq!(explained(&person, &["--machine", &broken], &huge).code, 0);
    assert_eq!(explained(&person, &[], b"").code, 2);
    assert_eq!(
        explained(
            &person,
            &["--machine", &broken],
            &[0xff, 0, 0xfe, b'\n', 0x80]
        )
        .code,
        1
    );
    let missing = person.says(&["explain-error", "no-such.log"]);
    assert!(
        missing.code == 1 && missing.talk.contains("no-such.log"),
        "{}",
        missing.talk
    );
}

#[test]
fn what_is_recorded_gives_the_same_diagnosis() {
    let person = Person::new();
    let path = person.work().join("report.tar.zst");
    let path = path.to_str().unwrap();
    let live = person.says(&["doctor", "--json", "--record", path]);
    assert!(live.code <= 1, "{}", live.talk);
    let again = person.says(&["doctor", "--json", "--machine", path]);
    let parts = |text: &str| {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        // Free space is another one a moment later.
        let states: Vec<(serde_json::Value, serde_json::Value)> = json["areas"]
            .as_array()
            .unwrap()
            .iter()
            .map(|area| (area["area"].clone(), area["state"].clone()))
            .collect();
        (json["findings"].clone(), states, json["considered"].clone())
    };
    assert_eq!(parts(&live.out), parts(&again.out));
}

#[test]
fn a_command_that_failed_is_recorded_with_what_it_said() {
    let person = Person::new();
    let folder = person.work().join("report");
    let path = folder.to_str().unwrap();
    let token = format!("hf_{}", "aB3".repeat(11));
    let script =
        format!("echo token {token}; echo 'OSError: [Errno 122] Disk quota exceeded'; exit 9");
    let live = person.says(&[
        "doctor", "--json", "--record", path, "--", "sh", "-c", &script,
    ]);
    assert_eq!(live.code, 9, "{}", live.talk);
    assert!(live.talk.contains("Disk quota exceeded"), "{}", live.talk);
    let again = person.says(&["doctor", "--json", "--machine", path]);
    let parts = |text: &str| {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let findings: Vec<serde_json::Value> = json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["related"] == true)
            .map(|one| serde_json::json!([one["id"], one["confidence"], one["title"], one["fix"]]))
            .collect();
        assert!(!findings.is_empty(), "{text}");
        (json["exit"].clone(), findings)
    };
    assert_eq!(parts(&live.out), parts(&again.out));
    let kept = std::fs::read_to_string(folder.join("failed.toml")).unwrap();
    assert!(
        kept.contains("Disk quota exceeded") && kept.contains("exit = 9"),
        "{kept}"
    );
    assert!(!kept.contains(&token) && kept.contains("***"), "{kept}");
    // Where nothing can be kept, that is said before the command runs.
    std::fs::write(person.work().join("a.py"), "").unwrap();
    let refused = person.says(&["doctor", "--record", "a.py", "--", "sh", "-c", "touch ran"]);
    assert_eq!(refused.code, 2, "{}", refused.talk);
    assert!(refused.talk.contains("a.py is a file"), "{}", refused.talk);
    assert!(!person.work().join("ran").exists());
}

#[test]
fn an_answer_as_json_stands_alone() {
    let person = Person::new();
    let json = |arguments: &[&str]| -> (i32, serde_json::Value, String) {
        let said = person.says(&[&["doctor", "--json"], arguments].concat());
        let value = serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", said.out));
        (said.code, value, said.talk)
    };
    let (code, value, talk) = json(&["--", "sh", "-c", "echo out; echo oh >&2; exit 3"]);
    assert_eq!((code, &value["exit"]), (3, &3.into()));
    assert!(talk.contains("out") && talk.contains("oh"), "{talk}");
    for arguments in [&["--", "true"][..], &["--fix", "--yes", "--", "true"]] {
        let (code, value, _) = json(arguments);
        assert_eq!((code, &value["exit"]), (0, &0.into()), "{arguments:?}");
    }
    let (code, value, talk) = json(&["--fix", "--yes", "--", "sh", "-c", "echo out; exit 4"]);
    assert_eq!((code, &value["exit"]), (4, &4.into()));
    assert!(talk.contains("out"), "{talk}");
    // How it was ended is told where nothing else is known.
    let (_, value, _) = json(&["--", "sh", "-c", "kill -9 $$"]);
    let ending = value["ending"].as_str().unwrap();
    assert!(ending.contains("signal 9 (SIGKILL)"), "{ending}");
}

#[test]
fn fix_does_nothing_where_nothing_is_proven() {
    let person = Person::new();
    let said = person.says(&["doctor", "--fix", "--plan"]);
    assert!(said.code <= 1, "{}{}", said.out, said.talk);
    assert!(!said.talk.contains("mended:"), "{}", said.talk);
    // A command is run, and its exit code stays its own where nothing is proven.
    let said = person.says(&[
        "doctor",
        "--fix",
        "--yes",
        "--",
        "sh",
        "-c",
        "echo oh >&2; exit 41",
    ]);
    assert_eq!(said.code, 41, "{}{}", said.out, said.talk);
    assert!(!said.talk.contains("mended:"), "{}", said.talk);
    let well = person.says(&["doctor", "--fix", "--", "true"]);
    assert_eq!(well.code, 0, "{}", well.talk);
    assert!(well.talk.contains("nothing to mend"), "{}", well.talk);
}

#[test]
fn a_machine_written_down_by_hand_needs_no_more_than_what_somebody_has() {
    let person = Person::new();
    person.write(
        "m/bundle.toml",
        "version = 1\nos = \"linux\"\ntime = \"2026-11-25T15:00:00Z\"\norigin = \"synthetic\"\n",
    );
    person.write("m/fs/etc/os-release", "ID=ubuntu\nVERSION_ID=\"22.04\"\n");
    let gpu = "m/fs/sys/bus/pci/devices/0000:01:00.0";
    for (file, text) in [
        ("class", "0x030000"),
        ("vendor", "0x10de"),
        ("device", "0x2684"),
    ] {
        person.write(&format!("{gpu}/{file}"), text);
    }
    let log = "[Fri Mar  3 04:27:08 2023] NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.";
    person.write(
        "m/cmd/log.toml",
        &format!("argv = [\"sudo\", \"dmesg\", \"-T\"]\nstdout = \"\"\"\n{log}\n\"\"\"\n"),
    );
    let said = person.says(&["doctor", "--machine", "m", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.talk));
    assert_eq!(
        json["findings"][0]["id"], "xid-79-power-or-overheat",
        "{}",
        said.out
    );
    // Without the log nothing is claimed.
    std::fs::remove_file(person.work().join("m/cmd/log.toml")).unwrap();
    let said = person.says(&["doctor", "--machine", "m", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["findings"], serde_json::json!([]), "{}", said.out);
}
