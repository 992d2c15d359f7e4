//! Sweeps, as a person uses them, and when everything of them is killed.

use crate::person::{real_wanted, said};
use crate::queue::{Queuer, SOON, kill, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The Python module of this checkout, so that a trial can report without an environment of its own.
fn module() -> String {
    format!("{}/../track/python", env!("CARGO_MANIFEST_DIR"))
}

fn sweep(queuer: &Queuer, words: &[&str]) -> crate::person::Said {
    let arguments = [&["sweep"], words].concat();
    said(
        &queuer
            .person
            .command(&arguments)
            .env("PYTHONPATH", module())
            .output()
            .unwrap(),
    )
}

fn begin(queuer: &Queuer, words: &[&str]) -> String {
    let arguments = [&["--json", "sweep", "--detach"], words].concat();
    let said = said(
        &queuer
            .person
            .command(&arguments)
            .env("PYTHONPATH", module())
            .output()
            .unwrap(),
    );
    assert_eq!(said.code, 0, "{}", said.talk);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    report["id"].as_str().unwrap().to_string()
}

fn show(queuer: &Queuer, id: &str) -> Value {
    queuer.person.json(&["sweep", "show", id])
}

fn over(queuer: &Queuer, id: &str) -> Value {
    until(SOON * 2, "the sweep is over", || {
        show(queuer, id)["course"] != "going"
    });
    show(queuer, id)
}

fn lines(queuer: &Queuer, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(queuer.path(name)).unwrap_or_default();
    text.lines().map(String::from).collect()
}

/// Reports a value that depends on its parameters, at every step.
const TRAIN: &str = "
import sys, time, deskside
lr, steps, pause = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
for step in range(1, steps + 1):
    deskside.log({'val/loss': abs(lr - 0.3) + 1 / step}, step=step)
    time.sleep(pause)
";

#[test]
fn a_grid_runs_every_point_with_every_seed() {
    let queuer = Queuer::new();
    queuer.person.write("train.py", TRAIN);
    assert_eq!(queuer.person.says(&["queue", "slots", "3"]).code, 0);
    let said = sweep(
        &queuer,
        &[
            "python3 train.py {lr} 2 0",
            "lr=0.1,0.3,0.9",
            "--seeds",
            "2",
            "--set-env",
            "SEED={seed}",
            "--goal",
            "minimize:val/loss",
            "--parallel",
            "3",
            "--name",
            "first",
        ],
    );
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    assert!(said.talk.contains("trial 2 done"), "{}", said.talk);
    let report = show(&queuer, "first");
    assert_eq!(report["counts"]["done"], 3);
    assert_eq!(report["trials"][0]["values"]["lr"], "0.3");
    assert_eq!(report["trials"][0]["value"], 0.5);
    assert_eq!(report["trials"][0]["runs"].as_array().unwrap().len(), 2);
    let best = queuer.person.says(&["sweep", "best"]);
    assert_eq!(best.out, "SEED=0 python3 train.py 0.3 2 0\n");
    let run = report["trials"][0]["runs"][1]["run"]
        .as_str()
        .unwrap()
        .to_string();
    let run = queuer.person.json(&["show", &run]);
    assert_eq!(run["run"]["tags"]["trial"], "1");
    assert_eq!(run["run"]["params"]["lr"], "0.3");
    assert_eq!(run["run"]["experiment"], "first");
    let csv = queuer
        .person
        .says(&["sweep", "export", "first", "--csv"])
        .out;
    assert_eq!(csv.lines().count(), 7, "{csv}");
    assert!(queuer.person.says(&["sweep", "list"]).out.contains("3/3"));
    let narrow = said_at(&queuer, 80, &["sweep", "show"]);
    assert!(
        narrow.lines().all(|line| line.chars().count() <= 80),
        "{narrow}"
    );
    until(SOON, "no process is left", || {
        queuer.processes("__").is_empty()
    });
    let again = queuer.person.says(&["sweep", "resume", "first"]);
    assert!(
        again.code == 1 && again.talk.contains("DS1704"),
        "{}",
        again.talk
    );
}

fn said_at(queuer: &Queuer, width: u32, arguments: &[&str]) -> String {
    said(
        &queuer
            .person
            .command(arguments)
            .env("COLUMNS", width.to_string())
            .output()
            .unwrap(),
    )
    .out
}

#[test]
fn values_stay_within_their_word_and_reach_files_and_variables() {
    let queuer = Queuer::new();
    queuer.person.write("show.sh", "printf '%s|%s|%s\\n' \"$1\" \"$#\" \"$NOTE\" >> seen; cat \"$2\" >> configs; echo >> configs\n");
    let id = begin(
        &queuer,
        &[
            "--set-env",
            "NOTE=<{note}>",
            "model.width=64",
            "note=list:a b;echo x,$(touch bad)",
            "--",
            "sh",
            "show.sh",
            "{note}",
            "{config}",
        ],
    );
    assert_eq!(over(&queuer, &id)["counts"]["done"], 2);
    assert_eq!(
        lines(&queuer, "seen"),
        ["a b;echo x|2|<a b;echo x>", "$(touch bad)|2|<$(touch bad)>"]
    );
    assert!(!queuer.path("bad").exists());
    let configs = lines(&queuer, "configs").join("");
    assert!(
        configs.contains("\"width\": 64") && configs.contains("$(touch bad)"),
        "{configs}"
    );
    for (words, code) in [
        (vec!["sh -c 'echo {note}'", "note=a b,c"], "DS1702"),
        (vec!["echo {lr}", "rl=1,2"], "DS1702"),
        (vec!["echo", "lr=1,2"], "DS1702"),
        (vec!["echo {lr}", "lr=log:0..1"], "DS1701"),
        (
            vec!["echo {lr}", "lr=log:1e-3..1", "--method", "grid"],
            "DS1704",
        ),
        (vec!["echo {lr}", "lr=log:1e-3..1"], "DS1704"),
        (
            vec!["echo {lr}", "lr=1,2", "--method", "tpe", "--trials", "3"],
            "DS1704",
        ),
        (
            vec!["echo --api-key=abcdefgh12345678 {lr}", "lr=1,2"],
            "DS1702",
        ),
    ] {
        let refused = sweep(&queuer, &words);
        assert!(refused.talk.contains(code), "{words:?}: {}", refused.talk);
        assert_ne!(refused.code, 0);
    }
    assert_eq!(
        queuer.person.json(&["sweep", "list"])["sweeps"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_plan_begins_nothing_and_a_large_sweep_asks() {
    let queuer = Queuer::new();
    let file = queuer.person.write("s.toml", "command = 'python train.py --a {a} --b {b}'\nparallel = 4\n[parameters]\na = 'int:1..1000'\nb = 'int:1..1000'\n");
    let file = file.to_str().unwrap();
    let plan = queuer.person.json(&["sweep", "--file", file, "--plan"]);
    assert_eq!(
        (plan["runs"].as_u64(), plan["parallel"].as_u64()),
        (Some(1_000_000), Some(4))
    );
    assert_eq!(plan["commands"][1], "python train.py --a 1 --b 2");
    let refused = sweep(&queuer, &["--file", file]);
    assert_eq!(refused.code, 5, "{}", refused.talk);
    let typed = queuer.person.json(&[
        "sweep",
        "--file",
        file,
        "a=1,2",
        "b=7",
        "--parallel",
        "1",
        "--plan",
    ]);
    assert_eq!(
        (typed["runs"].as_u64(), typed["parallel"].as_u64()),
        (Some(2), Some(1)),
        "what is typed wins"
    );
    assert!(
        queuer.person.json(&["sweep", "list"])["sweeps"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    queuer.person.write(
        "wrong.toml",
        "trails = 4\ncommand = 'x {a}'\n[parameters]\na = [1]\n",
    );
    let wrong = sweep(&queuer, &["--file", "wrong.toml", "--plan"]);
    assert!(
        wrong.talk.contains("DS1707") && wrong.code == 2,
        "{}",
        wrong.talk
    );
}

#[test]
fn trials_by_hand_come_first_and_chance_can_be_repeated() {
    let queuer = Queuer::new();
    let words = [
        "echo {lr} {depth}",
        "lr=log:1e-5..1e-1",
        "depth=int:1..8",
        "--trials",
        "6",
        "--first",
        "lr=3e-4",
        "--random-seed",
        "5",
        "--plan",
    ];
    let plan = |more: &[&str]| queuer.person.json(&[&["sweep"], &words[..], more].concat());
    let commands = plan(&[])["commands"].clone();
    assert!(
        commands[0].as_str().unwrap().starts_with("echo 3e-4 "),
        "{commands}"
    );
    assert_eq!(plan(&[])["commands"], commands);
    let wrong = sweep(
        &queuer,
        &["echo {a}", "a=int:1..8", "--trials", "2", "--first", "a=9"],
    );
    assert!(
        wrong.code == 2 && wrong.talk.contains("DS1701"),
        "{}",
        wrong.talk
    );
}

#[test]
fn a_broken_script_ends_the_sweep_and_what_brings_no_result_is_said() {
    let queuer = Queuer::new();
    let said = sweep(&queuer, &["sh -c 'echo {a} >> ran; exit 3'", "a=int:1..50"]);
    assert_eq!(said.code, 1, "{}", said.talk);
    assert_eq!(lines(&queuer, "ran").len(), 3);
    assert!(
        said.out.contains("the first 3 trials failed"),
        "{}",
        said.out
    );
    let id = begin(
        &queuer,
        &[
            "true {a}",
            "a=1,2",
            "--goal",
            "minimize:loss",
            "--max-failures",
            "9",
        ],
    );
    let report = over(&queuer, &id);
    assert_eq!(report["counts"]["failed"], 2);
    assert_eq!(report["trials"][0]["why"], "it logged no loss");
    let none = queuer.person.says(&["sweep", "best", &id]);
    assert!(
        none.code == 1 && none.talk.contains("DS1704"),
        "{}",
        none.talk
    );
}

#[test]
fn what_will_not_become_good_is_ended_early() {
    let queuer = Queuer::new();
    queuer.person.write("train.py", TRAIN);
    // The good one first; the others would run for ten minutes.
    let id = begin(
        &queuer,
        &[
            "sh -c 'test {lr} = 0.3 && exec python3 train.py {lr} 9 0.02; exec python3 train.py {lr} 100000 0.01'",
            "lr=0.3,5.0,6.0",
            "--goal",
            "minimize:val/loss",
            "--early-stop",
            "halving",
            "--early-from",
            "3",
            "--grace",
            "1s",
        ],
    );
    let report = over(&queuer, &id);
    assert_eq!(
        (
            report["counts"]["done"].as_u64(),
            report["counts"]["pruned"].as_u64()
        ),
        (Some(1), Some(2)),
        "{report}"
    );
    assert!(
        report["trials"][1]["why"]
            .as_str()
            .unwrap()
            .contains("place 2 of 2"),
        "{report}"
    );
    assert!(
        report["why"].is_null(),
        "a trial that is ended early is no failure"
    );
}

#[test]
fn stopped_and_gone_on_with() {
    let queuer = Queuer::new();
    let id = begin(
        &queuer,
        &[
            "sh -c 'echo {a} >> began; while [ ! -e go ]; do sleep 0.05; done; echo {a} >> ran'",
            "a=1,2,3",
        ],
    );
    until(SOON, "the first runs", || {
        lines(&queuer, "began").len() == 1
    });
    assert_eq!(queuer.person.says(&["sweep", "stop", &id]).code, 0);
    let report = show(&queuer, &id);
    assert_eq!(
        (
            report["course"].as_str(),
            report["counts"]["cut_off"].as_u64()
        ),
        (Some("stopped"), Some(1)),
        "{report}"
    );
    until(SOON, "no process is left", || {
        queuer.processes("__").is_empty()
    });
    assert_eq!(queuer.person.says(&["sweep", "stop", &id]).code, 1);
    let gently = begin(
        &queuer,
        &[
            "sh -c 'echo x{a} >> began; while [ ! -e end ]; do sleep 0.05; done'",
            "a=1,2",
        ],
    );
    until(SOON, "it runs", || lines(&queuer, "began").len() == 2);
    let said = queuer
        .person
        .says(&["sweep", "stop", &gently, "--let-running-end"]);
    assert_eq!(said.code, 0, "{}", said.talk);
    std::fs::write(queuer.path("end"), "").unwrap();
    until(SOON, "it ended by itself", || {
        show(&queuer, &gently)["counts"]["done"] == 1
    });
    std::fs::write(queuer.path("go"), "").unwrap();
    assert_eq!(queuer.person.says(&["sweep", "resume", &id]).code, 0);
    assert_eq!(over(&queuer, &id)["counts"]["done"], 3);
    assert_eq!(lines(&queuer, "ran"), ["1", "2", "3"]);
}

#[test]
fn killed_processes_are_followed_without_a_command() {
    let queuer = Queuer::new();
    let script =
        "sh -c 'echo {a} >> began; while [ ! -e go{a} ]; do sleep 0.05; done; echo {a} >> ran'";
    begin(&queuer, &[script, "a=1,2,3"]);
    for (at, victim) in [(1, "__sweep"), (2, "__keeper")] {
        until(SOON, "it runs", || lines(&queuer, "began").len() == at);
        // One of the keeper and its deputy; the driver with it.
        for name in [victim, "__sweep"] {
            if let Some(process) = queuer.processes(name).first() {
                kill(*process, "KILL");
            }
        }
        std::fs::write(queuer.path(&format!("go{at}")), "").unwrap();
    }
    std::fs::write(queuer.path("go3"), "").unwrap();
    until(SOON, "all ran, with no command", || {
        lines(&queuer, "ran").len() == 3
    });
    assert_eq!(over(&queuer, "latest")["counts"]["done"], 3);
}

#[test]
fn a_driver_that_dies_at_any_effect() {
    let mut reached = 0;
    for (at, mode) in (1..=22).flat_map(|at| ["die-before", "die-after"].map(|mode| (at, mode))) {
        let queuer = Queuer::new();
        let once = queuer.path("once");
        let output = queuer
            .person
            .command(&[
                "--json",
                "sweep",
                "--detach",
                "sh -c 'echo {a} >> ran'",
                "a=1,2,3",
            ])
            .env(
                "DESKSIDE_SWEEP_FAULT",
                format!("{mode}@{at}!{}", once.display()),
            )
            .output()
            .unwrap();
        assert!(output.status.success());
        let report = over(&queuer, "latest");
        assert_eq!(report["counts"]["done"], 3, "{mode}@{at}: {report}");
        assert_eq!(
            lines(&queuer, "ran"),
            ["1", "2", "3"],
            "{mode}@{at}: none lost, none twice"
        );
        let jobs = queuer.person.json(&["queue", "--ended"])["ended"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(jobs, 3, "{mode}@{at}");
        reached += usize::from(once.exists());
    }
    assert!(reached > 0, "no driver died");
}

/// Kills processes of a sweep, and of the queue under it, at random moments. `DESKSIDE_TEST_KILLS` says how often.
#[test]
fn kill_9_of_everything_at_random_moments() {
    let trials: usize = std::env::var("DESKSIDE_TEST_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(24);
    let mut random = Random(0x5eed ^ trials as u64);
    let mut killed = 0;
    while killed < trials {
        let queuer = Queuer::new();
        assert_eq!(queuer.person.says(&["queue", "slots", "2"]).code, 0);
        let id = begin(
            &queuer,
            &[
                "sh -c 'echo {a} >> began; sleep 0.05; echo {a} >> ran'",
                "a=int:1..12",
                "--parallel",
                "2",
                "--max-failures",
                "100",
            ],
        );
        let begun = Instant::now();
        let mut children_die = false;
        while killed < trials && show(&queuer, &id)["course"] == "going" && begun.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(random.below(250)));
            let victims = match random.below(8) {
                0..=2 => queuer.processes("__sweep"),
                3 | 4 => queuer.processes("__keeper"),
                5 | 6 => queuer.processes("__supervise"),
                _ => queuer.processes("__"),
            };
            for victim in victims {
                let words =
                    std::fs::read_to_string(format!("/proc/{victim}/cmdline")).unwrap_or_default();
                children_die |= words.contains("__supervise");
                kill(victim, "KILL");
                killed += 1;
            }
        }
        // A command that looks at the queue is enough where all were killed at once.
        let report = over(&queuer, &id);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in lines(&queuer, "began") {
            *counts.entry(line).or_default() += 1;
        }
        assert_eq!(counts.len(), 12, "none is lost: {counts:?} {report}");
        assert!(
            counts.values().all(|count| *count == 1),
            "none ran twice: {counts:?}"
        );
        let (done, cut) = (
            report["counts"]["done"].as_u64().unwrap(),
            report["counts"]["cut_off"].as_u64().unwrap(),
        );
        assert_eq!(done + cut, 12, "{report}");
        assert!(
            cut == 0 || children_die,
            "only whose supervisor died may end unseen: {report}"
        );
        assert_eq!(report["trials"].as_array().unwrap().len(), 12);
        // What nobody saw the end of is tried again when a person says so.
        if cut > 0 {
            assert_eq!(queuer.person.says(&["sweep", "resume", &id]).code, 0);
            assert_eq!(over(&queuer, &id)["counts"]["done"], 12);
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

#[test]
fn optuna_that_can_not_be_had_is_said_with_what_works() {
    let queuer = Queuer::new();
    queuer.person.write("train.py", TRAIN);
    // A uv that fails as it does without a network.
    let uv = queuer.person.write("bin/uv", "#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 0.9.0' && exit 0\necho 'error: no network' >&2\nexit 2\n");
    let made = std::process::Command::new("chmod")
        .arg("755")
        .arg(&uv)
        .status()
        .unwrap();
    assert!(made.success());
    let path = format!("{}:/usr/bin:/bin", uv.parent().unwrap().display());
    let words = [
        "sweep",
        "python3 train.py {lr} 1 0",
        "lr=0.1..0.9",
        "--trials",
        "4",
        "--method",
        "tpe",
        "--goal",
        "minimize:val/loss",
    ];
    let said = said(
        &queuer
            .person
            .command(&words)
            .env("PATH", path)
            .env("PYTHONPATH", module())
            .output()
            .unwrap(),
    );
    assert_eq!(said.code, 1, "{}", said.talk);
    assert!(
        said.out.contains("Optuna") && said.out.contains("no network"),
        "{}{}",
        said.out,
        said.talk
    );
}

#[test]
fn optuna_learns_and_survives_its_own_death() {
    if !real_wanted() {
        return;
    }
    let queuer = Queuer::new();
    // Where uv is not on PATH, the one that `up` fetched serves.
    super::project::uv(&queuer.person);
    queuer.person.write("train.py", "import sys, math, deskside\ndeskside.log({'val/loss': (math.log10(float(sys.argv[1])) + 3) ** 2 + int(sys.argv[2]) / 4})\n");
    let id = begin(
        &queuer,
        &[
            "python3 train.py {lr} {depth} {opt}",
            "lr=log:1e-6..1e-1",
            "depth=int:0..8",
            "opt=adam,sgd",
            "--method",
            "tpe",
            "--trials",
            "20",
            "--goal",
            "minimize:val/loss",
            "--parallel",
            "2",
        ],
    );
    let long = Duration::from_secs(300);
    let count = || show(&queuer, &id)["counts"]["done"].as_u64().unwrap();
    for at in [2, 6, 12] {
        until(long, "some are done", || {
            count() >= at || show(&queuer, &id)["course"] != "going"
        });
        for victim in queuer
            .processes("optuna")
            .into_iter()
            .chain(queuer.processes("__sweep"))
        {
            kill(victim, "KILL");
        }
    }
    until(long, "it is over", || {
        show(&queuer, &id)["course"] != "going"
    });
    let report = show(&queuer, &id);
    assert_eq!(report["counts"]["done"], 20, "{report}");
    let best = report["trials"][0]["value"].as_f64().unwrap();
    assert!(
        best < 1.0,
        "twenty trials by chance seldom come so near: {best}"
    );
    let points: std::collections::BTreeSet<String> = report["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| trial["values"]["lr"].to_string())
        .collect();
    assert!(
        points.len() > 16,
        "one that begins anew does not choose again what it chose: {points:?}"
    );
    assert!(!queuer.person.work().join("pyproject.toml").exists());
}
