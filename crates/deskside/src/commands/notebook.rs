//! `deskside notebook`.

use super::answer;
use crate::cli::env::Notebook;
use crate::render;
use deskside_app::Context;
use deskside_app::notebook::{NotebookRequest, kernel, serve, server};
use deskside_tui::{Meaning, Ui};
use deskside_types::{Exit, Result};

/// Writes the kernel specification; starts JupyterLab unless only that is wanted.
pub fn notebook(ui: &Ui, context: &Context, arguments: Notebook) -> Result<u8> {
    let request = NotebookRequest {
        project: arguments.place.project,
        port: arguments.port,
        browser: !arguments.no_browser,
    };
    let report = kernel(context, &request, &mut |_| {})?;
    if arguments.kernel_only {
        return answer(ui, &report, render::notebook::kernel);
    }
    let server = server(context, &request)?;
    ui.talk(&ui.tint(
        &format!(
            "starting JupyterLab in {}; Ctrl-C ends it",
            ui.short(&report.project)
        ),
        Meaning::Quiet,
    ));
    serve(context, &server, &|address| {
        if ui.json {
            let value = serde_json::json!({
                "schema": "deskside.notebook", "version": 1, "address": address,
                "kernel": report.name, "project": report.project,
            });
            ui.answer_json(&value, true);
        } else {
            render::notebook::address(ui, address);
        }
        // Whoever waits for the address at the other end of a pipe must have it now.
        let _ = ui.finish();
    })?;
    Ok(Exit::Done.number())
}
