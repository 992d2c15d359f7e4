//! The training run of `up`, and what came of it.

use super::{Carried, Next, Prepared, TrainedRun, UpReport, machine_lines};
use crate::{Context, run, runs};
use deskside_envs::project::{Packages, Project};
use deskside_machine::{Machine, Reading};
use deskside_runs::{BuildRecord, Finished, Request};
use deskside_track::{Folder, logs};
use deskside_types::run::RunState;
use deskside_types::{Code, Problem, Result};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;

/// Lines of a failed training's log that are told.
const LAST_LINES: usize = 8;

/// The training command as a person reads it.
pub fn shown_command(project: &Project, arguments: &[OsString]) -> String {
    let further = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned());
    let words: Vec<String> = project.command.iter().cloned().chain(further).collect();
    deskside_runs::shown_command(&words).join(" ")
}

/// Trains, where training is wanted, and gathers the result.
///
/// # Errors
/// [`Code::TrainingFailed`] with the last lines of its log when the command failed, [`Code::Interrupted`] when the person
/// stopped it, and whatever keeps the command from being started.
pub fn train(context: &Context, prepared: &Prepared, carried: Carried) -> Result<UpReport> {
    let machine = &*context.machine;
    let project = &prepared.project;
    let Carried { applied, warnings } = carried;
    let mut report = UpReport {
        warnings,
        project: project.path.display().to_string(),
        done: applied.done,
        operation: applied.operation.map(|id| id.0),
        run: None,
        curves: Vec::new(),
        summary: Default::default(),
        next: Vec::new(),
    };
    if !prepared.request.train {
        report.next = next(machine, prepared, None);
        return Ok(report);
    }
    let argv: Vec<OsString> = project
        .command
        .iter()
        .map(OsString::from)
        .chain(prepared.request.arguments.iter().cloned())
        .collect();
    let choice = prepared.choice();
    let finished = deskside_runs::foreground(
        context.machine.clone(),
        &context.directories,
        Request {
            argv,
            name: Some(project.name.clone()),
            environment: Some(project.environment()),
            project: Some(project.path.clone()),
            directory: Some(project.path.clone()),
            machine: Some(machine_lines::of(&prepared.facts)),
            variables: choice
                .as_ref()
                .map(|choice| choice.variables.clone())
                .unwrap_or_default(),
            build: choice.map(|choice| {
                let build = prepared.build.as_ref();
                BuildRecord {
                    framework: choice.framework,
                    variant: choice.variant,
                    extra: choice.extra,
                    requirements: build
                        .map(|one| one.requirements.clone())
                        .unwrap_or_default(),
                    arguments: build.map(|one| one.arguments.clone()).unwrap_or_default(),
                    python: build.map(|one| one.python.clone()).unwrap_or_default(),
                    why: choice.why,
                }
            }),
            silent: prepared.request.silent,
            ..Request::default()
        },
    )?;
    if finished.exit.shell_code() != 0 {
        return Err(failure(machine, prepared, &finished));
    }
    let Some(folder) = Folder::at(&finished.folder) else {
        return Ok(report);
    };
    let short = run::report(machine, &finished);
    let mut curves = runs::curves(machine, &folder)?;
    curves.retain(|curve| curve.name.to_lowercase().contains("loss"));
    report.summary = runs::summary_numbers(machine, &folder)?;
    report
        .summary
        .retain(|name, _| !curves.iter().any(|curve| curve.name == *name));
    report.curves = curves;
    report.next = next(machine, prepared, Some(&short.id));
    report.run = Some(TrainedRun {
        id: short.id,
        name: short.name,
        state: short.state,
        exit: short.exit,
        duration_ms: Some(short.duration_ms),
    });
    Ok(report)
}

