//! What a person asks of jobs reaches the jobs they named, and nothing but a person's word counts as one.

use crate::queue::{Queuer, SOON, kill, lives, until};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(String::from).collect()
}

fn pid_of(queuer: &Queuer, job: i64) -> u32 {
    u32::try_from(queuer.job(job)["pid"].as_u64().unwrap()).unwrap()
}

/// Signals may come late, after the job they were meant for: they only say that there is something to read.
#[test]
fn a_signal_alone_does_nothing_to_a_job() {
    let queuer = Queuer::new();
    let job = queuer.queue(
        &[],
        "while [ ! -e go ]; do echo tick >> ticks; sleep 0.05; done",
    );
    let ticks = queuer.path("ticks");
    until(SOON, "it runs", || !lines(&ticks).is_empty());
    for signal in ["USR1", "HUP", "USR2", "USR1"] {
        kill(pid_of(&queuer, job), signal);
        let before = lines(&ticks).len();
        until(SOON, "it goes on", || lines(&ticks).len() > before + 5);
        assert_eq!(queuer.state(job), "running", "{signal}");
    }
    // What was asked is done, and can be asked again.
    for _ in 0..2 {
        let number = job.to_string();
        assert_eq!(queuer.person.says(&["pause", &number]).code, 0);
        until(SOON, "it stands still", || {
            let before = lines(&ticks).len();
            std::thread::sleep(Duration::from_millis(300));
            lines(&ticks).len() == before
        });
        assert_eq!(queuer.state(job), "paused");
        assert_eq!(queuer.person.says(&["resume", &number]).code, 0);
        let before = lines(&ticks).len();
        until(SOON, "it goes on", || lines(&ticks).len() > before + 2);
        assert_eq!(queuer.state(job), "running");
    }
    std::fs::write(queuer.path("go"), "").unwrap();
    assert_eq!(queuer.wait(&[job]).code, 0);
}

/// A job that stands still is stopped like any other; a shorter grace can be asked for while a longer one goes on.
#[test]
fn a_stop_reaches_what_stands_still_and_can_be_hurried() {
    let queuer = Queuer::new();
    let job = queuer.queue(
        &[],
        "trap '' TERM; echo x > ran; while :; do sleep 0.1; done",
    );
    until(SOON, "it runs", || queuer.path("ran").exists());
    let number = job.to_string();
    assert_eq!(queuer.person.says(&["pause", &number]).code, 0);
    let mut patient = queuer
        .person
        .command(&["stop", "--grace", "600s", &number])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let hurried = queuer.person.says(&["stop", "--grace", "1s", &number]);
    assert_eq!(hurried.code, 0, "{}", hurried.talk);
    assert!(patient.wait().unwrap().success());
    let listed = queuer.job(job);
    assert_eq!(
        (listed["state"].as_str(), listed["reason"].as_str()),
        (Some("stopped"), Some("stopped by a person"))
    );
}

/// An orderly shutdown ends everything by SIGTERM: that is no person who stops a job.
#[test]
fn a_shutdown_interrupts_and_starts_nothing() {
    let queuer = Queuer::new();
    let again = queuer.queue(
        &["--restart", "on-reboot", "--retries", "3"],
        "echo again >> ran; [ -e second ] || exec sleep 600",
    );
    let behind = queuer.queue(&[], "echo behind >> ran");
    let ran = queuer.path("ran");
    until(SOON, "the first runs", || lines(&ran) == ["again"]);
    until(SOON, "a keeper and its deputy are there", || {
        queuer.processes("__keeper").len() == 2
    });
    // All of them at once, as a shutdown does.
    let all: Vec<String> = queuer.processes("").iter().map(u32::to_string).collect();
    let status = std::process::Command::new("kill")
        .args(&all)
        .status()
        .unwrap();
    assert!(status.success(), "{all:?}");
    until(SOON, "all of it is gone", || {
        queuer.processes("").is_empty()
    });
    assert_eq!(lines(&ran), ["again"], "nothing starts in a shutdown");
    std::fs::write(queuer.path("second"), "").unwrap();
    queuer.person.says(&["queue"]);
    assert_eq!(queuer.wait(&[again, behind]).code, 0);
    assert_eq!(lines(&ran), ["again", "again", "behind"]);
}

