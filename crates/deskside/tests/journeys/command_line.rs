//! Help, usage, errors, exit codes.

use crate::person::Person;

#[test]
fn help_begins_with_what_to_type_and_costs_nothing() {
    let person = Person::new();
    let said = person.says(&["--help"]);
    assert_eq!(said.code, 0);
    assert!(
        said.out.contains("deskside up") && said.out.contains("Examples:"),
        "{}",
        said.out
    );
    let left: Vec<_> = std::fs::read_dir(person.home()).unwrap().collect();
    assert!(left.is_empty(), "help left something behind: {left:?}");
}

#[test]
fn bad_usage_is_exit_code_2_and_suggests() {
    let person = Person::new();
    let said = person.says(&["inof"]);
    assert_eq!(said.code, 2);
    assert!(said.talk.contains("info"), "no suggestion: {}", said.talk);
    assert!(
        said.talk.contains("DS0003") && said.talk.contains("hint:"),
        "{}",
        said.talk
    );
    let said = person.says(&["--json", "inof"]);
    let error: serde_json::Value = serde_json::from_str(&said.talk).unwrap();
    assert_eq!(error["code"], "DS0003");
    assert_eq!(person.says(&["runs", "--state", "bogus"]).code, 2);
    assert_eq!(person.says(&["run"]).code, 2);
    assert_eq!(person.says(&["up", "--exit-code"]).code, 2);
    assert_eq!(person.says(&["explain", "DS9999"]).code, 2);
}

#[test]
fn errors_name_the_thing_the_cause_and_the_next_command() {
    let person = Person::new();
    let said = person.says(&["show", "no-such-run"]);
    assert_eq!(said.code, 1);
    assert!(
        said.talk.contains("no-such-run")
            && said.talk.contains("DS0501")
            && said.talk.contains("hint:"),
        "{}",
        said.talk
    );
    let said = person.says(&["--json", "show", "no-such-run"]);
    let error: serde_json::Value = serde_json::from_str(&said.talk).unwrap();
    assert_eq!(error["code"], "DS0501");
    assert_eq!(error["schema"], "deskside.error");
}

#[test]
fn every_error_code_can_be_explained() {
    let person = Person::new();
    let said = person.says(&["explain", "--all"]);
    assert_eq!(said.code, 0);
    for code in deskside_types::Code::ALL {
        assert!(said.out.contains(code.text()), "{code} is not explained");
    }
    assert_eq!(person.json(&["explain", "ds0103"])["code"], "DS0103");
}

#[test]
fn completions_are_there_for_the_usual_shells() {
    let person = Person::new();
    for shell in ["bash", "zsh", "fish"] {
        let said = person.says(&["completions", shell]);
        assert_eq!(said.code, 0);
        assert!(said.out.contains("reindex"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let person = Person::new();
    let mut child = person
        .command(&["explain", "--all"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn without_a_home_the_error_says_what_to_set() {
    let person = Person::new();
    let output = person
        .command(&["runs"])
        .env_remove("HOME")
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(talk.contains("DESKSIDE_HOME"), "{talk}");
}

#[test]
fn answers_are_plain_through_a_pipe_and_coloured_on_demand() {
    let person = Person::new();
    assert!(!person.says(&["info"]).out.contains('\u{1b}'));
    assert!(
        person
            .says(&["--color", "always", "info"])
            .out
            .contains('\u{1b}')
    );
    let output = person.command(&["info"]).env("LANG", "C").output().unwrap();
    let drawn = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !drawn.contains('·') && !drawn.contains('✗'),
        "letters of ours beyond ASCII in an ASCII locale: {drawn}"
    );
}
