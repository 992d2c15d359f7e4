//! The Python module's `log`, by its own benchmark: the median of three repeats.

use super::Bar;
use crate::needs::scratch;
use crate::shell::{output, root};
use anyhow::{Context, Result};
use serde_json::Value;
use std::process::Command;

/// Microseconds of `log` with one key and with ten, and the module's import.
pub fn log() -> Result<Vec<Bar>> {
    let folder = scratch("bench-log")?;
    let script = root().join("crates/track/python/bench_log.py");
    let text = output(Command::new("python3").arg(script).env("TMPDIR", &folder))?;
    let value: Value = serde_json::from_str(text.trim()).context("bench_log.py printed no JSON")?;
    let mut bars = Vec::new();
    for (key, what, limit) in [
        ("one_key", "deskside.log, one key", 5.0),
        ("ten_keys", "deskside.log, ten keys", 10.0),
    ] {
        let (median, p99) = (
            middle(&value[key], "median_us")?,
            middle(&value[key], "p99_us")?,
        );
        bars.push(Bar {
            what: what.into(),
            measured: format!("median {median:.2} µs (p99 {p99:.1} µs)"),
            limit: format!("≤ {limit} µs"),
            holds: median <= limit,
        });
    }
    let import = value["import_ms"].as_f64().context("no import_ms")?;
    bars.push(Bar {
        what: "import deskside".into(),
        measured: format!("{import:.1} ms"),
        limit: "≤ 30 ms".into(),
        holds: import <= 30.0,
    });
    Ok(bars)
}

/// The middle one of the repeats' values.
fn middle(repeats: &Value, field: &str) -> Result<f64> {
    let repeats = repeats.as_array().context("no repeats")?;
    let mut values: Vec<f64> = repeats
        .iter()
        .filter_map(|repeat| repeat[field].as_f64())
        .collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("no values")
}