/// The job has its grace, and how it ends in it does not count as its end.
#[test]
fn what_is_ended_with_the_machine_is_interrupted() {
    let queuer = Queuer::new();
    let job = queuer.queue(
        &["--retries", "3"],
        "trap 'sleep 0.2; echo tidied >> ran; exit 0' TERM; echo begun >> ran; while :; do sleep 0.05; done",
    );
    let ran = queuer.path("ran");
    until(SOON, "it runs", || lines(&ran) == ["begun"]);
    kill(pid_of(&queuer, job), "TERM");
    until(SOON, "it is settled, with no command", || {
        queuer.state(job) == "interrupted"
    });
    assert_eq!(lines(&ran), ["begun", "tidied"], "no retry");
    let shown = queuer.person.json(&["show", &job.to_string()]);
    assert_eq!(shown["state"]["state"], "interrupted");
}

#[test]
fn a_name_that_several_have_stops_none_of_them() {
    let queuer = Queuer::new();
    let named = ["--name", "dup"];
    let first = queuer.queue(
        &named,
        "echo 1 >> ran; while [ ! -e go ]; do sleep 0.05; done",
    );
    let second = queuer.queue(&named, "echo 2 >> ran");
    until(SOON, "the first runs", || queuer.path("ran").exists());
    for words in [
        &["stop", "dup"][..],
        &["queue", "hold", "dup"],
        &["pause", "dup"],
        &["wait", "dup"],
    ] {
        let said = queuer.person.says(words);
        assert_eq!(said.code, 1, "{words:?}");
        assert!(
            said.talk.contains("several jobs") && said.talk.contains("1, 2"),
            "{words:?}: {}",
            said.talk
        );
    }
    assert_eq!(
        (queuer.state(first), queuer.state(second)),
        ("running".into(), "waiting".into())
    );
    std::fs::write(queuer.path("go"), "").unwrap();
    assert_eq!(queuer.wait(&[first, second]).code, 0);
}

/// What a killed `run` leaves behind is seen, and can be ended.
#[test]
fn what_a_killed_run_left_is_listed_and_stopped() {
    let queuer = Queuer::new();
    let mut run = queuer
        .person
        .command(&[
            "run",
            "--name",
            "left",
            "--",
            "sh",
            "-c",
            "trap '' PIPE HUP; setsid sleep 600 & echo $! > apart; echo $$ > own; exec sleep 600",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(SOON, "it runs", || !lines(&queuer.path("own")).is_empty());
    let (own, apart) = (
        lines(&queuer.path("own"))[0].clone(),
        lines(&queuer.path("apart"))[0].clone(),
    );
    // Its record says that it runs.
    until(SOON, "it is listed", || {
        queuer.person.json(&["ps"])["running"][0]["state"] == "running"
    });
    run.kill().unwrap();
    run.wait().unwrap();
    let listed = queuer.person.json(&["ps"]);
    assert_eq!(
        (
            &listed["running"][0]["name"],
            &listed["running"][0]["state"]
        ),
        (&"left".into(), &"lost".into()),
        "{listed}"
    );
    // Also when only what left its session is there.
    kill(own.parse().unwrap(), "KILL");
    until(SOON, "its own process is gone", || !lives(&own));
    let listed = queuer.person.json(&["ps"]);
    assert_eq!(listed["running"][0]["state"], "lost", "{listed}");
    let stopped = queuer.person.says(&["stop", "left"]);
    assert_eq!(stopped.code, 0, "{}", stopped.talk);
    assert!(!lives(&apart), "nothing of it is left");
    assert_eq!(
        queuer.person.json(&["ps"])["running"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let again = queuer.person.says(&["stop", "left"]);
    assert_eq!(again.code, 1, "{}", again.out);
}
