//! The queue when its processes die: at every effect, and at random moments. No job is lost, none runs twice, and every state
//! that is shown afterwards is true.

use crate::queue::{Queuer, SOON, kill, lives, until};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Draining goes on within that, with no command. The bar is 10 s, and it takes well under one; other work may share the machine.
const RESUMED: Duration = Duration::from_secs(30);

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(String::from).collect()
}

#[test]
fn a_dead_supervisor_is_said_and_the_queue_goes_on() {
    let queuer = Queuer::new();
    let first = queuer.queue(
        &[],
        "echo begun > begun; while [ ! -e go ]; do sleep 0.1; done; echo over > over",
    );
    let next = queuer.queue(&[], "echo next > next");
    until(SOON, "the first runs", || queuer.path("begun").exists());
    let supervisor = queuer.job(first)["pid"].as_u64().unwrap();
    kill(u32::try_from(supervisor).unwrap(), "KILL");
    until(SOON, "its death is seen", || queuer.state(first) == "lost");
    let reason = queuer.job(first)["reason"].as_str().unwrap().to_string();
    assert!(
        reason.contains("still lives"),
        "never called killed while it lives: {reason}"
    );
    assert_eq!(queuer.state(next), "waiting", "what goes on keeps its slot");
    std::fs::write(queuer.path("go"), "").unwrap();
    until(SOON, "the next has run, with no command", || {
        queuer.path("next").exists()
    });
    assert!(queuer.path("over").exists(), "the job itself went on");
    assert_eq!(queuer.state(first), "exit-unknown");
    let lost = queuer.queue(&[], "echo $$ > pid; exec sleep 1000");
    until(SOON, "it runs", || queuer.path("pid").exists());
    let supervisor = queuer.job(lost)["pid"].as_u64().unwrap();
    kill(u32::try_from(supervisor).unwrap(), "KILL");
    let stopped = queuer.person.says(&["stop", &lost.to_string()]);
    assert_eq!(stopped.code, 0, "{}", stopped.talk);
    let pid = lines(&queuer.path("pid"))[0].clone();
    assert!(!lives(&pid), "what it left behind is ended");
}

#[test]
fn a_killed_keeper_is_followed() {
    let queuer = Queuer::new();
    let later = queuer.queue(&["--at", "+4"], "echo later > later");
    for _ in 0..3 {
        until(SOON, "a keeper and its deputy are there", || {
            queuer.processes("__keeper").len() == 2
        });
        kill(queuer.processes("__keeper")[0], "KILL");
        std::thread::sleep(Duration::from_millis(200));
    }
    until(SOON, "it has run, with no command", || {
        queuer.path("later").exists()
    });
    assert_eq!(queuer.wait(&[later]).code, 0);
}

/// Whoever removes the home takes the queue away with it: no keeper goes on for what is gone, none makes it anew, none keeps a core busy.
#[test]
fn a_removed_home_ends_its_keepers() {
    let queuer = Queuer::new();
    queuer.queue(&["--at", "+3600"], "true");
    until(SOON, "a keeper and its deputy are there", || {
        queuer.processes("__keeper").len() == 2
    });
    // They are started in steps: what is counted is not yet what stays.
    std::thread::sleep(Duration::from_millis(500));
    let home = queuer.person.home().join(".local");
    std::fs::remove_dir_all(&home).unwrap();
    let last = queuer.processes("__keeper").pop();
    kill(last.expect("they wait for an hour"), "KILL");
    until(SOON, "both are gone", || {
        queuer.processes("__keeper").is_empty()
    });
    assert!(!home.exists(), "nothing was made anew");
}

