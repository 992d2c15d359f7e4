//! `deskside cost`.

use super::answer;
use crate::cli::cost::{Cost, Question as Asked};
use crate::render;
use deskside_app::Context;
use deskside_app::cost::{self, CostRequest, Question};
use deskside_tui::Ui;
use deskside_types::Result;

/// The span that is added up where nothing is asked.
const USUAL_SPAN: &str = "30d";

/// Answers one of the three questions, or adds up what runs took.
pub fn cost(ui: &Ui, context: &Context, arguments: Cost) -> Result<u8> {
    let set = arguments.set();
    let nothing = arguments.question.is_none() && arguments.scenario.is_none();
    let emits = arguments.emit.is_some();
    if arguments.since.is_some() || (nothing && !emits) {
        let span = arguments.since.as_deref().unwrap_or(USUAL_SPAN);
        let report = cost::since(context, span, arguments.scenario.as_deref(), &set)?;
        return answer(ui, &report, render::cost::since);
    }
    let report = cost::cost(
        context,
        &CostRequest {
            question: arguments.question.map(|question| match question {
                Asked::Buy => Question::Buy,
                Asked::Keep => Question::Keep,
                Asked::Job => Question::Job,
            }),
            scenario: arguments.scenario,
            set,
        },
    )?;
    if emits && !ui.json {
        ui.answer(report.scenario().trim_end());
        return Ok(0);
    }
    answer(ui, &report, render::cost::cost)
}
