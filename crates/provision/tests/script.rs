//! The script of a plan is run for real, in a folder of its own: it does what the plan says, looks before it acts, and
//! can be run again. Every golden plan's script is read by `sh -n`, and by shellcheck where that is installed.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests run a script on this machine"
)]

use deskside_provision::{SystemPlan, script};
use deskside_types::plan::{
    Action, Check, CommandLine, FileContents, PLAN_VERSION, Plan, Risk, Step, Undo,
};
use std::path::Path;
use std::process::{Command, Output};

fn step(id: &str, check: Vec<Check>, actions: Vec<Action>) -> Step {
    Step {
        id: id.into(),
        title: format!("Do it's {id} $HOME"),
        why: "because\nit `must` be".into(),
        verify: check.clone(),
        check,
        actions,
        undo: Undo::Exact,
        root: false,
        reboot: false,
        hands_needed: None,
        download_bytes: Some(0),
        risk: Risk::Low,
    }
}

fn system(steps: Vec<Step>) -> SystemPlan {
    SystemPlan {
        platform: Some("a test".into()),
        plan: Plan {
            version: PLAN_VERSION,
            wish: "nothing".into(),
            made_at: "2026-11-25T12:00:00Z".parse().unwrap(),
            premises: vec![],
            steps,
            satisfied: vec![],
        },
        why: vec!["a reason\nwith $(two) lines".into()],
        notes: vec![],
        undecided: vec![],
    }
}

fn run(folder: &Path, text: &str) -> Output {
    let path = folder.join("script.sh");
    std::fs::write(&path, text).unwrap();
    Command::new("sh")
        .arg(&path)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn it_does_what_the_plan_says_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let old = "export LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH";
    std::fs::write(at("profile"), format!("a\n{old}\nb 'x' \\n\n")).unwrap();
    std::fs::write(at("gone.list"), "deb x\n").unwrap();
    let new = format!("# off: {old}");
    let plan = system(vec![
        step(
            "edit",
            vec![Check::Succeeds {
                command: CommandLine {
                    argv: ["grep", "-qxF", "--", &new, &at("profile")]
                        .map(str::to_string)
                        .to_vec(),
                    directory: None,
                    variables: Default::default(),
                    deadline_seconds: 5,
                },
            }],
            vec![Action::EditFile {
                path: at("profile"),
                old: old.into(),
                new: new.clone(),
            }],
        ),
        step(
            "remove",
            vec![Check::Absent {
                path: at("gone.list"),
            }],
            vec![Action::Remove {
                path: at("gone.list"),
            }],
        ),
        step(
            "write",
            vec![Check::Exists {
                path: at("deep/file"),
            }],
            vec![Action::WriteFile {
                path: at("deep/file"),
                contents: FileContents::Text("line 'one'\n$two\n".into()),
                mode: 0o640,
            }],
        ),
    ]);
    let text = script::posix(&plan);
    let first = run(folder.path(), &text);
    assert!(
        first.status.success(),
        "{}\n{text}",
        String::from_utf8_lossy(&first.stderr)
    );
    assert_eq!(
        std::fs::read_to_string(at("profile")).unwrap(),
        format!("a\n{new}\nb 'x' \\n\n")
    );
    assert!(
        !Path::new(&at("gone.list")).exists()
            && Path::new(&at(".gone.list.before-deskside")).exists()
    );
    assert_eq!(
        std::fs::read_to_string(at("deep/file")).unwrap(),
        "line 'one'\n$two\n"
    );
    let again = run(folder.path(), &text);
    assert!(again.status.success());
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(said.matches("done already").count(), 3, "{said}");
    assert_eq!(
        std::fs::read_to_string(at("profile")).unwrap(),
        format!("a\n{new}\nb 'x' \\n\n")
    );
}

#[test]
fn a_step_that_can_not_be_proven_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = step(
        "wrong",
        vec![Check::Exists {
            path: "/nowhere/at/all".into(),
        }],
        vec![],
    );
    wrong.actions = vec![Action::WriteFile {
        path: folder.path().join("x").to_string_lossy().into_owned(),
        contents: FileContents::Text("x\n".into()),
        mode: 0o644,
    }];
    let said = run(folder.path(), &script::posix(&system(vec![wrong])));
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("could not be proven"));
}

/// dpkg's own words decide whether a package is there; a stand-in says them here.
#[test]
fn packages_are_told_apart_by_state_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::write(
        bin.join("dpkg-query"),
        "#!/bin/sh\nfor last; do :; done\ncase \"$2$last\" in\n*Version*there) printf 'installed 1.0-1' ;;\n*Version*half) printf 'half-configured 1' ;;\n*Version*conf) printf 'config-files 1' ;;\n*there) printf installed ;;\n*half) printf half-configured ;;\n*conf) printf config-files ;;\n*) exit 1 ;;\nesac\n",
    )
    .unwrap();
    let status = Command::new("chmod")
        .arg("755")
        .arg(bin.join("dpkg-query"))
        .status()
        .unwrap();
    assert!(status.success());
    for (installed, absent, done) in [
        ("there", "", true),
        ("half", "", false),
        ("conf", "", false),
        ("none", "", false),
        ("", "none", true),
        ("", "conf", true),
        ("", "there", false),
        ("", "half", false),
        ("there", "there=2.0-1", true),
        ("there", "there=1.0-1", false),
        ("", "none=1", true),
    ] {
        let list =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_string).collect() };
        let check = Check::Packages {
            installed: list(installed),
            absent: list(absent),
        };
        let mut one = step(
            "packages",
            vec![check],
            vec![Action::WriteFile {
                path: folder.path().join("acted").to_string_lossy().into_owned(),
                contents: FileContents::Text("x\n".into()),
                mode: 0o644,
            }],
        );
        one.verify.clear();
        let path = folder.path().join("script.sh");
        std::fs::write(&path, script::posix(&system(vec![one]))).unwrap();
        let path_variable = format!("{}:/usr/bin:/bin", bin.display());
        let said = Command::new("sh")
            .arg(&path)
            .env("PATH", path_variable)
            .output()
            .unwrap();
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        assert_eq!(
            text.contains("done already"),
            done,
            "{installed} | {absent}: {text}"
        );
    }
}
