//! `deskside undo`: shows what goes, asks, takes it back.

use super::answer;
use crate::cli::Undo;
use crate::render;
use deskside_app::{Answer, Context, undo};
use deskside_tui::{Meaning, Ui};
use deskside_types::{Code, Problem, Result};
use std::io::{IsTerminal, Write};

/// Takes an operation back. Environments are gone afterwards, so a person is asked first.
pub fn undo(ui: &Ui, context: &Context, arguments: &Undo) -> Result<u8> {
    let operation = arguments.operation.as_deref();
    let preview = undo::preview(context, operation)?;
    if arguments.plan {
        return answer(ui, &preview, render::history::preview);
    }
    if !arguments.yes {
        confirm(ui, &preview)?;
    }
    answer(ui, &undo::undo(context, operation)?, render::history::undo)
}

fn confirm(ui: &Ui, preview: &undo::UndoPreview) -> Result<()> {
    let refused = || {
        Problem::new(
            Code::NotConfirmed,
            "nothing was taken back: it was not confirmed",
        )
    };
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(
            refused().hint("without a terminal to ask on, add --yes; --plan shows what would go")
        );
    }
    if ui.json {
        ui.insist(&preview.json().to_string());
    } else {
        render::history::preview_talk(ui, preview);
    }
    // A prompt is no line, and nobody is there to tell where it can't be written.
    let _ = write!(
        std::io::stderr(),
        "{} [y/N] ",
        ui.tint("Take this back?", Meaning::Subject)
    );
    let _ = std::io::stderr().flush();
    let mut reply = String::new();
    let read = std::io::stdin().read_line(&mut reply);
    let yes = matches!(reply.trim().to_lowercase().as_str(), "y" | "yes");
    if read.is_ok() && yes {
        Ok(())
    } else {
        Err(refused())
    }
}
