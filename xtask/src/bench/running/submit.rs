//! Queueing: one job at a time, ten thousand in one call, and the list of them.

use super::{Bench, limit, p10, ratio, shown, skipped};
use crate::bench::Bar;
use crate::bench::command::once;
use anyhow::Result;
use std::path::PathBuf;

const ROUNDS: usize = 60;

impl Bench {
    pub(super) fn submit(&self) -> Result<Vec<Bar>> {
        // In memory a sync costs nothing: what is left is our own work. On the disk it is said apart.
        let memory = PathBuf::from(format!("/dev/shm/deskside-bench-{}", std::process::id()));
        let disk = self.home("submit")?;
        let homes = [memory.clone(), disk];
        for home in &homes {
            once(&mut self.ours(home, &["queue", "slots", "0"]))?;
        }
        let spooler = self.peers.spooler();
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (times, home) in times.iter_mut().zip(&homes) {
                times.push(once(
                    &mut self.ours(home, &["run", "--queue", "--", "true"]),
                )?);
            }
            if let Some(spooler) = &spooler {
                times[2].push(once(&mut spooler.call(&["true"]))?);
            }
        }
        let mut bars = vec![Bar {
            what: "submit on the disk, durable (said only)".into(),
            measured: shown(p10(&times[1])),
            limit: String::new(),
            holds: true,
        }];
        match &spooler {
            Some(_) => bars.push(ratio(
                "submit before its sync / task-spooler, p10",
                p10(&times[0]),
                p10(&times[2]),
                3.0,
            )),
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

    pub(super) fn many(&self) -> Result<Vec<Bar>> {
        let home = self.home("many")?;
        once(&mut self.ours(&home, &["queue", "slots", "0"]))?;
        let list = self.folder.join("list");
        std::fs::write(&list, "true\n".repeat(10_000))?;
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
}
