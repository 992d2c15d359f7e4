//! `cargo xtask bench fit --table FILE.csv`: what `deskside fit --table` says of measurements, held against them.
//!
//! `--peers FOLDER` (or DESKSIDE_BENCH_PEERS) names a Python environment with peers in it, whose own programs are asked then.
//! The table's value columns are read here and never by the program that predicts.

use super::fit_peers::Peers;
use crate::shell::{output, release_binary};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::Command;

/// One row that can be compared.
struct Compared {
    family: String,
    source: String,
    predicted: f64,
    measured: f64,
    low: f64,
    high: f64,
    /// What accelerate's estimate-memory would say, where it can say something.
    accelerate: Option<f64>,
    /// What hf-mem would say: the weights alone.
    hf_mem: Option<f64>,
    /// What llmfit itself says.
    llmfit: Option<f64>,
}

impl Compared {
    fn error(&self) -> f64 {
        self.predicted / self.measured - 1.0
    }
}

/// What a family must reach: median, 90th percentile, worst error; coverage is the same for all.
struct Limit {
    family: &'static str,
    median: f64,
    ninetieth: Option<f64>,
    worst: Option<f64>,
    half_width: Option<f64>,
}

const LIMITS: &[Limit] = &[
    Limit {
        family: "inference memory",
        median: 0.03,
        ninetieth: Some(0.12),
        worst: Some(0.30),
        half_width: Some(0.12),
    },
    Limit {
        family: "training memory",
        median: 0.10,
        ninetieth: Some(0.25),
        worst: None,
        half_width: Some(0.25),
    },
    Limit {
        family: "decode speed",
        median: 0.10,
        ninetieth: Some(0.35),
        worst: None,
        half_width: None,
    },
    Limit {
        family: "prefill speed",
        median: 0.20,
        ninetieth: None,
        worst: None,
        half_width: None,
    },
    Limit {
        family: "training speed",
        median: 0.20,
        ninetieth: None,
        worst: None,
        half_width: None,
    },
];

/// Of rows, the interval must hold at least this share.
const COVERAGE: f64 = 0.88;

/// A card this much smaller or larger than a measured peak makes a boundary case.
const BOUNDARY: f64 = 0.10;

/// Measures and prints.
pub fn fit(arguments: &[String]) -> Result<()> {
    let value = |flag: &str| {
        arguments
            .iter()
            .position(|one| one == flag)
            .and_then(|at| arguments.get(at + 1))
            .map(PathBuf::from)
    };
    let Some(table) = value("--table") else {
        bail!("give the table: cargo xtask bench fit --table FILE.csv");
    };
    let program = match value("--program") {
        Some(program) => program,
        None => release_binary()?,
    };
    let text = std::fs::read_to_string(&table)
        .with_context(|| format!("could not read {}", table.display()))?;
    let rows = rows(&text);
    let peers = Peers::of(value("--peers"));
    let said = output(
        Command::new(&program)
            .args(["fit", "--json", "--table"])
            .arg(&table),
    )?;
    let said: Value = serde_json::from_str(&said).context("the prediction is no JSON")?;
    let predictions = said["rows"]
        .as_array()
        .context("the prediction has no rows")?;
    anyhow::ensure!(
        predictions.len() == rows.len(),
        "{} rows, {} predictions",
        rows.len(),
        predictions.len()
    );
    let (mut compared, mut silent, mut set_aside) =
        (Vec::new(), BTreeMap::<String, usize>::new(), 0);
    let (mut memory_out, mut undecided_out, mut all_out) = (0, 0, 0);
    for (row, prediction) in rows.iter().zip(predictions) {
        let family = prediction["family"]
            .as_str()
            .unwrap_or_default()
            .to_string();
        if row.text("use") != "absolute" && !row.text("use").is_empty() {
            set_aside += 1;
            continue;
        }
        if family == "out of memory" {
            match prediction["verdict"].as_str() {
                Some("fits") => memory_out += 1,
                Some("tight") => undecided_out += 1,
                Some(_) => {}
                None => continue,
            }
            all_out += 1;
            continue;
        }
        let Some(measured) = measured(row) else {
            continue;
        };
        let (Some(predicted), Some(low), Some(high)) = (
            prediction["value"].as_f64(),
            prediction["low"].as_f64(),
            prediction["high"].as_f64(),
        ) else {
            *silent.entry(family).or_default() += 1;
            continue;
        };
        let parameters = prediction["parameters"].as_f64();
        let memory = family == "inference memory";
        compared.push(Compared {
            accelerate: match family.as_str() {
                "inference memory" => {
                    parameters.map(|count| count * accelerate_bytes(row.text("weights")))
                }
                // Model, gradients and two states, all in the format asked for.
                "training memory" if row.text("method").starts_with("full") => {
                    parameters.map(|count| 4.0 * count * accelerate_bytes(row.text("weights")))
                }
                _ => None,
            },
            llmfit: memory.then(|| peers.llmfit(row)).flatten(),
            hf_mem: prediction["weights_bytes"].as_f64().filter(|_| memory),
            source: row.text("source").to_string(),
            family,
            predicted,
            measured,
            low,
            high,
        });
    }
    print(&compared, &silent, set_aside);
    peers.say();
    let mut missed = judge(&compared);
    println!();
    println!(
        "out of memory: {all_out} rows, {memory_out} said to fit, {undecided_out} said to be tight"
    );
    let (cases, wrong, tight) = boundaries(&compared);
    println!(
        "boundary cases, a card {:.0} % smaller or larger than a measured peak: {cases}, {wrong} wrong ({:.1} %), {tight} tight",
        BOUNDARY * 100.0,
        100.0 * wrong as f64 / cases.max(1) as f64
    );
    let share = (memory_out + wrong) as f64 / (all_out + cases).max(1) as f64;
    let holds = share <= 0.05;
    println!(
        "called wrong: {:.1} % of {}  (≤ 5 %)  {}",
        share * 100.0,
        all_out + cases,
        word(holds)
    );
    missed |= !holds;
    if missed {
        bail!("a bar is missed");
    }
    Ok(())
}

