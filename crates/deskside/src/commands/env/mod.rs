//! `deskside env …`: one file a command; what changes something goes through [`change`].

mod check;

use super::answer;
use crate::cli::env::{Env, EnvCommand};
use crate::render;
use deskside_app::environment::{self, Prepared};
use deskside_app::{Answer, Context, Event, Progress};
use deskside_tui::{Meaning, Steps, Ui};
use deskside_types::{Code, Exit, Problem, Result};

/// Calls the command's use case.
pub fn env(
    ui: &Ui,
    live: &dyn Fn(&str) -> Result<Context>,
    either: &dyn Fn() -> Result<Context>,
    arguments: Env,
) -> Result<u8> {
    let _ = (live, either);
    match arguments.command {
        EnvCommand::Check(arguments) => check::check(ui, &either()?, &arguments),
        EnvCommand::Why(_)
        | EnvCommand::Init(_)
        | EnvCommand::Add(_)
        | EnvCommand::Remove(_)
        | EnvCommand::Lock(_)
        | EnvCommand::Sync(_)
        | EnvCommand::History(_)
        | EnvCommand::Diff(_)
        | EnvCommand::Rollback(_)
        | EnvCommand::Rebuild(_)
        | EnvCommand::Snapshot(_)
        | EnvCommand::Gc(_) => {
            let _ = change;
            let _ = ui;
            Err(Problem::new(Code::Bug, "not there yet"))
        }
    }
}

/// Shows a prepared change, and carries it out unless only the plan is wanted.
pub fn change(
    ui: &Ui,
    context: &Context,
    prepared: &Prepared,
    only_plan: bool,
    exit_code: bool,
) -> Result<u8> {
    if only_plan {
        if ui.json {
            ui.answer_json(&prepared.report().json(), false);
        } else {
            let paint = |text: &str, meaning| ui.paint(text, meaning);
            warnings(ui, &prepared.warnings);
            render::env::change::plan(ui, &prepared.report(), &|line| ui.answer(line), &paint);
        }
        let pending = exit_code && !prepared.plan.is_empty();
        return Ok(if pending { Exit::Pending } else { Exit::Done }.number());
    }
    warnings(ui, &prepared.warnings);
    let tint = |text: &str, meaning| ui.tint(text, meaning);
    render::env::change::plan(ui, &prepared.report(), &|line| ui.talk(line), &tint);
    let mut steps = Steps::new(ui);
    let done = environment::carry_out(context, prepared, &mut |event| match event {
        Event::Begin { step, place, of } => steps.begin(&step.title, place, of),
        Event::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
        Event::Progress(Progress::Line(line)) => steps.line(line),
        Event::Done { span, .. } => steps.done(span),
        Event::Satisfied { .. } => {}
    });
    drop(steps);
    let report = done?;
    let later = report.warnings.iter().skip(prepared.warnings.len());
    warnings(ui, &later.cloned().collect::<Vec<_>>());
    answer(ui, &report, render::env::change::result)
}

/// Warnings, a line each.
pub fn warnings(ui: &Ui, warnings: &[String]) {
    for warning in warnings {
        let mark = ui.tint("warning:", Meaning::Warning);
        ui.talk(&format!("{mark} {warning}"));
    }
}
