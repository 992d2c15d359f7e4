//! The queue when the whole machine dies: every process at once, and then another boot. In a namespace of its own for processes,
//! whose boot's name is laid over the kernel's, so that the program sees nothing but a machine that was started again.

use crate::person::program;
use crate::queue::{Queuer, SOON, until};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A machine: everything in it dies with it.
struct Machine {
    init: Child,
}

impl Machine {
    /// Starts one in which a script of the person's runs. None where namespaces can't be had.
    fn boot(queuer: &Queuer, name: &str, script: &str) -> Option<Self> {
        let boot = queuer.person.home().join(format!("boot-{name}"));
        std::fs::write(&boot, format!("{name}\n")).unwrap();
        let own = queuer.person.command(&[]);
        let mut command = Command::new("unshare");
        command
            .args(["--pid", "--fork", "--mount", "--mount-proc", "--kill-child", "sh", "-c"])
            .arg(format!(
                "mount --bind '{}' /proc/sys/kernel/random/boot_id && touch '{}' || exit 77\n{script}",
                boot.display(),
                queuer.path(&format!("up-{name}")).display(),
            ))
            .current_dir(queuer.person.work())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env_clear()
            .env("DESKSIDE", program());
        for (name, value) in own.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let mut machine = Self {
            init: command.spawn().ok()?,
        };
        let up = queuer.path(&format!("up-{name}"));
        for _ in 0..2000 {
            if up.exists() {
                return Some(machine);
            }
            if machine.init.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Pulls the plug.
    fn die(mut self) {
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(String::from).collect()
}

/// What runs when the machine dies is interrupted, or goes on by its policy; nothing else is lost, nothing runs twice.
#[test]
fn the_machine_dies_and_starts_again() {
    let rounds: u64 = std::env::var("DESKSIDE_TEST_KILLS")
        .ok()
        .and_then(|text| text.parse::<u64>().ok())
        .map_or(4, |kills| (kills / 25).clamp(4, 40));
    for round in 0..rounds {
        let queuer = Queuer::new();
        let list: String = (0..60)
            .map(|number| {
                format!(
                    "sh -c 'echo j{number} >> ran; sleep 0.00{}; echo j{number} >> done'\n",
                    number % 4
                )
            })
            .collect();
        queuer.person.write("list", &list);
        // Two that outlive the machine, on slots of their own before the others; and moments later a flood of short ones.
        let first = "\"$DESKSIDE\" queue slots 4\n\
            \"$DESKSIDE\" run --queue --name long -- sh -c 'echo long >> ran; sleep 600'\n\
            \"$DESKSIDE\" run --queue --name again --restart on-reboot -- sh -c 'echo again >> ran; [ -e second ] || sleep 600'\n\
            \"$DESKSIDE\" queue add --file list\n\
            touch queued\n\
            sleep 600";
        let Some(machine) = Machine::boot(&queuer, "first", first) else {
            deskside_testkit::skip(
                "the_machine_dies_and_starts_again: namespaces for processes and mounts need root",
            );
            return;
        };
        until(SOON, "all is queued", || queuer.path("queued").exists());
        until(SOON, "the long ones run", || {
            let ran = lines(&queuer.path("ran"));
            ["long", "again"]
                .iter()
                .all(|name| ran.iter().any(|one| one == name))
        });
        std::thread::sleep(Duration::from_millis(round * 97 % 900));
        machine.die();

        let before = lines(&queuer.path("ran"));
        let second = "touch second\n\
            \"$DESKSIDE\" queue > listed 2>&1\n\
            \"$DESKSIDE\" wait > waited 2>&1\n\
            \"$DESKSIDE\" --json queue --ended --all > report\n\
            touch over\n\
            sleep 600";
        let machine = Machine::boot(&queuer, "second", second).unwrap();
        until(SOON, "the second boot drains the queue", || {
            queuer.path("over").exists()
        });
        machine.die();

        let report: serde_json::Value =
            serde_json::from_slice(&std::fs::read(queuer.path("report")).unwrap()).unwrap();
        let ended = report["ended"].as_array().unwrap();
        assert_eq!((ended.len(), &report["total"]), (62, &0.into()), "{report}");
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for name in lines(&queuer.path("ran")) {
            *counts.entry(name).or_default() += 1;
        }
        let done = lines(&queuer.path("done"));
        let mut interrupted = 0;
        for job in ended {
            let name = job["name"].as_str().unwrap();
            let command = job["command"].as_str().unwrap();
            let word = command
                .split_whitespace()
                .nth(3)
                .filter(|_| name != "long" && name != "again")
                .unwrap_or(name);
            let ran = counts.get(word).copied().unwrap_or(0);
            match (job["state"].as_str().unwrap(), word) {
                ("finished", "again") => assert_eq!(ran, 2, "it went on by its policy"),
                ("finished", _) => {
                    assert_eq!(ran, 1, "{job}");
                    assert!(done.iter().any(|one| one == word), "{job}");
                }
                ("interrupted", _) => {
                    assert!(ran <= 1, "ran twice: {job}");
                    interrupted += 1;
                }
                other => panic!("round {round}: {other:?}: {job}"),
            }
        }
        // What ran at that moment, and the few that shared a sync with it.
        assert!(
            (1..=3 + 8).contains(&interrupted),
            "round {round}: {interrupted} interrupted; {before:?}"
        );
    }
}

/// An orderly shutdown asks everybody to end, and then starts again: the same, and nothing is begun on the way down.
#[test]
fn the_machine_is_shut_down_and_starts_again() {
    let queuer = Queuer::new();
    let first = "\"$DESKSIDE\" queue slots 2\n\
        \"$DESKSIDE\" run --queue --name long --retries 2 -- sh -c 'echo long >> ran; exec sleep 600'\n\
        \"$DESKSIDE\" run --queue --name again --restart on-reboot -- \
            sh -c 'trap \"echo kept >> ran; exit 0\" TERM; echo again >> ran; [ -e second ] || while :; do sleep 0.05; done'\n\
        \"$DESKSIDE\" run --queue --name behind -- sh -c 'echo behind >> ran'\n\
        touch queued\n\
        trap '' TERM\n\
        while [ ! -e down ]; do sleep 0.05; done\n\
        kill -TERM -1\n\
        sleep 1.5\n\
        touch off\n\
        sleep 600";
    let Some(machine) = Machine::boot(&queuer, "first", first) else {
        deskside_testkit::skip(
            "the_machine_is_shut_down_and_starts_again: namespaces for processes and mounts need root",
        );
        return;
    };
    until(SOON, "all is queued", || queuer.path("queued").exists());
    let ran = queuer.path("ran");
    until(SOON, "both run", || lines(&ran).len() == 2);
    std::fs::write(queuer.path("down"), "").unwrap();
    until(SOON, "it is off", || queuer.path("off").exists());
    machine.die();
    let before = lines(&ran);
    assert_eq!(before.len(), 3, "nothing began in the shutdown: {before:?}");
    assert_eq!(before[2], "kept", "a job has its grace");

    let second = "touch second\n\
        \"$DESKSIDE\" queue > listed 2>&1\n\
        \"$DESKSIDE\" wait > waited 2>&1\n\
        \"$DESKSIDE\" --json queue --ended --all > report\n\
        touch over\n\
        sleep 600";
    let machine = Machine::boot(&queuer, "second", second).unwrap();
    until(SOON, "the second boot drains the queue", || {
        queuer.path("over").exists()
    });
    machine.die();
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(queuer.path("report")).unwrap()).unwrap();
    let state = |name: &str| {
        let ended = report["ended"].as_array().unwrap();
        let job = ended.iter().find(|job| job["name"] == name).unwrap();
        (
            job["state"].as_str().unwrap().to_string(),
            job["attempts"].as_u64().unwrap(),
        )
    };
    assert_eq!(state("long"), ("interrupted".into(), 1), "{report}");
    assert_eq!(state("again"), ("finished".into(), 2), "{report}");
    assert_eq!(state("behind"), ("finished".into(), 1), "{report}");
}
