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
use std::cell::RefCell;
use std::collections::BTreeSet;
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
        homes: RefCell::default(),
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
    /// Whatever was started in one of these is ended with the bench, also where a part fails in the midst of it.
    homes: RefCell<BTreeSet<PathBuf>>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        for home in self.homes.borrow().iter() {
            self.end(home);
        }
    }
}

impl Bench {
    fn home(&self, name: &str) -> Result<PathBuf> {
        let home = self.folder.join(name);
        std::fs::create_dir_all(&home)?;
        Ok(home)
    }

    fn ours(&self, home: &Path, arguments: &[&str]) -> Command {
        self.homes.borrow_mut().insert(home.into());
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

    /// Ends the processes of a home, by their ids: jobs that wait for ever keep a keeper, and a killed keeper is followed by its
    /// deputy. What began a moment ago is not listed under its own name yet, so that nothing must be there twice in a row.
    fn end(&self, home: &Path) {
        let mut quiet = 0;
        for _ in 0..100 {
            let left = self.processes(home, "");
            quiet = if left.is_empty() { quiet + 1 } else { 0 };
            if quiet == 2 {
                return;
            }
            for pid in left {
                let _ = Command::new("kill")
                    .args(["-9", &pid.to_string()])
                    .stderr(Stdio::null())
                    .status();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("processes of {} are left", home.display());
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