fn word(holds: bool) -> &'static str {
    if holds { "holds" } else { "MISSED" }
}

/// What accelerate's estimate-memory counts a parameter, in bytes: 4, 2, 1 or a half.
fn accelerate_bytes(format: &str) -> f64 {
    let format = format.to_ascii_lowercase();
    if format.contains("fp32") {
        4.0
    } else if format.contains("int4")
        || format.contains("nf4")
        || format.contains("fp4")
        || format.contains("q4")
    {
        0.5
    } else if format.contains("int8") || format.contains("fp8") || format.contains("q8") {
        1.0
    } else {
        2.0
    }
}

fn measured(row: &Row) -> Option<f64> {
    let number = |column: &str| {
        row.text(column)
            .parse::<f64>()
            .ok()
            .filter(|value| *value > 0.0)
    };
    match row.text("metric") {
        "peak_mem" | "weights_mem" | "cuda_context" => number("value_bytes"),
        "file_size" => {
            let unit = if row.text("unit") == "GiB" {
                1024_f64.powi(3)
            } else {
                1e9
            };
            number("value").map(|value| value * unit)
        }
        _ => number("value"),
    }
}

fn print(compared: &[Compared], silent: &BTreeMap<String, usize>, set_aside: usize) {
    println!();
    println!(
        "{:<48} {:>5} {:>8} {:>8} {:>8} {:>8}",
        "family and source", "rows", "median", "90 %", "worst", "bias"
    );
    let mut families: BTreeMap<&str, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    for one in compared {
        families
            .entry(&one.family)
            .or_default()
            .entry(&one.source)
            .or_default()
            .push(one.error());
    }
    for (family, sources) in &families {
        let all: Vec<f64> = sources.values().flatten().copied().collect();
        line(family, &all);
        for (source, errors) in sources {
            line(&format!("  {source}"), errors);
        }
        for (tool, estimate) in [
            (
                "accelerate estimate-memory",
                (|one: &Compared| one.accelerate) as fn(&Compared) -> Option<f64>,
            ),
            ("hf-mem (weights alone)", |one| one.hf_mem),
            ("llmfit (its own program)", |one| one.llmfit),
        ] {
            let theirs: Vec<f64> = compared
                .iter()
                .filter(|one| one.family == *family)
                .filter_map(|one| estimate(one).map(|value| value / one.measured - 1.0))
                .collect();
            if !theirs.is_empty() {
                line(&format!("  beside it: {tool}"), &theirs);
                // The same rows by us: peers express only some.
                let ours: Vec<f64> = compared
                    .iter()
                    .filter(|one| one.family == *family && estimate(one).is_some())
                    .map(Compared::error)
                    .collect();
                line("    deskside on the same rows", &ours);
            }
        }
    }
    println!();
    for (family, count) in silent {
        println!(
            "{family}: nothing said for {count} rows (the model or the accelerator is not known)"
        );
    }
    println!("set aside because the table says that they can't be compared: {set_aside}");
}

