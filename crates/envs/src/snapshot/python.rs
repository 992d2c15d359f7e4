//! The Python that a snapshot needs, and where it is.

use super::Snapshot;
use crate::environment::uv::command;
use crate::environment::venv;
use deskside_machine::{Command, Machine, Reading};
use deskside_types::{Code, Problem};
use std::path::Path;
use std::time::Duration;

/// A Python to make the environment with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// As uv takes it: an interpreter's path, or a version that uv downloads.
    pub request: String,
    /// Its version where it is another patch than the snapshot's.
    pub instead: Option<String>,
    /// uv downloads it.
    pub download: bool,
}

/// Finds the snapshot's Python: the very interpreter, another of the same version, that version by download, another
/// patch of the same series. Changes nothing.
///
/// # Errors
/// [`Code::SnapshotUnavailable`] when there is none of that series.
pub fn choose(
    machine: &dyn Machine,
    environment: &Path,
    uv: &str,
    snapshot: &Snapshot,
) -> Result<Chosen, Problem> {
    let wanted = snapshot.python.version.as_str();
    let exact = |request: String| Chosen {
        request,
        instead: None,
        download: false,
    };
    let own = snapshot.python.interpreter.as_str();
    if own.starts_with('/') && !Path::new(own).starts_with(environment) && machine.exists(own)? {
        // The environment that is there was made with it and says its version: no process is started.
        let present = machine.real_path(environment.join("bin/python"));
        let stated = venv::stated_version(machine, environment);
        let is_same =
            present.is_ok_and(|path| path == Path::new(own)) && stated.as_deref() == Some(wanted);
        if is_same || version_of(machine, own).as_deref() == Some(wanted) {
            return Ok(exact(own.to_string()));
        }
    }
    if let Some((path, _)) = found(machine, environment, uv, wanted) {
        return Ok(exact(path));
    }
    if let Some(version) = downloadable(machine, environment, uv, wanted) {
        return Ok(Chosen {
            request: version,
            instead: None,
            download: true,
        });
    }
    let series = crate::build::specifier::series_of(wanted);
    if let Some((path, version)) = found(machine, environment, uv, &series) {
        return Ok(Chosen {
            request: path,
            instead: version,
            download: false,
        });
    }
    if let Some(version) = downloadable(machine, environment, uv, &series) {
        return Ok(Chosen {
            request: version.clone(),
            instead: Some(version),
            download: true,
        });
    }
    Err(Problem::new(
        Code::SnapshotUnavailable,
        format!("Python {wanted}, which the snapshot needs, can't be had"),
    )
    .because(format!(
        "no Python {series} is installed, and uv knows none of it to download"
    ))
    .hint(format!(
        "install Python {series} with the system's package manager, then run the same command again"
    ))
    .hint("or take a snapshot with another Python: deskside env history"))
}

/// Asks an interpreter for its version: `Python 3.12.4`.
fn version_of(machine: &dyn Machine, path: &str) -> Option<String> {
    let command = Command::new([path, "-I", "--version"]).deadline(Duration::from_secs(10));
    let output = machine
        .command(command)
        .ok()
        .filter(|output| output.succeeded())?;
    Some(output.text().trim().strip_prefix("Python ")?.to_string())
}

/// An installed interpreter for a request, outside of any environment, with its version.
fn found(
    machine: &dyn Machine,
    environment: &Path,
    uv: &str,
    request: &str,
) -> Option<(String, Option<String>)> {
    let words = [
        "python",
        "find",
        "--system",
        "--no-project",
        "--no-python-downloads",
        request,
    ];
    let argv = std::iter::once(uv).chain(words).map(String::from).collect();
    let command = command(machine, environment, argv).deadline(Duration::from_secs(60));
    let output = machine
        .command(command)
        .ok()
        .filter(|output| output.succeeded())?;
    let path = output.text().trim().to_string();
    path.starts_with('/').then(|| {
        let version = version_of(machine, &path);
        (path, version)
    })
}

/// The version uv would download for a request.
fn downloadable(
    machine: &dyn Machine,
    environment: &Path,
    uv: &str,
    request: &str,
) -> Option<String> {
    let words = [
        "python",
        "list",
        "--only-downloads",
        "--output-format",
        "json",
        request,
    ];
    let argv = std::iter::once(uv).chain(words).map(String::from).collect();
    let command = command(machine, environment, argv).deadline(Duration::from_secs(60));
    let output = machine
        .command(command)
        .ok()
        .filter(|output| output.succeeded())?;
    let list: serde_json::Value = serde_json::from_str(&output.text()).ok()?;
    let first = list.as_array()?.first()?;
    Some(first.get("version")?.as_str()?.to_string())
}
