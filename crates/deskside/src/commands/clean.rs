//! `deskside clean` and `deskside reinstall`: wishes of the system layer, shown as `plan` shows them and carried out as
//! `apply` carries them out.

use crate::cli::apply::Apply;
use crate::cli::clean::Shown;
use crate::cli::plan::Plan;
use deskside_app::Context;
use deskside_tui::Ui;
use deskside_types::Result;

/// Shows, prints or keeps the plan.
pub fn plan(ui: &Ui, context: &Context, wishes: Vec<String>, shown: Shown) -> Result<u8> {
    super::plan::plan(
        ui,
        context,
        Plan {
            wishes,
            cuda: None,
            project: None,
            emit: shown.emit,
            out: shown.out,
            exit_code: shown.exit_code,
        },
    )
}

/// Shows the plan, asks as its risk demands, and carries it out.
pub fn carry_out(ui: &Ui, context: &Context, wishes: Vec<String>, shown: Shown) -> Result<u8> {
    super::apply::apply(
        ui,
        context,
        Apply {
            file: None,
            wishes,
            resume: false,
            yes: shown.yes,
            machine_name: shown.machine_name,
            restart: shown.restart,
        },
    )
}
