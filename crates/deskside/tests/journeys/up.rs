//! From nothing to a trained model, with real uv and real packages; and everything that can go wrong on the way.

use crate::person::{Person, Said, real_wanted, said};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// A person whose uv cache is shared by these tests, so that each package is downloaded once.
fn up(person: &Person, arguments: &[&str]) -> Command {
    let mut command = person.command(&[&["up"], arguments].concat());
    let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("uv-cache");
    command
        .env("UV_CACHE_DIR", cache)
        .env("PATH", path_without_uv());
    command
}

/// PATH without any uv, so that it must be bootstrapped.
fn path_without_uv() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::env::split_paths(&path).filter(|folder| !folder.join("uv").exists()))
        .unwrap()
}

fn says(person: &Person, arguments: &[&str]) -> Said {
    said(&up(person, arguments).output().unwrap())
}

#[test]
fn one_command_leads_to_a_trained_model() {
    if !real_wanted() {
        return;
    }
    let person = Person::new();
    let first = says(&person, &[]);
    assert_eq!(first.code, 0, "{}\n{}", first.out, first.talk);
    assert!(
        first.talk.contains("plan:"),
        "the plan is shown before anything is done: {}",
        first.talk
    );
    assert!(
        first.out.contains("test/accuracy"),
        "the result is on the screen: {}",
        first.out
    );
    let run = person.json(&["show", "latest"]);
    let accuracy = run["summary"]["test/accuracy"].as_f64().unwrap();
    assert!(accuracy >= 0.95, "accuracy {accuracy}");
    assert_eq!(run["state"]["state"], "finished");

    let plan = says(&person, &["--plan", "--exit-code"]);
    assert_eq!(plan.code, 0, "nothing is left to do: {}", plan.out);
    let second = says(&person, &["--", "--epochs", "1"]);
    assert_eq!(second.code, 0, "{}", second.talk);
    let operations = person.json(&["history"]);
    assert_eq!(
        operations["operations"].as_array().unwrap().len(),
        1,
        "the second `up` changed nothing: {operations}"
    );

    // A broken environment is mended by the same command.
    let project = person.home().join("deskside");
    let venv = std::fs::read_dir(&project)
        .unwrap()
        .map(|entry| entry.unwrap().path().join(".venv"))
        .find(|path| path.is_dir())
        .unwrap();
    for name in ["python", "python3"] {
        let _ = std::fs::remove_file(venv.join("bin").join(name));
    }
    let mended = says(&person, &["--no-train"]);
    assert_eq!(mended.code, 0, "{}", mended.talk);
    assert!(venv.join("bin/python").exists());

    // Nobody can be asked here, so undo wants to be told.
    let asked = person.says(&["undo"]);
    assert_eq!(asked.code, 5, "{}", asked.talk);
    assert!(
        asked.talk.contains("DS0308") && asked.talk.contains("--yes"),
        "{}",
        asked.talk
    );
    assert!(person.says(&["undo", "--plan"]).out.contains(".venv"));
    assert!(venv.exists());

    // And all of it can be taken back, but for what the person wrote.
    std::fs::write(venv.parent().unwrap().join("train.py"), "# mine now\n").unwrap();
    for _ in 0..2 {
        let undone = person.says(&["undo", "--yes"]);
        assert_eq!(undone.code, 0, "{}", undone.talk);
    }
    assert!(!venv.exists());
    assert_eq!(
        std::fs::read_to_string(venv.parent().unwrap().join("train.py")).unwrap(),
        "# mine now\n"
    );
}

#[test]
fn killed_at_effect_after_effect_it_still_arrives() {
    if !real_wanted() {
        return;
    }
    let person = Person::new();
    let mut deaths = 0;
    for effect in 1..200 {
        let mode = ["die-before", "die-after", "half"][effect % 3];
        let output = up(&person, &["--flavour", "jax", "--", "--epochs", "1"])
            .env("DESKSIDE_FAULT", format!("{mode}@{effect}"))
            .output()
            .unwrap();
        if output.status.success() {
            break;
        }
        deaths += 1;
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !talk.contains("error:"),
            "killed at {effect}, the call before left something it stumbled over: {talk}"
        );
    }
    assert!(deaths >= 5, "only {deaths} effects were hit");
    let last = says(&person, &["--flavour", "jax"]);
    assert_eq!(last.code, 0, "{}", last.talk);
    assert!(
        person.json(&["show", "latest"])["summary"]["test/accuracy"]
            .as_f64()
            .unwrap()
            >= 0.95
    );
    for run in person.json(&["runs", "--limit", "500"])["runs"]
        .as_array()
        .unwrap()
    {
        let state = run["state"].as_str().unwrap();
        assert!(
            ["finished", "failed", "exit-unknown"].contains(&state),
            "{run}"
        );
    }
}

