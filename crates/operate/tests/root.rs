//! Root's process and the person's, talking within this process, on a simulated machine.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_machine::{Conversation, DoorError, ErrorKind, Machine, Reading};
use deskside_operate::root::{Channel, Server, restart};
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
    let (own, mut other) = pair();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            Server {
                machine,
                programs: &["apt-get"],
                approved,
                person: restart::Person {
                    uid: 1000,
                    name: "user".into(),
                    home: "/home/user".into(),
                },
            }
            .serve(&mut other)
        });
        person(Channel::over(machine, Box::new(own)))
    })
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
                programs: &[],
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
