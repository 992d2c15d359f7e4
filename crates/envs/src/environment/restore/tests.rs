//! Restoring with a simulated uv: every death and failure on the way, and the way back.

use super::*;
use crate::environment::own::Own;
use crate::snapshot::origin::{self, Looking};
use crate::snapshot::{Taking, take};
use deskside_machine::wrappers::{Fault, Faulty, Mode};
use deskside_machine::{ErrorKind, Output};
use deskside_operate::{Domain, Workshop, apply};
use deskside_testkit::{Sim, SimState};
use deskside_types::plan::{Action, Check, FileContents, PLAN_VERSION, Plan, Risk, Step, Undo};
use std::panic::{AssertUnwindSafe, catch_unwind};

const PROJECT: &str = "/home/user/p";
const VENV: &str = "/home/user/p/.venv";
const SITE: &str = "/home/user/p/.venv/lib/python3.12/site-packages";
const UV: &str = "/opt/uv";
const STORE: &str = "/home/user/store";

/// A machine whose uv makes environments and installs what a recipe names, a file each.
fn machine() -> Sim {
    let sim = Sim::linux();
    sim.put_program(UV, "uv");
    sim.put_directory(PROJECT);
    sim.put_program("/usr/bin/python3.12", "elf");
    sim.on_command(
        |argv| argv[0] == UV,
        |state, command| Ok(uv(state, &command.argv)),
    );
    sim
}

fn said(code: i32, stderr: &str) -> Output {
    Output {
        code,
        stdout: vec![],
        stderr: stderr.into(),
    }
}

fn uv(state: &mut SimState, argv: &[String]) -> Output {
    let last = argv.last().unwrap().clone();
    match (argv[1].as_str(), argv[2].as_str()) {
        ("venv", _) => {
            state.put_link(format!("{last}/bin/python"), "/usr/bin/python3.12");
            state.put_file(
                format!("{last}/pyvenv.cfg"),
                "home = /usr/bin\nversion_info = 3.12.3\n",
            );
            state.put_directory(format!("{last}/lib/python3.12/site-packages"));
            said(0, "")
        }
        ("cache", "clean") => {
            for name in &argv[3..] {
                state.remove(format!("/cache/{name}"));
            }
            said(0, "")
        }
        ("pip", "sync") => {
            let text = String::from_utf8(state.contents(&last).unwrap().to_vec()).unwrap();
            let table: toml::Table = text.parse().unwrap();
            for package in table["packages"].as_array().unwrap() {
                let (name, version) = (
                    package["name"].as_str().unwrap(),
                    package["version"].as_str().unwrap(),
                );
                if !state.network && state.get(format!("/cache/{name}")).is_none() {
                    return said(
                        2,
                        "error: Failed to fetch: https://index.example/x\n  cause: dns error",
                    );
                }
                let damaged = state.get(format!("/cache/{name}/damaged")).is_some();
                put(state, name, version, damaged);
                if !damaged {
                    state.put_file(format!("/cache/{name}/whole"), "");
                }
            }
            said(0, " + installed")
        }
        _ => said(2, "error: unknown"),
    }
}

/// Puts a distribution of one module in.
fn put(state: &mut SimState, name: &str, version: &str, damaged: bool) {
    let text = format!("version = '{version}'\n");
    let information = format!("{SITE}/{name}-{version}.dist-info");
    state.put_file(
        format!("{SITE}/{name}.py"),
        if damaged { "" } else { &text },
    );
    state.put_file(format!("{information}/METADATA"), format!("Name: {name}\n"));
    let hash = format!("h-{name}-{version}");
    state.put_file(
        format!("{information}/RECORD"),
        format!(
            "{name}.py,md5={hash},{}\n{name}-{version}.dist-info/METADATA,,\n",
            text.len()
        ),
    );
}

/// A lock file that names a wheel of each.
fn lock(packages: &[(&str, &str)]) -> String {
    let mut text = "version = 1\n".to_string();
    for (name, version) in packages {
        text.push_str(&format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"https://index.example/simple\" }}\nwheels = [{{ url = \"https://index.example/{name}-{version}-py3-none-any.whl\", hash = \"sha256:{}\" }}]\n",
            "0".repeat(64)
        ));
    }
    text
}

