//! `deskside choose`.

use super::answer;
use super::confirm::{has_terminal, reply};
use crate::cli::choose::Choose;
use crate::render;
use deskside_app::Context;
use deskside_app::choose::{self, ChooseRequest, METHODS, Wish};
use deskside_tui::Ui;
use deskside_types::Result;

/// Compares platforms for what a person does; asks for it where nothing was said and there is somebody to ask.
pub fn choose(ui: &Ui, context: &Context, arguments: Choose, verbose: bool) -> Result<u8> {
    let mut wish = arguments.wish();
    if wish.is_empty() && arguments.scenario.is_none() && !ui.json && has_terminal() {
        ask(ui, &mut wish);
    }
    let request = ChooseRequest {
        wish,
        scenario: arguments.scenario,
        only: arguments.why,
    };
    let report = choose::choose(context, &request)?;
    let whole = verbose || request.only.is_some();
    answer(ui, &report, |ui, report| {
        render::choose::choose(ui, report, whole);
    })
}

/// One question after another; what is left empty is left open.
fn ask(ui: &Ui, wish: &mut Wish) {
    let words = |text: String| -> Vec<String> {
        text.split([',', ' '])
            .filter(|word| !word.is_empty())
            .map(str::to_string)
            .collect()
    };
    let number = |text: String| text.replace(',', ".").parse::<f64>().ok();
    ui.insist("Each question can be left empty. The same as options: `deskside choose --help`.");
    wish.models = words(reply(ui, "Models (names, folders, or sizes like 8B):"));
    if wish.models.is_empty() {
        return;
    }
    if wish.methods.is_empty() {
        wish.methods = words(reply(
            ui,
            &format!("What is done with them ({}):", METHODS.join(", ")),
        ));
    }
    wish.hours_a_week = wish
        .hours_a_week
        .or_else(|| number(reply(ui, "Hours a week that an accelerator works:")));
    wish.budget = wish
        .budget
        .or_else(|| number(reply(ui, "The most that may be paid at once:")));
    wish.budget_a_month = wish
        .budget_a_month
        .or_else(|| number(reply(ui, "The most that may be paid a month:")));
    let yes = |text: String| matches!(text.to_lowercase().as_str(), "y" | "yes");
    wish.quiet = wish.quiet || yes(reply(ui, "Must it be quiet? [y/N]"));
    wish.portable = wish.portable || yes(reply(ui, "Must it be usable from anywhere? [y/N]"));
    if wish.code.is_empty() && wish.project.is_none() {
        wish.code = words(reply(
            ui,
            "Software your code rests on (flash-attn, bitsandbytes, vllm, triton, …):",
        ));
    }
    if wish.country.is_none() && wish.tariff.is_none() {
        wish.country = Some(reply(
            ui,
            "Country, for the electricity tariff (DE, US, …):",
        ))
        .map(|code| code.to_uppercase())
        .filter(|code| !code.is_empty());
    }
}
