//! The Python and system that requirements are judged for.

use super::program::Program;
use super::scene::Scene;
use deskside_types::facts::{Facts, OsKind};
use pep440_rs::Version;
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};
use std::str::FromStr;

/// What requirements and wheels are judged for.
#[derive(Debug, Clone)]
pub(crate) struct Platform {
    /// For markers; none when the Python's version is not known.
    pub markers: Option<MarkerEnvironment>,
    /// The Python's full version as far as it is known.
    pub python: Option<Version>,
    /// `3.12`, `3.13t`.
    pub series: Option<String>,
    /// `x86_64`, `aarch64`, `arm64`: of the interpreter, which Rosetta may translate.
    pub architecture: Option<String>,
    /// Linux or macOS.
    pub os: OsKind,
    /// CPython, not PyPy.
    pub cpython: bool,
}

/// Tells it from the environment's files, and from the machine where they say nothing.
pub(crate) fn of(scene: &Scene<'_>, facts: &Facts) -> Platform {
    let os = facts.system.kind;
    let hardware = facts.system.architecture.value().map(|name| {
        match (os, name.as_str()) {
            (OsKind::MacOs, "aarch64") => "arm64",
            (_, name) => name,
        }
        .to_string()
    });
    let architecture = match &scene.interpreter.program {
        Some(Program::Elf { architecture, .. }) => Some(architecture.clone()),
        Some(Program::MachO(all)) => match &hardware {
            Some(hardware) if all.contains(hardware) => Some(hardware.clone()),
            _ => all.first().cloned(),
        },
        _ => hardware,
    };
    let told = scene
        .setting("version_info")
        .or_else(|| scene.setting("version"))
        // virtualenv writes `3.11.2.final.0`.
        .map(|text| text.split('.').take(3).collect::<Vec<_>>().join("."));
    let series = scene.series.clone();
    let plain = series
        .as_deref()
        .map(|series| series.trim_end_matches('t').to_string());
    // The files of packages decide; pyvenv.cfg adds the patch release where it agrees with them.
    let full = match (&told, &plain) {
        (Some(told), Some(plain)) if told.starts_with(&format!("{plain}.")) => Some(told.clone()),
        (_, Some(plain)) => Some(plain.clone()),
        (Some(told), None) => Some(told.clone()),
        (None, None) => None,
    };
    let cpython = scene
        .setting("implementation")
        .is_none_or(|name| name.eq_ignore_ascii_case("cpython"));
    let markers = full.as_deref().and_then(|full| {
        let series = crate::build::specifier::series_of(full);
        let (implementation, shown) = if cpython {
            ("cpython", "CPython")
        } else {
            ("pypy", "PyPy")
        };
        let (platform, system) = match os {
            OsKind::Linux => ("linux", "Linux"),
            OsKind::MacOs => ("darwin", "Darwin"),
        };
        MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: implementation,
            implementation_version: full,
            os_name: "posix",
            platform_machine: architecture.as_deref().unwrap_or("x86_64"),
            platform_python_implementation: shown,
            platform_release: facts.system.kernel.value().map_or("", String::as_str),
            platform_system: system,
            platform_version: "",
            python_full_version: full,
            python_version: &series,
            sys_platform: platform,
        })
        .ok()
    });
    if markers.is_none() && scene.site.is_some() {
        scene.unseen_because(
            "the environment's Python version is not known: requirements were not judged",
        );
    }
    Platform {
        python: full
            .as_deref()
            .and_then(|text| Version::from_str(text).ok()),
        markers,
        series,
        architecture,
        os,
        cpython,
    }
}
