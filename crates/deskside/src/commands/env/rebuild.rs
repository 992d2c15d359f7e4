//! `deskside env rebuild`.

use super::change;
use crate::cli::env::Rebuild;
use deskside_app::{Context, environment};
use deskside_tui::Ui;
use deskside_types::Result;

/// Makes the environment anew.
pub fn rebuild(ui: &Ui, context: &Context, arguments: &Rebuild) -> Result<u8> {
    let project = arguments.change.project.as_deref();
    let only_plan = arguments.change.plan;
    let prepared = environment::rebuild::rebuild(context, project, only_plan)?;
    change(
        ui,
        context,
        &prepared,
        only_plan,
        arguments.change.exit_code,
    )
}
