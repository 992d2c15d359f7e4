//! The steps of a plan for projects new and old.

use super::*;
use crate::build::tests_support::{facts, nvidia, python};
use crate::build::{Flavour, Wish, choose};
use crate::project::read;
use deskside_testkit::Sim;
use deskside_types::Known;
use deskside_types::facts::{PythonOrigin, Tool};
use std::path::Path;

fn here() -> UvState {
    UvState::Here(Tool {
        name: "uv".into(),
        path: "/opt/uv".into(),
        version: Known::Value("0.13.9".into()),
    })
}

fn ids(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.id.as_str()).collect()
}

fn install(step: &Step) -> (&[String], &[String], &[String]) {
    match &step.actions[0] {
        Action::Env {
            action:
                EnvironmentAction::Install {
                    requirements,
                    arguments,
                    expected,
                    ..
                },
        } => (requirements, arguments, expected),
        other => panic!("{other:?}"),
    }
}

fn created_python(steps: &[Step]) -> &str {
    let step = steps.iter().find(|step| step.id == "environment").unwrap();
    match &step.actions[0] {
        Action::Env {
            action: EnvironmentAction::Create { python, .. },
        } => python,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_first_project_needs_everything_once() {
    let sim = Sim::linux();
    let project = first(Flavour::Torch).project(Path::new("/home/user/deskside/first-torch"));
    let build = choose(
        &nvidia(&["6.1"], Some("580.95.05")),
        Flavour::Torch,
        &project.wish(None),
    )
    .unwrap();
    let module = module(
        "0.1.0",
        "deskside-0.1.0-py3-none-any.whl",
        b"wheel",
        Path::new("/home/user/.cache/deskside"),
    );
    let steps = steps(&sim, &project, Some(&build), &here(), &[], Some(&module)).unwrap();
    assert_eq!(
        ids(&steps),
        ["project", "environment", "packages", "module"]
    );
    assert_eq!(steps[0].actions.len(), 4);
    let (requirements, arguments, expected) = install(&steps[2]);
    assert_eq!(requirements, ["torch>=2.8,<2.15"]);
    assert_eq!(arguments, ["--torch-backend", "cu126"]);
    assert_eq!(expected, ["scikit-learn", "torch"]);
    assert!(steps.iter().all(|step| !step.root
        && step.risk == deskside_types::plan::Risk::Low
        && !step.why.is_empty()
        && !step.verify.is_empty()));
    assert!(
        steps[2]
            .why
            .contains("has no code for compute capability 6.1"),
        "{}",
        steps[2].why
    );
}

#[test]
fn a_persons_edits_stay() {
    let sim = Sim::linux();
    let folder = Path::new("/home/user/first-jax");
    sim.put_file("/home/user/first-jax/train.py", "mine");
    let steps = steps(
        &sim,
        &first(Flavour::Jax).project(folder),
        None,
        &here(),
        &[],
        None,
    )
    .unwrap();
    let written: Vec<String> = steps[0]
        .actions
        .iter()
        .map(|action| format!("{action:?}"))
        .collect();
    assert_eq!(written.len(), 3);
    assert!(written.iter().all(|action| !action.contains("train.py\"")));
}

#[test]
fn bounds_of_the_project_stand_alone() {
    let sim = Sim::linux();
    sim.put_file(
        "/p/requirements.txt",
        "torch>=2.12\nnumpy; python_version < '3'\n",
    )
    .put_file("/p/train.py", "");
    let project = read(&sim, Path::new("/p")).unwrap();
    let build = choose(
        &nvidia(&["8.9"], Some("535.1")),
        Flavour::Torch,
        &project.wish(None),
    )
    .unwrap();
    let steps = steps(&sim, &project, Some(&build), &here(), &[], None).unwrap();
    assert_eq!(ids(&steps), ["environment", "packages"]);
    let (requirements, arguments, expected) = install(&steps[1]);
    assert!(requirements.is_empty(), "{requirements:?}");
    assert_eq!(arguments, ["--torch-backend", "cu126"]);
    assert_eq!(expected, ["torch"]);
}

#[test]
fn a_lock_file_is_followed_exactly() {
    let sim = Sim::linux();
    sim.put_file(
        "/p/pyproject.toml",
        "[project]\nname='x'\ndependencies=['torch']\n",
    )
    .put_file("/p/uv.lock", "version = 1\n")
    .put_file("/p/train.py", "");
    let project = read(&sim, Path::new("/p")).unwrap();
    let steps = steps(&sim, &project, None, &here(), &[], None).unwrap();
    assert!(
        matches!(&steps[1].actions[0], Action::Env { action: EnvironmentAction::Sync { project, .. } } if project == "/p")
    );
}

#[test]
fn an_environment_that_serves_keeps_its_python() {
    let sim = Sim::linux();
    sim.put_file("/p/train.py", "")
        .put_file("/usr/bin/python3.11", "elf");
    let project = read(&sim, Path::new("/p")).unwrap();
    let mut newer = facts();
    newer.pythons = vec![python(
        "/usr/bin/python3.13",
        "3.13.1",
        PythonOrigin::System,
        true,
    )];
    let build = choose(&newer, Flavour::Jax, &Wish::default()).unwrap();
    let plan = |sim: &Sim| steps(sim, &project, Some(&build), &here(), &[], None).unwrap();
    assert_eq!(created_python(&plan(&sim)), "3.13");
    sim.put_file("/p/.venv/pyvenv.cfg", "version_info = 3.11.7\n")
        .put_link("/p/.venv/bin/python", "/usr/bin/python3.11");
    assert_eq!(created_python(&plan(&sim)), "3.11");
    sim.put_file("/p/.venv/pyvenv.cfg", "version_info = 3.9.1\n");
    assert_eq!(created_python(&plan(&sim)), "3.13");
}
