//! A foreground run that breaks or dies at every effect, on a simulated machine: what is left is true and readable.

use crate::{Event, Finished, Request, foreground_with};
use deskside_machine::wrappers::{Fault, Faulty, Mode};
use deskside_machine::{Directories, ErrorKind, Machine, Reading};
use deskside_testkit::{Sim, SimLaunched, sim::output};
use deskside_track::index::Filter;
use deskside_track::{Folder, Store, record, truth};
use deskside_types::run::{RunExit, RunId, RunState, StateRecord};
use deskside_types::{Code, Result};
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A machine with a changed repository, an active environment and a command that says something and ends with 3.
fn machine() -> (Sim, u32) {
    let sim = Sim::linux();
    let supervisor = sim.change(|state| state.start_process());
    let start_time = sim.change(|state| state.processes[&supervisor].start_time);
    sim.put_file(
        "/proc/self/stat",
        format!(
            "{supervisor} (desk side)) S {} {start_time} 0",
            ["0"; 18].join(" ")
        ),
    );
    sim.put_directory("/home/user/project/.git")
        .put_file("/home/user/project/train.py", "")
        .put_file(
            "/home/user/project/uv.lock",
            "version = 1\nregistry = \"https://me:visible@host/simple\"\n",
        );
    sim.put_file(
        "/home/user/venv/lib/python3.12/site-packages/torch-2.9.0.dist-info/METADATA",
        "",
    );
    sim.change(|state| state.working_directory = "/home/user/project".into());
    sim.set_variable("VIRTUAL_ENV", "/home/user/venv");
    sim.on_command(
        |argv| argv[0] == "git" && argv.contains(&"status".into()),
        |_, _| Ok(output(0, "# branch.oid 0123abc\0# branch.head main\x001 .M N... 1 1 1 a b train.py\0? notes.md\0", "")),
    );
    sim.on_command(
        |argv| argv[0] == "git" && argv.contains(&"diff".into()),
        |_, _| {
            Ok(output(
                0,
                "diff --git a/train.py b/train.py\n+login(\"hf_abcdefghijklmnopqrstuv\")\n",
                "",
            ))
        },
    );
    sim.on_launch(
        |argv| argv[0] == "python",
        |state, launch| {
            let folder = launch.variables["DESKSIDE_RUN"].clone().unwrap();
            assert!(
                state
                    .contents(std::path::Path::new(&folder).join("run.toml"))
                    .is_some(),
                "the run is whole before the command starts"
            );
            Ok(SimLaunched::exit(3, "epoch 1\n"))
        },
    );
    (sim, supervisor)
}

fn request() -> Request {
    Request {
        argv: ["python", "train.py", "--lr", "3e-4", "--api-key", "hidden"]
            .map(OsString::from)
            .to_vec(),
        tags: [("why", "test"), ("token", "hidden")]
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .into(),
        params: [("openai_key".to_string(), "hidden".to_string())].into(),
        build: Some(crate::BuildRecord {
            framework: "torch".into(),
            variant: "cpu".into(),
            arguments: vec!["--index".into(), "https://me:hidden@host/whl".into()],
            why: vec!["no GPU".into()],
            ..Default::default()
        }),
        ..Request::default()
    }
}

fn go(machine: &dyn Machine, request: Request) -> Result<Finished> {
    let directories = Directories::of(machine).unwrap();
    foreground_with(machine, &directories, request, &mut |_| {})
}

fn folders(sim: &Sim) -> Vec<Folder> {
    let directories = Directories::of(sim).unwrap();
    let entries = sim.entries(directories.runs()).unwrap_or_default();
    entries
        .into_iter()
        .map(|entry| Folder::of(&directories, &RunId(entry.name)))
        .collect()
}

