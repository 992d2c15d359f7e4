//! The queue beside its peers, in the same minutes on the same machine: ratios, because other work may share it.
//!
//! Peers are task-spooler (`tsp`), pueue, and HyperQueue's Python package. Those that are not there are skipped, and counted;
//! `cargo xtask bench running install` puts pueue and HyperQueue into the bench's scratch folder first, and installs the Debian
//! package task-spooler where this is root.

use super::Bar;
use super::command::once;
use crate::needs::{is_root, scratch};
use crate::shell::{has, target};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 60;
const DRAINED: usize = 1000;

/// All bars of the queue.
pub fn running(program: &Path, install: bool) -> Result<Vec<Bar>> {
    let peers = target().join("bench-peers");
    if install {
        install_peers(&peers)?;
    }
    let bench = Bench {
        program: program.into(),
        folder: scratch("bench-running")?,
        peers,
    };
    let mut bars = vec![bench.foreground()?];
    bars.extend(bench.submit()?);
    bars.extend(bench.many()?);
    bars.extend(bench.drain()?);
    bars.extend(bench.idle()?);
    bars.push(bench.log()?);
    Ok(bars)
}

struct Bench {
    program: PathBuf,
    folder: PathBuf,
    peers: PathBuf,
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

    fn foreground(&self) -> Result<Bar> {
        let home = self.home("foreground")?;
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(once(&mut Command::new("true"))?);
            ours.push(once(&mut self.ours(&home, &["run", "--", "true"]))?);
        }
        Ok(ratio(
            "run -- true / bare exec, p10",
            p10(&ours),
            p10(&bare),
            8.0,
        ))
    }

    fn submit(&self) -> Result<Vec<Bar>> {
        // In memory a sync costs nothing: what is left is our own work. On the disk it is said apart.
        let memory = PathBuf::from(format!("/dev/shm/deskside-bench-{}", std::process::id()));
        let disk = self.home("submit")?;
        let homes = [memory.clone(), disk];
        for home in &homes {
            once(&mut self.ours(home, &["queue", "slots", "0"]))?;
        }
        let spooler = self.spooler();
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (times, home) in times.iter_mut().zip(&homes) {
                times.push(once(
                    &mut self.ours(home, &["run", "--queue", "--", "true"]),
                )?);
            }
            if let Some(spooler) = &spooler {
                times[2].push(once(&mut spooler(&["true"]))?);
            }
        }
        let mut bars = vec![Bar {
            what: "submit on the disk, durable (said only)".into(),
            measured: shown(p10(&times[1])),
            limit: String::new(),
            holds: true,
        }];
        match &spooler {
            Some(spooler) => {
                bars.push(ratio(
                    "submit before its sync / task-spooler, p10",
                    p10(&times[0]),
                    p10(&times[2]),
                    3.0,
                ));
                let _ = once(&mut spooler(&["-K"]));
            }
            None => bars.push(skipped("submit / task-spooler", "tsp is not installed")),
        }
        let list = self.folder.join("list");
        std::fs::write(&list, "true\n".repeat(10_000))?;
        let list = list.display().to_string();
        once(&mut self.ours(&memory, &["queue", "add", "--file", &list]))?;
        let (mut full, mut empty) = (Vec::new(), Vec::new());
        let fresh = memory.join("fresh");
        once(&mut self.ours(&fresh, &["queue", "slots", "0"]))?;
        for _ in 0..ROUNDS {
            full.push(once(
                &mut self.ours(&memory, &["run", "--queue", "--", "true"]),
            )?);
            empty.push(once(
                &mut self.ours(&fresh, &["run", "--queue", "--", "true"]),
            )?);
        }
        bars.push(ratio(
            "submit at 10,000 queued / at an empty queue, p10",
            p10(&full),
            p10(&empty),
            1.2,
        ));
        for home in [&homes[0], &homes[1], &fresh] {
            self.end(home);
        }
        std::fs::remove_dir_all(&memory)?;
        Ok(bars)
    }

    /// task-spooler with a server of its own, whose one slot is taken.
    fn spooler(&self) -> Option<impl Fn(&[&str]) -> Command> {
        if !has("tsp") {
            return None;
        }
        let socket =
            std::env::temp_dir().join(format!("deskside-bench-tsp-{}", std::process::id()));
        let spooler = move |arguments: &[&str]| {
            let mut command = Command::new("tsp");
            command
                .args(arguments)
                .env("TS_SOCKET", &socket)
                .env("TS_MAXFINISHED", "1000");
            command
        };
        once(&mut spooler(&["sleep", "600"])).ok()?;
        Some(spooler)
    }

    fn many(&self) -> Result<Vec<Bar>> {
        let home = self.home("many")?;
        once(&mut self.ours(&home, &["queue", "slots", "0"]))?;
        let list = self.folder.join("list");
        let list = list.display().to_string();
        let mut added = Vec::new();
        for _ in 0..5 {
            added.push(once(
                &mut self.ours(&home, &["queue", "add", "--file", &list]),
            )?);
        }
        let home = self.home("listed")?;
        once(&mut self.ours(&home, &["queue", "slots", "0"]))?;
        once(&mut self.ours(&home, &["queue", "add", "--file", &list]))?;
        let listed = (0..20)
            .map(|_| once(&mut self.ours(&home, &["queue", "--all"])))
            .collect::<Result<Vec<_>>>()?;
        for name in ["many", "listed"] {
            self.end(&self.folder.join(name));
        }
        Ok(vec![
            limit(
                "10,000 jobs in one call, on the disk, p10",
                p10(&added),
                0.5,
            ),
            limit("listing 10,000 jobs, p10", p10(&listed), 0.1),
        ])
    }

    fn drain(&self) -> Result<Vec<Bar>> {
        let list = self.folder.join("thousand");
        std::fs::write(&list, "true\n".repeat(DRAINED))?;
        let list = list.display().to_string();
        let mut bars = Vec::new();
        let mut ours = Vec::new();
        for round in 0..2 {
            let home = self.home(&format!("drain-{round}"))?;
            once(&mut self.ours(&home, &["queue", "slots", "2"]))?;
            let start = Instant::now();
            once(&mut self.ours(&home, &["queue", "add", "--file", &list]))?;
            once(&mut self.ours(&home, &["wait"]))?;
            ours.push(start.elapsed());
        }
        let ours = ours.into_iter().min().unwrap_or_default();
        let hyperqueue = self.peers.join("hyperqueue/bin/python");
        if hyperqueue.is_file() {
            let script = self.folder.join("drain.py");
            std::fs::write(&script, HYPERQUEUE)?;
            let output = Command::new(hyperqueue)
                .arg(&script)
                .current_dir(&self.folder)
                .output()?;
            let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
            let seconds: f64 = text
                .parse()
                .with_context(|| format!("HyperQueue said {text:?}"))?;
            bars.push(ratio(
                "drain of 1,000 no-op jobs on 2 slots / HyperQueue",
                ours,
                Duration::from_secs_f64(seconds),
                1.0,
            ));
        } else {
            bars.push(skipped(
                "drain / HyperQueue",
                "its Python package is not installed",
            ));
        }
        let pueue = self.peers.join("bin/pueue");
        if pueue.is_file() {
            // Three hundred are enough: its daemon looks every 300 ms.
            let theirs = self.pueue(&pueue, 300)?.mul_f64(DRAINED as f64 / 300.0);
            bars.push(ratio(
                "drain of 1,000 / pueue (300, times 3.3)",
                ours,
                theirs,
                0.1,
            ));
        } else {
            bars.push(skipped("drain / pueue", "it is not installed"));
        }
        Ok(bars)
    }

    fn pueue(&self, pueue: &Path, count: usize) -> Result<Duration> {
        let home = self.home("pueue")?;
        let call = |program: &Path, arguments: &[&str]| {
            let mut command = Command::new(program);
            command
                .args(arguments)
                .env("HOME", &home)
                .env("XDG_RUNTIME_DIR", &home);
            command
        };
        let mut daemon = call(&pueue.with_file_name("pueued"), &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        std::thread::sleep(Duration::from_secs(2));
        once(&mut call(pueue, &["parallel", "2"]))?;
        let start = Instant::now();
        for _ in 0..count {
            once(&mut call(pueue, &["add", "true"]))?;
        }
        once(&mut call(pueue, &["wait"]))?;
        let span = start.elapsed();
        daemon.kill()?;
        daemon.wait()?;
        Ok(span)
    }

    fn idle(&self) -> Result<Vec<Bar>> {
        let home = self.home("idle")?;
        // A sample is a wake-up that was asked for: `bench sampler` measures those.
        let asleep = ["run", "--queue", "--no-sample", "--", "sleep", "8"];
        once(&mut self.ours(&home, &asleep))?;
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

    fn log(&self) -> Result<Bar> {
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
        Ok(ratio(
            "100 MiB of log, queued / the bare command into a file, p10",
            p10(&ours),
            p10(&bare),
            1.05,
        ))
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

const HYPERQUEUE: &str = r#"
import time
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
with LocalCluster() as cluster:
    cluster.start_worker(WorkerConfig(cores=2))
    client = cluster.client()
    job = Job()
    for _ in range(1000):
        job.program(["true"])
    begun = time.perf_counter()
    client.wait_for_jobs([client.submit(job)])
    print(time.perf_counter() - begun)
"#;

fn install_peers(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    if !has("tsp") && has("apt-get") && is_root() {
        let _ = Command::new("apt-get")
            .args(["install", "-y", "-q", "task-spooler"])
            .stdout(Stdio::null())
            .status();
    }
    let environment = folder.join("hyperqueue");
    if !environment.join("bin/python").is_file() {
        crate::shell::run(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
    }
    crate::shell::run(Command::new(environment.join("bin/pip")).args([
        "install",
        "--quiet",
        "hyperqueue",
    ]))?;
    if !folder.join("bin/pueue").is_file() {
        crate::shell::run(
            Command::new("cargo")
                .args(["install", "--locked", "--root"])
                .arg(folder)
                .arg("pueue")
                .env("CARGO_TARGET_DIR", folder.join("build")),
        )?;
        std::fs::remove_dir_all(folder.join("build"))?;
    }
    Ok(())
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
