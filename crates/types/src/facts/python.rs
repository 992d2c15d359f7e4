//! Python interpreters, environments, frameworks, tools.

use crate::known::Known;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who manages an interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PythonOrigin {
    /// The operating system's package manager.
    System,
    /// uv.
    Uv,
    /// pyenv.
    Pyenv,
    /// conda, mamba, micromamba, pixi.
    Conda,
    /// Homebrew.
    Homebrew,
    /// Apple's Command Line Tools.
    Apple,
    /// Somebody by hand.
    Other,
}

/// A Python interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PythonInterpreter {
    /// Its real path, links followed.
    pub path: String,
    /// `3.10` or `3.11.7`, read from its files.
    pub version: Known<String>,
    /// Who manages it.
    pub origin: PythonOrigin,
    /// The first `python3` on PATH leads to it.
    pub default: bool,
}

/// The kind of a Python environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// A virtual environment (PEP 405).
    Venv,
    /// A conda environment.
    Conda,
    /// The packages of an interpreter itself.
    Interpreter,
}

/// A Python environment and the frameworks found in it, by metadata and without importing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PythonEnvironment {
    /// Its folder.
    pub path: String,
    /// Its kind.
    pub kind: EnvironmentKind,
    /// Its Python's version.
    pub python: Known<String>,
    /// It is the active one (`VIRTUAL_ENV`, `CONDA_PREFIX`) or the current folder's `.venv`.
    pub active: bool,
    /// Its interpreter is still there. False means the environment cannot start.
    pub interpreter_present: Known<bool>,
    /// Frameworks and what belongs to them.
    pub frameworks: Vec<Framework>,
}

/// A framework in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Framework {
    /// The distribution's name: `torch`, `jax`, `mlx`, `tensorflow`, …
    pub name: String,
    /// Its version with its local part, for example `2.15.0+cu132`.
    pub version: String,
}

/// A program that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// Its version, where reading it costs nothing or it was asked.
    pub version: Known<String>,
}
