//! `deskside notebook`.

use super::answer;
use crate::cli::env::Notebook;
use crate::render;
use deskside_app::notebook::{self, NotebookRequest};
use deskside_app::{Context, Event, Progress};
use deskside_tui::{Meaning, Steps, Ui};
use deskside_types::Result;

/// Writes the kernel specification, and starts JupyterLab unless only that is wanted.
pub fn notebook(ui: &Ui, context: &Context, arguments: Notebook) -> Result<u8> {
    let request = NotebookRequest {
        project: arguments.place.project,
        kernel_only: arguments.kernel_only,
        port: arguments.port,
        no_browser: arguments.no_browser,
    };
    let mut steps = Steps::new(ui);
    let kernel = notebook::kernel(context, &request, &mut |event| match event {
        Event::Begin { step, place, of } => steps.begin(&step.title, place, of),
        Event::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
        Event::Progress(Progress::Line(line)) => steps.line(line),
        Event::Done { span, .. } => steps.done(span),
        Event::Satisfied { .. } => {}
    })?;
    drop(steps);
    if request.kernel_only {
        return answer(ui, &kernel.report, render::env::notebook::kernel);
    }
    ui.talk(&ui.tint("starting JupyterLab", Meaning::Quiet));
    let started = notebook::start(context, kernel, &request)?;
    render::env::notebook::address(ui, &started.address);
    let report = started.wait()?;
    let code = report.exit.unwrap_or(0);
    answer(ui, &report, render::env::notebook::ended)?;
    // Ctrl-C is how a person ends it.
    Ok(if matches!(code, 0 | 130 | 143) { 0 } else { 1 })
}
