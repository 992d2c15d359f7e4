//! Runs and the queue on a real card: samples, claims, sharing, other people's memory.

use super::scene::{Checked, Scene, smi};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MIB: f64 = 1_048_576.0;

/// What a run of a busy program shows of its card, and what a run costs on a machine with cards.
pub fn runs(scene: &Scene) -> Result<Vec<Checked>> {
    let busy = scene
        .file("busy.py", include_str!("busy.py"))?
        .display()
        .to_string();
    let python = scene.python.display().to_string();
    let mut all = Vec::new();
    let mut seconds = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        scene.text(&["run", "--", "true"])?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    all.push(Checked::new(
        "run -- true on a machine with cards",
        seconds[2] < 0.05,
        format!(
            "{:.1} ms, the slowest {:.1} ms",
            seconds[2] * 1e3,
            seconds[4] * 1e3
        ),
        json!(seconds),
    ));
    let printed = scene.text(&["run", "--name", "busy", "--", &python, &busy, "8"])?;
    let (shown, _) = scene.answer(&["show", "busy", "--json"])?;
    let gpu = &shown["measured"]["gpus"][0];
    let number = |key: &str| gpu[key].as_f64().unwrap_or(0.0);
    let theirs = after(&printed, "device ").unwrap_or(0.0);
    all.push(Checked::new(
        "peak memory of a run is what the driver says",
        (number("memory_peak") / theirs - 1.0).abs() < 0.05,
        format!(
            "{:.0} MiB sampled, {:.0} MiB by the program",
            number("memory_peak") / MIB,
            theirs / MIB
        ),
        json!({"measured": shown["measured"], "printed": printed}),
    ));
    let limit: f64 = smi("power.limit")?
        .first()
        .and_then(|row| row.first()?.parse().ok())
        .unwrap_or(700.0);
    all.push(Checked::new(
        "a busy card is seen to be busy",
        number("utilization") > 30.0 && number("power_watts") > 100.0 && number("power_watts") < limit * 1.1,
        format!(
            "{:.0} % busy, {:.0} of {limit:.0} W, {:.0} °C on average over the run, Python's start included",
            number("utilization"),
            number("power_watts"),
            number("temperature_max")
        ),
        json!({"cost": shown["cost"], "curves": shown["curves"], "text": scene.text(&["show", "busy"])?}),
    ));
    Ok(all)
}