#[test]
fn ctrl_c_while_installing_stops_cleanly_and_goes_on_later() {
    if !real_wanted() {
        return;
    }
    let person = Person::new();
    let mut interrupted = 0;
    for step in [
        "Get uv",
        "Make the Python environment",
        "Install the project's packages",
    ] {
        let mut child = up(&person, &["--flavour", "jax", "--no-train"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut talk = BufReader::new(child.stderr.take().unwrap());
        let mut heard = String::new();
        // As soon as the step is announced, it is interrupted.
        while !heard
            .lines()
            .last()
            .is_some_and(|line| line.starts_with('[') && line.contains(step))
        {
            if talk.read_line(&mut heard).unwrap() == 0 {
                break;
            }
        }
        let _ = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        talk.read_to_string(&mut heard).unwrap();
        let code = child.wait().unwrap().code();
        assert!(
            [Some(0), Some(130)].contains(&code),
            "{step}: {code:?} {heard}"
        );
        if code == Some(130) {
            interrupted += 1;
            assert!(heard.contains("DS0002"), "{step}: {heard}");
        }
    }
    assert!(
        interrupted >= 2,
        "only {interrupted} of three calls were interrupted"
    );
    let last = says(&person, &["--flavour", "jax", "--no-train"]);
    assert_eq!(last.code, 0, "{}", last.talk);
}

#[test]
fn a_project_of_ones_own_is_set_up_and_its_failure_is_told() {
    if !real_wanted() {
        return;
    }
    let person = Person::new();
    person.write("mine/requirements.txt", "six\n");
    person.write("mine/train.py", "import six, deskside\nfor step in range(5):\n    deskside.log({'loss': 1 / (step + 1)})\ndeskside.summary['answer'] = 42\n");
    let good = says(&person, &["mine"]);
    assert_eq!(good.code, 0, "{}\n{}", good.out, good.talk);
    assert_eq!(person.json(&["show", "latest"])["summary"]["answer"], 42.0);
    person.write("mine/train.py", "raise SystemExit('no luck today')\n");
    let bad = says(&person, &["mine"]);
    assert_eq!(bad.code, 1, "{}", bad.talk);
    assert!(
        bad.talk.contains("DS0507") && bad.talk.contains("no luck today"),
        "{}",
        bad.talk
    );
}

#[test]
fn projects_that_cannot_be_set_up_are_told_why() {
    let person = Person::new();
    person.write("empty/notes.txt", "nothing here");
    person.write("broken/deskside.toml", "[run]\ncommand = \n");
    person.write("broken/requirements.txt", "six\n");
    person.write("file.txt", "not a folder");
    for (project, code) in [
        ("missing", "DS0401"),
        ("empty", "DS0401"),
        ("broken", "DS0401"),
        ("file.txt", "DS0401"),
    ] {
        let said = says(&person, &[project]);
        assert_eq!(said.code, 1, "{project}: {}", said.talk);
        assert!(
            said.talk.contains(code) && said.talk.contains("hint:"),
            "{project}: {}",
            said.talk
        );
    }
}

#[test]
fn without_a_network_it_says_which_index_it_tried() {
    let person = Person::new();
    let output = up(&person, &[])
        .env("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
        .env_remove("PIP_FIND_LINKS")
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(said.code, 1, "{}", said.talk);
    assert!(
        said.talk.contains("127.0.0.1:9") && said.talk.contains("hint:"),
        "{}",
        said.talk
    );
    assert!(
        !person.home().join("deskside").exists(),
        "nothing half-made is left"
    );
}

#[test]
fn a_home_that_cannot_be_written_is_told() {
    let person = Person::new();
    let output = up(&person, &[])
        .env("DESKSIDE_HOME", "/proc/no-such-place")
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(said.code, 1, "{}", said.talk);
    assert!(said.talk.contains("hint:"), "{}", said.talk);
}
