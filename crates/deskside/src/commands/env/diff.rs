//! `deskside env diff`.

use super::super::answer;
use crate::cli::env::Diff;
use crate::render;
use deskside_app::{Context, environment};
use deskside_tui::Ui;
use deskside_types::Result;

/// Compares two states.
pub fn diff(ui: &Ui, context: &Context, arguments: &Diff) -> Result<u8> {
    let report = environment::diff::diff(
        context,
        arguments.place.project.as_deref(),
        &arguments.from,
        arguments.to.as_deref(),
    )?;
    answer(ui, &report, render::env::diff::diff)
}
