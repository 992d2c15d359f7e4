//! `deskside env history`.

use super::super::answer;
use crate::cli::env::Where;
use crate::render;
use deskside_app::{Context, environment};
use deskside_tui::Ui;
use deskside_types::Result;

/// Lists the snapshots.
pub fn history(ui: &Ui, context: &Context, arguments: &Where) -> Result<u8> {
    let report = environment::history::history(context, arguments.project.as_deref())?;
    answer(ui, &report, render::env::history::history)
}
