//! The doctor's bars: a recorded machine's diagnosis, this machine's, and one with a device library that hangs.

use super::Bar;
use crate::needs::scratch;
use crate::shell::root;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Calls of each recorded machine, and of this one.
const ROUNDS: usize = 7;

/// The bars.
pub fn doctor(program: &Path) -> Result<Vec<Bar>> {
    let home = scratch("bench-doctor-home")?;
    let prepared = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("DESKSIDE_HOME", &home)
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    let mut replayed = Vec::new();
    let machines = root().join("fixtures/machines");
    for entry in std::fs::read_dir(&machines).context("fixtures/machines")? {
        let bundle = entry?.path();
        let path = bundle.display().to_string();
        let spans = spans(ROUNDS, || {
            prepared(&["doctor", "--json", "--machine", &path])
        })?;
        replayed.push((median(spans), bundle));
    }
    replayed.sort();
    ensure!(!replayed.is_empty(), "there is no recorded machine");
    let middle = replayed[replayed.len() / 2].0;
    let (slowest, bundle) = &replayed[replayed.len() - 1];
    let name = bundle.file_name().unwrap_or_default().to_string_lossy();

    let live = median(spans(ROUNDS, || prepared(&["doctor", "--json"]))?);

    // What was recorded here, with all that a real machine has.
    let recorded = home.join("recorded.tar.zst");
    let _ = std::fs::remove_file(&recorded);
    let path = recorded.display().to_string();
    spans(1, || prepared(&["doctor", "--json", "--record", &path]))?;
    let own = median(spans(ROUNDS, || {
        prepared(&["doctor", "--json", "--machine", &path])
    })?);

    let mut bars = vec![
        bar(
            "doctor of a recorded machine",
            format!(
                "{}, the slowest {} ({name})",
                shown(middle),
                shown(*slowest)
            ),
            "≤ 200 ms",
            *slowest <= Duration::from_millis(200),
        ),
        bar(
            "doctor of this machine's recording",
            shown(own),
            "≤ 200 ms",
            own <= Duration::from_millis(200),
        ),
        bar(
            "doctor of this machine",
            shown(live),
            "≤ 3 s",
            live <= Duration::from_secs(3),
        ),
    ];
    if cfg!(target_os = "linux") {
        let library = hanging(&home)?;
        let state = home.join("hangs");
        std::fs::write(&state, "driver=580.95.05\ncuda=13000\nblock=600\n")?;
        let hung = median(spans(1, || {
            let mut command = prepared(&["doctor", "--json"]);
            command
                .env("LD_LIBRARY_PATH", &library)
                .env("FAKE_NVML", &state);
            command
        })?);
        bars.push(bar(
            "doctor with a device library that hangs (a stand-in)",
            shown(hung),
            "≤ 15 s",
            hung <= Duration::from_secs(15),
        ));
    }
    Ok(bars)
}

fn bar(what: &str, measured: String, limit: &str, holds: bool) -> Bar {
    Bar {
        what: what.into(),
        measured,
        limit: limit.into(),
        holds,
    }
}

fn shown(span: Duration) -> String {
    format!("{} ms", span.as_millis())
}

/// How long each call took. Findings are an answer; a call that failed otherwise is none.
fn spans(rounds: usize, command: impl Fn() -> Command) -> Result<Vec<Duration>> {
    (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            let status = command().status()?;
            let span = begun.elapsed();
            ensure!(
                matches!(status.code(), Some(0 | 1)),
                "the doctor ended with {status}"
            );
            Ok(span)
        })
        .collect()
}

fn median(mut spans: Vec<Duration>) -> Duration {
    spans.sort();
    spans.get(spans.len() / 2).copied().unwrap_or_default()
}

/// The stand-in for NVIDIA's library, compiled here; its folder.
fn hanging(home: &Path) -> Result<PathBuf> {
    let folder = home.join("library");
    std::fs::create_dir_all(&folder)?;
    let built = Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
        .arg(folder.join("libnvidia-ml.so.1"))
        .arg(root().join("crates/testkit/fake-nvml/fake_nvml.rs"))
        .status()?;
    ensure!(
        built.success(),
        "the stand-in library could not be compiled"
    );
    Ok(folder)
}