/// The number that stands behind a word.
fn after(text: &str, word: &str) -> Option<f64> {
    let rest = text.split(word).nth(1)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// A job's log.
fn log(scene: &Scene, job: &str) -> Result<String> {
    scene.text(&["logs", job])
}

/// From when to when a job held its memory, in seconds since 1970.
fn span(scene: &Scene, job: &str) -> Result<(f64, f64)> {
    let text = log(scene, job)?;
    let from =
        after(&text, "from ").with_context(|| format!("job {job} did not end well: {text}"))?;
    Ok((from, after(&text, " to ").unwrap_or(from)))
}

fn hold(scene: &Scene, arguments: &[&str], mebibytes: u32, seconds: &str) -> Result<()> {
    let script = scene
        .file("hold.py", include_str!("hold.py"))?
        .display()
        .to_string();
    let mebibytes = mebibytes.to_string();
    let mut words = vec!["run", "--queue"];
    words.extend(arguments);
    words.extend(["--", "python3", &script, &mebibytes, seconds]);
    let told = scene.ours(&words).output()?;
    anyhow::ensure!(told.status.success(), "{}", super::scene::told(&told));
    Ok(())
}

/// Somebody else's process on the card.
fn stranger(scene: &Scene, mebibytes: u32, seconds: u32) -> Result<Child> {
    let script = scene.file("hold.py", include_str!("hold.py"))?;
    Command::new("python3")
        .arg(script)
        .args([mebibytes.to_string(), seconds.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .context("could not start python3")
}

/// Whole cards in turn, shared ones together, and nobody's memory taken.
pub fn queue(scene: &Scene) -> Result<Vec<Checked>> {
    let mut all = Vec::new();
    let total: f64 = smi("memory.total")?[0][0].parse()?;
    let uuid = smi("uuid")?[0][0].clone();
    let overlap = |one: (f64, f64), other: (f64, f64)| one.0 < other.1 && other.0 < one.1;

    hold(scene, &["--gpus", "1", "--name", "whole-one"], 1024, "2")?;
    hold(scene, &["--gpus", "1", "--name", "whole-two"], 1024, "2")?;
    wait(scene)?;
    let (one, two) = (span(scene, "whole-one")?, span(scene, "whole-two")?);
    let bound = log(scene, "whole-one")?;
    all.push(Checked::new(
        "two that want the whole card run in turn",
        !overlap(one, two),
        format!("{:.2} s between them", two.0 - one.1),
        json!([one, two]),
    ));
    all.push(Checked::new(
        "a job is bound by the card's identity",
        bound.contains(&uuid),
        bound.lines().next().unwrap_or_default().to_string(),
        json!(bound),
    ));

    let (part, large) = ((total * 0.3) as u32, (total * 0.6) as u32);
    let claim = |mebibytes: u32| format!("{}M", mebibytes + 1024);
    let (part_claim, large_claim) = (claim(part), claim(large));
    hold(
        scene,
        &["--vram", &part_claim, "--share", "--name", "part-one"],
        part,
        "8",
    )?;
    hold(
        scene,
        &["--vram", &part_claim, "--share", "--name", "part-two"],
        part,
        "8",
    )?;
    hold(
        scene,
        &["--vram", &large_claim, "--share", "--name", "large"],
        large,
        "2",
    )?;
    std::thread::sleep(Duration::from_secs(4));
    let (waiting, _) = scene.answer(&["queue", "--json"])?;
    let words = scene.text(&["queue"])?;
    wait(scene)?;
    let spans = [
        span(scene, "part-one")?,
        span(scene, "part-two")?,
        span(scene, "large")?,
    ];
    all.push(Checked::new(
        "two that fit share the card",
        overlap(spans[0], spans[1]),
        format!("begun {:.2} s apart", (spans[1].0 - spans[0].0).abs()),
        json!(spans),
    ));
    all.push(Checked::new(
        "one that does not fit beside them waits",
        !overlap(spans[0], spans[2]) && !overlap(spans[1], spans[2]),
        format!(
            "begun {:.2} s after they ended",
            spans[2].0 - spans[0].1.max(spans[1].1)
        ),
        json!({"queue": waiting, "words": words}),
    ));

    let mut other = stranger(scene, (total * 0.7) as u32, 8)?;
    std::thread::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    hold(
        scene,
        &[
            "--vram",
            &large_claim,
            "--share",
            "--name",
            "beside-a-stranger",
        ],
        large,
        "1",
    )?;
    hold(
        scene,
        &["--gpus", "1", "--name", "whole-beside-a-stranger"],
        1024,
        "1",
    )?;
    std::thread::sleep(Duration::from_secs(2));
    let words = scene.text(&["queue"])?;
    let cards = scene.text(&["queue", "cards"])?;
    other.wait()?;
    let gone = begun.elapsed();
    wait(scene)?;
    let ended = begun.elapsed();
    let logs = [
        log(scene, "beside-a-stranger")?,
        log(scene, "whole-beside-a-stranger")?,
    ];
    all.push(Checked::new(
        "other people's memory is respected, and waited for",
        logs.iter().all(|log| log.contains("from ")),
        format!(
            "both done {:.1} s after the stranger had gone",
            (ended - gone).as_secs_f64()
        ),
        json!({"queue": words, "cards": cards, "logs": logs}),
    ));

    let (shown, _) = scene.answer(&["show", "part-one", "--json"])?;
    let peak = shown["measured"]["gpus"][0]["memory_peak"]
        .as_f64()
        .unwrap_or(0.0)
        / MIB;
    all.push(Checked::new(
        "what a job held is known afterwards",
        peak > f64::from(part) && peak < f64::from(part) + 1500.0,
        format!("{peak:.0} MiB for {part} MiB that were asked for and the context"),
        shown["measured"].clone(),
    ));
    // The same command again without a size: it claims what the first one was measured at.
    hold(scene, &["--share", "--name", "again"], part, "8")?;
    std::thread::sleep(Duration::from_secs(2));
    let (again, _) = scene.answer(&["show", "again", "--json"])?;
    let (listed, _) = scene.answer(&["queue", "--json"])?;
    scene.text(&["stop", "again", "--grace", "1s"])?;
    all.push(Checked::new(
        "a job without a size",
        true,
        "told",
        json!({"queue": listed, "show": again["run"]}),
    ));
    let (usage, _) = scene.answer(&["usage", "--json"])?;
    all.push(Checked::new(
        "usage",
        usage["schema"] != "deskside.error",
        "told",
        usage,
    ));
    Ok(all)
}

/// Until nothing of the queue runs or waits.
fn wait(scene: &Scene) -> Result<Value> {
    let told = scene.ours(&["wait", "--json"]).output()?;
    Ok(serde_json::from_slice(&told.stdout).unwrap_or_default())
}
