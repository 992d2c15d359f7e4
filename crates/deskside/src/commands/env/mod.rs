//! `deskside env …`: one file a command; what changes something goes through [`change`].

use super::answer;
use crate::cli::env::{Change, Env, EnvCommand, Init};
use crate::render;
use deskside_app::environment::add::{self, AddRequest};
use deskside_app::environment::init::{self, InitRequest};
use deskside_app::environment::lock::{self, LockRequest};
use deskside_app::environment::sync::{self, SyncRequest};
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
    match arguments.command {
        EnvCommand::Init(arguments) => init(ui, &live("env init")?, arguments),
        EnvCommand::Add(arguments) => {
            let context = live("env add")?;
            let request = request(&arguments.change, arguments.requirements, arguments.group);
            let prepared = add::add(&context, &request, &mut steps(ui, "resolving"))?;
            finish(ui, &context, &prepared, &arguments.change)
        }
        EnvCommand::Remove(arguments) => {
            let context = live("env remove")?;
            let request = request(&arguments.change, arguments.packages, arguments.group);
            let prepared = add::remove(&context, &request, &mut steps(ui, "resolving"))?;
            finish(ui, &context, &prepared, &arguments.change)
        }
        EnvCommand::Lock(arguments) => {
            let context = live("env lock")?;
            let request = LockRequest {
                project: arguments.change.project.clone(),
                upgrade: arguments.upgrade,
                upgrade_packages: arguments.upgrade_package,
            };
            let prepared = lock::lock(&context, &request, &mut steps(ui, "resolving"))?;
            finish(ui, &context, &prepared, &arguments.change)
        }
        EnvCommand::Sync(arguments) => {
            let context = live("env sync")?;
            let request = SyncRequest {
                project: arguments.change.project.clone(),
                extra: arguments.extra,
            };
            let prepared = sync::sync(&context, &request, &mut steps(ui, "looking"))?;
            finish(ui, &context, &prepared, &arguments.change)
        }
        EnvCommand::Why(_)
        | EnvCommand::Check(_)
        | EnvCommand::History(_)
        | EnvCommand::Diff(_)
        | EnvCommand::Rollback(_)
        | EnvCommand::Rebuild(_)
        | EnvCommand::Snapshot(_)
        | EnvCommand::Gc(_) => {
            let _ = either;
            Err(Problem::new(Code::Bug, "not there yet"))
        }
    }
}

fn init(ui: &Ui, context: &Context, arguments: Init) -> Result<u8> {
    let request = InitRequest {
        folder: arguments.folder,
        flavour: arguments.flavour,
        from: arguments.from,
        python: arguments.python,
        as_of: arguments.as_of,
    };
    let prepared = init::init(context, &request, &mut steps(ui, "resolving"))?;
    change(ui, context, &prepared, arguments.plan, arguments.exit_code)
}

fn request(change: &Change, requirements: Vec<String>, group: Option<String>) -> AddRequest {
    AddRequest {
        project: change.project.clone(),
        requirements,
        group,
    }
}

fn finish(ui: &Ui, context: &Context, prepared: &Prepared, how: &Change) -> Result<u8> {
    change(ui, context, prepared, how.plan, how.exit_code)
}

/// What is heard while a change is prepared: resolving takes seconds, and uv may have to be fetched first.
fn steps<'a>(ui: &'a Ui, what: &str) -> impl FnMut(Event<'_>) + 'a {
    if !ui.json && ui.repaint {
        ui.talk(&ui.tint(what, Meaning::Quiet));
    }
    let mut steps = Steps::new(ui);
    move |event| hear(&mut steps, event)
}

fn hear(steps: &mut Steps<'_>, event: Event<'_>) {
    match event {
        Event::Begin { step, place, of } => steps.begin(&step.title, place, of),
        Event::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
        Event::Progress(Progress::Line(line)) => steps.line(line),
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