#[test]
fn everything_about_a_run_is_kept() {
    let (sim, _) = machine();
    let mut events = Vec::new();
    let directories = Directories::of(&sim).unwrap();
    let finished = foreground_with(&sim, &directories, request(), &mut |event| {
        events.push(event)
    })
    .unwrap();
    assert_eq!(
        (
            finished.exit,
            finished.exit.shell_code(),
            finished.warnings.len()
        ),
        (RunExit::ExitCode(3), 3, 0),
        "{finished:?}"
    );
    let folder = Folder::of(&directories, &finished.id);
    assert_eq!(
        events,
        [Event::Made {
            id: finished.id.clone(),
            folder: folder.path().into()
        }]
    );
    let run = record::read(&sim, &folder).unwrap();
    assert_eq!(
        (run.name.as_str(), run.experiment.as_str()),
        ("train", "default")
    );
    assert_eq!(
        run.argv.join(" "),
        "python train.py --lr 3e-4 --api-key ***"
    );
    assert_eq!(run.params["lr"], "3e-4");
    assert_eq!(
        (run.tags["why"].as_str(), run.tags["token"].as_str()),
        ("test", "***")
    );
    assert_eq!(run.params["openai_key"], "***");
    assert_eq!(
        sim.text(folder.build()).unwrap(),
        "framework = \"torch\"\nvariant = \"cpu\"\nrequirements = []\n\
         arguments = [\"--index\", \"https://***@host/whl\"]\npython = \"\"\nwhy = [\"no GPU\"]\n"
    );
    assert_eq!(
        sim.text(folder.lock()).unwrap(),
        "version = 1\nregistry = \"https://***@host/simple\"\n"
    );
    assert_eq!(run.working_directory, "/home/user/project");
    assert_eq!(run.environment["VIRTUAL_ENV"], "/home/user/venv");
    let code = run.code.unwrap();
    assert_eq!(
        (
            code.commit.as_str(),
            code.dirty,
            code.untracked.join(",").as_str()
        ),
        ("0123abc", true, "notes.md")
    );
    assert_eq!(
        sim.text(folder.diff()).unwrap(),
        "diff --git a/train.py b/train.py\n+login(\"***\")\n"
    );
    assert_eq!(sim.text(folder.packages()).unwrap(), "torch==2.9.0\n");
    assert_eq!(sim.text(folder.log()).unwrap(), "epoch 1\n");
    let state = truth(&sim, &folder).unwrap();
    assert_eq!(
        state.state,
        RunState::Finished {
            exit: RunExit::ExitCode(3)
        }
    );
    assert!(state.started_at.is_some() && state.ended_at.is_some());
    for file in ["run.toml", "state", "log"] {
        let text = sim.text(folder.path().join(file)).unwrap();
        assert!(!text.contains("hidden"), "{file}: {text}");
    }
}

#[test]
fn a_person_who_stops_it_and_an_environment_that_is_asked_for() {
    let (sim, _) = machine();
    sim.put_program("/home/user/other/bin/python", "");
    sim.on_launch(
        |argv| argv[0] == "/home/user/other/bin/python",
        |_, launch| {
            assert_eq!(
                launch.variables["VIRTUAL_ENV"],
                Some("/home/user/other".into())
            );
            assert!(
                launch.variables["PATH"]
                    .as_ref()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with("/home/user/other/bin:")
            );
            assert_eq!(launch.variables["DESKSIDE_NAME"], Some("named".into()));
            Ok(SimLaunched {
                exit: RunExit::Signal(2),
                log: Vec::new(),
                forwarded: Some(2),
            })
        },
    );
    let request = Request {
        environment: Some("/home/user/other".into()),
        name: Some("named".into()),
        ..request()
    };
    let finished = go(&sim, request).unwrap();
    assert_eq!(
        finished.state.state,
        RunState::Stopped {
            exit: RunExit::Signal(2),
            reason: None,
        }
    );
    assert_eq!(finished.exit.shell_code(), 130);
}

#[test]
fn what_cannot_be_started_is_said_and_recorded() {
    for (kind, code, word) in [
        (ErrorKind::Absent, Code::CommandNotFound, "not found"),
        (ErrorKind::Denied, Code::CommandNotExecutable, "executed"),
        (ErrorKind::Failed, Code::RunFolder, "start"),
    ] {
        let (sim, _) = machine();
        sim.on_launch(
            |_| true,
            move |_, _| {
                Err(deskside_machine::DoorError::new(
                    kind,
                    "start python --api-key hidden",
                    "no",
                ))
            },
        );
        let problem = go(&sim, request()).unwrap_err();
        assert_eq!(problem.code, code);
        assert!(problem.message.contains(word), "{problem:?}");
        let folders = folders(&sim);
        assert!(!sim.text(folders[0].state()).unwrap().contains("hidden"));
        assert!(
            matches!(truth(&sim, &folders[0]).unwrap().state, RunState::Failed { reason } if reason.contains(word))
        );
    }
    assert_eq!(
        go(&machine().0, Request::default()).unwrap_err().code,
        Code::Usage
    );
}

#[test]
fn a_git_that_fails_or_hangs_never_keeps_a_run_from_starting() {
    for kind in [ErrorKind::Absent, ErrorKind::Timeout, ErrorKind::Failed] {
        let (sim, _) = machine();
        sim.on_command(
            |argv| argv[0] == "git",
            move |_, _| Err(deskside_machine::DoorError::new(kind, "run git", "no")),
        );
        let finished = go(&sim, request()).unwrap();
        assert_eq!(finished.warnings.len(), 1, "{:?}", finished.warnings);
    }
    let (sim, _) = machine();
    sim.on_command(
        |argv| argv.contains(&"diff".to_string()),
        |_, _| Ok(output(0, vec![b'x'; (20 << 20) + 1], "")),
    );
    let finished = go(&sim, request()).unwrap();
    assert_eq!(
        finished.warnings,
        ["how the code differs from its commit was not recorded: the diff is larger than 20 MiB"]
    );
    let (sim, _) = machine();
    sim.change(|state| {
        state.remove("/home/user/project/.git");
    });
    sim.on_command(
        |argv| argv[0] == "git",
        |_, _| panic!("git is not asked outside a repository"),
    );
    go(&sim, request()).unwrap();
}

