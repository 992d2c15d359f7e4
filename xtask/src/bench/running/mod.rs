//! The queue beside its peers, in the same minutes on the same machine: ratios, because other work may share it.
//!
//! Peers are task-spooler (`tsp`), pueue, and HyperQueue's Python package. Those that are not there are skipped, and said;
//! `cargo xtask bench running install` puts them into the bench's scratch folder first (task-spooler is installed where this is
//! root). Behind `running`, parts can be named: start, terminal, submit, many, drain, idle, log, stop, kills.

mod drain;
mod faults;
mod idle;
mod peers;
mod start;
mod submit;

use super::Bar;
use crate::needs::scratch;
use crate::shell::target;
use anyhow::Result;
use peers::Peers;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// All bars of the queue, or those of the parts that are named.
pub fn running(program: &Path, words: &[String]) -> Result<Vec<Bar>> {
    let bench = Bench {
        program: program.into(),
        folder: scratch("bench-running")?,
        peers: Peers {
            folder: target().join("bench-peers"),
        },
    };
    let parts: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !["running", "install"].contains(word))
        .collect();
    if words.iter().any(|word| word == "install") {
        bench.peers.install()?;
    }
    let wanted = |name: &str| parts.is_empty() || parts.contains(&name);
    let mut bars = Vec::new();
    type Part = fn(&Bench) -> Result<Vec<Bar>>;
    let all: [(&str, Part); 9] = [
        ("start", Bench::start),
        ("terminal", Bench::terminal),
        ("submit", Bench::submit),
        ("many", Bench::many),
        ("drain", Bench::drain),
        ("idle", Bench::idle),
        ("log", Bench::log),
        ("stop", Bench::stop),
        ("kills", Bench::kills),
    ];
    for (name, part) in all {
        if wanted(name) {
            eprintln!("measuring: {name}");
            bars.extend(part(&bench)?);
        }
    }
    Ok(bars)
}

struct Bench {
    program: PathBuf,
    folder: PathBuf,
    peers: Peers,
}

impl Bench {
    fn home(&self, name: &str) -> Result<PathBuf> {
        let home = self.folder.join(name);
        std::fs::create_dir_all(&home)?;
        Ok(home)
    }

    fn ours(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("DESKSIDE_HOME", home)
            .current_dir(std::env::temp_dir());
        command
    }

    /// Living processes of a home.
    fn processes(&self, home: &Path, word: &str) -> Vec<u32> {
        let marked = format!("DESKSIDE_HOME={}", home.display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            let read =
                |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let ours = read("environ")
                .split(|byte| *byte == 0)
                .any(|variable| variable == marked.as_bytes());
            if ours && String::from_utf8_lossy(&read("cmdline")).contains(word) {
                found.push(pid);
            }
        }
        found
    }

    /// Ends the keeper of a queue that has no slots: it would wait for ever.
    fn end(&self, home: &Path) {
        for pid in [self.processes(home, "__"), self.processes(home, "__")].concat() {
            let _ = Command::new("kill")
                .args(["-9", &pid.to_string()])
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn p10(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 10).copied().unwrap_or_default()
}

fn shown(span: Duration) -> String {
    format!("{:.2} ms", span.as_secs_f64() * 1e3)
}

fn ratio(what: &str, ours: Duration, theirs: Duration, most: f64) -> Bar {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    Bar {
        what: what.into(),
        measured: format!("{} / {} = {ratio:.2}", shown(ours), shown(theirs)),
        limit: format!("≤ {most}"),
        holds: ratio <= most,
    }
}

fn limit(what: &str, ours: Duration, most: f64) -> Bar {
    Bar {
        what: what.into(),
        measured: shown(ours),
        limit: format!("≤ {most} s"),
        holds: ours.as_secs_f64() <= most,
    }
}

fn skipped(what: &str, why: &str) -> Bar {
    Bar {
        what: what.into(),
        measured: format!("SKIPPED: {why}"),
        limit: "`bench running install`".into(),
        holds: true,
    }
}
