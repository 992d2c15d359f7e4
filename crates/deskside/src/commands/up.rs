//! `deskside up`.

use super::answer;
use crate::cli::{Flavour, Up};
use crate::render;
use deskside_app::up::{self, Prepared, UpRequest};
use deskside_app::{Answer, Context, Event, Progress};
use deskside_tui::{Meaning, Steps, Ui};
use deskside_types::{Exit, Result};

/// Only the plan.
pub fn plan(ui: &Ui, context: &Context, arguments: Up) -> Result<u8> {
    let exit_code = arguments.exit_code;
    let prepared = prepare(ui, context, &request(ui, &arguments))?;
    if ui.json {
        ui.answer_json(&prepared.report.json(), false);
    } else {
        let paint = |text: &str, meaning| ui.paint(text, meaning);
        render::plan::plan(ui, &prepared.report, &|line| ui.answer(line), &paint);
    }
    let pending = exit_code && !prepared.report.plan.is_empty();
    Ok(if pending { Exit::Pending } else { Exit::Done }.number())
}

/// From this machine as it is to a result.
pub fn up(ui: &Ui, context: &Context, arguments: Up) -> Result<u8> {
    if !ui.json && ui.repaint {
        ui.talk(&ui.tint("looking at this machine", Meaning::Quiet));
    }
    let request = request(ui, &arguments);
    if super::apply::on_the_way(ui, context, &arguments, &request)? {
        return Ok(Exit::Done.number());
    }
    go_on(ui, context, &request)
}

/// From the request to a result, the system layer being as it is.
pub fn go_on(ui: &Ui, context: &Context, request: &UpRequest) -> Result<u8> {
    let prepared = prepare(ui, context, request)?;
    let tint = |text: &str, meaning| ui.tint(text, meaning);
    render::plan::plan(ui, &prepared.report, &|line| ui.talk(line), &tint);
    let mut steps = Steps::new(ui);
    let applied = up::carry_out(context, &prepared, &mut |event| match event {
        Event::Begin { step, place, of } => steps.begin(&step.title, place, of),
        Event::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
        Event::Progress(Progress::Line(line)) => steps.line(line),
        Event::Progress(Progress::Waiting(who)) => steps.waiting(who),
        Event::Done { span, .. } => steps.done(span),
        Event::Satisfied { .. } => {}
    });
    drop(steps);
    let report = up::train(context, &prepared, applied?)?;
    super::env::warnings(ui, &report.warnings);
    answer(ui, &report, render::plan::result)
}

fn request(ui: &Ui, arguments: &Up) -> UpRequest {
    let flavour = arguments.flavour.map(|flavour| match flavour {
        Flavour::Torch => "torch",
        Flavour::Jax => "jax",
        Flavour::Mlx => "mlx",
    });
    UpRequest {
        project: arguments.project.clone(),
        flavour: flavour.map(str::to_string),
        arguments: arguments.arguments.clone(),
        train: !arguments.no_train,
        silent: ui.json,
    }
}

fn prepare(ui: &Ui, context: &Context, request: &UpRequest) -> Result<Prepared> {
    let prepared = up::prepare(context, request)?;
    for warning in &prepared.report.warnings {
        let mark = ui.tint("warning:", Meaning::Warning);
        ui.talk(&format!("{mark} {warning}"));
    }
    Ok(prepared)
}