#[test]
fn a_store_that_cannot_be_written_is_said_before_anything_starts() {
    for full in [true, false] {
        let (sim, _) = machine();
        sim.on_launch(|_| true, |_, _| panic!("nothing may start"));
        if full {
            sim.change(|state| state.disk_free = 0);
        } else {
            sim.change(|state| state.read_only.insert("/home".into()));
        }
        let problem = go(&sim, request()).unwrap_err();
        assert_eq!(problem.code, Code::RunFolder);
        assert!(
            !problem.hints.is_empty() && problem.message.contains("run folder"),
            "{problem:?}"
        );
    }
}

/// How many effects a whole run has.
fn effects() -> usize {
    let (sim, _) = machine();
    let counting = Faulty::counting(sim.shared());
    go(&counting, request()).unwrap();
    counting.effects()
}

#[test]
fn dying_at_any_effect_leaves_what_is_true() {
    let count = effects();
    assert!(count >= 6, "{count}");
    let mut seen = std::collections::BTreeSet::new();
    for at in 1..=count {
        for mode in [Mode::DieBefore, Mode::DieAfter, Mode::Half] {
            let (sim, supervisor) = machine();
            let faulty: Arc<dyn Machine> = Arc::new(Faulty::new(sim.shared(), Fault { at, mode }));
            let died = catch_unwind(AssertUnwindSafe(|| go(faulty.as_ref(), request()))).is_err();
            if !died {
                continue; // an effect of the index, whose death the run outlives in this process
            }
            sim.change(|state| state.end_process(supervisor));
            let child_lives = sim.change(|state| {
                state
                    .processes
                    .iter()
                    .any(|(pid, process)| *pid != supervisor && process.alive)
            });
            for folder in folders(&sim) {
                if !sim.exists(folder.record()).unwrap() {
                    continue;
                }
                let case = format!("{mode:?} at {at}");
                record::read(&sim, &folder).unwrap_or_else(|problem| panic!("{case}: {problem}"));
                let state =
                    truth(&sim, &folder).unwrap_or_else(|problem| panic!("{case}: {problem}"));
                let started = sim.exists(folder.log()).unwrap();
                match &state.state {
                    RunState::Failed { reason } => {
                        assert!(!started && reason.contains("never started"), "{case}")
                    }
                    RunState::ExitUnknown { survivor } => {
                        assert!(started && (survivor.is_none() || child_lives), "{case}")
                    }
                    RunState::Finished { exit } => {
                        assert_eq!(*exit, RunExit::ExitCode(3), "{case}")
                    }
                    other => panic!("{case}: {other:?}"),
                }
                seen.insert(state.state.word());
                assert_eq!(truth(&sim, &folder).unwrap(), state, "{case}: it stays so");
            }
            let directories = Directories::of(&sim).unwrap();
            let listing = Store::new(&sim, &directories)
                .list(&Filter::default())
                .unwrap();
            let unreadable = |warning: &&String| !warning.contains("index");
            assert_eq!(
                listing.warnings.iter().find(unreadable),
                None,
                "{mode:?} at {at}"
            );
        }
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        ["exit-unknown", "failed", "finished"]
    );
}

#[test]
fn failing_at_any_effect_either_starts_nothing_or_runs_to_the_end() {
    for at in 1..=effects() {
        for kind in [ErrorKind::Full, ErrorKind::Denied, ErrorKind::Failed] {
            let (sim, supervisor) = machine();
            let faulty = Faulty::new(
                sim.shared(),
                Fault {
                    at,
                    mode: Mode::Fail(kind),
                },
            );
            let outcome = go(&faulty, request());
            sim.change(|state| state.end_process(supervisor));
            let states: Vec<StateRecord> = folders(&sim)
                .iter()
                .filter(|folder| sim.exists(folder.record()).unwrap())
                .map(|folder| truth(&sim, folder).unwrap())
                .collect();
            match outcome {
                Ok(finished) => {
                    assert_eq!(finished.exit, RunExit::ExitCode(3));
                    assert_eq!(states.len(), 1);
                    let written = states[0].state
                        == RunState::Finished {
                            exit: RunExit::ExitCode(3),
                        };
                    assert!(
                        written || !finished.warnings.is_empty(),
                        "{kind:?} at {at}: {states:?}"
                    );
                }
                Err(problem) => {
                    assert!(
                        matches!(problem.code, Code::RunFolder | Code::CommandNotExecutable),
                        "{problem:?}"
                    );
                    assert!(
                        states
                            .iter()
                            .all(|state| matches!(state.state, RunState::Failed { .. })),
                        "{kind:?} at {at}: {states:?}"
                    );
                }
            }
        }
    }
}
