//! Root's process and the person's, talking within this process, on a simulated machine.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_machine::wrappers::Mode;
use deskside_machine::{Conversation, DoorError, ErrorKind, Fault, Faulty, Machine, Reading};
use deskside_operate::root::{Channel, Rules, Server, Whole, restart};
use deskside_operate::{NoDomain, Outcome, Workshop, apply, history, undo};
use deskside_testkit::Sim;
use deskside_types::Code;
use deskside_types::plan::{Action, Check, FileContents, PLAN_VERSION, Plan, Risk, Step, Undo};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

const STATE: &str = "/home/user/.local/state/deskside";
const MARK: &str = "/run/deskside-restart";
const PIN: &str = "/etc/apt/preferences.d/deskside";

/// One end of a conversation within this process.
struct End {
    said: Sender<String>,
    heard: Receiver<String>,
}

impl Conversation for End {
    fn say(&mut self, line: &str) -> Result<(), DoorError> {
        self.said
            .send(line.to_string())
            .map_err(|_| DoorError::new(ErrorKind::Failed, "talk", "the other side is gone"))
    }

    fn hear(&mut self, patience: Duration) -> Result<Option<String>, DoorError> {
        match self.heard.recv_timeout(patience) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                Err(DoorError::new(ErrorKind::Timeout, "talk", "silence"))
            }
        }
    }
}

/// One machine for both sides, on which this process may do everything.
fn root_machine() -> Sim {
    let sim = Sim::linux();
    sim.change(|state| state.person.uid = 0);
    sim
}

fn pair() -> (End, End) {
    let ((said, there), (back, heard)) = (channel(), channel());
    let own = End { said, heard };
    let other = End {
        said: back,
        heard: there,
    };
    (own, other)
}

/// Calls `person` with a channel to a root's process that serves on another thread until the channel is dropped.
fn with_root<T>(
    machine: &dyn Machine,
    approved: Option<Plan>,
    person: impl FnOnce(Channel<'_>) -> T,
) -> T {
    with_root_on(machine, machine, approved, person)
}

/// As [`with_root`], where root's process has another view of the machine: one that breaks.
fn with_root_on<T>(
    roots: &dyn Machine,
    machine: &dyn Machine,
    approved: Option<Plan>,
    person: impl FnOnce(Channel<'_>) -> T,
) -> T {
    let (own, mut other) = pair();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            Server {
                machine: roots,
                rules: &rules(),
                approved,
                person: restart::Person {
                    uid: 1000,
                    name: "user".into(),
                    home: "/home/user".into(),
                },
            }
            .serve(&mut other)
        });
        person(Channel::over(machine, Box::new(own)).agreed(Risk::Moderate))
    })
}

/// The pin of these tests is one that root's process knows.
fn rules() -> Rules {
    Rules {
        files: vec![Whole {
            path: PIN.into(),
            contents: "new".into(),
        }],
        ..Rules::none()
    }
}

fn workshop<'a>(machine: &'a dyn Machine, channel: &'a Channel<'a>) -> Workshop<'a> {
    Workshop {
        machine,
        domain: &NoDomain,
        state: STATE.into(),
        root: Some(channel),
    }
}

fn step(id: &str, check: Vec<Check>, actions: Vec<Action>, reboot: bool) -> Step {
    Step {
        id: id.into(),
        title: format!("do {id}"),
        why: "for the test".into(),
        verify: check.clone(),
        check,
        actions,
        undo: Undo::Exact,
        root: true,
        reboot,
        hands_needed: None,
        download_bytes: Some(0),
        risk: Risk::Moderate,
    }
}

fn write(path: &str, text: &str) -> Action {
    Action::WriteFile {
        path: path.into(),
        contents: FileContents::Text(text.into()),
        mode: 0o644,
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        version: PLAN_VERSION,
        wish: "a test".into(),
        made_at: "2026-11-25T00:00:00Z".parse().unwrap(),
        premises: Vec::new(),
        steps,
        satisfied: Vec::new(),
    }
}

fn pin() -> Plan {
    let check = vec![Check::FileIs {
        path: PIN.into(),
        sha256: deskside_operate::sha256_hex(b"new"),
    }];
    plan(vec![step("pin", check, vec![write(PIN, "new")], false)])
}

fn with_restart() -> Plan {
    let absent = vec![Check::Absent { path: MARK.into() }];
    let mut plan = pin();
    plan.steps[0].actions.push(write(MARK, "x"));
    plan.steps[0].reboot = true;
    plan.steps
        .push(step("restart", absent, vec![Action::Reboot], false));
    plan
}

