//! The machine as it is seen: facts beside `nvidia-smi`'s, a kernel on each card, no finding, the environment proven.

use super::scene::{Checked, Scene, smi};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A healthy machine is looked at within this.
const QUICK: f64 = 3.0;

fn nvidia(info: &Value) -> Vec<&Value> {
    info["facts"]["gpus"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|gpu| gpu["vendor"] == "nvidia")
        .collect()
}

/// Facts are the driver's own, and a recorded machine gives the same ones.
pub fn machine(scene: &Scene) -> Result<Vec<Checked>> {
    let (info, took) = scene.answer(&["info", "--json"])?;
    let theirs = smi("name,memory.total,driver_version,compute_cap,uuid,pci.bus_id")?;
    let ours = nvidia(&info);
    let mut all = vec![Checked::new(
        "as many cards as nvidia-smi says",
        ours.len() == theirs.len(),
        format!(
            "{} and {}, in {:.2} s",
            ours.len(),
            theirs.len(),
            took.as_secs_f64()
        ),
        json!({"info": info.clone(), "nvidia-smi": theirs}),
    )];
    for (gpu, row) in ours.iter().zip(&theirs) {
        let field = |place: usize| row.get(place).map_or("", String::as_str);
        let gib = gpu["memory"]["total_bytes"].as_f64().unwrap_or(0.0) / 1_048_576.0;
        let same = gpu["name"].as_str() == Some(field(0))
            && field(1)
                .parse()
                .is_ok_and(|their: f64| (gib / their - 1.0).abs() < 0.02)
            && gpu["compute_capability"].as_str() == Some(field(3))
            && gpu["uuid"].as_str() == Some(field(4))
            && info["facts"]["drivers"]["nvidia"]["user_space"].as_str() == Some(field(2));
        all.push(Checked::new(
            "name, memory, driver, compute capability, identity",
            same,
            format!("{}, {gib:.0} MiB, {}, {}", field(0), field(2), field(3)),
            json!({"gpu": gpu, "drivers": info["facts"]["drivers"]["nvidia"]}),
        ));
    }
    let bundle = scene.out.join("machine.tar.zst");
    let bundle = bundle.display().to_string();
    let _ = std::fs::remove_file(&bundle);
    scene.text(&["info", "--record", &bundle])?;
    let (again, took) = scene.answer(&["info", "--json", "--machine", &bundle])?;
    let steady = |info: &Value| -> Vec<Value> {
        nvidia(info)
            .into_iter()
            .map(|gpu| {
                json!([
                    gpu["name"],
                    gpu["memory"]["total_bytes"],
                    gpu["compute_capability"],
                    gpu["pci"]
                ])
            })
            .collect()
    };
    all.push(Checked::new(
        "the recorded machine is the same",
        steady(&again) == steady(&info),
        format!("replayed in {:.3} s", took.as_secs_f64()),
        json!({"recorded": steady(&again), "live": steady(&info)}),
    ));
    for words in [
        &["info"][..],
        &["plan"],
        &["queue", "cards"],
        &["choose", "--why", "here", "--model", "8B", "--hours", "10"],
    ] {
        all.push(Checked::new(
            words.join(" "),
            true,
            "told",
            json!(scene.text(words)?),
        ));
    }
    Ok(all)
}

/// The kernel that ends `apply` runs on each card.
pub fn kernel(scene: &Scene) -> Result<Vec<Checked>> {
    let (told, took) = scene.answer(&["__device", "cuda-kernel"])?;
    let devices = told["devices"].as_array().cloned().unwrap_or_default();
    let ran = devices
        .iter()
        .filter(|one| one["error"].is_null() && one["right"] != false)
        .count();
    let cards = smi("name")?.len();
    Ok(vec![Checked::new(
        "a kernel ran and was right on each card",
        ran == cards && told["error"].is_null(),
        format!("{ran} of {cards}, {:.2} s: {told}", took.as_secs_f64()),
        told,
    )])
}

/// Nothing is found on a machine that works, and it is looked at quickly.
pub fn doctor(scene: &Scene) -> Result<Vec<Checked>> {
    let mut all = Vec::new();
    let (_, first) = scene.answer(&["doctor", "--json"])?;
    let (live, took) = scene.answer(&["doctor", "--json"])?;
    let findings = live["findings"].as_array().map_or(0, Vec::len);
    all.push(Checked::new(
        "no finding on a machine that works",
        findings == 0,
        format!("{findings}"),
        json!({"doctor": live, "text": scene.text(&["doctor", "-v"])?}),
    ));
    all.push(Checked::new(
        "looked at within 3 s",
        took.as_secs_f64() <= QUICK && first.as_secs_f64() <= QUICK,
        format!(
            "{:.2} s, the first time {:.2} s",
            took.as_secs_f64(),
            first.as_secs_f64()
        ),
        json!(null),
    ));
    let bundle = scene.out.join("machine.tar.zst");
    if super::scene::is_there(&bundle) {
        let bundle = bundle.display().to_string();
        let (recorded, took) = scene.answer(&["doctor", "--json", "--machine", &bundle])?;
        let findings = recorded["findings"].as_array().map_or(0, Vec::len);
        all.push(Checked::new(
            "the recorded machine has none either",
            findings == 0,
            format!("{findings}, in {:.3} s", took.as_secs_f64()),
            recorded["findings"].clone(),
        ));
    }
    Ok(all)
}

/// `env check --deep` imports the frameworks of an environment and has them compute.
pub fn environment(scene: &Scene) -> Result<Vec<Checked>> {
    let prefix = std::process::Command::new(&scene.python)
        .args(["-c", "import sys; print(sys.prefix)"])
        .output()
        .context("could not start Python")?;
    let prefix = String::from_utf8_lossy(&prefix.stdout).trim().to_string();
    let project = scene.work.join("project");
    scene.file(
        "project/pyproject.toml",
        "[project]\nname = \"looked-at\"\nversion = \"0\"\nrequires-python = \">=3.10\"\n",
    )?;
    let link = project.join(".venv");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&prefix, &link)?;
    let project = project.display().to_string();
    let mut all = Vec::new();
    for words in [
        &["env", "check", "--json", "--project", &project][..],
        &["env", "check", "--deep", "--json", "--project", &project],
    ] {
        let (told, took) = scene.answer(words)?;
        let deep = words.contains(&"--deep");
        let kernels = told["kernels"]
            .as_array()
            .or(told["deep"]["kernels"].as_array())
            .map_or(0, Vec::len);
        all.push(Checked::new(
            if deep {
                "looked at in depth"
            } else {
                "looked at"
            },
            told["schema"] != "deskside.error",
            format!("{:.2} s, {kernels} kernels", took.as_secs_f64()),
            json!({"answer": told}),
        ));
    }
    all.push(Checked::new(
        "in words",
        true,
        "told",
        json!(scene.text(&["env", "check", "--deep", "--project", &project])?),
    ));
    Ok(all)
}
