//! What waits: memory and wake-ups of our processes, and what stands between a queued command and its log.

use super::{Bench, p10, ratio};
use crate::bench::Bar;
use crate::bench::command::once;
use anyhow::{Result, ensure};
use std::process::Command;
use std::time::{Duration, Instant};

impl Bench {
    pub(super) fn idle(&self) -> Result<Vec<Bar>> {
        let home = self.home("idle")?;
        once(&mut self.ours(
            &home,
            &["run", "--queue", "--no-sample", "--", "sleep", "8"],
        ))?;
        std::thread::sleep(Duration::from_secs(2));
        let mut bars = Vec::new();
        for (what, word) in [("supervisor", "__supervise"), ("keeper", "__keeper")] {
            let pids = self.processes(&home, word);
            ensure!(!pids.is_empty(), "no {what} is there");
            let memory = pids.iter().map(|pid| private(*pid)).max().unwrap_or(0);
            let wakes = || pids.iter().map(|pid| switches(*pid)).sum::<u64>();
            let before = wakes();
            std::thread::sleep(Duration::from_secs(2));
            let wakes = wakes() - before;
            bars.push(Bar {
                what: format!("{what}: private memory, wake-ups in 2 s"),
                measured: format!("{:.2} MiB, {wakes}", memory as f64 / 1048576.0),
                limit: "≤ 4 MiB, 0".into(),
                holds: memory <= 4 << 20 && wakes == 0,
            });
        }
        once(&mut self.ours(&home, &["wait"]))?;
        std::thread::sleep(Duration::from_secs(2));
        let left = self.processes(&home, "__").len();
        bars.push(Bar {
            what: "processes of ours when nothing runs and waits".into(),
            measured: left.to_string(),
            limit: "0".into(),
            holds: left == 0,
        });
        Ok(bars)
    }

    pub(super) fn log(&self) -> Result<Vec<Bar>> {
        let home = self.home("log")?;
        let script = "i=0; while [ $i -lt 10 ]; do head -c 10485760 /dev/zero | tr '\\0' x; i=$((i+1)); done";
        let bare_log = self.folder.join("bare.log");
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for round in 0..7 {
            let _ = std::fs::remove_file(&bare_log);
            let file = std::fs::File::create(&bare_log)?;
            let start = Instant::now();
            let status = Command::new("sh")
                .args(["-c", script])
                .stdout(file)
                .status()?;
            bare.push(start.elapsed());
            ensure!(status.success(), "the bare command failed");
            once(&mut self.ours(&home, &["run", "--queue", "--", "sh", "-c", script]))?;
            once(&mut self.ours(&home, &["wait"]))?;
            let mut show = self.ours(&home, &["--json", "show", &(round + 1).to_string()]);
            let report: serde_json::Value = serde_json::from_slice(&show.output()?.stdout)?;
            ensure!(
                report["log_bytes"] == 104_857_600,
                "its log is not whole: {}",
                report["log_bytes"]
            );
            ours.push(Duration::from_millis(
                report["duration_ms"].as_u64().unwrap_or(u64::MAX),
            ));
            let _ = std::fs::remove_dir_all(report["folder"].as_str().unwrap_or_default());
        }
        Ok(vec![ratio(
            "100 MiB of log, queued / the bare command into a file, p10",
            p10(&ours),
            p10(&bare),
            1.05,
        )])
    }
}

/// Private pages of a process, in bytes (`smaps_rollup`, proc(5)).
fn private(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with("Private_"));
    lines
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum::<u64>()
        * 1024
}

/// How often a process went to sleep so far, all its threads together.
fn switches(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|task| {
            let text = std::fs::read_to_string(task.path().join("status")).ok()?;
            let line = text
                .lines()
                .find(|line| line.starts_with("voluntary_ctxt"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum()
}