#[test]
fn root_carries_out_and_takes_back_by_its_own_record() {
    let sim = root_machine();
    sim.put_file(PIN, "old");
    let machine = sim.shared();
    with_root(&*machine, None, |channel| {
        let applied = apply(&workshop(&*machine, &channel), &pin(), &mut |_| {}).unwrap();
        assert_eq!(applied.done, ["pin"]);
    });
    assert_eq!(machine.text(PIN).unwrap(), "new");
    // What the person's journal says of an action of root's is nothing that root reads.
    let journal = sim.tree_of(STATE);
    assert!(!journal.contains("old"), "{journal}");
    with_root(&*machine, None, |channel| {
        undo(&workshop(&*machine, &channel), None, &mut |_| {}).unwrap();
    });
    assert_eq!(machine.text(PIN).unwrap(), "old");
}

#[test]
fn a_plan_with_anything_else_is_refused_before_anything_is_done() {
    let sim = root_machine();
    let machine = sim.shared();
    for bad in [
        write("/etc/shadow", "x"),
        write("/home/user/.bashrc", "x"),
        Action::Remove {
            path: "/etc".into(),
        },
        Action::Run {
            command: deskside_types::plan::CommandLine {
                argv: vec!["sh".into(), "-c".into(), "true".into()],
                directory: None,
                variables: Default::default(),
                deadline_seconds: 1,
            },
            undo: None,
        },
    ] {
        let mut plan = pin();
        plan.steps
            .push(step("bad", vec![], vec![bad.clone()], false));
        let problem = with_root(&*machine, None, |channel| {
            apply(&workshop(&*machine, &channel), &plan, &mut |_| {}).unwrap_err()
        });
        assert_eq!(problem.code, Code::NeedsRoot, "{bad:?}");
        assert!(machine.text(PIN).is_err(), "nothing was done: {bad:?}");
    }
}

#[test]
fn only_what_was_handed_over_can_be_asked_for() {
    let sim = root_machine();
    let machine = sim.shared();
    let (mut own, mut other) = pair();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            Server {
                machine: &*machine,
                rules: &Rules::none(),
                approved: None,
                person: restart::Person {
                    uid: 1000,
                    name: "user".into(),
                    home: "/home/user".into(),
                },
            }
            .serve(&mut other)
        });
        let patience = Duration::from_secs(10);
        assert!(own.hear(patience).unwrap().unwrap().contains("ready"));
        for line in [
            r#"{"ask":"perform","operation":"x","step":"pin","action":0}"#,
            r#"{"ask":"prepare","operation":"../../etc","step":"pin","action":0}"#,
            r#"{"ask":"revert","operation":"../../etc","step":"pin","action":0}"#,
            r#"{"ask":"revert","operation":"x","step":"pin","action":0}"#,
            r#"{"ask":"begin","operation":"x","plan":{},"agreed":"severe"}"#,
            r#"{"ask":"anything"}"#,
            "no json",
        ] {
            own.say(line).unwrap();
            let reply = own.hear(patience).unwrap().unwrap();
            assert!(reply.contains("failed"), "{line}: {reply}");
        }
        drop(own);
    });
}

#[test]
fn after_a_restart_only_the_approved_plan_goes_on() {
    let sim = root_machine();
    sim.put_directory("/run/systemd/system")
        .put_program("/usr/bin/deskside", "the program");
    let machine = sim.shared();
    let plan = with_restart();
    let applied = with_root(&*machine, None, |channel| {
        apply(&workshop(&*machine, &channel), &plan, &mut |_| {}).unwrap()
    });
    assert!(applied.restart);
    let operations = || history(&*machine, STATE.as_ref()).unwrap().0;
    assert_eq!(operations()[0].outcome, Outcome::Restart);
    assert!(
        restart::take(&*machine).unwrap().is_none(),
        "not restarted yet: nothing goes on"
    );
    sim.reboot();
    sim.change(|state| {
        state.remove(MARK);
    });
    let pending = restart::take(&*machine).unwrap().unwrap();
    assert_eq!(pending.plan, plan);
    assert_eq!(pending.person.name, "user");
    // Another plan is not taken, whatever the person's process says.
    let mut other = plan.clone();
    other.steps[0].actions[0] = write("/etc/apt/preferences.d/other", "x");
    other.steps[0].check = vec![Check::Exists {
        path: "/etc/apt/preferences.d/other".into(),
    }];
    let problem = with_root(&*machine, Some(pending.plan.clone()), |channel| {
        apply(&workshop(&*machine, &channel), &other, &mut |_| {}).unwrap_err()
    });
    assert_eq!(problem.code, Code::NeedsRoot);
    let applied = with_root(&*machine, Some(pending.plan), |channel| {
        apply(&workshop(&*machine, &channel), &plan, &mut |_| {}).unwrap()
    });
    assert!(!applied.restart);
    assert_eq!(applied.satisfied, ["pin", "restart"]);
    restart::forget(&*machine).unwrap();
    let left = sim.tree_of("/etc/systemd");
    assert!(!left.contains("deskside"), "{left}");
}

