//! Dying and failing at every effect of a plan, on a simulated machine.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_machine::wrappers::Mode;
use deskside_machine::{ErrorKind, Fault, Faulty, Machine};
use deskside_operate::{NoDomain, Workshop, apply, history, sha256_hex, undo};
use deskside_testkit::Sim;
use deskside_types::plan::{
    Action, Check, CommandLine, FileContents, PLAN_VERSION, Plan, Risk, Step, Undo,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

const STATE: &str = "/home/user/.local/state/deskside";
const WORK: &str = "/home/user/work";
const URL: &str = "http://index.example/thing.zip";

fn archive() -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("bin/tool", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(b"the tool").unwrap();
    zip.finish().unwrap().into_inner()
}

fn machine() -> Sim {
    let sim = Sim::linux();
    sim.put_file(format!("{WORK}/settings"), "colour = red\n")
        .put_file(format!("{WORK}/old"), "in the way")
        .put_file(format!("{WORK}/replaced"), "before\n");
    sim.serve(URL, "application/zip", archive());
    let line = |argv: &[&str]| argv.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (make, unmake) = (line(&["/bin/make-thing"]), line(&["/bin/unmake-thing"]));
    sim.on_command(
        move |argv| argv == make,
        |state, _| {
            state.put_file(format!("{WORK}/thing"), "made");
            Ok(deskside_testkit::sim::output(0, "made", ""))
        },
    );
    sim.on_command(
        move |argv| argv == unmake,
        |state, _| {
            state.remove(format!("{WORK}/thing"));
            Ok(deskside_testkit::sim::output(0, "", ""))
        },
    );
    sim
}

fn step(id: &str, check: Vec<Check>, action: Action) -> Step {
    Step {
        id: id.into(),
        title: format!("do {id}"),
        why: "for the test".into(),
        verify: check.clone(),
        check,
        actions: vec![action],
        undo: Undo::Exact,
        root: false,
        reboot: false,
        hands_needed: None,
        download_bytes: None,
        risk: Risk::Low,
    }
}

fn command(program: &str) -> CommandLine {
    CommandLine {
        argv: vec![program.into()],
        directory: None,
        variables: Default::default(),
        deadline_seconds: 5,
    }
}

fn plan() -> Plan {
    let path = |name: &str| format!("{WORK}/{name}");
    let is = |name: &str, text: &str| Check::FileIs {
        path: path(name),
        sha256: sha256_hex(text.as_bytes()),
    };
    let text = |text: &str| FileContents::Text(text.into());
    Plan {
        version: PLAN_VERSION,
        wish: "try every action".into(),
        made_at: jiff::Timestamp::UNIX_EPOCH,
        premises: Vec::new(),
        satisfied: Vec::new(),
        steps: vec![
            step(
                "new",
                vec![is("deep/er/new", "new\n")],
                Action::WriteFile {
                    path: path("deep/er/new"),
                    contents: text("new\n"),
                    mode: 0o644,
                },
            ),
            step(
                "replace",
                vec![is("replaced", "after\n")],
                Action::WriteFile {
                    path: path("replaced"),
                    contents: text("after\n"),
                    mode: 0o644,
                },
            ),
            step(
                "edit",
                vec![is("settings", "colour = blue\n")],
                Action::EditFile {
                    path: path("settings"),
                    old: "colour = red".into(),
                    new: "colour = blue".into(),
                },
            ),
            step(
                "remove",
                vec![Check::Absent { path: path("old") }],
                Action::Remove { path: path("old") },
            ),
            step(
                "download",
                vec![Check::Exists {
                    path: path("cache/thing.zip"),
                }],
                Action::Download {
                    url: URL.into(),
                    path: path("cache/thing.zip"),
                    sha256: sha256_hex(&archive()),
                    size: archive().len() as u64,
                },
            ),
            step(
                "extract",
                vec![is("tools/tool", "the tool")],
                Action::Extract {
                    archive: path("cache/thing.zip"),
                    member: "bin/tool".into(),
                    path: path("tools/tool"),
                    mode: 0o755,
                },
            ),
            step(
                "run",
                vec![Check::Exists {
                    path: path("thing"),
                }],
                Action::Run {
                    command: command("/bin/make-thing"),
                    undo: Some(command("/bin/unmake-thing")),
                },
            ),
        ],
    }
}

/// The files a person cares for: not the journal, not what is kept beside its place for undo. Half-written
/// leftovers are seen.
fn tree(sim: &Sim) -> String {
    sim.tree_of(WORK)
        .lines()
        .filter(|line| !(line.contains(".deskside-") && line.contains("-remove-0")))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn workshop(machine: &dyn Machine) -> Workshop<'_> {
    Workshop {
        machine,
        domain: &NoDomain,
        state: STATE.into(),
        root: None,
    }
}

#[test]
fn a_plan_is_carried_out_journalled_and_taken_back() {
    let sim = machine();
    let before = tree(&sim);
    let shared = sim.shared();
    let workshop = workshop(&*shared);
    let applied = apply(&workshop, &plan(), &mut |_| {}).unwrap();
    assert_eq!(applied.done.len(), 7);
    let after = tree(&sim);
    assert_ne!(before, after);
    let again = apply(&workshop, &plan(), &mut |_| {}).unwrap();
    assert_eq!((again.done.len(), again.satisfied.len()), (0, 7));
    assert_eq!(tree(&sim), after);

    let (operations, problems) = history(&*shared, STATE.as_ref()).unwrap();
    assert!(problems.is_empty());
    assert_eq!(
        operations
            .iter()
            .map(|operation| operation.outcome.word())
            .collect::<Vec<_>>(),
        ["done", "done"]
    );
    let undone = undo(&workshop, None, &mut |_| {}).unwrap();
    assert_eq!(undone.left, Vec::<String>::new());
    assert_eq!(tree(&sim), before, "undo leads back to exactly what was");
    assert!(
        undo(&workshop, None, &mut |_| {}).is_err(),
        "there is nothing more to undo"
    );
}

#[test]
fn dying_at_any_effect_and_calling_again_arrives_and_can_be_taken_back() {
    let reference = {
        let sim = machine();
        apply(&workshop(&*sim.shared()), &plan(), &mut |_| {}).unwrap();
        tree(&sim)
    };
    for mode in [Mode::DieBefore, Mode::DieAfter, Mode::Half] {
        let mut effect = 1;
        loop {
            let sim = machine();
            let before = tree(&sim);
            let faulty: Arc<dyn Machine> =
                Arc::new(Faulty::new(sim.shared(), Fault { at: effect, mode }));
            let died = catch_unwind(AssertUnwindSafe(|| {
                apply(&workshop(&*faulty), &plan(), &mut |_| {})
            }))
            .is_err();
            if !died {
                assert!(
                    effect > 30,
                    "{mode:?}: a plan of seven steps has more than {effect} effects"
                );
                break;
            }
            let shared = sim.shared();
            let again = workshop(&*shared);
            apply(&again, &plan(), &mut |_| {})
                .unwrap_or_else(|problem| panic!("{mode:?}@{effect}: {problem}"));
            assert_eq!(tree(&sim), reference, "{mode:?}@{effect}");
            let (operations, problems) = history(&*shared, STATE.as_ref()).unwrap();
            assert!(
                problems.is_empty()
                    && operations
                        .iter()
                        .all(|operation| operation.outcome.word() != "open"),
                "{mode:?}@{effect}: {problems:?}"
            );
            // One undo goes through both calls: the one that died and the one that went on.
            undo(&again, None, &mut |_| {})
                .unwrap_or_else(|problem| panic!("{mode:?}@{effect}: {problem}"));
            assert_eq!(tree(&sim), before, "{mode:?}@{effect}: taken back");
            effect += 1;
        }
    }
}

#[test]
fn failing_at_any_effect_is_told_and_calling_again_arrives() {
    for kind in [ErrorKind::Full, ErrorKind::ReadOnly, ErrorKind::Denied] {
        for effect in 1..200 {
            let sim = machine();
            let before = tree(&sim);
            let faulty: Arc<dyn Machine> = Arc::new(Faulty::new(
                sim.shared(),
                Fault {
                    at: effect,
                    mode: Mode::Fail(kind),
                },
            ));
            let Err(problem) = apply(&workshop(&*faulty), &plan(), &mut |_| {}) else {
                break;
            };
            assert!(!problem.message.is_empty(), "{kind:?}@{effect}");
            let shared = sim.shared();
            let again = workshop(&*shared);
            apply(&again, &plan(), &mut |_| {})
                .unwrap_or_else(|problem| panic!("{kind:?}@{effect}: {problem}"));
            undo(&again, None, &mut |_| {}).unwrap();
            assert_eq!(
                tree(&sim),
                before,
                "{kind:?}@{effect}: one undo takes the failed attempt back, too"
            );
        }
    }
}

#[test]
fn dying_while_taking_back_and_calling_again_takes_all_back() {
    for effect in 1..200 {
        let sim = machine();
        let before = tree(&sim);
        let shared = sim.shared();
        apply(&workshop(&*shared), &plan(), &mut |_| {}).unwrap();
        let faulty: Arc<dyn Machine> = Arc::new(Faulty::new(
            sim.shared(),
            Fault {
                at: effect,
                mode: Mode::DieAfter,
            },
        ));
        let died = catch_unwind(AssertUnwindSafe(|| {
            undo(&workshop(&*faulty), None, &mut |_| {})
        }))
        .is_err();
        if !died {
            break;
        }
        while undo(&workshop(&*shared), None, &mut |_| {}).is_ok() {}
        assert_eq!(tree(&sim), before, "@{effect}");
    }
}

#[test]
fn what_a_person_changed_since_is_left() {
    let sim = machine();
    let shared = sim.shared();
    let workshop = workshop(&*shared);
    apply(&workshop, &plan(), &mut |_| {}).unwrap();
    sim.put_file(format!("{WORK}/replaced"), "mine\n");
    let undone = undo(&workshop, None, &mut |_| {}).unwrap();
    assert_eq!(undone.left.len(), 1, "{:?}", undone.left);
    assert!(
        sim.tree_of(WORK).contains("mine")
            || sim.snapshot().contents(format!("{WORK}/replaced")) == Some(b"mine\n")
    );
}

#[test]
fn steps_that_need_root_are_refused_before_anything_is_done() {
    let sim = machine();
    let before = sim.tree();
    let mut plan = plan();
    plan.steps.push(step(
        "packages",
        Vec::new(),
        Action::Packages {
            install: vec!["gcc".into()],
            remove: Vec::new(),
        },
    ));
    let shared = sim.shared();
    let problem = apply(&workshop(&*shared), &plan, &mut |_| {}).unwrap_err();
    assert_eq!(problem.code, deskside_types::Code::NeedsRoot);
    assert_eq!(sim.tree(), before);
}

#[test]
fn a_journal_line_cut_off_by_a_power_failure_is_passed_over() {
    let sim = machine();
    let shared = sim.shared();
    let workshop = workshop(&*shared);
    let id = apply(&workshop, &plan(), &mut |_| {})
        .unwrap()
        .operation
        .unwrap();
    let path = format!("{STATE}/journal/{id}.jsonl");
    let whole = sim.snapshot().contents(&path).unwrap().to_vec();
    sim.put_file(&path, &whole[..whole.len() - 40]);
    let (operations, problems) = history(&*shared, STATE.as_ref()).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(operations[0].outcome.word(), "open");
    undo(&workshop, None, &mut |_| {}).unwrap();
    sim.put_file(&path, "\n{\"entry\":\"nonsense\"}\n");
    assert_eq!(history(&*shared, STATE.as_ref()).unwrap().1.len(), 1);
}

#[test]
fn an_attempt_goes_on_only_with_an_unfinished_one_at_the_same_wish() {
    let sim = machine();
    let shared = sim.shared();
    let workshop = workshop(&*shared);
    let mut failing = plan();
    failing.steps.push(step(
        "fails",
        Vec::new(),
        Action::Run {
            command: command("/bin/not-there"),
            undo: None,
        },
    ));
    let first = |operations: &[deskside_operate::Operation]| operations[0].id.clone();
    apply(&workshop, &failing, &mut |_| {}).unwrap_err();
    let mut other = plan();
    other.wish = "something else".into();
    apply(&workshop, &other, &mut |_| {}).unwrap();
    let (operations, _) = history(&*shared, STATE.as_ref()).unwrap();
    assert_eq!(operations[0].outcome.word(), "failed");
    assert_eq!(
        operations[1].continues, None,
        "another wish is another matter"
    );
    apply(&workshop, &failing, &mut |_| {}).unwrap_err();
    let (operations, _) = history(&*shared, STATE.as_ref()).unwrap();
    assert_eq!(operations[2].continues, None, "another wish arrived since");
    undo(&workshop, None, &mut |_| {}).unwrap();
    let (operations, _) = history(&*shared, STATE.as_ref()).unwrap();
    assert_eq!(operations[2].outcome.word(), "undone");

    let sim = machine();
    let before = tree(&sim);
    let shared = sim.shared();
    let workshop = Workshop {
        machine: &*shared,
        ..workshop
    };
    apply(&workshop, &failing, &mut |_| {}).unwrap_err();
    apply(&workshop, &failing, &mut |_| {}).unwrap_err();
    apply(&workshop, &plan(), &mut |_| {}).unwrap();
    let (operations, _) = history(&*shared, STATE.as_ref()).unwrap();
    assert_eq!(operations[1].continues, Some(first(&operations)));
    assert_eq!(operations[1].outcome.word(), "failed");
    undo(&workshop, None, &mut |_| {}).unwrap();
    assert_eq!(tree(&sim), before);
    assert!(
        undo(&workshop, None, &mut |_| {}).is_err(),
        "one undo took all back"
    );
}

#[test]
fn operations_of_one_second_are_told_in_the_order_they_began() {
    let sim = machine();
    let shared = sim.shared();
    let workshop = workshop(&*shared);
    let mut ids = Vec::new();
    // The clock stands still, and is set back once.
    for number in 0..12 {
        let mut plan = plan();
        plan.wish = format!("wish {number}");
        ids.push(apply(&workshop, &plan, &mut |_| {}).unwrap().operation);
        if number == 6 {
            sim.change(|state| {
                state.wall = state
                    .wall
                    .checked_sub(jiff::SignedDuration::from_secs(3600))
                    .unwrap()
            });
        }
    }
    let (operations, _) = history(&*shared, STATE.as_ref()).unwrap();
    let told: Vec<_> = operations.iter().map(|one| Some(one.id.clone())).collect();
    assert_eq!(told, ids);
    let mut sorted = told.clone();
    sorted.sort();
    assert_ne!(sorted, told, "their identities do not say the order");
}

#[test]
fn a_link_that_leads_nowhere_is_removed_and_comes_back() {
    let sim = machine();
    sim.put_link(format!("{WORK}/dangling"), "/nowhere");
    let before = tree(&sim);
    let path = format!("{WORK}/dangling");
    let mut plan = plan();
    plan.steps = vec![step(
        "remove",
        vec![Check::Absent { path: path.clone() }],
        Action::Remove { path: path.clone() },
    )];
    let shared = sim.shared();
    let workshop = workshop(&*shared);
    assert_eq!(
        apply(&workshop, &plan, &mut |_| {}).unwrap().done,
        ["remove"]
    );
    assert!(sim.snapshot().get(&path).is_none());
    undo(&workshop, None, &mut |_| {}).unwrap();
    assert_eq!(tree(&sim), before);
}