/// An environment with these packages, made as uv makes it, and a snapshot of it.
fn state(sim: &Sim, packages: &[(&str, &str)]) -> Snapshot {
    sim.change(|state| {
        state.remove(VENV);
        uv(state, &["uv", "venv", VENV].map(String::from));
        for (name, version) in packages {
            put(state, name, version, false);
        }
    });
    sim.put_file(format!("{PROJECT}/uv.lock"), lock(packages));
    sim.advance(std::time::Duration::from_secs(60));
    let facts = deskside_probe::collect(sim);
    let taking = Taking {
        project: Path::new(PROJECT),
        environment: Path::new(VENV),
        facts: &facts,
        reason: "test".into(),
        operation: None,
        choice: None,
        parts: None,
        installed: None,
    };
    let taken = take(sim, &taking).unwrap().unwrap();
    Store::at(Path::new(STORE))
        .keep(sim, &taken.snapshot, &taken.files)
        .unwrap();
    taken.snapshot
}

/// A machine on which the environment was first of these, then of those; both states are kept.
fn two_states() -> (Sim, Snapshot, Snapshot) {
    let sim = machine();
    let first = state(&sim, &[("six", "1.0"), ("numpy", "1.0")]);
    let second = state(&sim, &[("six", "2.0"), ("scipy", "1.0")]);
    (sim, first, second)
}

fn restore(machine: &dyn Machine, snapshot: &Snapshot, refresh: &[&str]) -> Plan {
    let store = Store::at(Path::new(STORE));
    let looking = Looking {
        store: &store,
        snapshot,
        offline: false,
        platform: None,
    };
    let origins = origin::origins(machine, &looking);
    let action = EnvironmentAction::Restore {
        path: VENV.into(),
        snapshot: store.snapshot_folder(&snapshot.id).display().to_string(),
        python: "/usr/bin/python3.12".into(),
        offline: false,
        refresh: refresh.iter().map(ToString::to_string).collect(),
        edited: vec![],
        uv: UV.into(),
    };
    Plan {
        version: PLAN_VERSION,
        wish: format!("bring {} back", snapshot.id),
        made_at: machine.now().unwrap().wall,
        premises: vec![],
        satisfied: vec![],
        steps: vec![Step {
            id: "environment".into(),
            title: "restore".into(),
            why: String::new(),
            check: vec![],
            actions: vec![
                Action::WriteFile {
                    path: store.recipe_path(&snapshot.id).display().to_string(),
                    contents: FileContents::Text(
                        recipe::recipe(&snapshot.distributions, &origins).text(),
                    ),
                    mode: 0o600,
                },
                Action::Env {
                    action: action.clone(),
                },
            ],
            verify: vec![Check::Environment { action }],
            undo: Undo::Exact,
            root: false,
            reboot: false,
            hands_needed: None,
            download_bytes: None,
            risk: Risk::Low,
        }],
    }
}

/// Environments alone.
struct Environments;

