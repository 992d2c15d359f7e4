//! `up` on a simulated machine, with a stand-in for uv, dying and failing at every effect.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_app::up::{self, UpReport, UpRequest};
use deskside_app::{Context, runs};
use deskside_machine::wrappers::Mode;
use deskside_machine::{
    Answer, Child, DoorError, Effect, ErrorKind, Fault, Faulty, Held, Launch, Machine, Progress,
    Question,
};
use deskside_operate::sha256_hex;
use deskside_testkit::sim::output;
use deskside_testkit::{Sim, SimLaunched, SimState};
use deskside_types::{Code, Result};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const INDEX: &str = "http://index.example/simple";
const PROJECT: &str = "/home/user/deskside/first-jax";
const WHEEL: &str = "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";

/// A bare simulated machine: a package index with uv on it, no uv, no GPU.
fn machine() -> Sim {
    let sim = Sim::linux();
    sim.set_variable("UV_DEFAULT_INDEX", INDEX);
    sim.put_program("/usr/bin/python3.12", "python")
        .put_link("/usr/bin/python3", "python3.12");
    sim.on_command(
        |argv| argv.iter().any(|word| word == "-m") && argv[0].ends_with("uname"),
        |_, _| Ok(output(0, "x86_64\n", "")),
    );
    sim.on_command(
        |argv| argv[0].ends_with("getconf"),
        |_, _| Ok(output(0, "glibc 2.35\n", "")),
    );
    let wheel = wheel();
    let page = serde_json::json!({
        "meta": {"api-version": "1.1"}, "name": "uv",
        "files": [{"filename": WHEEL, "url": format!("../../files/{WHEEL}"), "hashes": {"sha256": sha256_hex(&wheel)}, "size": wheel.len(), "yanked": false}],
    });
    sim.serve(
        format!("{INDEX}/uv/"),
        "application/vnd.pypi.simple.v1+json",
        page.to_string(),
    );
    sim.serve(
        format!("http://index.example/files/{WHEEL}"),
        "application/octet-stream",
        wheel,
    );
    sim.on_command(
        |argv| argv.first().is_some_and(|program| program.ends_with("/uv")),
        |state, command| {
            if state.contents(&command.argv[0]).is_none() {
                return Err(DoorError::new(
                    ErrorKind::Absent,
                    "run uv",
                    "no such program",
                ));
            }
            Ok(uv(state, &command.argv[1..]))
        },
    );
    sim.on_launch(
        |argv| {
            argv.first()
                .is_some_and(|program| program.to_string_lossy().ends_with("python"))
        },
        |state, launch| {
            let run = launch
                .variables
                .get("DESKSIDE_RUN")
                .and_then(Option::as_ref)
                .map(PathBuf::from)
                .unwrap();
            state.put_file(run.join("summary.json"), r#"{"test/accuracy": 0.97}"#);
            Ok(SimLaunched::exit(0, "trained\n"))
        },
    );
    sim
}

fn wheel() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(
        "uv-0.13.9.data/scripts/uv",
        zip::write::SimpleFileOptions::default(),
    )
    .unwrap();
    zip.write_all(b"uv").unwrap();
    zip.finish().unwrap().into_inner()
}

/// While this file is there, uv dies in the middle of what it does.
const UV_DIES: &str = "/tmp/uv-dies";

/// What the simulated index makes of the project's requirements.
const INSTALLED: [(&str, &str); 5] = [
    ("jax", "1.0"),
    ("jaxlib", "1.0"),
    ("numpy", "2.0"),
    ("optax", "1.0"),
    ("scikit-learn", "1.0"),
];

