//! `deskside plan`.

use crate::cli::plan::{Form, Plan};
use crate::render;
use deskside_app::plan::{self, PlanRequest};
use deskside_app::{Answer, Context};
use deskside_tui::{Meaning, Ui};
use deskside_types::{Code, Exit, Problem, Result};

/// Shows what would be done.
pub fn plan(ui: &Ui, context: &Context, arguments: Plan) -> Result<u8> {
    if arguments.emit.is_some() && ui.json {
        return Err(
            Problem::new(Code::Usage, "--emit and --json are two forms of one plan")
                .hint("leave one of them away"),
        );
    }
    let mut wishes = arguments.wishes;
    wishes.extend(arguments.cuda.map(|version| format!("cuda={version}")));
    let report = plan::plan(
        context,
        &PlanRequest {
            wishes,
            project: arguments.project,
        },
    )?;
    if let Some(path) = &arguments.out {
        let path = plan::keep(context, &report, path)?;
        ui.talk(&format!(
            "the plan is in {}",
            ui.tint(&ui.short(&path.display().to_string()), Meaning::Hint)
        ));
    }
    if arguments.emit == Some(Form::Sh) {
        ui.answer(plan::script(&report).trim_end());
    } else if ui.json {
        ui.answer_json(&report.json(), false);
    } else {
        render::system::plan(ui, &report);
    }
    let pending = arguments.exit_code && !report.system.plan.is_empty();
    Ok(if pending { Exit::Pending } else { Exit::Done }.number())
}
