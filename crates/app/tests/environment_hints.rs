//! What environments' commands say to type next, and what they refuse before anything is changed: on a simulated machine.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod simulated;

use deskside_app::environment::check::{self, CheckReport, Thoroughness};
use deskside_app::environment::sync::{self, SyncRequest};
use deskside_app::environment::{carry_out, diff, history, keep, rebuild, rollback};
use deskside_app::notebook::{self, NotebookRequest};
use deskside_app::{Context, undo};
use deskside_machine::{Acting, Reading};
use deskside_testkit::Sim;
use deskside_testkit::sim::output;
use deskside_types::{Code, Problem, Result};
use simulated::{PROJECT, VENV, machine, project};
use std::path::{Path, PathBuf};

fn context(sim: &Sim) -> Context {
    Context::here(sim.shared()).unwrap()
}

fn here() -> Option<&'static Path> {
    Some(Path::new(PROJECT))
}

fn synced(context: &Context, project: &str) -> Result<()> {
    let request = SyncRequest {
        project: Some(PathBuf::from(project)),
        ..SyncRequest::default()
    };
    let prepared = sync::sync(context, &request, &mut |_| {})?;
    carry_out(context, &prepared, &mut |_| {}).map(drop)
}

fn checked(context: &Context) -> Result<CheckReport> {
    check::check(context, here(), Thoroughness::default(), &mut |_| {})
}

/// A project with an environment, as its lock file has it.
fn whole() -> (Sim, Context) {
    let sim = machine();
    let context = context(&sim);
    project(&sim, PROJECT, &[("six", "1.0")]);
    synced(&context, PROJECT).unwrap();
    (sim, context)
}

fn hints(problem: &Problem) -> String {
    problem.hints.join("\n")
}

#[test]
fn what_is_no_environment_is_moved_before_one_is_made() {
    type Putting = fn(&Sim);
    let kinds: [(&str, Putting); 3] = [
        ("a file", |sim| {
            sim.put_file(VENV, "text");
        }),
        ("a folder of data", |sim| {
            sim.put_file(format!("{VENV}/thesis.tex"), "years");
        }),
        ("a link that leads nowhere", |sim| {
            sim.put_link(VENV, "/nowhere");
        }),
    ];
    for (what, put) in kinds {
        let (sim, context) = whole();
        sim.remove_tree(VENV).unwrap();
        put(&sim);
        let before = sim.tree_of(PROJECT);
        let report = checked(&context).unwrap();
        assert!(!report.healthy, "{what}");
        assert_eq!(
            report.findings[0].mend,
            ["mv .venv .venv.old", "deskside env sync"],
            "{what}"
        );
        for only_plan in [true, false] {
            let problem = rebuild::rebuild(&context, here(), only_plan).err().unwrap();
            assert_eq!(problem.code, Code::EnvironmentBroken, "{what}: {problem}");
            assert!(
                hints(&problem).contains(&format!("mv {VENV} {VENV}.old")),
                "{what}"
            );
        }
        let problem = rollback::rollback(&context, here(), "0", true)
            .err()
            .unwrap();
        assert!(hints(&problem).contains("mv "), "{what}: {problem:?}");
        assert_eq!(sim.tree_of(PROJECT), before, "{what}");
        // And as it is told, it works.
        sim.rename(VENV, format!("{VENV}.old")).unwrap();
        synced(&context, PROJECT).unwrap();
        assert!(checked(&context).unwrap().healthy, "{what}");
    }
}

#[test]
fn a_folder_that_is_no_project_yet_is_made_one() {
    let sim = machine();
    let context = context(&sim);
    sim.put_file(format!("{PROJECT}/requirements.txt"), "six\n");
    for problem in [
        checked(&context).unwrap_err(),
        rebuild::rebuild(&context, here(), true).err().unwrap(),
        keep::snapshot(&context, here(), false, &mut |_| {}).unwrap_err(),
        notebook::server(
            &context,
            &NotebookRequest {
                project: here().map(PathBuf::from),
                ..NotebookRequest::default()
            },
        )
        .unwrap_err(),
    ] {
        let told = hints(&problem);
        assert!(
            told.contains("deskside env init") && !told.contains("env sync"),
            "{problem:?}"
        );
    }
}

