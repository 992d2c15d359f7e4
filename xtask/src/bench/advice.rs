//! How long advice takes: `fit`, `cost`, `choose`, `offers`, whole commands on this machine, offline.

use super::Bar;
use super::command::{bar, times};
use crate::needs::scratch;
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ROUNDS: usize = 30;

/// One command in a home of its own; offline, so that nothing is measured but the program.
fn advice(program: &Path, what: &str, arguments: &[&str], limit_ms: u64) -> Result<Bar> {
    let home = scratch("bench-advice")?;
    let times = times(ROUNDS, || {
        let mut command = Command::new(program);
        command.args(arguments).env("DESKSIDE_HOME", &home);
        command
    })?;
    Ok(bar(what, &times, Duration::from_millis(limit_ms)))
}

/// `cost` and the list of offers.
pub fn cost(program: &Path) -> Result<Vec<Bar>> {
    Ok(vec![
        advice(
            program,
            "deskside cost buy --gpu 'RTX 4090'",
            &[
                "cost",
                "buy",
                "--gpu",
                "RTX 4090",
                "--country",
                "DE",
                "--currency",
                "EUR",
            ],
            50,
        )?,
        advice(program, "deskside offers", &["offers"], 30)?,
        advice(
            program,
            "deskside fit 8B --offline (this machine)",
            &["fit", "8B", "--offline"],
            50,
        )?,
    ])
}

/// `choose`, with two models, two methods and a project's files.
pub fn choose(program: &Path) -> Result<Vec<Bar>> {
    let project = scratch("bench-choose")?;
    std::fs::write(
        project.join("pyproject.toml"),
        "[project]\nname = \"p\"\ndependencies = [\"torch\", \"flash-attn\", \"bitsandbytes\"]\n",
    )?;
    for number in 0..40 {
        std::fs::write(
            project.join(format!("module_{number}.py")),
            "import torch\nfrom torch import nn\n".repeat(100),
        )?;
    }
    let folder = project.display().to_string();
    let both = [
        "choose",
        "--model",
        "Llama-3.1-8B",
        "--model",
        "1B",
        "--method",
        "inference",
        "--method",
        "qlora",
        "--hours",
        "15",
        "--country",
        "DE",
    ];
    let mut with_project = both.to_vec();
    with_project.extend(["--project", &folder]);
    Ok(vec![
        advice(program, "deskside choose, 2 models, 2 methods", &both, 50)?,
        advice(
            program,
            "deskside choose, and a project of 40 files",
            &with_project,
            50,
        )?,
    ])
}
