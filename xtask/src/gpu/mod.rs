//! `cargo xtask gpu`: what only a real card can show. A driver that answers, kernels, samples, claims, predictions, errors.
//!
//! Everything goes through the program as a person would use it, with a home of its own. Nothing is installed or fetched, no setting
//! of the card is touched, and every process that is started ends. On a machine without a toolchain the built `xtask` is enough:
//! `xtask gpu --program ./deskside --python /path/to/python --out FOLDER`. What was seen is written to `FOLDER/checks.json`,
//! measurements in the form that `cargo xtask bench fit --table` reads to `FOLDER/measured.csv`.

mod cards;
mod errors;
mod machine;
mod measure;
mod scene;

use anyhow::{Result, bail};
use scene::{Checked, Scene};
use serde_json::json;

/// A group of checks: its name, and what carries it out.
type Group = (&'static str, fn(&Scene) -> Result<Vec<Checked>>);

const GROUPS: [Group; 10] = [
    ("machine", machine::machine),
    ("kernel", machine::kernel),
    ("doctor", machine::doctor),
    ("runs", cards::runs),
    ("queue", cards::queue),
    ("environment", machine::environment),
    ("errors", errors::errors),
    ("calibrate", measure::calibrate),
    ("measure", measure::measure),
    ("others", measure::others),
];

/// Carries out the groups that are named, or all.
pub fn gpu(arguments: &[String]) -> Result<()> {
    let scene = Scene::new(arguments)?;
    let names: Vec<&String> = scene.names.iter().collect();
    if let Some(unknown) = names
        .iter()
        .find(|name| !GROUPS.iter().any(|(group, _)| group == *name))
    {
        bail!(
            "there is no group {unknown:?}; there are: {}",
            GROUPS.map(|(name, _)| name).join(", ")
        );
    }
    let mut all = Vec::new();
    for (name, group) in GROUPS {
        if !names.is_empty() && !names.iter().any(|one| *one == name) {
            continue;
        }
        let begun = std::time::Instant::now();
        let seen = group(&scene).unwrap_or_else(|error| {
            vec![Checked::new(name, false, format!("{error:#}"), json!(null))]
        });
        for one in &seen {
            let mark = if one.holds { "✓" } else { "✗" };
            println!("{mark} {name}: {}: {}", one.what, one.seen);
        }
        println!("  ({name} took {:.1} s)", begun.elapsed().as_secs_f64());
        all.extend(seen.into_iter().map(|one| one.record(name)));
        // After each group, so that a machine that goes away leaves what was seen.
        std::fs::write(
            scene.out.join("checks.json"),
            serde_json::to_string_pretty(&all)?,
        )?;
    }
    let failed = all.iter().filter(|one| one["holds"] == false).count();
    println!("{} checks, {failed} failed", all.len());
    if failed > 0 {
        bail!("{failed} of {} checks failed", all.len());
    }
    Ok(())
}