#[test]
fn a_step_that_was_cut_off_anywhere_is_whole_when_the_plan_goes_on() {
    for at in 1..100 {
        let sim = root_machine();
        let machine = sim.shared();
        let fault = Fault {
            at,
            mode: Mode::Fail(ErrorKind::Full),
        };
        let broken = Faulty::new(sim.shared(), fault);
        let first = with_root_on(&broken, &*machine, None, |channel| {
            apply(&workshop(&*machine, &channel), &with_restart(), &mut |_| {})
        });
        if let Ok(applied) = first {
            assert!(applied.restart && at > 5, "it broke nowhere: {at}");
            return;
        }
        let applied = with_root(&*machine, None, |channel| {
            apply(&workshop(&*machine, &channel), &with_restart(), &mut |_| {})
        })
        .unwrap_or_else(|problem| panic!("broken at {at}: {problem:?}"));
        assert!(applied.restart, "broken at {at}");
        assert_eq!(machine.text(PIN).unwrap(), "new", "broken at {at}");
        assert!(machine.text(MARK).is_ok(), "broken at {at}: no mark");
    }
    panic!("it never came through");
}

#[test]
fn a_program_that_was_changed_does_not_go_on() {
    let sim = root_machine();
    sim.put_directory("/run/systemd/system")
        .put_program("/usr/bin/deskside", "the program");
    let machine = sim.shared();
    with_root(&*machine, None, |channel| {
        apply(&workshop(&*machine, &channel), &with_restart(), &mut |_| {}).unwrap()
    });
    sim.reboot();
    sim.put_program("/usr/bin/deskside", "another program");
    let problem = restart::take(&*machine).unwrap_err();
    assert_eq!(problem.code, Code::HashMismatch);
    let left = sim.tree_of("/etc/systemd");
    assert!(!left.contains("deskside"), "it is not tried again: {left}");
}

/// A plan of great risk that says of itself that it has none: root's process looks by itself.
#[test]
fn a_plan_that_does_more_than_was_agreed_to_is_refused() {
    let sim = root_machine();
    sim.put_directory("/usr/local/cuda-12.4");
    let machine = sim.shared();
    let mut plan = plan(vec![step(
        "tidy",
        vec![Check::Absent {
            path: "/usr/local/cuda-12.4".into(),
        }],
        vec![Action::Remove {
            path: "/usr/local/cuda-12.4".into(),
        }],
        false,
    )]);
    plan.steps[0].risk = Risk::Low;
    let with = |agreed| {
        with_root(&*machine, None, |channel| {
            let channel = channel.agreed(agreed);
            apply(&workshop(&*machine, &channel), &plan, &mut |_| {})
        })
    };
    let problem = with(Risk::Moderate).unwrap_err();
    assert_eq!(problem.code, Code::NotConfirmed);
    assert!(machine.exists("/usr/local/cuda-12.4").unwrap());
    with(Risk::Severe).unwrap();
    assert!(!machine.exists("/usr/local/cuda-12.4").unwrap());
}

/// While somebody else changes the machine as root, nothing is taken back and it is not restarted.
#[test]
fn taking_back_and_restarting_wait_for_the_lock() {
    let sim = root_machine();
    sim.put_file(PIN, "old");
    let machine = sim.shared();
    with_root(&*machine, None, |channel| {
        apply(&workshop(&*machine, &channel), &pin(), &mut |_| {}).unwrap();
    });
    let others = machine
        .lock("/var/lib/deskside/lock".as_ref(), Duration::ZERO)
        .unwrap();
    let problem = with_root(&*machine, None, |channel| {
        undo(&workshop(&*machine, &channel), None, &mut |_| {}).unwrap_err()
    });
    assert_eq!(problem.code, Code::Locked);
    assert_eq!(machine.text(PIN).unwrap(), "new");
    let problem = with_root(&*machine, None, |channel| channel.restart().unwrap_err());
    assert_eq!(problem.code, Code::Locked);
    drop(others);
    with_root(&*machine, None, |channel| {
        undo(&workshop(&*machine, &channel), None, &mut |_| {}).unwrap();
    });
    assert_eq!(machine.text(PIN).unwrap(), "old");
}

/// The process that goes on after a restart carries out what was approved, and nothing else.
#[test]
fn after_a_restart_nothing_is_taken_back_and_the_machine_is_not_restarted() {
    let sim = root_machine();
    sim.put_file(PIN, "old");
    let machine = sim.shared();
    with_root(&*machine, None, |channel| {
        apply(&workshop(&*machine, &channel), &pin(), &mut |_| {}).unwrap();
    });
    let problem = with_root(&*machine, Some(pin()), |channel| {
        undo(&workshop(&*machine, &channel), None, &mut |_| {}).unwrap_err()
    });
    assert_eq!(problem.code, Code::NeedsRoot);
    let problem = with_root(&*machine, Some(pin()), |channel| {
        channel.restart().unwrap_err()
    });
    assert_eq!(problem.code, Code::NeedsRoot);
    assert_eq!(machine.text(PIN).unwrap(), "new");
}

