//! What becomes of jobs whose supervisor is dead.

use super::*;
use deskside_machine::{Acting, Durability};
use deskside_track::{Folder, record};
use deskside_types::run::{RunExit, RunState, StateRecord};

/// What a run's folder holds beside its state.
#[derive(Clone, Copy, PartialEq)]
enum Traces {
    Nothing,
    /// A supervisor had it.
    Lock,
    /// The command began, and its log was removed since.
    Begun,
    /// The command began.
    Log,
    /// The state is damaged.
    Rubbish,
}

fn write(home: &Home, folder: &Folder, state: Option<RunState>, traces: Traces) {
    let put = |path: PathBuf, text: &str| {
        home.host
            .append_file(path, text, Durability::Process)
            .unwrap();
    };
    if let Some(state) = state {
        let state = StateRecord {
            state,
            started_at: None,
            ended_at: None,
        };
        record::begin(&home.host, folder, &state).unwrap();
    }
    match traces {
        Traces::Nothing => {}
        Traces::Lock => put(folder.supervisor_lock(), ""),
        Traces::Begun => {
            put(folder.supervisor_lock(), "");
            put(folder.begun(), "");
        }
        Traces::Log => {
            put(folder.supervisor_lock(), "");
            put(folder.log(), "x");
        }
        Traces::Rubbish => put(folder.state(), "\0rubbish"),
    }
}

#[test]
fn what_a_dead_supervisor_left_is_settled() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let dead = ProcessIdentity {
        start_time: 1,
        ..me.clone()
    };
    let elsewhere = ProcessIdentity {
        boot_id: "another".into(),
        ..me.clone()
    };
    let with_spec = |change: fn(&mut Spec)| {
        let mut new = job("r");
        change(&mut new.spec);
        new
    };
    let on_reboot = || with_spec(|spec| spec.restart = Restart::OnReboot);
    let retried = || with_spec(|spec| spec.retries = 1);
    let running = |process: &ProcessIdentity, supervisor: &ProcessIdentity| {
        Some(RunState::Running {
            process: process.clone(),
            supervisor: Some(supervisor.clone()),
        })
    };
    let starting = || {
        Some(RunState::Starting {
            supervisor: dead.clone(),
        })
    };
    let finished = |code| {
        Some(RunState::Finished {
            exit: RunExit::ExitCode(code),
        })
    };
    let stopped = || {
        Some(RunState::Stopped {
            exit: RunExit::Signal(15),
            reason: Some("it ran longer than its timeout".into()),
        })
    };
    let failed = || {
        Some(RunState::Failed {
            reason: "could not start it".into(),
        })
    };
    let interrupted = Some(RunState::Interrupted);
    use Traces::*;
    for (what, new, claimant, state, traces, expected) in [
        ("no folder", job("a"), &dead, None, Nothing, "waiting"),
        (
            "about to start",
            job("a"),
            &dead,
            starting(),
            Nothing,
            "waiting",
        ),
        (
            "no state yet, but a lock",
            job("a"),
            &dead,
            None,
            Lock,
            "waiting",
        ),
        (
            "at the gate",
            job("a"),
            &dead,
            running(&dead, &dead),
            Lock,
            "waiting",
        ),
        (
            "it began, and is gone",
            job("a"),
            &dead,
            running(&dead, &dead),
            Log,
            "exit-unknown",
        ),
        (
            "its log was removed",
            job("a"),
            &dead,
            running(&dead, &dead),
            Begun,
            "exit-unknown",
        ),
        (
            "its state was removed",
            job("a"),
            &dead,
            None,
            Begun,
            "exit-unknown",
        ),
        (
            "its state was damaged",
            job("a"),
            &dead,
            None,
            Rubbish,
            "exit-unknown",
        ),
        (
            "it goes on",
            job("a"),
            &dead,
            running(&me, &dead),
            Log,
            "lost",
        ),
        (
            "and its log was removed",
            job("a"),
            &dead,
            running(&me, &dead),
            Begun,
            "lost",
        ),
        (
            "its end is written",
            job("a"),
            &dead,
            finished(3),
            Log,
            "finished 3",
        ),
        (
            "it is to be tried again",
            retried(),
            &dead,
            finished(3),
            Log,
            "waiting",
        ),
        (
            "unless it went well",
            retried(),
            &dead,
            finished(0),
            Log,
            "finished 0",
        ),
        (
            "or was stopped",
            retried(),
            &dead,
            stopped(),
            Log,
            "stopped 143: it ran longer than its timeout",
        ),
        (
            "or never started",
            retried(),
            &dead,
            failed(),
            Nothing,
            "failed: could not start it",
        ),
        (
            "its end was written before the restart",
            job("a"),
            &elsewhere,
            finished(3),
            Log,
            "finished 3",
        ),
        (
            "the machine was restarted",
            job("a"),
            &elsewhere,
            running(&elsewhere, &elsewhere),
            Log,
            "interrupted: the machine was restarted under it",
        ),
        (
            "before it began",
            job("a"),
            &elsewhere,
            None,
            Nothing,
            "interrupted: the machine was restarted under it",
        ),
        (
            "and it is to go on",
            on_reboot(),
            &elsewhere,
            running(&elsewhere, &elsewhere),
            Log,
            "waiting",
        ),
        (
            "its state was damaged before",
            on_reboot(),
            &elsewhere,
            None,
            Rubbish,
            "waiting",
        ),
        (
            "it was ended with its session",
            retried(),
            &dead,
            interrupted.clone(),
            Log,
            "interrupted: it was ended with the machine, or with its session",
        ),
        (
            "and is to go on",
            on_reboot(),
            &dead,
            interrupted.clone(),
            Log,
            "waiting",
        ),
        (
            "ended before a restart",
            on_reboot(),
            &elsewhere,
            interrupted,
            Log,
            "waiting",
        ),
    ] {
        let number = queue.add(&Surroundings::default(), &[new]).unwrap()[0].number;
        let claimed = claim(&mut queue, claimant, None).claimed.unwrap();
        assert_eq!(claimed.row.number, number, "{what}");
        let folder = Folder::of(&directories, &claimed.run);
        write(&home, &folder, state, traces);
        queue.settle().unwrap();
        let row = queue.row(number).unwrap();
        let found = match &row.outcome {
            None => row.state.word().to_string(),
            Some(word) => {
                let exit = row.exit.map(|exit| format!(" {exit}"));
                let why = row.reason.clone().filter(|_| word != "exit-unknown");
                let why = why.map(|why| format!(": {why}"));
                format!(
                    "{word}{}{}",
                    exit.unwrap_or_default(),
                    why.unwrap_or_default()
                )
            }
        };
        assert_eq!(found, expected, "{what}: {row:?}");
        if row.state == JobState::Lost {
            queue.end(&row, &ended("finished", 0)).unwrap();
        } else if row.state == JobState::Waiting {
            queue.remove(number).unwrap();
        }
    }
}