/// What uv does to files, as far as Deskside looks at it. A model of nothing more. It can die midway: then half a
/// venv is made, or half of the names are dealt with, and of the next one the old version is gone.
fn uv(state: &mut SimState, arguments: &[String]) -> deskside_machine::Output {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let dies = state.contents(UV_DIES).is_some();
    let after = |word: &str| {
        let mut words = words.iter().skip_while(|known| **known != word);
        words.nth(1).map(ToString::to_string).unwrap_or_default()
    };
    let site = after("--python").replace("/bin/python", "/lib/python3.12/site-packages");
    match words.as_slice() {
        ["--version"] => output(0, "uv 0.13.9 (simulated)", ""),
        ["venv", .., path] => {
            state.put_file(
                format!("{path}/pyvenv.cfg"),
                "home = /usr/bin\nversion_info = 3.12.3\n",
            );
            if !dies {
                state.put_link(format!("{path}/bin/python"), "/usr/bin/python3.12");
                state.put_directory(format!("{path}/lib/python3.12/site-packages"));
            }
            output(0, "", "made")
        }
        ["pip", "install", ..] => {
            let mut wanted: Vec<(String, String)> = words
                .iter()
                .filter(|word| words.contains(&"--no-deps") && !word.starts_with(['-', '/']))
                .filter_map(|word| word.split_once("=="))
                .map(|(name, version)| (name.into(), version.into()))
                .collect();
            if words.iter().any(|word| word.ends_with(".whl")) {
                wanted = vec![("deskside".into(), env!("CARGO_PKG_VERSION").into())];
            } else if wanted.is_empty() {
                wanted = INSTALLED
                    .map(|(name, version)| (name.into(), version.into()))
                    .into();
            }
            let whole = if dies { wanted.len() / 2 } else { wanted.len() };
            for (place, (name, version)) in wanted.iter().enumerate().take(whole + 1) {
                take_out(state, &site, name);
                if place < whole {
                    put_in(state, &site, name, version);
                }
            }
            output(0, "", "installed")
        }
        ["pip", "uninstall", "--python", _, names @ ..] => {
            let whole = if dies { names.len() / 2 } else { names.len() };
            for name in &names[..whole] {
                take_out(state, &site, name);
            }
            output(0, "", "")
        }
        ["pip", "list", ..] => output(0, "", ""),
        other => output(2, "", format!("the simulated uv does not know {other:?}")),
    }
}

fn put_in(state: &mut SimState, site: &str, name: &str, version: &str) {
    let name = name.replace('-', "_");
    state.put_file(
        format!("{site}/{name}-{version}.dist-info/METADATA"),
        format!("Name: {name}\n"),
    );
}

/// Takes a distribution out, whatever its version.
fn take_out(state: &mut SimState, site: &str, name: &str) {
    let name = name.replace('-', "_");
    for version in ["1.0", "2.0", env!("CARGO_PKG_VERSION")] {
        state.remove(format!("{site}/{name}-{version}.dist-info"));
    }
}

/// A machine whose process dies together with the n-th uv that changes something, in the middle of it.
struct DyingUv {
    inner: Sim,
    at: usize,
    seen: AtomicUsize,
}

impl DyingUv {
    fn shared(inner: &Sim, at: usize) -> Arc<dyn Machine> {
        Arc::new(Self {
            inner: inner.clone(),
            at,
            seen: AtomicUsize::new(0),
        })
    }
}

impl Machine for DyingUv {
    fn ask(&self, question: &Question) -> std::result::Result<Answer, DoorError> {
        self.inner.ask(question)
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> std::result::Result<Answer, DoorError> {
        let is_uv = matches!(effect, Effect::Command(command) if command.argv[0].ends_with("/uv"));
        if is_uv && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            self.inner.put_file(UV_DIES, "");
            let _ = self.inner.act(effect, watch);
            self.inner.change(|state| {
                state.remove(UV_DIES);
            });
            std::panic::resume_unwind(Box::new("died with uv"));
        }
        self.inner.act(effect, watch)
    }

    fn lock(
        &self,
        path: &Path,
        patience: Duration,
    ) -> std::result::Result<Box<dyn Held>, DoorError> {
        self.inner.lock(path, patience)
    }

    fn launch(&self, launch: &Launch) -> std::result::Result<Box<dyn Child>, DoorError> {
        self.inner.launch(launch)
    }
}

fn request() -> UpRequest {
    UpRequest {
        train: true,
        silent: true,
        ..UpRequest::default()
    }
}

