//! `env rebuild` beside a bare `uv sync` of the same lock file and a fresh `python -m venv` with `pip install` of the
//! same versions: measured in turn, in one run, with a warm cache each.

use super::Bar;
use crate::needs::scratch;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each; pip is slow, so it runs less often.
const ROUNDS: usize = 7;
const PIP_ROUNDS: usize = 3;

/// ext4 passes over inodes that were deleted within the last five seconds, which slows down whoever makes files next.
const REST: Duration = Duration::from_secs(6);

/// A project of a realistic size.
const PROJECT: &str = r#"[project]
name = "bench"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["jax", "scikit-learn", "pandas", "matplotlib", "tqdm", "requests", "optax", "seaborn", "pyyaml", "rich", "sympy", "networkx", "jupyterlab"]
"#;

/// The two bars.
pub fn rebuild(program: &Path) -> Result<Vec<Bar>> {
    let uv = uv()?;
    let home = scratch("bench-rebuild")?;
    let project = home.join("project");
    std::fs::create_dir_all(&project)?;
    std::fs::write(project.join("pyproject.toml"), PROJECT)?;
    let environment = project.join(".venv");
    // One cache for all, on the same file system, so that uv links in each case.
    let cache = home.join("uv-cache");
    let path = std::env::join_paths(uv.parent().map(Path::to_path_buf).into_iter().chain(
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()),
    ))?;
    let command = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&project)
            .env("PATH", &path)
            .env("UV_CACHE_DIR", &cache)
            .env("DESKSIDE_HOME", home.join("home"))
            .env_remove("VIRTUAL_ENV");
        command
    };
    once(&mut command(&uv, &["sync", "--quiet"]))?;
    let pins = project.join("pins.txt");
    let exported = command(
        &uv,
        &[
            "export",
            "--quiet",
            "--frozen",
            "--no-emit-project",
            "--output-file",
            "pins.txt",
        ],
    )
    .stdout(Stdio::null())
    .status()?;
    ensure!(exported.success(), "uv export failed");
    let packages = std::fs::read_dir(site_packages(&environment)?)?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".dist-info"))
        .count();
    // The snapshot that is made anew, and uv's own caches of what it looked up.
    once(&mut command(program, &["env", "rebuild"]))?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        std::fs::remove_dir_all(&environment)?;
        std::thread::sleep(REST);
        bare.push(once(&mut command(&uv, &["sync", "--quiet", "--frozen"]))?);
        std::thread::sleep(REST);
        ours.push(once(&mut command(program, &["env", "rebuild"]))?);
        // The old environment is removed in the background: nobody is measured meanwhile.
        rubbish_is_gone(&project)?;
    }
    let mut pip = Vec::new();
    let python = std::fs::canonicalize(environment.join("bin/python"))?;
    let fresh = home.join("fresh");
    for _ in 0..PIP_ROUNDS {
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh)?;
        }
        let shown = fresh.display().to_string();
        let made = once(&mut command(&python, &["-m", "venv", &shown]))?;
        let pins = pins.display().to_string();
        let words = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            &pins,
        ];
        pip.push(made + once(&mut command(&fresh.join("bin/python"), &words))?);
    }
    let (ours, bare, pip) = (median(&mut ours), median(&mut bare), median(&mut pip));
    let ratio = |left: Duration, right: Duration| left.as_secs_f64() / right.as_secs_f64();
    Ok(vec![
        Bar {
            what: format!("env rebuild, {packages} packages, beside uv sync"),
            measured: format!(
                "{} to {}: {:.2} ×",
                seconds(ours),
                seconds(bare),
                ratio(ours, bare)
            ),
            limit: "≤ 1.5 × uv sync".into(),
            holds: ratio(ours, bare) <= 1.5,
        },
        Bar {
            what: "env rebuild, beside venv + pip install".into(),
            measured: format!(
                "{} to {}: 1/{:.1}",
                seconds(ours),
                seconds(pip),
                ratio(pip, ours)
            ),
            limit: "≤ 1/5 of venv + pip".into(),
            holds: ratio(pip, ours) >= 5.0,
        },
    ])
}

/// Waits until what `env rebuild` removes in the background is gone.
fn rubbish_is_gone(project: &Path) -> Result<()> {
    let start = Instant::now();
    loop {
        let mut entries = std::fs::read_dir(project)?.filter_map(Result::ok);
        if !entries.any(|entry| entry.file_name().to_string_lossy().contains("-rubbish-")) {
            return Ok(());
        }
        ensure!(
            start.elapsed() < Duration::from_secs(60),
            "the old environment is not removed"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The uv on PATH, as a path.
fn uv() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("uv"))
        .find(|candidate| candidate.is_file());
    match found {
        Some(uv) => Ok(uv),
        None => bail!("the bar `rebuild` needs uv on PATH"),
    }
}

fn site_packages(environment: &Path) -> Result<PathBuf> {
    let python = std::fs::read_dir(environment.join("lib"))?
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with("python3"))
        .context("the environment has no lib/python3")?;
    Ok(python.path().join("site-packages"))
}

fn once(command: &mut Command) -> Result<Duration> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let start = Instant::now();
    let output = command
        .output()
        .with_context(|| format!("could not start {command:?}"))?;
    let span = start.elapsed();
    ensure!(
        output.status.success(),
        "{command:?} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(span)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn seconds(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}
