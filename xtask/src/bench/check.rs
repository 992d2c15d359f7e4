//! `env check` of an environment of 200 packages, beside `uv pip check` of the same.

use super::Bar;
use crate::needs::scratch;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is asked for; with what these need it is 200 packages and some more, pure and compiled ones.
const PACKAGES: &[&str] = &[
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "matplotlib",
    "seaborn",
    "requests",
    "httpx",
    "aiohttp",
    "flask",
    "fastapi",
    "uvicorn",
    "click",
    "typer",
    "rich",
    "tqdm",
    "pyyaml",
    "jinja2",
    "sqlalchemy",
    "alembic",
    "pydantic-settings",
    "pytest",
    "pytest-cov",
    "pytest-xdist",
    "hypothesis",
    "black",
    "isort",
    "mypy",
    "ipython",
    "ipykernel",
    "notebook",
    "nbconvert",
    "sphinx",
    "cryptography",
    "paramiko",
    "redis",
    "pymongo",
    "networkx",
    "sympy",
    "statsmodels",
    "pillow",
    "imageio",
    "h5py",
    "zarr",
    "dask",
    "joblib",
    "lxml",
    "beautifulsoup4",
    "openpyxl",
    "tabulate",
    "termcolor",
    "loguru",
    "tenacity",
    "cachetools",
    "msgpack",
    "orjson",
    "protobuf",
    "einops",
    "safetensors",
    "tokenizers",
    "sentencepiece",
    "regex",
    "nltk",
    "optuna",
    "tensorboardX",
    "omegaconf",
    "hydra-core",
    "flake8",
    "pylint",
];
/// How many distributions there must be at least.
const AT_LEAST: usize = 200;
/// Calls of each.
const ROUNDS: usize = 15;

/// The bar.
pub fn check(program: &Path) -> Result<Bar> {
    let folder = environment()?;
    let home = scratch("bench-check-home")?;
    let count = distributions(&folder)?;
    ensure!(count >= AT_LEAST, "only {count} packages were installed");
    let ours = median(|| {
        let mut command = Command::new(program);
        command
            .args(["env", "check", "--project"])
            .arg(&folder)
            .env("DESKSIDE_HOME", &home)
            .env_remove("VIRTUAL_ENV");
        command
    })?;
    let uv = median(|| {
        let mut command = Command::new("uv");
        command
            .args(["pip", "check", "--python"])
            .arg(folder.join(".venv/bin/python"));
        command
    })?;
    let limit = Duration::from_millis(150);
    Ok(Bar {
        what: format!("deskside env check, {count} packages"),
        measured: format!(
            "median {:.0} ms; uv pip check, metadata only: {:.0} ms",
            ours.as_secs_f64() * 1e3,
            uv.as_secs_f64() * 1e3
        ),
        limit: "≤ 150 ms".into(),
        holds: ours <= limit,
    })
}

/// The environment, made once and kept under the target folder.
fn environment() -> Result<PathBuf> {
    let folder = crate::shell::target().join("bench-check-environment");
    let made = folder.join("made");
    let list = PACKAGES.join("\n");
    if std::fs::read_to_string(&made).is_ok_and(|text| text == list) {
        return Ok(folder);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let run = |arguments: &[&str]| -> Result<()> {
        let status = Command::new("uv")
            .args(arguments)
            .current_dir(&folder)
            .env_remove("VIRTUAL_ENV")
            .status()
            .context("uv is needed for this bar")?;
        ensure!(status.success(), "uv {arguments:?} ended with {status}");
        Ok(())
    };
    run(&["venv", "--quiet", ".venv"])?;
    let mut install = vec!["pip", "install", "--quiet", "--python", ".venv/bin/python"];
    install.extend(PACKAGES);
    run(&install)?;
    std::fs::write(made, list)?;
    Ok(folder)
}

fn distributions(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for series in std::fs::read_dir(folder.join(".venv/lib"))? {
        for entry in std::fs::read_dir(series?.path().join("site-packages"))? {
            count += usize::from(entry?.file_name().to_string_lossy().ends_with(".dist-info"));
        }
    }
    Ok(count)
}

fn median(command: impl Fn() -> Command) -> Result<Duration> {
    let mut times = Vec::new();
    for round in 0..=ROUNDS {
        let mut command = command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begun = Instant::now();
        let status = command
            .status()
            .with_context(|| format!("could not start {command:?}"))?;
        // The first call warms the file system's cache. 1 is an answer, too: a finding.
        ensure!(
            matches!(status.code(), Some(0 | 1)),
            "{command:?} ended with {status}"
        );
        if round > 0 {
            times.push(begun.elapsed());
        }
    }
    times.sort();
    Ok(times[times.len() / 2])
}
