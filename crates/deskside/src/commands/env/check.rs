//! `deskside env check`.

use crate::cli::env::Check;
use crate::commands::answer;
use crate::render;
use deskside_app::Context;
use deskside_app::environment::check::{Thoroughness, check as look};
use deskside_tui::Ui;
use deskside_types::{Exit, Result};

/// Exits with 1 when something is broken or about to be.
pub fn check(ui: &Ui, context: &Context, arguments: &Check) -> Result<u8> {
    let how = Thoroughness {
        deep: arguments.deep,
        hashes: arguments.hashes,
    };
    let report = look(
        context,
        arguments.place.project.as_deref(),
        how,
        &mut |packages| {
            ui.talk(&format!("importing {packages}"));
        },
    )?;
    let healthy = report.healthy;
    answer(ui, &report, render::env::check::check)?;
    Ok(if healthy { Exit::Done } else { Exit::Failed }.number())
}