/// Dies before and after the n-th effect of one process of the queue, for every n that there is.
fn at_every_effect(variable: &str, most: usize) {
    let mut reached = 0;
    for (at, mode) in (1..=most).flat_map(|at| ["die-before", "die-after"].map(|mode| (at, mode))) {
        let queuer = Queuer::new();
        let once = queuer.path("once");
        let fault = format!("{mode}@{at}!{}", once.display());
        let mut said = Vec::new();
        for name in ["a", "b"] {
            let script = format!("echo {name} >> ran");
            let output = queuer
                .person
                .command(&["run", "--queue", "--", "sh", "-c", &script])
                .env(variable, &fault)
                .output()
                .unwrap();
            if output.status.success() {
                said.push(name);
            }
        }
        let died = said.len() < 2;
        let ran = queuer.path("ran");
        let begun = Instant::now();
        let complete = || {
            said.iter()
                .all(|name| lines(&ran).contains(&name.to_string()))
        };
        while !complete() && begun.elapsed() < RESUMED {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(
            complete(),
            "{variable} {fault}: of {said:?} only {:?} ran; {}",
            lines(&ran),
            queuer.person.says(&["queue", "--ended"]).out
        );
        // What was not confirmed may be queued or not; it runs once at the most.
        assert_eq!(queuer.person.says(&["wait"]).code & !1, 0);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for name in lines(&ran) {
            *counts.entry(name).or_default() += 1;
        }
        assert!(
            counts.values().all(|count| *count == 1),
            "{variable} {fault}: ran twice: {counts:?}"
        );
        let listed = queuer.person.json(&["queue", "--ended"]);
        for job in listed["ended"].as_array().unwrap() {
            let state = job["state"].as_str().unwrap();
            assert!(
                (state == "finished" && job["exit"] == 0) || state == "exit-unknown",
                "{variable} {fault}: {job}"
            );
        }
        reached = reached.max(if died { at } else { 0 });
    }
    if variable == "DESKSIDE_FAULT" {
        assert!(reached > 0, "no call died: the faults were never met");
    }
}

#[test]
fn a_supervisor_that_dies_at_any_effect() {
    at_every_effect("DESKSIDE_SUPERVISOR_FAULT", 16);
}

#[test]
fn a_keeper_that_dies_at_any_effect() {
    at_every_effect("DESKSIDE_KEEPER_FAULT", 6);
}

#[test]
fn a_call_that_dies_at_any_effect() {
    at_every_effect("DESKSIDE_FAULT", 8);
}

/// Kills processes of the queue at random moments. `DESKSIDE_TEST_KILLS` says how often; few in ordinary tests.
#[test]
fn kill_9_at_random_moments() {
    let trials: usize = std::env::var("DESKSIDE_TEST_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(30);
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ trials as u64);
    let mut killed = 0;
    while killed < trials {
        let queuer = Queuer::new();
        assert_eq!(queuer.person.says(&["queue", "slots", "2"]).code, 0);
        let mut confirmed = Vec::new();
        let mut supervisors_killed = false;
        let mut children_killed = false;
        // One home sees some kills, and is then looked through.
        for _ in 0..10_usize.min(trials - killed) {
            for _ in 0..2 {
                let name = format!("j{}", random.below(u64::MAX));
                let script = format!(
                    "echo {name} >> ran; sleep 0.0{}; echo {name} >> done",
                    random.below(9)
                );
                let mut call = queuer
                    .person
                    .command(&["run", "--queue", "--name", &name, "--", "sh", "-c", &script])
                    .stdout(std::process::Stdio::null())
                    .stderr(std::process::Stdio::null())
                    .spawn()
                    .unwrap();
                if random.below(4) == 0 {
                    std::thread::sleep(Duration::from_micros(random.below(40_000)));
                    let _ = call.kill();
                }
                if call.wait().unwrap().success() {
                    confirmed.push(name);
                }
            }
            std::thread::sleep(Duration::from_micros(random.below(60_000)));
            let victims = match random.below(4) {
                0 => queuer.processes("__keeper"),
                1 | 2 => queuer.processes("__supervise"),
                _ => queuer.processes("echo j"),
            };
            if let Some(victim) = victims.get(random.below(victims.len().max(1) as u64) as usize) {
                let words =
                    std::fs::read_to_string(format!("/proc/{victim}/cmdline")).unwrap_or_default();
                supervisors_killed |= words.contains("__supervise");
                children_killed |= !words.contains("__");
                kill(*victim, "KILL");
                killed += 1;
            }
        }
        let ran = queuer.path("ran");
        // No command from here on: it must go on by itself.
        let begun = Instant::now();
        let missing = || {
            let ran = lines(&ran);
            confirmed.iter().filter(|name| !ran.contains(name)).count()
        };
        while missing() > 0 && begun.elapsed() < RESUMED {
            std::thread::sleep(Duration::from_millis(20));
        }
        let listed = || queuer.person.says(&["queue", "--ended", "--all"]).out;
        // A child killed before its first words has run, as far as the queue can know.
        if !children_killed {
            assert_eq!(missing(), 0, "lost after {killed} kills: {}", listed());
        }
        queuer.person.says(&["wait"]);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for name in lines(&ran) {
            *counts.entry(name).or_default() += 1;
        }
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "ran twice: {twice:?}\n{}", listed());
        let report = queuer.person.json(&["queue", "--ended", "--all"]);
        assert_eq!(report["total"], 0);
        let done = lines(&queuer.path("done"));
        for job in report["ended"].as_array().unwrap() {
            let name = job["name"].as_str().unwrap().to_string();
            let is_true = match (job["state"].as_str().unwrap(), job["exit"].as_i64()) {
                ("finished", Some(0)) => done.contains(&name),
                // A process at its gate still has its supervisor's words.
                ("finished", Some(137)) => children_killed || supervisors_killed,
                ("exit-unknown", None) => supervisors_killed,
                _ => false,
            };
            assert!(is_true, "a wrong state: {job}");
        }
    }
}

