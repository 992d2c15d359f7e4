//! Measurements of training and running on this card, none of which the formulas were made with, and what `fit` says of them.

use super::scene::{Checked, Scene};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

/// The columns of the table, as `fit --table` reads them.
const COLUMNS: &str = "id,metric,phase,model,weights,framework,method,optimizer,adapter_rank,adapter_targets,batch,prompt_len,gen_len,seq_len,grad_ckpt,attention,gpu,n_gpu,value,unit,value_bytes,mem_semantics,source,use,notes";

/// What is measured, one case a line, and what nothing was set by.
const CASES: &str = include_str!("cases.tsv");
const OTHERS: &str = include_str!("cases-other.tsv");

/// The shape of a model by the project's own table.
fn shape(model: &str) -> Result<Value> {
    let table = include_str!("../../../crates/knowledge/data/models/models.tsv");
    let row: Vec<&str> = table
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .find(|row| row.first() == Some(&model))
        .with_context(|| format!("{model} is not in the table of models"))?;
    let number = |place: usize| row.get(place).and_then(|text| text.parse::<u64>().ok());
    Ok(json!({
        "arch": row[2], "layers": number(3), "hidden": number(4), "heads": number(5), "kv_heads": number(6),
        "head_dim": number(7), "intermediate": number(8), "vocab": number(9), "tied": row[10] == "tied",
    }))
}

fn cases(table: &str) -> Result<Vec<Value>> {
    let mut cases = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [
            phase,
            model,
            weights,
            method,
            rank,
            targets,
            batch,
            tokens,
            generated,
            again,
            optimizer,
            attention,
        ] = cells[..]
        else {
            anyhow::bail!("twelve cells are wanted: {line}");
        };
        let number = |text: &str| text.parse::<u32>().ok();
        cases.push(json!({
            "id": format!("{phase}-{:02}", cases.len()), "phase": phase, "model": model, "shape": shape(model)?, "weights": weights,
            "method": method, "rank": number(rank), "targets": targets, "batch": number(batch), "checkpointing": again == "yes",
            "prompt": number(tokens), "sequence": number(tokens), "generate": number(generated), "optimizer": optimizer,
            "attention": attention,
        }));
    }
    Ok(cases)
}

/// The cases that `fit` was made with, on this card.
pub fn measure(scene: &Scene) -> Result<Vec<Checked>> {
    table(scene, CASES, "measured.csv")
}

/// Other ones.
pub fn others(scene: &Scene) -> Result<Vec<Checked>> {
    table(scene, OTHERS, "measured-others.csv")
}

/// What `fit --calibrate` says of the card.
pub fn calibrate(scene: &Scene) -> Result<Vec<Checked>> {
    let python = scene.python.display().to_string();
    let mut all = Vec::new();
    let ask = [
        "fit",
        "Qwen/Qwen2.5-1.5B",
        "--train",
        "full",
        "--batch",
        "1",
        "--context",
        "1024",
    ];
    let before = scene.text(&ask)?;
    let (calibrated, took) =
        scene.answer(&["fit", "--calibrate", "--python", &python, "--json"])?;
    let now = scene.text(&ask)?;
    let kinds: Vec<_> = calibrated["calibration"]["devices"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["kind"].as_str())
        .collect();
    all.push(Checked::new(
        "fit --calibrate measures the card",
        kinds.contains(&"cuda"),
        format!(
            "{:.1} s: {}",
            took.as_secs_f64(),
            calibrated["calibration"]["devices"]
        ),
        json!({"calibration": calibrated, "before": before, "now": now}),
    ));
    Ok(all)
}

