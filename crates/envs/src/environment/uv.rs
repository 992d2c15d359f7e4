//! Calling uv with the person's index settings.

use super::{CREATE_DEADLINE, failure};
use crate::index::settings;
use deskside_machine::{Acting, Command, ErrorKind, Machine, Progress, Reading};
use deskside_types::{Code, Problem};
use std::path::Path;

/// The environment's interpreter.
pub fn interpreter(path: &Path) -> String {
    path.join("bin/python").display().to_string()
}

/// A uv command with the person's index settings, and without what would lead it astray.
pub fn command(machine: &dyn Machine, environment: &Path, argv: Vec<String>) -> Command {
    let mut command = Command::new(argv).deadline(CREATE_DEADLINE);
    command.directory = environment
        .parent()
        .filter(|folder| machine.exists(folder).unwrap_or(false))
        .map(Path::to_path_buf);
    command.variables = settings::read(machine).variables(machine);
    for (name, value) in [
        ("UV_NO_PROGRESS", Some("1")),
        ("NO_COLOR", Some("1")),
        ("UV_PROJECT_ENVIRONMENT", environment.to_str()),
        // The environment is named by its path; these would name another, or break the interpreter's start.
        ("VIRTUAL_ENV", None),
        ("CONDA_PREFIX", None),
        ("UV_PYTHON", None),
        ("UV_SYSTEM_PYTHON", None),
        ("UV_BREAK_SYSTEM_PACKAGES", None),
        ("UV_VENV_CLEAR", None),
        // What is locked and installed is said by arguments: these would stop it, or leave out what a plan says.
        ("UV_FROZEN", None),
        ("UV_LOCKED", None),
        ("UV_NO_SYNC", None),
        ("UV_NO_INSTALL_PROJECT", None),
        ("UV_NO_INSTALL_WORKSPACE", None),
        ("UV_NO_INSTALL_LOCAL", None),
        ("UV_ONLY_INSTALL_PROJECT", None),
        ("UV_ONLY_INSTALL_WORKSPACE", None),
        ("UV_ONLY_INSTALL_LOCAL", None),
        ("UV_ISOLATED", None),
        ("UV_PROJECT", None),
        ("UV_WORKING_DIR", None),
        ("UV_WORKING_DIRECTORY", None),
        ("PYTHONHOME", None),
        ("PYTHONPATH", None),
    ] {
        command
            .variables
            .insert(name.into(), value.map(String::from));
    }
    command
}

/// Runs uv; its failure as a problem.
pub fn uv_command(
    machine: &dyn Machine,
    what: &str,
    command: Command,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Problem> {
    let shown = command.shown();
    match machine.run(command, watch) {
        Ok(output) if output.succeeded() => Ok(()),
        Ok(output) => Err(failure::problem(what, &shown, &output)),
        Err(error) if error.kind == ErrorKind::Absent => Err(Problem::new(
            Code::UvUnavailable,
            format!("could not {what}"),
        )
        .because(format!("`{shown}`: {}", error.detail))
        .hint("run the same command again: where no uv is there, it is fetched")),
        Err(error) => Err(Problem::from(error).within(format!("could not {what}"))),
    }
}
