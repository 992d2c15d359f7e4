//! Environments of projects on a simulated machine, with a stand-in for uv: Ctrl-C at every question, death at every
//! effect of a rebuild, and projects that are moved.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod simulated;

use deskside_app::environment::add::{self, AddRequest};
use deskside_app::environment::check::{self, Thoroughness};
use deskside_app::environment::sync::{self, SyncRequest};
use deskside_app::environment::{carry_out, gc, history, keep, lock, rebuild, rollback, why};
use deskside_app::{Context, undo};
use deskside_machine::wrappers::Mode;
use deskside_machine::{Acting, Fault, Faulty, Machine, Reading};
use deskside_testkit::Sim;
use deskside_types::{Code, Problem, Result};
use simulated::{Interrupting, PROJECT, VENV, beside, machine, project, versions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn context(machine: Arc<dyn Machine>) -> Context {
    Context::here(machine).unwrap()
}

fn here() -> Option<&'static Path> {
    Some(Path::new(PROJECT))
}

fn synced(context: &Context, project: &str) -> Result<Vec<String>> {
    let request = SyncRequest {
        project: Some(PathBuf::from(project)),
        ..SyncRequest::default()
    };
    let prepared = sync::sync(context, &request, &mut |_| {})?;
    Ok(carry_out(context, &prepared, &mut |_| {})?.warnings)
}

fn rebuilt(context: &Context) -> Result<()> {
    let prepared = rebuild::rebuild(context, here(), false)?;
    carry_out(context, &prepared, &mut |_| {}).map(drop)
}

fn checked(context: &Context, deep: bool) -> Result<String> {
    let how = Thoroughness {
        deep,
        hashes: false,
    };
    let report = check::check(context, here(), how, &mut |_| {})?;
    let told = report.findings.iter().map(|one| one.cause.clone());
    Ok(told.collect::<Vec<_>>().join("\n"))
}

/// A project whose environment is as its lock file has it, with two snapshots.
fn two_states() -> Sim {
    let sim = machine();
    let context = context(sim.shared());
    project(&sim, PROJECT, &[("six", "1.0"), ("numpy", "1.0")]);
    synced(&context, PROJECT).unwrap();
    sim.advance(std::time::Duration::from_secs(60));
    project(&sim, PROJECT, &[("six", "2.0")]);
    synced(&context, PROJECT).unwrap();
    assert_eq!(versions(&sim, VENV), ["deskside", "six 2.0"]);
    sim
}

#[test]
fn ctrl_c_is_never_taken_for_an_answer() {
    let sim = two_states();
    sim.advance(std::time::Duration::from_secs(60));
    let start = sim.snapshot();
    type Doing = fn(&Context) -> Result<String>;
    let commands: [(&str, Doing); 9] = [
        ("check", |context| checked(context, false)),
        ("check --deep", |context| checked(context, true)),
        ("sync", |context| {
            let six = Path::new(VENV).join("lib/python3.12/site-packages/six.py");
            context.machine.remove_file(six).map_err(Problem::from)?;
            synced(context, PROJECT).map(|_| String::new())
        }),
        ("rebuild", |context| {
            rebuilt(context).map(|()| String::new())
        }),
        ("rollback", |context| {
            let prepared = rollback::rollback(context, here(), "2", false)?;
            carry_out(context, &prepared, &mut |_| {}).map(|_| String::new())
        }),
        ("add", |context| {
            let request = AddRequest {
                project: here().map(PathBuf::from),
                requirements: vec!["scipy".into()],
                ..AddRequest::default()
            };
            let prepared = add::add(context, &request, &mut |_| {})?;
            carry_out(context, &prepared, &mut |_| {}).map(|_| String::new())
        }),
        ("lock", |context| {
            let request = lock::LockRequest {
                project: here().map(PathBuf::from),
                ..lock::LockRequest::default()
            };
            lock::lock(context, &request, &mut |_| {}).map(|_| String::new())
        }),
        ("snapshot --full", |context| {
            let kept = keep::snapshot(context, here(), true, &mut |_| {})?;
            Ok(kept.not_kept.join("\n"))
        }),
        ("why", |context| {
            let request = why::WhyRequest {
                framework: "torch".into(),
                ..why::WhyRequest::default()
            };
            Ok(format!("{:?}", why::why(context, &request)?.machine))
        }),
    ];
    for (name, command) in commands {
        sim.restore(start.clone());
        let counting = Arc::new(Interrupting::at(&sim, usize::MAX));
        let whole = command(&context(counting.clone()))
            .unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let count = counting.asked();
        assert!(count > 0, "{name} asks nothing that can be interrupted");
        for at in 1..=count {
            sim.restore(start.clone());
            let stopped = command(&context(Arc::new(Interrupting::at(&sim, at))));
            match stopped {
                Ok(said) => assert_eq!(said, whole, "{name}, interrupted at {at} of {count}"),
                Err(problem) => assert_eq!(
                    problem.code,
                    Code::Interrupted,
                    "{name}, interrupted at {at} of {count}: {problem}"
                ),
            }
            // And the command does its own when it is given again.
            let again = command(&context(sim.shared()));
            assert!(again.is_ok(), "{name} after {at}: {again:?}");
        }
    }
}

