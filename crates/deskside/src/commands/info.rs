//! `deskside info`.

use super::answer;
use crate::cli::Info;
use crate::render;
use deskside_app::{Context, Machine, info};
use deskside_tui::{Meaning, Ui};
use deskside_types::Result;
use std::path::Path;
use std::sync::Arc;

/// Shows what a machine is.
pub fn info(
    ui: &Ui,
    machine: Arc<dyn Machine>,
    bundle: Option<&Path>,
    arguments: &Info,
    verbose: bool,
) -> Result<u8> {
    let report = match (bundle, &arguments.record) {
        (Some(_), Some(_)) => return Err(Context::refusal("info --record")),
        (Some(bundle), None) => info::info(&*Context::recorded(bundle, machine)?.machine),
        (None, Some(path)) => {
            let report = info::record(&Context::here(machine)?, path)?;
            ui.talk(&format!(
                "recorded, redacted, to {}",
                ui.tint(&path.display().to_string(), Meaning::Hint)
            ));
            report
        }
        (None, None) => info::info(&*machine),
    };
    answer(ui, &report, |ui, report| {
        render::info::info(ui, report, verbose)
    })
}