impl Domain for Environments {
    fn holds(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
    ) -> deskside_types::Result<bool> {
        crate::holds(machine, action)
    }
    fn prepare(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
    ) -> deskside_types::Result<Value> {
        crate::prepare(machine, action)
    }
    fn perform(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        before: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> deskside_types::Result<Value> {
        crate::perform(machine, action, before, watch)
    }
    fn undo(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        before: &Value,
        after: &Value,
    ) -> deskside_types::Result<Option<String>> {
        crate::undo(machine, action, before, after)
    }
    fn embedded(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

fn workshop(machine: &dyn Machine) -> Workshop<'_> {
    Workshop {
        machine,
        domain: &Environments,
        state: "/home/user/state".into(),
        root: None,
    }
}

fn carry_out(machine: &dyn Machine, plan: &Plan) -> Result<(), Problem> {
    apply(&workshop(machine), plan, &mut |_| {}).map(drop)
}

fn take_back(machine: &dyn Machine) -> Result<Vec<String>, Problem> {
    deskside_operate::undo(&workshop(machine), None, &mut |_| {}).map(|undone| undone.left)
}

/// Names and versions in the environment.
fn versions(machine: &dyn Machine) -> Vec<String> {
    let all = venv::distributions(machine, Path::new(VENV));
    all.into_iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect()
}

/// What lies in the project's folder beside the environment and its lock file.
fn beside(sim: &Sim) -> Vec<String> {
    let entries = sim
        .entries(PROJECT)
        .unwrap()
        .into_iter()
        .map(|entry| entry.name);
    entries
        .filter(|name| ![".venv", "uv.lock"].contains(&name.as_str()))
        .collect()
}

const FIRST: [&str; 2] = ["numpy 1.0", "six 1.0"];
const SECOND: [&str; 2] = ["scipy 1.0", "six 2.0"];

#[test]
fn an_environment_is_made_anew_and_taken_back() {
    let (sim, first, second) = two_states();
    let plan = restore(&sim, &first, &[]);
    let before = sim.tree_of(format!("{VENV}/lib"));
    carry_out(&sim, &plan).unwrap();
    assert_eq!(versions(&sim), FIRST);
    assert!(beside(&sim).is_empty(), "{:?}", beside(&sim));
    assert!(take_back(&sim).unwrap().is_empty());
    assert_eq!(versions(&sim), SECOND);
    assert_eq!(sim.tree_of(format!("{VENV}/lib")), before);
    assert!(beside(&sim).is_empty());
    // The same once more, the other way round.
    carry_out(&sim, &restore(&sim, &second, &[])).unwrap();
    assert_eq!(versions(&sim), SECOND);
}

#[test]
fn killed_anywhere_the_same_command_again_finishes_and_undo_takes_back() {
    let (sim, first, _) = two_states();
    sim.put_file(format!("{VENV}/notes.txt"), "mine");
    let plan = restore(&sim, &first, &[]);
    let counting = Faulty::counting(sim.shared());
    let start = sim.snapshot();
    carry_out(&counting, &plan).unwrap();
    let effects = counting.effects();
    assert!(effects > 10, "{effects}");
    let mut deaths = 0;
    for mode in [Mode::DieBefore, Mode::DieAfter, Mode::Half] {
        for at in 1..=effects {
            sim.restore(start.clone());
            let faulty = Faulty::new(sim.shared(), Fault { at, mode });
            let died = catch_unwind(AssertUnwindSafe(|| carry_out(&faulty, &plan))).is_err();
            drop(faulty);
            if !died {
                continue;
            }
            deaths += 1;
            let place = format!("{mode:?} at {at}");
            // One of the two is whole, at its place or waiting beside.
            let whole = matches!(venv::look(&sim, Path::new(VENV)).unwrap(), State::Whole(_));
            let waits = was_cut_off(&sim, Path::new(VENV)).unwrap().is_some();
            assert!(whole || waits, "{place}");
            let died = sim.snapshot();

            carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
            assert_eq!(versions(&sim), FIRST, "{place}");
            assert_only_notes(&sim, &place);
            take_back(&sim).unwrap();
            if mode == Mode::DieAfter && at == effects {
                // It had ended: the second was another operation, and so is its undo.
                assert_eq!(versions(&sim), FIRST, "{place}, one of two undone");
                take_back(&sim).unwrap();
            }
            assert_eq!(versions(&sim), SECOND, "{place}, then undone");

            // Taken back at once, without finishing it first.
            sim.restore(died);
            if take_back(&sim).is_ok() {
                assert_eq!(versions(&sim), SECOND, "{place}, undone at once");
            }
            assert!(sim.tree_of(PROJECT).contains("notes.txt"), "{place}");
        }
    }
    assert!(deaths > 20, "{deaths}");
}

/// Beside the environment nothing is left but the file of the person's own.
fn assert_only_notes(sim: &Sim, place: &str) {
    for name in beside(sim) {
        assert!(name.starts_with(".venv.kept-"), "{place}: {name}");
    }
    assert!(sim.tree_of(PROJECT).contains("notes.txt"), "{place}");
}

#[test]
fn an_undo_that_is_killed_anywhere_is_finished_by_the_next() {
    let (sim, first, _) = two_states();
    carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
    let start = sim.snapshot();
    let counting = Faulty::counting(sim.shared());
    take_back(&counting).unwrap();
    for mode in [Mode::DieBefore, Mode::DieAfter, Mode::Half] {
        for at in 1..=counting.effects() {
            sim.restore(start.clone());
            let faulty = Faulty::new(sim.shared(), Fault { at, mode });
            let died = catch_unwind(AssertUnwindSafe(|| take_back(&faulty))).is_err();
            drop(faulty);
            if died {
                // At the very end nothing is left to be undone.
                if let Err(problem) = take_back(&sim) {
                    assert_eq!(problem.code, Code::UndoImpossible, "{problem}");
                }
            }
            assert_eq!(versions(&sim), SECOND, "{mode:?} at {at}");
            assert!(
                beside(&sim).is_empty(),
                "{mode:?} at {at}: {:?}",
                beside(&sim)
            );
        }
    }
}

#[test]
fn whatever_fails_the_old_environment_is_back() {
    let (sim, first, _) = two_states();
    let plan = restore(&sim, &first, &[]);
    let counting = Faulty::counting(sim.shared());
    let start = sim.snapshot();
    carry_out(&counting, &plan).unwrap();
    for kind in [ErrorKind::Full, ErrorKind::Denied] {
        for at in 1..=counting.effects() {
            sim.restore(start.clone());
            let faulty = Faulty::new(
                sim.shared(),
                Fault {
                    at,
                    mode: Mode::Fail(kind),
                },
            );
            let outcome = carry_out(&faulty, &plan);
            let there = versions(&sim);
            if outcome.is_err() {
                let waits = was_cut_off(&sim, Path::new(VENV)).unwrap().is_some();
                assert!(
                    there == SECOND || there == FIRST || waits,
                    "{kind:?} at {at}: {there:?}"
                );
            }
            carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
            assert_eq!(versions(&sim), FIRST, "{kind:?} at {at}");
        }
    }
    // The network is gone half way: nothing of the new one is left.
    sim.restore(start);
    sim.set_network(false);
    let problem = carry_out(&sim, &plan).unwrap_err();
    assert_eq!(problem.code, Code::IndexUnreachable, "{problem}");
    assert_eq!(versions(&sim), SECOND);
    assert!(beside(&sim).is_empty());
    assert!(
        problem
            .hints
            .iter()
            .any(|hint| hint.contains("as it was before")),
        "{:?}",
        problem.hints
    );
}

#[test]
fn a_damaged_copy_in_uvs_cache_is_fetched_anew() {
    let (sim, first, _) = two_states();
    // uv links a damaged copy: the proof sees it, and the copy is forgotten.
    sim.put_file("/cache/numpy/damaged", "");
    carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
    assert_eq!(versions(&sim), FIRST);
    let text = sim.text(format!("{SITE}/numpy.py")).unwrap();
    assert_eq!(text, "version = '1.0'\n");
    assert!(!sim.tree().contains("/cache/numpy/damaged"));
}

#[test]
fn what_no_snapshot_has_is_kept_beside_and_comes_back() {
    let (sim, first, _) = two_states();
    sim.change(|state| put(state, "mine", "9.0", false));
    carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
    let kept = beside(&sim);
    assert!(
        kept.len() == 1 && kept[0].starts_with(".venv.kept-"),
        "{kept:?}"
    );
    assert!(
        sim.tree_of(format!("{PROJECT}/{}", kept[0]))
            .contains("mine-9.0.dist-info")
    );
    take_back(&sim).unwrap();
    assert_eq!(versions(&sim), ["mine 9.0", "scipy 1.0", "six 2.0"]);
    assert!(beside(&sim).is_empty());
}

/// What is kept beside the environment, by its path there.
fn kept(sim: &Sim, relative: &str) -> Option<String> {
    let mut beside = beside(sim).into_iter();
    let folder = beside.find(|name| name.starts_with(".venv.kept-"))?;
    sim.text(format!("{PROJECT}/{folder}/{relative}")).ok()
}

#[test]
fn what_a_person_edited_is_kept_beside_and_comes_back() {
    let site = "lib/python3.12/site-packages";
    for planned in [true, false] {
        let (sim, _, second) = two_states();
        let edited = "version = '2.0'\n# my fix\n";
        sim.put_file(format!("{SITE}/six.py"), edited);
        sim.put_file(format!("{SITE}/six-2.0.dist-info/notes.txt"), "mine");
        sim.put_file(format!("{VENV}/bin/pythonx"), "mine");
        let mut plan = restore(&sim, &second, &[]);
        let Action::Env {
            action: EnvironmentAction::Restore { edited: named, .. },
        } = &mut plan.steps[0].actions[1]
        else {
            panic!("{plan:?}");
        };
        if planned {
            let own = Own::of(&sim, Path::new(VENV));
            assert!(own.edited[0].works);
            named.push(own.edited[0].path.display().to_string());
        } else {
            // A restore that is cut off after the old one was renamed, and looked at by whoever comes next.
            named.push("gone.py".into());
        }
        carry_out(&sim, &plan).unwrap();
        assert_eq!(
            sim.text(format!("{SITE}/six.py")).unwrap(),
            "version = '2.0'\n"
        );
        let text = kept(&sim, &format!("{site}/six.py"));
        assert_eq!(text.is_some(), planned);
        assert_eq!(
            kept(&sim, &format!("{site}/six-2.0.dist-info/notes.txt")).unwrap(),
            "mine"
        );
        assert_eq!(kept(&sim, "bin/pythonx").unwrap(), "mine");
        // Undo makes it anew, and puts what was kept over it.
        sim.put_file(format!("{SITE}/scipy.py"), "version = '1.0'\n# since\n");
        take_back(&sim).unwrap();
        assert_eq!(sim.text(format!("{VENV}/bin/pythonx")).unwrap(), "mine");
        if planned {
            assert_eq!(sim.text(format!("{SITE}/six.py")).unwrap(), edited);
        }
        let since = kept(&sim, &format!("{site}/scipy.py"));
        assert!(since.unwrap().contains("# since"));
    }
}

#[test]
fn what_was_only_cut_off_is_not_kept() {
    for (text, is_kept) in [
        ("version = '2", false),
        ("version = 2\n", true),
        ("", false),
    ] {
        let (sim, _, second) = two_states();
        sim.put_file(format!("{SITE}/six.py"), text);
        let mut plan = restore(&sim, &second, &["six"]);
        let Action::Env {
            action: EnvironmentAction::Restore { edited, .. },
        } = &mut plan.steps[0].actions[1]
        else {
            panic!("{plan:?}");
        };
        let own = Own::of(&sim, Path::new(VENV));
        edited.extend(own.edited.iter().map(|one| one.path.display().to_string()));
        carry_out(&sim, &plan).unwrap();
        assert_eq!(
            beside(&sim).is_empty(),
            !is_kept,
            "{text}: {:?}",
            beside(&sim)
        );
    }
}

#[test]
fn an_edited_environment_beside_is_never_superfluous() {
    let (sim, _, second) = two_states();
    let aside = format!("{VENV}.before");
    sim.rename(VENV, &aside).unwrap();
    state(&sim, &[("six", "2.0"), ("scipy", "1.0")]);
    let store = Store::at(Path::new(STORE));
    let snapshots = store.list(&sim).unwrap().snapshots;
    assert!(snapshots.iter().any(|one| one.id == second.id));
    let superfluous = || left_over(&sim, Path::new(VENV), &snapshots).unwrap()[0].is_superfluous;
    assert!(superfluous());
    let six = format!("{aside}/lib/python3.12/site-packages/six.py");
    sim.put_file(&six, "version = '2.0'\n# three days\n");
    assert!(!superfluous());
    sim.put_file(&six, "short\n");
    assert!(!superfluous());
    sim.put_file(&six, "");
    assert!(superfluous(), "cut off to nothing, it is nobody's work");
}

#[test]
fn half_of_an_install_is_nobodys() {
    let (sim, first, _) = two_states();
    let marker = Marker {
        id: "a".into(),
        underway: Some(vec!["six".into()]),
        ..Marker::default()
    };
    marker::write(&sim, Path::new(VENV), &marker).unwrap();
    sim.put_file(
        format!("{PROJECT}/uv.lock"),
        lock(&[("pandas", "2.0"), ("nvidia-cublas", "1.0")]),
    );
    for half in ["pandas/core.py", "pandas.libs/x.so", "nvidia/cublas/x.so"] {
        sim.put_file(format!("{SITE}/{half}"), "half");
    }
    let entry_point = "#!/x/python\nimport sys\nfrom pandas import main\nif __name__ == \"__main__\":\n    if sys.argv[0].endswith(\".exe\"):\n        sys.argv[0] = sys.argv[0][:-4]\n    sys.exit(main())\n";
    sim.put_file(format!("{VENV}/bin/pandas"), entry_point);
    // A program and a module of a person's, as they are written everywhere.
    let program =
        "#!/usr/bin/env python\nimport sys\nif __name__ == \"__main__\":\n    sys.exit(0)\n";
    sim.put_file(format!("{VENV}/bin/mytool"), program);
    sim.put_file(format!("{SITE}/pandas.py"), "mine");
    sim.put_file(format!("{SITE}/mypkg/a.py"), "mine");
    sim.put_file(format!("{VENV}/data/x.csv"), "mine");
    let own = Own::of(&sim, Path::new(VENV));
    let mut shown: Vec<&str> = own.paths().filter_map(Path::to_str).collect();
    shown.sort_unstable();
    let site = "lib/python3.12/site-packages";
    let expected = [
        "bin/mytool",
        "data",
        &format!("{site}/mypkg"),
        &format!("{site}/pandas.py"),
    ];
    assert_eq!(shown, expected);
    carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
    assert!(!sim.tree_of(PROJECT).contains("pandas.libs"));
    assert_eq!(kept(&sim, "data/x.csv").unwrap(), "mine");
    assert_eq!(kept(&sim, "bin/mytool").unwrap(), program);
}

/// Settings that a person changed are kept beside; they alone are no whole environment that could come back.
#[test]
fn undo_never_takes_kept_settings_for_an_environment() {
    let (sim, first, _) = two_states();
    let settings = sim.text(format!("{VENV}/pyvenv.cfg")).unwrap();
    sim.put_file(
        format!("{VENV}/pyvenv.cfg"),
        format!("{settings}include-system-site-packages = true\n"),
    );
    carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
    assert!(kept(&sim, "pyvenv.cfg").is_some());
    take_back(&sim).unwrap();
    assert_eq!(versions(&sim), SECOND);
}

#[test]
fn where_nothing_was_nothing_is_afterwards() {
    for empty in [false, true] {
        let (sim, first, _) = two_states();
        sim.change(|state| {
            state.remove(VENV);
        });
        if empty {
            sim.put_directory(VENV);
        }
        carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
        assert_eq!(versions(&sim), FIRST);
        take_back(&sim).unwrap();
        assert_eq!(sim.exists(VENV).unwrap(), empty);
        assert!(versions(&sim).is_empty());
    }
}

#[test]
fn a_folder_that_is_no_environment_is_left_alone() {
    let (sim, first, _) = two_states();
    sim.change(|state| {
        state.remove(VENV);
    });
    sim.put_file(format!("{VENV}/thesis.tex"), "years of work");
    let problem = carry_out(&sim, &restore(&sim, &first, &[])).unwrap_err();
    assert_eq!(problem.code, Code::EnvironmentBroken, "{problem}");
    assert!(sim.tree_of(VENV).contains("thesis.tex"));
}

#[test]
fn another_environment_made_since_is_not_taken_back() {
    let (sim, first, _) = two_states();
    carry_out(&sim, &restore(&sim, &first, &[])).unwrap();
    state(&sim, &[("other", "1.0")]);
    let left = take_back(&sim).unwrap();
    assert!(
        left.iter().any(|left| left.contains("left as it is")),
        "{left:?}"
    );
    assert_eq!(versions(&sim), ["other 1.0"]);
}

#[test]
fn two_at_once_are_told_apart() {
    let (sim, first, _) = two_states();
    let plan = restore(&sim, &first, &[]);
    let held = sim
        .lock(
            Path::new("/home/user/state/lock"),
            std::time::Duration::ZERO,
        )
        .unwrap();
    assert_eq!(carry_out(&sim, &plan).unwrap_err().code, Code::Locked);
    assert_eq!(versions(&sim), SECOND);
    drop(held);
    carry_out(&sim, &plan).unwrap();
    assert_eq!(versions(&sim), FIRST);
}
