//! `deskside undo`: shows what goes, asks, takes it back.

use super::{answer, confirm::confirm};
use crate::cli::Undo;
use crate::render;
use deskside_app::{Answer, Context, undo};
use deskside_tui::Ui;
use deskside_types::Result;

/// Takes an operation back. Environments are gone afterwards, so a person is asked first.
pub fn undo(ui: &Ui, context: &Context, arguments: &Undo) -> Result<u8> {
    let operation = arguments.operation.as_deref();
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
    answer(ui, &undo::undo(context, operation)?, render::history::undo)
}
