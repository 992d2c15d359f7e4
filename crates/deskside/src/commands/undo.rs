//! `deskside undo`: shows what goes, asks, takes it back.

use super::{answer, confirm::confirm};
use crate::cli::Undo;
use crate::cli::apply::Apply;
use crate::cli::plan::Plan;
use crate::render;
use deskside_app::{Answer, Context, Progress, undo};
use deskside_tui::{Steps, Ui};
use deskside_types::Result;

/// Takes an operation back. Environments are gone afterwards, so a person is asked first.
pub fn undo(ui: &Ui, context: &Context, arguments: &Undo) -> Result<u8> {
    let operation = arguments.operation.as_deref();
    if let Some(change) = operation
        .map(|id| undo::of_another_tool(context, id))
        .transpose()?
        .flatten()
    {
        return revert(ui, context, arguments, &change);
    }
    let preview = undo::preview(context, operation)?;
    if arguments.plan {
        return answer(ui, &preview, render::history::preview);
    }
    if arguments.yes
        && operation.is_none()
        && let Some(text) = render::history::elsewhere(ui, &preview)
    {
        super::env::warnings(ui, &[text]);
    }
    if !arguments.yes {
        confirm(
            ui,
            "nothing was taken back",
            &preview.json(),
            || render::history::preview_talk(ui, &preview),
            "Take this back?",
        )?;
    }
    let mut steps = Steps::new(ui);
    let report = undo::undo(context, operation, &mut |progress| {
        if let Progress::Waiting(who) = progress {
            steps.waiting(who);
        }
    })?;
    answer(ui, &report, render::history::undo)
}

/// Another tool's change is taken back by a plan of its own.
fn revert(ui: &Ui, context: &Context, arguments: &Undo, change: &str) -> Result<u8> {
    let wishes = vec![format!("revert={change}")];
    if arguments.plan {
        return super::plan::plan(
            ui,
            context,
            Plan {
                wishes,
                ..Plan::default()
            },
        );
    }
    super::apply::apply(
        ui,
        context,
        Apply {
            wishes,
            yes: arguments.yes,
            machine_name: arguments.machine_name.clone(),
            ..Apply::default()
        },
    )
}