/// Taken back while its restart is due, an operation leaves nothing that would go on after it.
#[test]
fn taking_back_gives_up_what_waits_for_the_restart() {
    let sim = root_machine();
    sim.put_directory("/run/systemd/system")
        .put_program("/usr/bin/deskside", "the program");
    let machine = sim.shared();
    let mut plan = with_restart();
    plan.steps[1].undo = Undo::None {
        why: "a restart can't be taken back".into(),
    };
    with_root(&*machine, None, |channel| {
        let applied = apply(&workshop(&*machine, &channel), &plan, &mut |_| {}).unwrap();
        assert!(applied.restart);
    });
    assert!(machine.exists("/var/lib/deskside/resume.json").unwrap());
    let operations = history(&*machine, STATE.as_ref()).unwrap().0;
    assert_eq!(operations[0].standing_steps(), ["do pin"]);
    let undone = with_root(&*machine, None, |channel| {
        undo(&workshop(&*machine, &channel), None, &mut |_| {}).unwrap()
    });
    assert_eq!(undone.steps, ["do pin"]);
    assert!(undone.left.is_empty(), "{:?}", undone.left);
    for gone in ["/var/lib/deskside/resume.json", "/var/lib/deskside/bin"] {
        assert!(!machine.exists(gone).unwrap(), "{gone}");
    }
    let left = sim.tree_of("/etc/systemd");
    assert!(!left.contains("deskside"), "{left}");
}

/// What waits is another operation's: it stays.
#[test]
fn what_waits_for_another_operation_stays() {
    let sim = root_machine();
    sim.put_directory("/run/systemd/system")
        .put_program("/usr/bin/deskside", "the program");
    let machine = sim.shared();
    with_root(&*machine, None, |channel| {
        apply(&workshop(&*machine, &channel), &with_restart(), &mut |_| {}).unwrap();
    });
    restart::forget_of(
        &*machine,
        &deskside_operate::OperationId("20200101T000000Z-0000".into()),
    )
    .unwrap();
    assert!(machine.exists("/var/lib/deskside/resume.json").unwrap());
}

/// The copy is of the program that runs as root, and not of what lies at the path it was started from.
#[test]
fn the_copy_is_of_the_program_that_runs() {
    let sim = root_machine();
    sim.put_directory("/run/systemd/system")
        .put_program("/usr/bin/deskside", "what somebody put there since")
        .put_file("/proc/self/exe", "the program that runs");
    let machine = sim.shared();
    with_root(&*machine, None, |channel| {
        apply(&workshop(&*machine, &channel), &with_restart(), &mut |_| {}).unwrap()
    });
    let copy = machine.text("/var/lib/deskside/bin/deskside").unwrap();
    assert_eq!(copy, "the program that runs");
}

/// A second plan was begun, and failed, before the restart of the first was done: the first goes on as its own.
#[test]
fn the_plan_that_waits_goes_on_although_another_was_begun_since() {
    let sim = root_machine();
    sim.put_directory("/run/systemd/system")
        .put_program("/usr/bin/deskside", "the program");
    let machine = sim.shared();
    let waiting = with_restart();
    with_root(&*machine, None, |channel| {
        apply(&workshop(&*machine, &channel), &waiting, &mut |_| {}).unwrap()
    });
    let mut other = pin();
    other.wish = "another".into();
    other.steps[0].verify = vec![Check::Exists {
        path: "/none".into(),
    }];
    other.steps[0].check = other.steps[0].verify.clone();
    with_root(&*machine, None, |channel| {
        apply(&workshop(&*machine, &channel), &other, &mut |_| {}).unwrap_err()
    });
    sim.reboot();
    sim.change(|state| {
        state.remove(MARK);
    });
    let pending = restart::take(&*machine).unwrap().unwrap();
    let operations = || history(&*machine, STATE.as_ref()).unwrap().0;
    assert_eq!(pending.operation, operations()[0].id);
    let told = restart::command(&pending);
    let variable = (
        restart::OPERATION.to_string(),
        Some(pending.operation.0.clone()),
    );
    let told: Vec<(String, Option<String>)> = told.variables.into_iter().collect();
    assert!(told.contains(&variable), "{told:?}");
    with_root(&*machine, Some(pending.plan.clone()), |channel| {
        apply(&workshop(&*machine, &channel), &pending.plan, &mut |_| {}).unwrap()
    });
    let last = operations().pop().unwrap();
    assert_eq!(
        (last.outcome, last.continues),
        (Outcome::Done, Some(pending.operation))
    );
}
