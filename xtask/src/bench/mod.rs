//! `cargo xtask bench`: each bar of the project beside its measured value.

mod advice;
mod check;
mod command;
mod doctor;
mod fit;
mod fit_peers;
mod log;
mod plan;
mod rebuild;
mod running;
mod sampler;

use crate::shell::{cargo, output, release_binary};
use anyhow::{Result, bail};

/// One bar.
pub struct Bar {
    /// What is measured.
    pub what: String,
    /// What was measured, in words.
    pub measured: String,
    /// The limit, in words.
    pub limit: String,
    /// Whether it holds.
    pub holds: bool,
}

/// Measures the named bars, or all.
pub fn bench(names: &[String]) -> Result<()> {
    if names.first().is_some_and(|name| name == "fit") {
        return fit::fit(&names[1..]);
    }
    // Another build can be measured, without waiting for one.
    let program = match std::env::var_os("DESKSIDE_BENCH_BINARY") {
        Some(path) => path.into(),
        None => release_binary()?,
    };
    let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let mut bars = Vec::new();
    if wanted("help") {
        bars.push(command::help(&program)?);
    }
    if wanted("info") {
        bars.push(command::info(&program)?);
    }
    if wanted("run") {
        bars.extend(command::run(&program)?);
    }
    if wanted("up") {
        bars.push(command::second_up(&program)?);
    }
    if wanted("cost") {
        bars.extend(advice::cost(&program)?);
    }
    if wanted("choose") {
        bars.extend(advice::choose(&program)?);
    }
    if wanted("check") {
        bars.push(check::check(&program)?);
    }
    if wanted("rebuild") {
        bars.extend(rebuild::rebuild(&program)?);
    }
    if wanted("plan") {
        bars.extend(plan::plan(&program)?);
    }
    if wanted("doctor") {
        bars.extend(doctor::doctor(&program)?);
    }
    // Peers are measured beside it, which takes minutes: only when it is named.
    if names.iter().any(|name| name == "running") {
        return table(&running::running(&program, names)?);
    }
    if wanted("sampler") {
        bars.extend(sampler::sampler(&program)?);
    }
    if wanted("log") {
        bars.extend(log::log()?);
    }
    if wanted("size") {
        let size = std::fs::metadata(&program)?.len();
        bars.push(Bar {
            what: "stripped binary".into(),
            measured: format!("{:.1} MB", size as f64 / 1e6),
            limit: "≤ 20 MB".into(),
            holds: size <= 20_000_000,
        });
    }
    if wanted("packages") {
        let count = packages()?;
        bars.push(Bar {
            what: "packages in the normal dependency tree".into(),
            measured: count.to_string(),
            limit: "≤ 350".into(),
            holds: count <= 350,
        });
    }
    if bars.is_empty() {
        bail!(
            "no bar of that name: help, info, run, running [install], up, fit, cost, choose, check, rebuild, plan, doctor, sampler, log, size, packages"
        );
    }
    table(&bars)
}

/// The bars side by side; fails where one is missed.
fn table(bars: &[Bar]) -> Result<()> {
    let width = bars
        .iter()
        .map(|bar| bar.what.chars().count())
        .max()
        .unwrap_or(0);
    println!();
    for bar in bars {
        println!(
            "{:<width$}  {:<44}  {:<34}  {}",
            bar.what,
            bar.measured,
            bar.limit,
            if bar.holds { "holds" } else { "MISSED" }
        );
    }
    if bars.iter().any(|bar| !bar.holds) {
        bail!("a bar is missed");
    }
    Ok(())
}

fn packages() -> Result<usize> {
    let tree = output(&mut cargo(&[
        "tree",
        "--package",
        "deskside",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--locked",
    ]))?;
    let names: std::collections::BTreeSet<String> = tree
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
                .into()
        })
        .filter(|line: &String| !line.is_empty())
        .collect();
    Ok(names.len())
}
