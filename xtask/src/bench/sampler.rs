//! What the sampler of a run costs: processor time and wake-ups of the supervisor, and of the process that holds NVIDIA's library.

use super::Bar;
use super::command::once;
use crate::needs::scratch;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long it is looked at.
const SPAN: Duration = Duration::from_secs(20);

/// One core's share at one sample a second, over a job with a tree of twenty processes.
pub fn sampler(program: &Path) -> Result<Vec<Bar>> {
    let home = scratch("bench-sampler")?.join("home");
    let ours = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("DESKSIDE_HOME", &home)
            .current_dir(std::env::temp_dir());
        command
    };
    let script = "for i in $(seq 19); do sleep 40 & done; exec sleep 40";
    once(&mut ours(&["run", "--queue", "--", "sh", "-c", script]))?;
    // The first seconds open libraries and find the tree.
    std::thread::sleep(Duration::from_secs(5));
    let pids = processes(&home, &["__supervise", "__device"]);
    let supervisor = *pids.first().context("no supervisor is there")?;
    let (cpu, wakes, begun) = (times(&pids), switches(supervisor), Instant::now());
    std::thread::sleep(SPAN);
    let elapsed = begun.elapsed().as_nanos() as f64;
    let share = (times(&pids) - cpu) as f64 / elapsed * 100.0;
    let wakes = (switches(supervisor) - wakes) as f64 / SPAN.as_secs_f64();
    once(&mut ours(&["stop", "1", "--grace", "1s"]))?;
    Ok(vec![
        Bar {
            what: "sampler at 1 Hz, share of one core".into(),
            measured: format!(
                "{share:.3} % over {} s ({} processes of ours)",
                SPAN.as_secs(),
                pids.len()
            ),
            limit: "≤ 0.3 %".into(),
            holds: share <= 0.3,
        },
        Bar {
            what: "supervisor's wake-ups while it samples".into(),
            measured: format!("{wakes:.2} a second"),
            limit: "≤ 1.5 a second".into(),
            holds: wakes <= 1.5,
        },
    ])
}

/// Processes of this bench by a word of their command line, the first word's first.
fn processes(home: &Path, words: &[&str]) -> Vec<u32> {
    let mark = format!("DESKSIDE_HOME={}", home.display());
    let mut found = Vec::new();
    for word in words {
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            let read =
                |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let is_ours = read("environ")
                .split(|byte| *byte == 0)
                .any(|one| one == mark.as_bytes());
            if is_ours && String::from_utf8_lossy(&read("cmdline")).contains(word) {
                found.push(pid);
            }
        }
    }
    found
}

/// Nanoseconds of processor time of all threads (`/proc/PID/task/TID/schedstat`, first number).
fn times(pids: &[u32]) -> u64 {
    let tasks = pids
        .iter()
        .filter_map(|pid| std::fs::read_dir(format!("/proc/{pid}/task")).ok());
    tasks
        .flatten()
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

fn switches(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("voluntary_ctxt_switches:")?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0)
}
