//! What must not be lost, and what must be ended.

use super::{Bench, skipped};
use crate::bench::Bar;
use crate::bench::command::once;
use crate::needs::is_root;
use crate::shell::cargo;
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A child in the background, one that left the session, one that is deaf to SIGTERM, one that forked twice, and the command
/// itself. Each writes its number down.
const TREE: &str = r#"cd "$1"
sleep 300 & echo $! > a
setsid sh -c 'echo $$ > b; exec sleep 300' &
sh -c 'trap "" TERM; echo $$ > c; while :; do sleep 1; done' &
(sh -c 'echo $$ > d; exec sleep 300' &)
echo $$ > m
wait"#;
const SHAPES: [&str; 5] = ["a", "b", "c", "d", "m"];

impl Bench {
    pub(super) fn stop(&self) -> Result<Vec<Bar>> {
        let script = self.folder.join("tree.sh");
        std::fs::write(&script, TREE)?;
        let script = script.display().to_string();
        let home = self.home("stop")?;
        let pids = self.home("stop-ours")?;
        let arguments = [
            "run",
            "--queue",
            "--",
            "sh",
            &script,
            &pids.display().to_string(),
        ];
        once(&mut self.ours(&home, &arguments))?;
        wait_for(&pids);
        once(&mut self.ours(&home, &["stop", "--grace", "1s", "1"]))?;
        // Its end is a failure, which is what was asked for.
        let _ = once(&mut self.ours(&home, &["wait"]));
        let left = living(&pids);
        let mut bars = vec![Bar {
            what: "stop: of 5 shapes of children alive afterwards".into(),
            measured: said(&left),
            limit: "none".into(),
            holds: left.is_empty(),
        }];
        if let Some(spooler) = self.peers.spooler() {
            let pids = self.home("stop-tsp")?;
            once(&mut spooler.call(&["-k"]))?;
            once(&mut spooler.call(&["sh", &script, &pids.display().to_string()]))?;
            wait_for(&pids);
            once(&mut spooler.call(&["-k"]))?;
            bars.push(peer("tsp -k", &pids));
        }
        if let Some(pueue) = self.peers.pueue(&self.home("pueue-stop")?)? {
            let pids = self.home("stop-pueue")?;
            once(&mut pueue.call(&[
                "add",
                "--immediate",
                "--",
                "sh",
                &script,
                &pids.display().to_string(),
            ]))?;
            wait_for(&pids);
            once(&mut pueue.call(&["kill", "0"]))?;
            bars.push(peer("pueue kill", &pids));
        }
        Ok(bars)
    }

    /// The tests that kill and fill, with as many kills as `DESKSIDE_TEST_KILLS` says, else 1,000.
    pub(super) fn kills(&self) -> Result<Vec<Bar>> {
        let kills = std::env::var("DESKSIDE_TEST_KILLS").unwrap_or_else(|_| "1000".into());
        let mut bars = Vec::new();
        for (what, name) in [
            (
                format!("kill -9 at {kills} random moments: lost, run twice, wrong states"),
                "kill_9_at_random_moments",
            ),
            (
                "kill -9 at every effect: supervisor, keeper, call".into(),
                "at_any_effect",
            ),
            (
                "the whole machine dies, and starts again".into(),
                "the_machine_dies",
            ),
            (
                "a full disk: the queue is whole, the failure is said".into(),
                "a_full_disk_loses_no_job",
            ),
        ] {
            if name == "a_full_disk_loses_no_job" && !is_root() {
                bars.push(skipped(
                    &what,
                    "a small file system is mounted by root only",
                ));
                continue;
            }
            let mut test = cargo(&["nextest", "run", "-p", "deskside", "--no-fail-fast", "-E"]);
            test.arg(format!("test({name})"))
                .env("DESKSIDE_TEST_KILLS", &kills);
            let output = test.output()?;
            let talk = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = talk.lines().rev().find(|line| line.contains("Summary"));
            bars.push(Bar {
                what,
                measured: last.unwrap_or("no summary").trim().to_string(),
                limit: "none".into(),
                holds: output.status.success(),
            });
        }
        Ok(bars)
    }
}

fn wait_for(pids: &Path) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10)
        && !SHAPES.iter().all(|name| number(pids, name).is_some())
    {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn number(pids: &Path, name: &str) -> Option<u32> {
    std::fs::read_to_string(pids.join(name))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The shapes whose process lives; one that ended and was not collected does not.
fn living(pids: &Path) -> Vec<&'static str> {
    let lives = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
    };
    SHAPES
        .into_iter()
        .filter(|name| number(pids, name).is_some_and(lives))
        .collect()
}

/// What a peer leaves alive after five seconds; ended here.
fn peer(what: &str, pids: &Path) -> Bar {
    std::thread::sleep(Duration::from_secs(5));
    let left = living(pids);
    for name in &left {
        if let Some(pid) = number(pids, name) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
    Bar {
        what: format!("{what}: of 5 shapes of children alive afterwards"),
        measured: said(&left),
        limit: "(said only)".into(),
        holds: true,
    }
}

fn said(left: &[&str]) -> String {
    if left.is_empty() {
        "none".into()
    } else {
        left.join(", ")
    }
}
