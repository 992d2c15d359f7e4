//! `deskside env gc`: shows what goes, asks, removes it.

use super::super::answer;
use crate::cli::env::Gc;
use crate::render;
use deskside_app::environment::gc::{self, GcPreview};
use deskside_app::{Answer, Context};
use deskside_tui::{Meaning, Ui};
use deskside_types::{Code, Problem, Result};
use std::io::{IsTerminal, Write};

/// Removes old snapshots.
pub fn gc(ui: &Ui, context: &Context, arguments: &Gc) -> Result<u8> {
    let project = arguments.place.project.as_deref();
    let keep = usize::try_from(arguments.keep).unwrap_or(usize::MAX);
    let prepared = gc::prepare(context, project, keep, arguments.full)?;
    if arguments.plan {
        return answer(ui, &prepared.preview, render::env::gc::preview);
    }
    if !arguments.yes && !render::env::gc::nothing(&prepared.preview) {
        confirm(ui, &prepared.preview)?;
    }
    answer(ui, &gc::carry_out(context, &prepared)?, render::env::gc::gc)
}

fn confirm(ui: &Ui, preview: &GcPreview) -> Result<()> {
    let refused = || {
        Problem::new(
            Code::NotConfirmed,
            "nothing was removed: it was not confirmed",
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
        render::env::gc::preview_talk(ui, preview);
    }
    // A prompt is no line, and nobody is there to tell where it can't be written.
    let _ = write!(
        std::io::stderr(),
        "{} [y/N] ",
        ui.tint("Remove them?", Meaning::Subject)
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