/// One call of `deskside up`, in a process of its own that is gone afterwards, however it ends.
fn whole_up(sim: &Sim, machine: Arc<dyn Machine>) -> std::thread::Result<Result<UpReport>> {
    let pid = sim.change(SimState::start_process);
    let start_time = sim.change(|state| state.processes[&pid].start_time);
    sim.put_file(
        "/proc/self/stat",
        format!("{pid} (deskside) S {} {start_time} 0", ["0"; 18].join(" ")),
    );
    let outcome = catch_unwind(AssertUnwindSafe(|| call(machine)));
    sim.change(|state| state.end_process(pid));
    outcome
}

fn call(machine: Arc<dyn Machine>) -> Result<UpReport> {
    let context = Context::here(machine)?;
    let prepared = up::prepare(&context, &request())?;
    let applied = up::carry_out(&context, &prepared, &mut |_| {})?;
    up::train(&context, &prepared, applied)
}

/// All there is in the project, half-written files included: none may be left.
fn project_tree(sim: &Sim) -> String {
    sim.tree_of(PROJECT)
}

fn assert_arrives(sim: &Sim, reference: &str, what: &str) {
    let report = whole_up(sim, sim.shared())
        .unwrap()
        .unwrap_or_else(|problem| panic!("{what}: {problem}"));
    assert_eq!(report.summary.get("test/accuracy"), Some(&0.97), "{what}");
    assert_eq!(project_tree(sim), reference, "{what}");
    let context = Context::here(sim.shared()).unwrap();
    assert!(
        up::prepare(&context, &request())
            .unwrap()
            .report
            .plan
            .is_empty(),
        "{what}: nothing is left to do"
    );
    for run in runs::list(
        &context,
        &runs::Asked {
            limit: 100,
            ..Default::default()
        },
    )
    .unwrap()
    .runs
    {
        assert!(
            ["finished", "failed", "exit-unknown"].contains(&run.state.as_str()),
            "{what}: {run:?}"
        );
    }
}

fn reference() -> String {
    let sim = machine();
    let report = whole_up(&sim, sim.shared())
        .unwrap()
        .unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(
        report.run.as_ref().map(|run| run.state.as_str()),
        Some("finished")
    );
    assert_eq!(
        report.done,
        ["project", "uv", "environment", "packages", "module"]
    );
    project_tree(&sim)
}

#[test]
fn dying_at_any_effect_of_up_and_calling_it_again_arrives() {
    let reference = reference();
    for mode in [Mode::DieBefore, Mode::DieAfter, Mode::Half] {
        let mut effect = 1;
        loop {
            let sim = machine();
            let faulty: Arc<dyn Machine> =
                Arc::new(Faulty::new(sim.shared(), Fault { at: effect, mode }));
            if whole_up(&sim, faulty).is_ok() {
                break;
            }
            assert_arrives(&sim, &reference, &format!("{mode:?}@{effect}"));
            effect += 1;
        }
        assert!(effect > 40, "{mode:?}: only {effect} effects were seen");
    }
}

#[test]
fn dying_again_and_again_one_effect_later_each_time_arrives() {
    let reference = reference();
    let sim = machine();
    for effect in 1..200 {
        let faulty: Arc<dyn Machine> = Arc::new(Faulty::new(
            sim.shared(),
            Fault {
                at: effect,
                mode: Mode::Half,
            },
        ));
        if whole_up(&sim, faulty).is_ok() {
            break;
        }
    }
    assert_arrives(&sim, &reference, "after many deaths");
}

/// Puts something on a machine.
type Put = fn(&Sim);

/// What may be in the project before `up`.
const BEFORE: [(&str, Put); 3] = [
    ("nothing", |_| {}),
    ("an environment of the person's own", own_environment),
    ("a broken environment of the person's own", |sim| {
        own_environment(sim);
        sim.change(|state| {
            state.remove(format!("{PROJECT}/.venv/bin/python"));
        });
    }),
];

fn own_environment(sim: &Sim) {
    let venv = format!("{PROJECT}/.venv");
    sim.put_file(
        format!("{venv}/pyvenv.cfg"),
        "home = /usr/bin\nversion = 3.12.3\n",
    );
    sim.put_link(format!("{venv}/bin/python"), "/usr/bin/python3.12");
    let site = format!("{venv}/lib/python3.12/site-packages");
    sim.change(|state| {
        put_in(state, &site, "numpy", "1.0");
        put_in(state, &site, "mine", "1.0");
    });
}