#[test]
fn a_rebuild_that_was_killed_leaves_nothing_that_the_next_command_does_not_mend() {
    let sim = two_states();
    let start = sim.snapshot();
    let counting = Arc::new(Faulty::counting(sim.shared()));
    rebuilt(&context(counting.clone())).unwrap();
    let count = counting.effects();
    let mut cut_off = 0;
    for at in 1..=count {
        for mode in [Mode::DieBefore, Mode::DieAfter, Mode::Half] {
            sim.restore(start.clone());
            let dying = context(Arc::new(Faulty::new(sim.shared(), Fault { at, mode })));
            let died = catch_unwind(AssertUnwindSafe(|| rebuilt(&dying)));
            assert!(died.is_err(), "{mode:?} at {at}");
            sim.reboot();
            let context = context(sim.shared());
            let what = format!("{mode:?} at {at} of {count}");
            let seen = checked(&context, false);
            let is_whole = sim.exists(format!("{VENV}/pyvenv.cfg")).unwrap()
                && !sim
                    .text(format!("{VENV}/.deskside.json"))
                    .unwrap_or_default()
                    .contains("\"making\": true");
            match seen {
                Ok(told) if is_whole => {
                    assert!(!told.contains("goes on just now"), "{what}: {told}")
                }
                Ok(told) => {
                    cut_off += 1;
                    assert!(told.contains("was cut off"), "{what}: {told}");
                }
                Err(problem) => {
                    cut_off += 1;
                    assert!(!is_whole, "{what}: {problem}");
                    assert!(
                        problem.hints[0].contains("env rebuild"),
                        "{what}: {problem:?}"
                    );
                }
            }
            synced(&context, PROJECT).unwrap_or_else(|problem| panic!("{what}: {problem}"));
            assert_eq!(versions(&sim, VENV), ["deskside", "six 2.0"], "{what}");
            let going = gc::prepare(&context, here(), 20, false).unwrap();
            gc::carry_out(&context, &going).unwrap();
            assert!(
                beside(&sim, PROJECT).is_empty(),
                "{what}: {:?}",
                beside(&sim, PROJECT)
            );
        }
    }
    assert!(cut_off > 3, "{cut_off}");
}

