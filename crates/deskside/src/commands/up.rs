//! `deskside up`.

use crate::cli::{Flavour, Up};
use crate::render;
use deskside_app::up::{self, UpRequest};
use deskside_app::{Answer, Context, Machine};
use deskside_app::{Event, Progress};
use deskside_tui::{Meaning, Steps, Ui};
use deskside_types::{Exit, Result};
use std::sync::Arc;

/// From this machine as it is to a result.
pub fn up(ui: &Ui, machine: Arc<dyn Machine>, arguments: Up) -> Result<u8> {
    let context = match &arguments.machine {
        Some(bundle) => Context::recorded(bundle)?,
        None => Context::here(machine)?,
    };
    let request = UpRequest {
        project: arguments.project,
        flavour: arguments.flavour.map(|flavour| {
            match flavour {
                Flavour::Torch => "torch",
                Flavour::Jax => "jax",
                Flavour::Mlx => "mlx",
            }
            .to_string()
        }),
        arguments: arguments.arguments,
        train: !arguments.no_train,
        silent: ui.json,
    };
    if !arguments.plan && !ui.json && ui.repaint {
        ui.talk(&ui.tint("looking at this machine …", Meaning::Quiet));
    }
    let prepared = up::prepare(&context, &request)?;
    for warning in &prepared.report.warnings {
        ui.talk(&format!(
            "{} {warning}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
    if arguments.plan {
        if ui.json {
            ui.answer_json(&prepared.report.json(), false);
        } else {
            render::plan::plan(
                ui,
                &prepared.report,
                &|line| ui.answer(line),
                &|text, meaning| ui.paint(text, meaning),
            );
        }
        let pending = arguments.exit_code && !prepared.report.plan.is_empty();
        return Ok(if pending {
            Exit::Pending.number()
        } else {
            Exit::Done.number()
        });
    }
    render::plan::plan(
        ui,
        &prepared.report,
        &|line| ui.talk(line),
        &|text, meaning| ui.tint(text, meaning),
    );

    let mut steps = Steps::new(ui);
    let applied = up::carry_out(&context, &prepared, &mut |event| match event {
        Event::Begin { step, place, of } => steps.begin(&step.title, place, of),
        Event::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
        Event::Progress(Progress::Line(line)) => steps.line(line),
        Event::Done { span, .. } => steps.done(span),
        Event::Satisfied { .. } => {}
    });
    drop(steps);
    let applied = applied?;
    let report = up::train(&context, &prepared, applied)?;
    let exit = report.run.as_ref().map_or(0, |run| run.exit);
    super::answer(ui, &report, render::plan::result)?;
    Ok(u8::try_from(exit).unwrap_or(1))
}