fn line(name: &str, errors: &[f64]) {
    let sizes = sorted(errors.iter().map(|error| error.abs()));
    let signed = sorted(errors.iter().copied());
    println!(
        "{name:<48} {:>5} {:>7.1}% {:>7.1}% {:>7.1}% {:>+7.1}%",
        errors.len(),
        100.0 * quantile(&sizes, 0.5),
        100.0 * quantile(&sizes, 0.9),
        100.0 * quantile(&sizes, 1.0),
        100.0 * quantile(&signed, 0.5)
    );
}

/// Prints each bar; says whether one is missed.
fn judge(compared: &[Compared]) -> bool {
    println!();
    println!("{:<44} {:>10} {:>10}", "bar", "measured", "limit");
    let mut missed = false;
    let mut bar = |what: String, value: f64, limit: f64, at_least: bool| {
        let holds = if at_least {
            value >= limit
        } else {
            value <= limit
        };
        missed |= !holds;
        let sign = if at_least { "≥" } else { "≤" };
        println!(
            "{what:<44} {:>9.1}% {sign} {:>6.1}%  {}",
            value * 100.0,
            limit * 100.0,
            word(holds)
        );
    };
    for limit in LIMITS {
        let rows: Vec<&Compared> = compared
            .iter()
            .filter(|one| one.family == limit.family)
            .collect();
        if rows.is_empty() {
            continue;
        }
        let errors = sorted(rows.iter().map(|one| one.error().abs()));
        bar(
            format!("{}: median error", limit.family),
            quantile(&errors, 0.5),
            limit.median,
            false,
        );
        if let Some(most) = limit.ninetieth {
            bar(
                format!("{}: 90th percentile", limit.family),
                quantile(&errors, 0.9),
                most,
                false,
            );
        }
        if let Some(most) = limit.worst {
            bar(
                format!("{}: worst", limit.family),
                quantile(&errors, 1.0),
                most,
                false,
            );
        }
        let inside = rows
            .iter()
            .filter(|one| (one.low..=one.high).contains(&one.measured))
            .count();
        bar(
            format!("{}: inside the interval", limit.family),
            inside as f64 / rows.len() as f64,
            COVERAGE,
            true,
        );
        if let Some(most) = limit.half_width {
            let widths = sorted(
                rows.iter()
                    .map(|one| (one.high - one.low) / 2.0 / one.predicted),
            );
            bar(
                format!("{}: median half-width", limit.family),
                quantile(&widths, 0.5),
                most,
                false,
            );
        }
    }
    missed
}

/// Cards a little smaller and a little larger than each measured peak: how many cases, how many called wrong, how
/// many left open. Counted where the peak was counted, so no context is added.
fn boundaries(compared: &[Compared]) -> (usize, usize, usize) {
    let (mut cases, mut wrong, mut tight) = (0, 0, 0);
    for one in compared
        .iter()
        .filter(|one| matches!(one.family.as_str(), "inference memory" | "training memory"))
    {
        for (room, fits) in [
            (one.measured * (1.0 - BOUNDARY), false),
            (one.measured * (1.0 + BOUNDARY), true),
        ] {
            cases += 1;
            if one.high <= room {
                wrong += usize::from(!fits);
            } else if one.predicted <= room {
                tight += 1;
            } else {
                wrong += usize::from(fits);
            }
        }
    }
    (cases, wrong, tight)
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(((last as f64) * share).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// One row by column.
pub(super) struct Row(HashMap<String, String>);

impl Row {
    pub(super) fn text(&self, column: &str) -> &str {
        self.0.get(column).map_or("", |text| text.trim())
    }
}

/// Comma-separated values with quotes.
fn rows(text: &str) -> Vec<Row> {
    let (mut records, mut record, mut field, mut quoted) =
        (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    let mut records = records.into_iter();
    let columns: Vec<String> = records.next().unwrap_or_default();
    records
        .filter(|record: &Vec<String>| record.iter().any(|field| !field.trim().is_empty()))
        .map(|record| {
            Row(columns
                .iter()
                .map(|column| column.trim().trim_start_matches('\u{feff}').to_string())
                .zip(record)
                .collect())
        })
        .collect()
}