/// Measures, writes the table, and asks the program for it.
fn table(scene: &Scene, cases_of: &str, file: &str) -> Result<Vec<Checked>> {
    let mut all = Vec::new();
    let script = scene.file("measure.py", include_str!("measure.py"))?;
    let mut child = Command::new(&scene.python)
        .arg(script)
        .env("HF_HUB_OFFLINE", "1")
        .env("TRANSFORMERS_VERBOSITY", "error")
        .env("PYTHONWARNINGS", "ignore")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start Python")?;
    let cases = cases(cases_of)?;
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all((lines.join("\n") + "\n").as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let told: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let made = told.first().cloned().unwrap_or_default();
    let mut table = vec![COLUMNS.to_string()];
    let mut measured = 0;
    for case in &cases {
        let Some(seen) = told.iter().find(|one| one["id"] == case["id"]) else {
            continue;
        };
        if seen["allocated"].is_number() {
            measured += 1;
            table.extend(rows(case, seen, &made));
        }
    }
    let path = scene.out.join(file);
    std::fs::write(&path, table.join("\n") + "\n")?;
    let (said, _) = scene.answer(&["fit", "--json", "--table", &path.display().to_string()])?;
    all.push(Checked::new(
        "measured",
        measured == cases.len(),
        format!(
            "{measured} of {} cases, {} rows",
            cases.len(),
            table.len() - 1
        ),
        json!({"made": made, "cases": told, "predicted": said["rows"]}),
    ));
    Ok(all)
}

/// The rows of the table that one case gives.
fn rows(case: &Value, seen: &Value, made: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let training = case["phase"] == "train";
    let adapter = case["method"] == "lora";
    // PyTorch says H100 and its memory; the table of accelerators knows it by that.
    let card = text(&made["card"]);
    let version = text(&made["transformers"]);
    let framework = format!(
        "transformers {version}{}",
        if adapter { " + peft" } else { "" }
    );
    let row = |metric: &str, value: String, unit: &str, bytes: String, semantics: &str| {
        let adapter_of = |value: &Value| if adapter { text(value) } else { String::new() };
        let only = |value: &Value, when: bool| if when { text(value) } else { String::new() };
        [
            format!(
                "{}-{metric}-{}",
                text(&case["id"]),
                semantics.split(' ').next_back().unwrap_or_default()
            ),
            metric.into(),
            text(&case["phase"]),
            text(&case["model"]),
            text(&case["weights"]),
            framework.clone(),
            only(&case["method"], training),
            if training {
                format!("adamw ({})", text(&case["optimizer"]))
            } else {
                String::new()
            },
            adapter_of(&case["rank"]),
            format!(
                "\"{}\"",
                adapter_of(&case["targets"]).replace("all", "all linear")
            ),
            text(&case["batch"]),
            only(&case["prompt"], !training),
            only(&case["generate"], !training),
            only(&case["sequence"], training),
            if training {
                (if case["checkpointing"] == true {
                    "yes"
                } else {
                    "no"
                })
                .into()
            } else {
                String::new()
            },
            text(&case["attention"]),
            card.clone(),
            "1".into(),
            value,
            unit.into(),
            bytes,
            semantics.into(),
            "measured here".into(),
            // On Hopper PyTorch picks cuDNN's attention, which makes a plan for each length of the cache: its speed is another matter.
            (if metric == "decode_tps" && case["attention"] == "sdpa" {
                "special (cuDNN plans for each length)"
            } else {
                "absolute"
            })
            .into(),
            format!(
                "random weights; torch {}; transformers {}",
                text(&made["torch"]),
                text(&made["transformers"])
            ),
        ]
        .join(",")
    };
    let mut all = Vec::new();
    for (key, semantics) in [
        ("allocated", "torch max_memory_allocated"),
        ("reserved", "torch max_memory_reserved"),
        ("device", "the whole card by the driver"),
    ] {
        let bytes = text(&seen[key]);
        all.push(row("peak_mem", bytes.clone(), "B", bytes, semantics));
    }
    for (metric, key) in [
        ("train_tps", "train_tps"),
        ("decode_tps", "decode_tps"),
        ("prefill_tps", "prefill_tps"),
    ] {
        if let Some(value) = seen[key].as_f64() {
            all.push(row(
                metric,
                format!("{value:.2}"),
                "tok/s",
                String::new(),
                "",
            ));
        }
    }
    all
}
