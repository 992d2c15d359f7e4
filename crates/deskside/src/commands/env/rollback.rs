//! `deskside env rollback`.

use super::change;
use crate::cli::env::Rollback;
use deskside_app::{Context, environment};
use deskside_tui::Ui;
use deskside_types::Result;

/// Shows what will change, and brings the snapshot back.
pub fn rollback(ui: &Ui, context: &Context, arguments: &Rollback) -> Result<u8> {
    let project = arguments.change.project.as_deref();
    let only_plan = arguments.change.plan;
    let prepared = environment::rollback::rollback(context, project, &arguments.to, only_plan)?;
    change(
        ui,
        context,
        &prepared,
        only_plan,
        arguments.change.exit_code,
    )
}
