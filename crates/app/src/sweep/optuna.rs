//! How Optuna is called: in the project's environment where it is there, else in one of uv's own, so that no project is changed.

use crate::Context;
use deskside_envs::index::settings;
use deskside_envs::uv;
use deskside_machine::{Command, FileKind, Machine, Reading};
use deskside_runs::queue::vault;
use deskside_runs::sweep::{COMPLAINTS, Definition, PROGRAM, sweeps};
use deskside_types::{Code, Problem, Result};
use std::path::{Path, PathBuf};

/// Which versions are asked for. 3.0 has distributions and samplers by the names that are used; 5 is not known.
const WANTED: &str = "optuna>=3.0,<5";

/// The command for a sweep.
pub(super) fn command(context: &Context, definition: &Definition) -> Result<Command> {
    let machine = &*context.machine;
    let surroundings = &definition.surroundings;
    let (variables, _) = vault::put_together(machine, surroundings);
    let environment = surroundings
        .environment
        .clone()
        .or_else(|| variables.get("VIRTUAL_ENV").map(PathBuf::from));
    let python = environment
        .filter(|path| has_optuna(machine, path))
        .map(|path| path.join("bin/python"));
    let argv = match python {
        Some(python) => vec![python.display().to_string()],
        None => {
            let on_path = variables.get("PATH").and_then(|path| {
                let path = path.to_string_lossy().into_owned();
                path.split(':')
                    .map(|folder| Path::new(folder).join("uv"))
                    .find(|uv| machine.exists(uv).unwrap_or(false))
            });
            let uv = uv::locate(machine, &context.directories)
                .map(|tool| tool.path)
                .or_else(|| on_path.map(|uv| uv.display().to_string()))
                .ok_or_else(|| {
                    Problem::new(
                        Code::OptunaUnavailable,
                        "there is neither Optuna in the project's environment nor uv to fetch it",
                    )
                    .hint("add it to the project: `uv add --dev optuna`")
                    .hint("what works without it: `--method random`")
                })?;
            [
                &uv,
                "run",
                "--quiet",
                "--no-project",
                "--isolated",
                "--with",
                WANTED,
                "python",
            ]
            .map(String::from)
            .into()
        }
    };
    let complaints = sweeps(&context.directories)
        .join(&definition.id.0)
        .join(COMPLAINTS);
    // A process of the queue has no terminal: what Python and uv complain of goes into a file.
    let mut words: Vec<String> = ["sh", "-c", "exec \"$@\" 2>\"$0\""]
        .map(String::from)
        .into();
    words.push(complaints.display().to_string());
    words.extend(argv);
    words.extend(["-c".to_string(), PROGRAM.to_string()]);
    let mut command = Command::new(words);
    command.variables = settings::read(machine).variables(machine);
    for (name, value) in variables {
        command
            .variables
            .insert(name, Some(value.to_string_lossy().into_owned()));
    }
    for name in [
        "PYTHONHOME",
        "PYTHONPATH",
        "UV_PROJECT",
        "UV_FROZEN",
        "UV_LOCKED",
    ] {
        command.variables.insert(name.into(), None);
    }
    Ok(command)
}

fn has_optuna(machine: &dyn Machine, environment: &Path) -> bool {
    let lib = environment.join("lib");
    machine
        .entries(&lib)
        .unwrap_or_default()
        .iter()
        .any(|entry| {
            entry.kind == FileKind::Directory
                && entry.name.starts_with("python")
                && machine
                    .exists(
                        lib.join(&entry.name)
                            .join("site-packages/optuna/__init__.py"),
                    )
                    .unwrap_or(false)
        })
}
