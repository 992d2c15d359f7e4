//! `deskside env gc`: shows what goes, asks, removes it.

use crate::cli::env::Gc;
use crate::commands::{answer, confirm::confirm};
use crate::render;
use deskside_app::environment::gc;
use deskside_app::{Answer, Context};
use deskside_tui::Ui;
use deskside_types::Result;

/// Removes old snapshots.
pub fn gc(ui: &Ui, context: &Context, arguments: &Gc) -> Result<u8> {
    let project = arguments.place.project.as_deref();
    let keep = usize::try_from(arguments.keep).unwrap_or(usize::MAX);
    let prepared = gc::prepare(context, project, keep, arguments.full)?;
    if arguments.plan {
        return answer(ui, &prepared.preview, render::env::gc::preview);
    }
    if !arguments.yes && !render::env::gc::nothing(&prepared.preview) {
        confirm(
            ui,
            "nothing was removed",
            &prepared.preview.json(),
            || render::env::gc::preview_talk(ui, &prepared.preview),
            "Remove them?",
        )?;
    }
    answer(ui, &gc::carry_out(context, &prepared)?, render::env::gc::gc)
}