/// xorshift64: the same moments at each run of the test.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

#[test]
fn a_full_disk_loses_no_job() {
    let queuer = Queuer::new();
    let small = queuer.person.home().join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(&small)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        deskside_testkit::skip("a_full_disk_loses_no_job: mounting a small file system needs root");
        return;
    }
    let _unmount = Unmount(small.clone());
    let call = |arguments: &[&str]| {
        let mut command = queuer.person.command(arguments);
        crate::person::said(&command.env("DESKSIDE_HOME", &small).output().unwrap())
    };
    // The log fills the disk; the job hears of it itself.
    let first = call(&[
        "run",
        "--queue",
        "--",
        "sh",
        "-c",
        "head -c 8000000 /dev/zero || { echo full > failed; exit 9; }",
    ]);
    assert_eq!(first.code, 0, "{}", first.talk);
    let second = call(&[
        "run",
        "--queue",
        "--hold",
        "--",
        "sh",
        "-c",
        "echo second > second",
    ]);
    until(SOON, "the disk is full", || queuer.path("failed").exists());
    let third = call(&["run", "--queue", "--", "true"]);
    if third.code != 0 {
        assert!(third.talk.contains("DS0103"), "it is said: {}", third.talk);
    }
    for entry in std::fs::read_dir(small.join("data/runs"))
        .unwrap()
        .flatten()
    {
        let _ = std::fs::write(entry.path().join("log"), "");
    }
    until(SOON, "its end is written as soon as there is room", || {
        let listed = call(&["--json", "queue", "--ended"]).out;
        serde_json::from_str::<serde_json::Value>(&listed).is_ok_and(|report| {
            let ended = report["ended"].as_array().cloned().unwrap_or_default();
            ended.iter().any(|job| job["exit"] == 9)
        })
    });
    if second.code == 0 {
        assert_eq!(call(&["queue", "release", "2"]).code, 0);
        assert_eq!(call(&["wait", "2"]).code, 0);
        assert!(queuer.path("second").exists());
    }
    let listed = call(&["--json", "queue", "--ended"]);
    let report: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    let first = report["ended"]
        .as_array()
        .unwrap()
        .iter()
        .find(|job| job["number"] == 1)
        .unwrap()
        .clone();
    assert_eq!(
        (first["state"].as_str(), first["exit"].as_i64()),
        (Some("finished"), Some(9)),
        "{first}"
    );
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}