#[test]
fn a_rebuild_after_a_sync_that_was_cut_off_follows_the_lock_file() {
    for lock_moved_on in [true, false] {
        let sim = two_states();
        let context = context(sim.shared());
        if lock_moved_on {
            project(&sim, PROJECT, &[("six", "2.0"), ("numpy", "1.0")]);
        }
        // Cut off while uv unpacked numpy: its module is there, and nothing says of whom.
        let noted = sim.text(format!("{VENV}/.deskside.json")).unwrap();
        let mut noted: serde_json::Value = serde_json::from_str(&noted).unwrap();
        noted["packages"] = serde_json::Value::Null;
        noted["underway"] = serde_json::json!(["six", "deskside"]);
        sim.put_file(format!("{VENV}/.deskside.json"), noted.to_string());
        let site = format!("{VENV}/lib/python3.12/site-packages");
        sim.put_file(format!("{site}/numpy/core.py"), "half");
        rebuilt(&context).unwrap();
        let after: &[&str] = match lock_moved_on {
            true => &["deskside", "numpy 1.0", "six 2.0"],
            false => &["deskside", "six 2.0"],
        };
        assert_eq!(versions(&sim, VENV), after);
        let noted = sim.text(format!("{VENV}/.deskside.json")).unwrap();
        assert!(!noted.contains("underway"), "{noted}");
    }
}

#[test]
fn a_wreck_is_no_state_and_the_one_before_it_is_the_newest() {
    let sim = two_states();
    let context = context(sim.shared());
    let count = || history::history(&context, here()).unwrap().snapshots.len();
    let before = count();
    let plan = |wanted: &str| {
        let prepared = rollback::rollback(&context, here(), wanted, false).unwrap();
        carry_out(&context, &prepared, &mut |_| {}).unwrap();
        versions(&sim, VENV)
    };
    let start = sim.snapshot();
    for lost in [
        VENV.to_string(),
        format!("{VENV}/lib/python3.12/site-packages"),
    ] {
        sim.restore(start.clone());
        sim.remove_tree(&lost).unwrap();
        assert_eq!(plan("1"), ["deskside", "six 2.0"], "{lost}");
        sim.restore(start.clone());
        sim.remove_tree(&lost).unwrap();
        rebuilt(&context).unwrap();
        assert_eq!(versions(&sim, VENV), ["deskside", "six 2.0"], "{lost}");
        assert_eq!(count(), before, "{lost}");
        assert_eq!(plan("2"), ["deskside", "numpy 1.0", "six 1.0"], "{lost}");
    }
    // Half a removal: what has no RECORD can't be brought back.
    sim.restore(start);
    sim.put_file(
        format!("{VENV}/lib/python3.12/site-packages/scipy-1.0.dist-info/METADATA"),
        "Name: scipy\n",
    );
    sim.advance(std::time::Duration::from_secs(60));
    let kept = keep::snapshot(&context, here(), false, &mut |_| {}).unwrap();
    let json = serde_json::to_string(&kept).unwrap();
    assert!(!json.contains("\"name\":\"scipy\""), "{json}");
}

#[test]
fn what_a_person_edited_outlives_every_change() {
    let six = format!("{VENV}/lib/python3.12/site-packages/six.py");
    let edited = "version = '2.0'\n# my fix\n";
    let kept = |sim: &Sim| {
        let mut all = beside(sim, PROJECT).into_iter();
        let folder = all.find(|name| name.contains(".kept-"))?;
        sim.text(format!(
            "{PROJECT}/{folder}/lib/python3.12/site-packages/six.py"
        ))
        .ok()
    };
    let start = |context: &Context, sim: &Sim| {
        sim.put_file(&six, edited);
        synced(context, PROJECT).unwrap()
    };
    // It works, so that a sync has nothing to do.
    let sim = two_states();
    let context = context(sim.shared());
    start(&context, &sim);
    assert_eq!(sim.text(&six).unwrap(), edited);
    // A change that installs it again.
    project(&sim, PROJECT, &[("six", "2.0"), ("numpy", "1.0")]);
    let warnings = synced(&context, PROJECT).unwrap();
    assert!(
        warnings.iter().any(|one| one.contains("six.py was edited")),
        "{warnings:?}"
    );
    assert_eq!(kept(&sim).unwrap(), edited);
    undo::undo(&context, None, &mut |_| {}).unwrap();
    assert_eq!(sim.text(&six).unwrap(), edited);
    // A rebuild.
    let prepared = rebuild::rebuild(&context, here(), false).unwrap();
    assert!(
        !prepared.why.iter().any(|one| one.contains("damaged")),
        "{:?}",
        prepared.why
    );
    let warnings = carry_out(&context, &prepared, &mut |_| {})
        .unwrap()
        .warnings;
    assert!(
        warnings
            .iter()
            .any(|one| one.contains("six.py in the environment was edited")),
        "{warnings:?}"
    );
    assert_eq!(kept(&sim).unwrap(), edited);
}

