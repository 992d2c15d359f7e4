//! `deskside env …`: one file a command; what changes something goes through [`change`].

mod check;
mod diff;
mod files;
mod gc;
mod history;
mod keep;
mod rebuild;
mod rollback;
mod why;

use super::answer;
use crate::cli::env::{Env, EnvCommand};
use crate::render;
use deskside_app::environment::{self, Prepared};
use deskside_app::{Answer, Context, Event, Progress};
use deskside_tui::{Meaning, Steps, Ui};
use deskside_types::{Exit, Result};

/// Calls the command's use case.
pub fn env(
    ui: &Ui,
    live: &dyn Fn(&str) -> Result<Context>,
    either: &dyn Fn() -> Result<Context>,
    arguments: Env,
) -> Result<u8> {
    match arguments.command {
        EnvCommand::Check(arguments) => check::check(ui, &either()?, &arguments),
        EnvCommand::Why(arguments) => why::why(ui, &either()?, arguments),
        EnvCommand::Init(arguments) => files::init(ui, &live("env init")?, arguments),
        EnvCommand::Add(arguments) => files::add(ui, &live("env add")?, arguments),
        EnvCommand::Remove(arguments) => files::remove(ui, &live("env remove")?, arguments),
        EnvCommand::Lock(arguments) => files::lock(ui, &live("env lock")?, arguments),
        EnvCommand::Sync(arguments) => files::sync(ui, &live("env sync")?, arguments),
        EnvCommand::History(arguments) => history::history(ui, &either()?, &arguments),
        EnvCommand::Diff(arguments) => diff::diff(ui, &either()?, &arguments),
        EnvCommand::Rollback(arguments) => {
            rollback::rollback(ui, &live("env rollback")?, &arguments)
        }
        EnvCommand::Rebuild(arguments) => rebuild::rebuild(ui, &live("env rebuild")?, &arguments),
        EnvCommand::Snapshot(arguments) => keep::snapshot(ui, &live("env snapshot")?, &arguments),
        EnvCommand::Gc(arguments) => gc::gc(ui, &live("env gc")?, &arguments),
    }
}

/// Shows an event of carrying out.
fn hear(steps: &mut Steps<'_>, event: Event<'_>) {
    match event {
        Event::Begin { step, place, of } => steps.begin(&step.title, place, of),
        Event::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
        Event::Progress(Progress::Line(line)) => steps.line(line),
        Event::Progress(Progress::Waiting(who)) => steps.waiting(who),
        Event::Done { span, .. } => steps.done(span),
        Event::Satisfied { .. } => {}
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
    let done = environment::carry_out(context, prepared, &mut |event| hear(&mut steps, event));
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