/// Takes back until nothing stands. Answers with what was left.
fn take_all_back(sim: &Sim, what: &str) -> Vec<String> {
    let context = Context::here(sim.shared()).unwrap();
    let mut left = Vec::new();
    loop {
        match deskside_app::undo::undo(&context, None, &mut |_| {}) {
            Ok(undone) => left.extend(undone.left),
            Err(problem) if problem.code == Code::UndoImpossible => return left,
            Err(problem) => panic!("{what}: {problem}"),
        }
    }
}

/// The n-th way to die, on a machine: at effects in three manners, or with uv.
fn dying(sim: &Sim, mode: Option<Mode>, at: usize) -> Arc<dyn Machine> {
    match mode {
        Some(mode) => Arc::new(Faulty::new(sim.shared(), Fault { at, mode })),
        None => DyingUv::shared(sim, at),
    }
}

const DEATHS: [(Option<Mode>, usize); 4] = [
    (Some(Mode::DieBefore), 40),
    (Some(Mode::DieAfter), 40),
    (Some(Mode::Half), 40),
    (None, 2),
];

#[test]
fn dying_at_any_effect_of_up_and_taking_back_leads_back() {
    for (named, put) in BEFORE {
        for (mode, least) in DEATHS {
            for at in 1.. {
                let what = format!("{named}: {mode:?}@{at}");
                let sim = machine();
                put(&sim);
                let before = sim.tree_of("/home/user/deskside");
                let arrived = whole_up(&sim, dying(&sim, mode, at)).is_ok();
                let left = take_all_back(&sim, &what);
                assert_eq!(sim.tree_of("/home/user/deskside"), before, "{what}");
                assert!(
                    left.iter()
                        .all(|left| left.contains("if the index still has them")),
                    "{what}: {left:?}"
                );
                if arrived {
                    assert!(at > least, "{what}: only {at} deaths");
                    break;
                }
            }
        }
    }
}

#[test]
fn dying_with_uv_and_calling_again_arrives_and_one_undo_takes_both_attempts_back() {
    for (named, put) in BEFORE {
        let reference = {
            let sim = machine();
            put(&sim);
            whole_up(&sim, sim.shared()).unwrap().unwrap();
            project_tree(&sim)
        };
        for (mode, _) in DEATHS {
            for at in 1.. {
                let what = format!("{named}: {mode:?}@{at}");
                let sim = machine();
                put(&sim);
                let before = sim.tree_of("/home/user/deskside");
                if whole_up(&sim, dying(&sim, mode, at)).is_ok() {
                    break;
                }
                whole_up(&sim, sim.shared())
                    .unwrap()
                    .unwrap_or_else(|problem| panic!("{what}: {problem}"));
                assert_eq!(project_tree(&sim), reference, "{what}");
                let context = Context::here(sim.shared()).unwrap();
                // Before anything is done, dying leaves nothing that stands, and nothing is different.
                deskside_app::undo::undo(&context, None, &mut |_| {})
                    .unwrap_or_else(|problem| panic!("{what}: {problem}"));
                assert_eq!(sim.tree_of("/home/user/deskside"), before, "{what}");
            }
        }
    }
}

#[test]
fn dying_while_taking_up_back_and_calling_again_leads_back() {
    for (named, put) in BEFORE {
        for (mode, _) in DEATHS {
            for at in 1.. {
                let what = format!("{named}: {mode:?}@{at}");
                let sim = machine();
                put(&sim);
                let before = sim.tree_of("/home/user/deskside");
                whole_up(&sim, sim.shared()).unwrap().unwrap();
                let context = Context::here(dying(&sim, mode, at)).unwrap();
                let died = catch_unwind(AssertUnwindSafe(|| {
                    deskside_app::undo::undo(&context, None, &mut |_| {}).map(drop)
                }));
                take_all_back(&sim, &what);
                assert_eq!(sim.tree_of("/home/user/deskside"), before, "{what}");
                if died.is_ok() {
                    break;
                }
            }
        }
    }
}

