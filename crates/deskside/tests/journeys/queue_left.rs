//! Jobs whose supervisor dies, and whose run's folder does not say any more what it said: what lives is seen, and nothing is begun
//! beside it.

use crate::queue::{Queuer, SOON, kill, lives, until};
use std::path::{Path, PathBuf};

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(String::from).collect()
}

/// A job that runs until it is told to go, its run's folder, and its process.
fn running(queuer: &Queuer) -> (i64, PathBuf, String) {
    let job = queuer.queue(
        &[],
        "echo $$ >> began; while [ ! -e go ]; do sleep 0.05; done; echo over >> over",
    );
    until(SOON, "it runs", || !lines(&queuer.path("began")).is_empty());
    let shown = queuer.person.json(&["show", &job.to_string()]);
    let folder = PathBuf::from(shown["folder"].as_str().unwrap());
    (job, folder, lines(&queuer.path("began"))[0].clone())
}

fn kill_supervisor(queuer: &Queuer, job: i64) {
    kill(
        u32::try_from(queuer.job(job)["pid"].as_u64().unwrap()).unwrap(),
        "KILL",
    );
}

#[test]
fn a_state_that_can_not_be_read_begins_nothing_twice() {
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 4] = [
        ("rubbish", |folder| {
            std::fs::write(folder.join("state"), "\0rubbish").unwrap()
        }),
        ("no state", |folder| {
            std::fs::remove_file(folder.join("state")).unwrap()
        }),
        ("no state, no log", |folder| {
            std::fs::remove_file(folder.join("state")).unwrap();
            std::fs::remove_file(folder.join("log")).unwrap();
        }),
        ("no folder", |folder| {
            std::fs::remove_dir_all(folder).unwrap()
        }),
    ];
    for (what, damage) in damages {
        let queuer = Queuer::new();
        let (job, folder, pid) = running(&queuer);
        damage(&folder);
        kill_supervisor(&queuer, job);
        until(SOON, what, || queuer.state(job) == "lost");
        std::thread::sleep(std::time::Duration::from_millis(700));
        assert_eq!(
            lines(&queuer.path("began")),
            [pid.as_str()],
            "{what}: begun once"
        );
        let stopped = queuer.person.says(&["stop", &job.to_string()]);
        assert_eq!(stopped.code, 0, "{what}: {}", stopped.talk);
        assert!(!lives(&pid), "{what}: it is ended");
        assert_eq!(queuer.state(job), "exit-unknown", "{what}");
        assert_eq!(lines(&queuer.path("began")).len(), 1, "{what}");
    }
}

#[test]
fn a_log_that_was_removed_begins_nothing_twice() {
    let queuer = Queuer::new();
    let (job, folder, pid) = running(&queuer);
    std::fs::remove_file(folder.join("log")).unwrap();
    kill_supervisor(&queuer, job);
    until(SOON, "its death is seen", || queuer.state(job) == "lost");
    assert!(lives(&pid));
    std::fs::write(queuer.path("go"), "").unwrap();
    until(SOON, "it is over, with no command", || {
        queuer.state(job) == "exit-unknown"
    });
    assert_eq!(
        (
            lines(&queuer.path("began")).len(),
            lines(&queuer.path("over")).len()
        ),
        (1, 1)
    );
}

/// `logs -f` of a job that goes on without its supervisor goes on as long as that.
#[test]
fn a_lost_job_is_followed_to_its_end() {
    let queuer = Queuer::new();
    let job = queuer.queue(
        &[],
        "echo one; echo x > began; while [ ! -e go ]; do sleep 0.05; done; echo two",
    );
    until(SOON, "it runs", || queuer.path("began").exists());
    kill_supervisor(&queuer, job);
    until(SOON, "its death is seen", || queuer.state(job) == "lost");
    let follows = queuer
        .person
        .command(&["logs", "-f", &job.to_string()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    std::fs::write(queuer.path("go"), "").unwrap();
    let heard = follows.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&heard.stdout), "one\ntwo\n");
}

/// What a supervisor does not come to any more is done by whoever looks next: retries among it.
#[test]
fn a_death_between_the_end_and_its_word_loses_no_retry() {
    let mut seen = 0;
    for at in 3..=12 {
        let queuer = Queuer::new();
        let fault = format!("die-after@{at}!{}", queuer.path("once").display());
        let said = queuer
            .person
            .command(&[
                "run",
                "--queue",
                "--retries",
                "1",
                "--",
                "sh",
                "-c",
                "echo x >> ran; exit 3",
            ])
            .env("DESKSIDE_SUPERVISOR_FAULT", &fault)
            .output()
            .unwrap();
        assert!(said.status.success());
        queuer.person.says(&["wait"]);
        let job = queuer.job(1);
        let ran = lines(&queuer.path("ran")).len();
        match job["state"].as_str().unwrap() {
            "finished" => assert_eq!(ran, 2, "{fault}: {job}"),
            "exit-unknown" => assert!(ran <= 1, "{fault}: {job}"),
            other => panic!("{fault}: {other}"),
        }
        seen = seen.max(ran);
    }
    assert_eq!(seen, 2);
}

/// `stop` ends a run in the foreground with everything it started, also where no terminal passes signals on.
#[test]
fn a_stopped_foreground_run_leaves_nothing() {
    let queuer = Queuer::new();
    let mut run = queuer
        .person
        .command(&[
            "run",
            "--name",
            "fore",
            "--",
            "sh",
            "-c",
            "setsid sleep 971 & sleep 971 & echo x > began; trap '' TERM; while true; do sleep 971; done",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until(SOON, "it runs", || queuer.path("began").exists());
    until(SOON, "all of it runs", || {
        queuer.processes("sleep 971").len() >= 3
    });
    let said = queuer.person.says(&["stop", "fore", "--grace", "1s"]);
    assert_eq!(said.code, 0, "{}", said.talk);
    run.wait().unwrap();
    assert!(queuer.processes("sleep 971").is_empty());
}
