//! Whole commands, timed from outside, beside the bare thing.

use super::Bar;
use crate::needs::scratch;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each command.
const ROUNDS: usize = 60;

/// `--help`.
pub fn help(program: &Path) -> Result<Bar> {
    let times = times(ROUNDS, || {
        let mut command = Command::new(program);
        command.arg("--help");
        command
    })?;
    Ok(bar("deskside --help", &times, Duration::from_millis(10)))
}

/// `info`, on this machine.
pub fn info(program: &Path) -> Result<Bar> {
    let home = scratch("bench-info")?;
    let times = times(ROUNDS / 2, || {
        let mut command = Command::new(program);
        command.arg("info").env("DESKSIDE_HOME", &home);
        command
    })?;
    Ok(bar(
        "deskside info (this machine)",
        &times,
        Duration::from_millis(100),
    ))
}

/// `run -- true` beside bare `true`, in turn: outside a git repository, and inside one beside git itself.
pub fn run(program: &Path) -> Result<Vec<Bar>> {
    let home = scratch("bench-run")?;
    let outside = tempfolder("deskside-bench-outside")?;
    let inside = tempfolder("deskside-bench-inside")?;
    let tracked = |folder: &Path| {
        let mut command = Command::new(program);
        command
            .args(["run", "--", "true"])
            .env("DESKSIDE_HOME", &home)
            .current_dir(folder);
        command
    };
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(once(&mut Command::new("true"))?);
        ours.push(once(&mut tracked(&outside))?);
    }
    let mut bars = vec![over(
        "deskside run -- true, outside git",
        &bare,
        &ours,
        Duration::from_millis(15),
        "bare exec",
    )];
    if crate::shell::has("git") {
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command
                .args(arguments)
                .current_dir(&inside)
                .env("GIT_CONFIG_GLOBAL", "/dev/null");
            command
        };
        std::fs::write(inside.join("train.py"), "print(1)\n")?;
        for arguments in [
            &["init", "-q"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@example.org",
                "commit",
                "-q",
                "-m",
                "first",
            ],
        ] {
            ensure!(
                git(arguments).status()?.success(),
                "git {arguments:?} failed"
            );
        }
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS / 2 {
            bare.push(
                once(&mut Command::new("true"))?
                    + once(&mut git(&["status", "--porcelain=v2", "--branch", "-z"]))?,
            );
            ours.push(once(&mut tracked(&inside))?);
        }
        bars.push(over(
            "deskside run -- true, inside git",
            &bare,
            &ours,
            Duration::from_millis(10),
            "bare exec + git status",
        ));
    }
    for folder in [outside, inside] {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(bars)
}

/// A second `up`: everything is satisfied, the training command is `true`, so that what is left is Deskside's own time.
pub fn second_up(program: &Path) -> Result<Bar> {
    let home = scratch("bench-up")?;
    let project = home.join("project");
    std::fs::create_dir_all(&project)?;
    std::fs::write(project.join("requirements.txt"), "six\n")?;
    std::fs::write(
        project.join("deskside.toml"),
        "[run]\ncommand = [\"true\"]\n",
    )?;
    let up = || {
        let mut command = Command::new(program);
        command
            .arg("up")
            .arg(&project)
            .env("DESKSIDE_HOME", home.join("home"));
        command
    };
    once(&mut up())?;
    let times = times(ROUNDS / 6, up)?;
    Ok(bar(
        "second deskside up, to the end of `true`",
        &times,
        Duration::from_secs(2),
    ))
}

fn tempfolder(name: &str) -> Result<std::path::PathBuf> {
    let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

pub(super) fn once(command: &mut Command) -> Result<Duration> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("could not start {command:?}"))?;
    let span = start.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(span)
}

pub(super) fn times(rounds: usize, mut command: impl FnMut() -> Command) -> Result<Vec<Duration>> {
    once(&mut command())?;
    (0..rounds).map(|_| once(&mut command())).collect()
}

fn at(times: &[Duration], part: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

fn milliseconds(span: Duration) -> String {
    format!("{:.2} ms", span.as_secs_f64() * 1e3)
}

pub(super) fn bar(what: &str, times: &[Duration], limit: Duration) -> Bar {
    let median = at(times, 0.5);
    Bar {
        what: what.into(),
        measured: format!(
            "median {} (p10 {}, p90 {})",
            milliseconds(median),
            milliseconds(at(times, 0.1)),
            milliseconds(at(times, 0.9))
        ),
        limit: format!("≤ {}", milliseconds(limit)),
        holds: median <= limit,
    }
}

fn over(what: &str, bare: &[Duration], ours: &[Duration], limit: Duration, peer: &str) -> Bar {
    let (bare, ours) = (at(bare, 0.5), at(ours, 0.5));
    let over = ours.saturating_sub(bare);
    Bar {
        what: what.into(),
        measured: format!(
            "median {} over {} = {} ",
            milliseconds(ours),
            milliseconds(bare),
            milliseconds(over)
        ),
        limit: format!("≤ {} over {peer}", milliseconds(limit)),
        holds: over <= limit,
    }
}
