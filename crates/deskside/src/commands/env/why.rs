//! `deskside env why`.

use crate::cli::env::Why;
use crate::commands::answer;
use crate::render;
use deskside_app::Context;
use deskside_app::environment::{WhyRequest, why};
use deskside_tui::Ui;
use deskside_types::{Code, Problem, Result};

/// Explains which build fits.
pub fn why(ui: &Ui, context: &Context, arguments: Why) -> Result<u8> {
    if arguments.assume.is_some() && context.recorded {
        return Err(
            Problem::new(Code::Usage, "--assume and --machine name two machines")
                .hint("leave one of them away"),
        );
    }
    let report = why::why(
        context,
        &WhyRequest {
            framework: arguments.framework,
            version: arguments.version,
            python: arguments.python,
            assume: arguments.assume,
        },
    )?;
    answer(ui, &report, render::env::why::why)
}
