//! `deskside undo`: shows what goes, asks, takes it back.

use super::{answer, confirm::confirm};
use crate::cli::Undo;
use crate::render;
use deskside_app::{Answer, Context, Progress, undo};
use deskside_tui::{Steps, Ui};
use deskside_types::Result;

/// Takes an operation back. Environments are gone afterwards, so a person is asked first.
pub fn undo(ui: &Ui, context: &Context, arguments: &Undo) -> Result<u8> {
    let operation = arguments.operation.as_deref();
    let preview = undo::preview(context, operation)?;
    if arguments.plan {
        return answer(ui, &preview, render::history::preview);
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