#[test]
fn a_plan_alone_puts_nothing_back() {
    let sim = two_states();
    let aside = format!("{VENV}.deskside-before-0123456789abcdef");
    sim.rename(VENV, &aside).unwrap();
    let context = context(sim.shared());
    let request = SyncRequest {
        project: here().map(PathBuf::from),
        only_plan: true,
        ..SyncRequest::default()
    };
    let before = sim.tree_of(PROJECT);
    let problem = sync::sync(&context, &request, &mut |_| {}).err().unwrap();
    assert_eq!(problem.code, Code::EnvironmentBroken, "{problem}");
    assert!(problem.hints[0].contains("env rebuild"), "{problem:?}");
    assert_eq!(sim.tree_of(PROJECT), before);
    let warnings = synced(&context, PROJECT).unwrap();
    assert!(
        warnings.iter().any(|one| one.contains("is back at")),
        "{warnings:?}"
    );
    assert_eq!(versions(&sim, VENV), ["deskside", "six 2.0"]);
}

#[test]
fn an_old_environment_beside_a_whole_one_goes_once_it_is_proven_superfluous() {
    let sim = two_states();
    let context = context(sim.shared());
    // A rebuild that was killed, and an environment that somebody made anew since.
    let aside = format!("{VENV}.deskside-before-0123456789abcdef");
    sim.rename(VENV, &aside).unwrap();
    sim.change(|state| simulated::make(state, VENV, &[("six", "2.0")]));
    sim.put_file(format!("{aside}/notes.txt"), "mine");
    let told = checked(&context, false).unwrap();
    assert!(told.contains("an old environment lies beside"), "{told}");
    let going = gc::prepare(&context, here(), 20, false).unwrap();
    assert!(going.preview.environments.is_empty());
    assert!(
        going.preview.warnings[0].contains("it stays"),
        "{:?}",
        going.preview
    );
    sim.remove_file(format!("{aside}/notes.txt")).unwrap();
    let going = gc::prepare(&context, here(), 20, false).unwrap();
    assert_eq!(going.preview.environments, std::slice::from_ref(&aside));
    gc::carry_out(&context, &going).unwrap();
    assert!(beside(&sim, PROJECT).is_empty());
    assert!(
        !checked(&context, false)
            .unwrap()
            .contains("an old environment")
    );
}

