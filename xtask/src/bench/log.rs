//! The Python module's `log`, by its own benchmark.

use super::Bar;
use crate::needs::scratch;
use crate::shell::{output, root};
use anyhow::{Context, Result};
use std::process::Command;

/// Median microseconds of `log` with one key and with ten.
pub fn log() -> Result<Vec<Bar>> {
    let home = scratch("bench-log")?;
    let text = output(
        Command::new("python3")
            .arg(root().join("crates/track/python/bench_log.py"))
            .arg("--json")
            .env("DESKSIDE_HOME", &home)
            .env("PYTHONPATH", root().join("crates/track/python")),
    )?;
    let value: serde_json::Value = serde_json::from_str(text.lines().last().unwrap_or_default())
        .context("bench_log.py printed no JSON line")?;
    let mut bars = Vec::new();
    for (key, what, limit) in [
        ("one_key", "deskside.log, one key", 5.0),
        ("ten_keys", "deskside.log, ten keys", 10.0),
    ] {
        let median = value[key]["median_us"].as_f64().context("no median")?;
        let p99 = value[key]["p99_us"].as_f64().context("no p99")?;
        bars.push(Bar {
            what: what.into(),
            measured: format!("median {median:.2} µs (p99 {p99:.1} µs)"),
            limit: format!("≤ {limit} µs"),
            holds: median <= limit,
        });
    }
    Ok(bars)
}