fn failure(machine: &dyn Machine, prepared: &Prepared, finished: &Finished) -> Problem {
    let id = &finished.id;
    if matches!(finished.state.state, RunState::Stopped { .. }) {
        return Problem::new(
            Code::Interrupted,
            format!("training run {id} was interrupted"),
        )
        .hint("everything is set up: the same command goes straight to training");
    }
    let mut problem = Problem::new(
        Code::TrainingFailed,
        format!(
            "training run {id} ended with exit code {}",
            finished.exit.shell_code()
        ),
    );
    let lines = last_lines(machine, finished);
    // What it said stands right above, unless it went into the log only.
    let told = if prepared.request.silent {
        LAST_LINES
    } else {
        1
    };
    for line in &lines[lines.len().saturating_sub(told)..] {
        problem = problem.because(line);
    }
    let missing = lines
        .iter()
        .rev()
        .find_map(|line| line.split_once("No module named '")?.1.split('\'').next());
    if let Some(missing) = missing {
        problem = problem.hint(missing_hint(prepared, missing));
    }
    problem.hint(format!("everything it said: deskside logs {id}"))
}

fn last_lines(machine: &dyn Machine, finished: &Finished) -> Vec<String> {
    let mut bytes = Vec::new();
    if let Some(folder) = Folder::at(&finished.folder) {
        let start = logs::Start::LastLines(4 * LAST_LINES);
        // A log that can't be read leaves nothing to quote; the failure itself is told all the same.
        let _ = logs::read(machine, &folder, start, &mut |part| {
            bytes.extend_from_slice(part);
            ControlFlow::Continue(())
        });
    }
    String::from_utf8_lossy(&bytes)
        .lines()
        .map(|line| line.trim_end().to_string())
        .filter(|line| !line.is_empty())
        .collect()
}

/// What to do about a module that Python did not find: it is not asked for, or it is and the environment lacks it.
fn missing_hint(prepared: &Prepared, missing: &str) -> String {
    let top = missing.split('.').next().unwrap_or(missing);
    let wanted = |line: &String| {
        line.to_lowercase()
            .replace('-', "_")
            .starts_with(&top.to_lowercase())
    };
    let environment = prepared.project.environment();
    if top == "deskside" || prepared.project.dependencies.iter().any(wanted) {
        return format!(
            "`{top}` is asked for, but the environment lacks it: remove it and let it be made anew: rm -r {} && deskside up {}",
            environment.display(),
            prepared.project.path.display()
        );
    }
    let file = match prepared.project.packages {
        Packages::Lock | Packages::Pyproject => "pyproject.toml",
        Packages::Requirements | Packages::None => "requirements.txt",
    };
    format!(
        "add the package that brings `{top}` to {}, then run the same command again",
        prepared.project.path.join(file).display()
    )
}

fn next(machine: &dyn Machine, prepared: &Prepared, run: Option<&str>) -> Vec<Next> {
    let project = &prepared.project;
    let home = machine.variable("HOME").unwrap_or_default();
    let folder = shortened(&project.path, &home);
    let one = |command: String, why: &str| Next {
        command,
        why: why.into(),
    };
    let mut next = Vec::new();
    if let Some(id) = run {
        next.push(one(
            format!("deskside show {id}"),
            "everything about this run",
        ));
        next.push(one("deskside runs".into(), "all runs beside each other"));
    }
    if project.first.is_some() {
        next.push(one(
            format!("$EDITOR {folder}/train.py"),
            "it is yours: change it",
        ));
        next.push(one(
            "deskside up -- --lr 0.01".into(),
            "train again with another param",
        ));
        next.push(one(
            "deskside up PROJECT".into(),
            "the same for a project of yours",
        ));
    } else if run.is_none() {
        next.push(one(format!("deskside up {folder}"), "train"));
    }
    next
}

/// A path under the home as a person types it.
fn shortened(path: &Path, home: &str) -> String {
    match path.strip_prefix(home) {
        Ok(rest) if !home.is_empty() => format!("~/{}", rest.display()),
        _ => path.display().to_string(),
    }
}