#[test]
fn snapshots_follow_a_project_that_is_moved_and_those_of_one_that_is_gone_can_go() {
    let sim = two_states();
    let context = context(sim.shared());
    let count = |project: &str| {
        let report = history::history(&context, Some(Path::new(project))).unwrap();
        report.snapshots.len()
    };
    let before = count(PROJECT);
    sim.rename(PROJECT, "/home/user/moved").unwrap();
    // Looking changes nothing, and sees them already.
    assert_eq!(count("/home/user/moved"), before);
    let warnings = synced(&context, "/home/user/moved").unwrap();
    assert!(
        warnings
            .iter()
            .any(|one| one.contains("was moved here from /home/user/p")),
        "{warnings:?}"
    );
    assert!(count("/home/user/moved") >= before);
    assert!(synced(&context, "/home/user/moved").unwrap().is_empty());
    let going = gc::prepare(&context, Some(Path::new("/home/user/moved")), 20, false).unwrap();
    assert!(going.preview.others.is_empty(), "{:?}", going.preview);

    // Gone with all that is in it: what is kept can be told, and can go.
    sim.remove_tree("/home/user/moved").unwrap();
    project(&sim, PROJECT, &[("six", "2.0")]);
    synced(&context, PROJECT).unwrap();
    let going = gc::prepare(&context, here(), 20, false).unwrap();
    assert_eq!(going.preview.others[0].project, "/home/user/moved");
    let gone = Some(Path::new("/home/user/moved"));
    let going = gc::prepare(&context, gone, 20, false).unwrap();
    assert!(going.preview.gone);
    assert!(going.preview.snapshots.len() > 1, "{:?}", going.preview);
    gc::carry_out(&context, &going).unwrap();
    let going = gc::prepare(&context, here(), 20, false).unwrap();
    assert!(going.preview.others.is_empty(), "{:?}", going.preview);
    undo::undo(&context, None, &mut |_| {}).unwrap();
    assert!(gc::prepare(&context, gone, 20, false).unwrap().preview.gone);
}

#[test]
fn what_was_brought_back_is_in_sync() {
    let sim = two_states();
    let context = context(sim.shared());
    let plan = || {
        let request = SyncRequest {
            project: here().map(PathBuf::from),
            ..SyncRequest::default()
        };
        sync::sync(&context, &request, &mut |_| {}).unwrap().plan
    };
    assert!(plan().is_empty());
    rebuilt(&context).unwrap();
    assert!(plan().is_empty(), "{:?}", plan().steps);
    let prepared = rollback::rollback(&context, here(), "2", false).unwrap();
    carry_out(&context, &prepared, &mut |_| {}).unwrap();
    assert_eq!(versions(&sim, VENV), ["deskside", "numpy 1.0", "six 1.0"]);
    assert!(plan().is_empty(), "{:?}", plan().steps);
}

#[test]
fn an_environment_behind_a_link_is_made_anew_where_it_lies() {
    let sim = two_states();
    let context = context(sim.shared());
    sim.put_directory("/home/user/big");
    sim.rename(VENV, "/home/user/big/venv").unwrap();
    sim.put_link(VENV, "/home/user/big/venv");
    let six = "/home/user/big/venv/lib/python3.12/site-packages/six.py";
    sim.remove_file(six).unwrap();
    rebuilt(&context).unwrap();
    assert_eq!(sim.link(VENV).unwrap(), Path::new("/home/user/big/venv"));
    assert!(sim.exists(six).unwrap());
    let left: Vec<String> = sim
        .entries("/home/user/big")
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(left, ["venv"]);
    assert!(beside(&sim, PROJECT).is_empty());
}

#[test]
fn a_file_that_came_later_is_kept_out_of_the_way() {
    let sim = two_states();
    let context = context(sim.shared());
    let files = || -> Vec<String> {
        sim.entries(PROJECT)
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect()
    };
    sim.put_file(format!("{PROJECT}/.python-version"), "3.12\n");
    let prepared = rollback::rollback(&context, here(), "1", false).unwrap();
    let titles: Vec<&str> = prepared
        .plan
        .steps
        .iter()
        .map(|step| step.title.as_str())
        .collect();
    assert!(
        titles
            .iter()
            .any(|title| title.contains("Take .python-version away")),
        "{titles:?}"
    );
    carry_out(&context, &prepared, &mut |_| {}).unwrap();
    assert_eq!(files(), [".venv", "pyproject.toml", "uv.lock"]);
    undo::undo(&context, None, &mut |_| {}).unwrap();
    assert_eq!(
        sim.text(format!("{PROJECT}/.python-version")).unwrap(),
        "3.12\n"
    );
}