#[test]
fn a_lock_that_can_not_be_used_names_the_state_to_go_back_to() {
    let (sim, context) = whole();
    let newest = history::history(&context, here()).unwrap().snapshots[0]
        .id
        .clone();
    sim.on_command(
        |argv| argv.iter().any(|word| word == "--check"),
        |_, _| {
            Ok(output(
                2,
                "",
                "error: Failed to parse `uv.lock`\n  cause: TOML parse error at line 1, column 9\n",
            ))
        },
    );
    let path = format!("{PROJECT}/uv.lock");
    let text = sim.text(&path).unwrap();
    sim.put_file(&path, format!("<<<<<<< HEAD\n{text}"));
    let problem = synced(&context, PROJECT).unwrap_err();
    assert_eq!(problem.code, Code::LockUnusable);
    assert!(
        problem.to_string().contains("marks of a merge"),
        "{problem}"
    );
    let told = hints(&problem);
    assert!(
        told.contains(&format!("deskside env rollback {newest}")),
        "{told}"
    );
    let prepared = rollback::rollback(&context, here(), &newest, false).unwrap();
    carry_out(&context, &prepared, &mut |_| {}).unwrap();
    assert_eq!(sim.text(&path).unwrap(), text);
}

#[test]
fn a_pyproject_that_is_no_toml_is_a_finding() {
    let (sim, context) = whole();
    assert!(checked(&context).unwrap().healthy);
    sim.put_file(
        format!("{PROJECT}/pyproject.toml"),
        "[project]\nname = \"p\nversion\n",
    );
    let report = checked(&context).unwrap();
    let found = report
        .findings
        .iter()
        .find(|one| one.id == "project-unreadable")
        .unwrap();
    assert!(!report.healthy);
    assert!(
        found.evidence[0].starts_with("pyproject.toml:"),
        "{found:?}"
    );
}

#[test]
fn nothing_is_kept_before_the_first() {
    let (_, context) = whole();
    for problem in [
        rollback::rollback(&context, here(), "1", true)
            .err()
            .unwrap(),
        diff::diff(&context, here(), "1", None).unwrap_err(),
    ] {
        assert!(
            problem.message.contains("nothing is kept from before it"),
            "{problem}"
        );
    }
}

#[test]
fn the_plan_of_a_rebuild_says_what_the_rebuild_will_do() {
    let (sim, context) = whole();
    // Another state than the newest snapshot's, kept nowhere yet: the module is in it.
    let path = format!("{PROJECT}/pyproject.toml");
    let text = sim.text(&path).unwrap();
    sim.put_file(&path, format!("{text}# edited\n"));
    let prepared = rebuild::rebuild(&context, here(), true).unwrap();
    assert!(
        !prepared
            .warnings
            .iter()
            .any(|one| one.contains("deskside module")),
        "{:?}",
        prepared.warnings
    );
    assert!(
        prepared.why.join("\n").contains("files were changed"),
        "{:?}",
        prepared.why
    );
    // The same files: what was put in behind our back is kept first.
    sim.put_file(&path, text);
    sim.change(|state| simulated::make(state, VENV, &[("numpy", "1.0")]));
    sim.advance(std::time::Duration::from_secs(60));
    let prepared = rebuild::rebuild(&context, here(), true).unwrap();
    assert!(
        prepared
            .why
            .join("\n")
            .contains("kept as a snapshot of its own first"),
        "{:?}",
        prepared.why
    );
    let count = || history::history(&context, here()).unwrap().snapshots.len();
    let before = count();
    let prepared = rebuild::rebuild(&context, here(), false).unwrap();
    carry_out(&context, &prepared, &mut |_| {}).unwrap();
    assert_eq!(count(), before + 2);
}

#[test]
fn undo_says_when_it_is_about_another_project() {
    let (sim, context) = whole();
    let other = "/home/user/other";
    project(&sim, other, &[("six", "2.0")]);
    let stand = |folder: &str| sim.change(|state| state.working_directory = folder.into());
    stand(other);
    let preview = undo::preview(&context, None).unwrap();
    assert_eq!(preview.elsewhere.as_deref(), Some(PROJECT));
    stand(PROJECT);
    assert_eq!(undo::preview(&context, None).unwrap().elsewhere, None);
    // In no project at all, nothing else can be meant.
    stand("/home/user");
    assert_eq!(undo::preview(&context, None).unwrap().elsewhere, None);
    let undone = undo::undo(&context, None, &mut |_| {}).unwrap();
    assert!(undone.left.is_empty(), "{:?}", undone.left);
}