/// One that was seen alive behind its supervisor's death has run, whatever is left of its folder.
#[test]
fn what_was_seen_alive_does_not_begin_again() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    queue.add(&Surroundings::default(), &[job("a")]).unwrap();
    let claimed = claim(&mut queue, &me, None).claimed.unwrap();
    let gone = ProcessIdentity {
        start_time: 1,
        ..me
    };
    queue.end(&claimed.row, &End::Lost(gone)).unwrap();
    queue.settle().unwrap();
    let row = queue.row(1).unwrap();
    assert_eq!(row.outcome.as_deref(), Some("exit-unknown"), "{row:?}");
}

/// A job of a newer program's, whose words this one does not understand, keeps no other from being settled.
#[test]
fn a_job_that_can_not_be_understood_is_settled_all_the_same() {
    let home = Home::new();
    let directories = home.directories();
    let (mut queue, me) = (with(&home, &directories), home.me());
    let elsewhere = ProcessIdentity {
        boot_id: "another".into(),
        ..me
    };
    queue.set_slots(2).unwrap();
    queue
        .add(&Surroundings::default(), &[job("a"), job("b")])
        .unwrap();
    for _ in 0..2 {
        claim(&mut queue, &elsewhere, None).claimed.unwrap();
    }
    queue
        .connection
        .execute(
            "UPDATE jobs SET spec = '{\"argv\": 7}' WHERE number = 1",
            [],
        )
        .unwrap();
    queue.settle().unwrap();
    for number in [1, 2] {
        assert_eq!(
            queue.row(number).unwrap().outcome.as_deref(),
            Some("interrupted")
        );
    }
}