#[test]
fn failing_at_any_effect_is_told_with_a_hint_and_calling_again_arrives() {
    let reference = reference();
    for (kind, codes) in [
        (ErrorKind::Full, &[Code::DiskFull, Code::RunFolder][..]),
        (ErrorKind::ReadOnly, &[Code::ReadOnly, Code::RunFolder]),
        (ErrorKind::Network, &[Code::Network, Code::RunFolder]),
    ] {
        let mut failures = 0;
        for effect in 1..200 {
            let sim = machine();
            let faulty = Arc::new(Faulty::new(
                sim.shared(),
                Fault {
                    at: effect,
                    mode: Mode::Fail(kind),
                },
            ));
            if let Err(problem) = whole_up(&sim, faulty.clone()).unwrap() {
                assert!(
                    codes.contains(&problem.code),
                    "{kind:?}@{effect}: {problem} [{}]",
                    problem.code
                );
                assert!(
                    !problem.hints.is_empty(),
                    "{kind:?}@{effect}: {problem} has no hint"
                );
                failures += 1;
            }
            if faulty.effects() < effect {
                break;
            }
            assert_arrives(&sim, &reference, &format!("{kind:?}@{effect}"));
        }
        assert!(
            failures > 20,
            "{kind:?}: only {failures} failures were told"
        );
    }
}

#[test]
fn the_credentials_of_an_index_are_used_and_never_kept() {
    let sim = machine();
    let private = INDEX.replace("http://", "http://me:s3cret@");
    sim.set_variable("UV_DEFAULT_INDEX", &private);
    let page = serde_json::json!({
        "meta": {"api-version": "1.1"}, "name": "uv",
        "files": [{"filename": WHEEL, "url": format!("../../files/{WHEEL}"), "hashes": {"sha256": sha256_hex(&wheel())}, "size": wheel().len(), "yanked": false}],
    });
    sim.serve(
        format!("{private}/uv/"),
        "application/vnd.pypi.simple.v1+json",
        page.to_string(),
    );
    sim.serve(
        format!("http://me:s3cret@index.example/files/{WHEEL}"),
        "application/octet-stream",
        wheel(),
    );
    let context = Context::here(sim.shared()).unwrap();
    let plan =
        serde_json::to_string(&up::prepare(&context, &request()).unwrap().report.plan).unwrap();
    assert!(
        plan.contains("index.example") && !plan.contains("s3cret"),
        "{plan}"
    );
    whole_up(&sim, sim.shared()).unwrap().unwrap();
    let state = sim.snapshot();
    for line in sim.tree().lines() {
        let path = line.split(" (").next().unwrap_or(line);
        if let Some(contents) = state.contents(path) {
            assert!(
                !String::from_utf8_lossy(contents).contains("s3cret"),
                "{path} holds a password"
            );
        }
    }
}

#[test]
fn taking_up_back_leaves_what_a_person_wrote() {
    let sim = machine();
    whole_up(&sim, sim.shared()).unwrap().unwrap();
    sim.put_file(format!("{PROJECT}/train.py"), "mine\n");
    let context = Context::here(sim.shared()).unwrap();
    let undone = deskside_app::undo::undo(&context, None, &mut |_| {}).unwrap();
    assert!(
        undone.left.iter().any(|left| left.contains("train.py")),
        "{:?}",
        undone.left
    );
    let tree = sim.tree_of("/home/user/deskside");
    assert!(
        tree.contains("train.py") && !tree.contains(".venv"),
        "{tree}"
    );
    assert!(
        !sim.tree_of("/home/user/.local/share/deskside")
            .contains("tools/uv/0.13.9/uv"),
        "{}",
        sim.tree_of("/home/user/.local/share/deskside")
    );
}

#[test]
fn a_home_whose_name_is_no_text_is_refused_with_a_hint() {
    for variable in ["HOME", "DESKSIDE_HOME", "XDG_STATE_HOME"] {
        let sim = machine();
        // As the door shows bytes that are no UTF-8.
        sim.set_variable(variable, "/home/caf\u{FFFD}");
        let Err(problem) = Context::here(sim.shared()) else {
            panic!("{variable} was taken");
        };
        assert!(problem.to_string().contains("no UTF-8"), "{problem}");
        assert!(!problem.hints.is_empty(), "{problem}");
    }
}
