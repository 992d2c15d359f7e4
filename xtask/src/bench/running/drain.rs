//! A thousand jobs that do nothing, on two slots, beside HyperQueue and pueue.

use super::{Bench, ratio, skipped};
use crate::bench::Bar;
use crate::bench::command::once;
use anyhow::{Context, Result};
use std::process::Command;
use std::time::{Duration, Instant};

const DRAINED: usize = 1000;
/// Its daemon looks every 300 ms: three hundred are enough.
const BY_PUEUE: usize = 300;
const ROUNDS: usize = 3;

impl Bench {
    /// In turn with the peers, because other work may share the machine; the best of each counts.
    pub(super) fn drain(&self) -> Result<Vec<Bar>> {
        let list = self.folder.join("thousand");
        std::fs::write(&list, "true\n".repeat(DRAINED))?;
        let list = list.display().to_string();
        let hyperqueue = self.peers.hyperqueue();
        let script = self.folder.join("drain.py");
        std::fs::write(&script, HYPERQUEUE)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let home = self.home(&format!("drain-{round}"))?;
            once(&mut self.ours(&home, &["queue", "slots", "2"]))?;
            let start = Instant::now();
            once(&mut self.ours(&home, &["queue", "add", "--file", &list]))?;
            once(&mut self.ours(&home, &["wait"]))?;
            ours.push(start.elapsed());
            if let Some(python) = &hyperqueue {
                let mut command = Command::new(python);
                let output = command.arg(&script).current_dir(&self.folder).output()?;
                // Its server says what it is before the script's own last line.
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let last = text.lines().rfind(|line| !line.trim().is_empty());
                let seconds: f64 = last
                    .unwrap_or_default()
                    .trim()
                    .parse()
                    .with_context(|| format!("HyperQueue said {text:?}"))?;
                theirs.push(Duration::from_secs_f64(seconds));
            }
        }
        let ours = ours.into_iter().min().unwrap_or_default();
        let mut bars = vec![match theirs.into_iter().min() {
            Some(theirs) => ratio(
                "drain of 1,000 no-op jobs on 2 slots / HyperQueue",
                ours,
                theirs,
                1.0,
            ),
            None => skipped("drain / HyperQueue", "its Python package is not installed"),
        }];
        bars.push(match self.peers.pueue(&self.home("pueue-drain")?)? {
            Some(pueue) => {
                once(&mut pueue.call(&["parallel", "2"]))?;
                let start = Instant::now();
                for _ in 0..BY_PUEUE {
                    once(&mut pueue.call(&["add", "true"]))?;
                }
                once(&mut pueue.call(&["wait"]))?;
                let theirs = start.elapsed().mul_f64(DRAINED as f64 / BY_PUEUE as f64);
                ratio("drain of 1,000 / pueue (300, times 3.3)", ours, theirs, 0.1)
            }
            None => skipped("drain / pueue", "it is not installed"),
        });
        Ok(bars)
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
