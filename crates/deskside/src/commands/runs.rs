//! `deskside run`, `runs`, `show`, `logs`, `reindex`.

use super::answer;
use crate::cli::{Logs, Run, Runs, Show};
use crate::render;
use deskside_app::runs::{self, Asked};
use deskside_app::{Answer, Context};
use deskside_tui::{Meaning, Ui};
use deskside_types::{Code, Problem, Result, units};
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::Duration;

/// Runs a command, tracked; the exit code is the command's own.
pub fn run(ui: &Ui, context: &Context, arguments: Run) -> Result<u8> {
    if arguments.options.any() {
        return Err(Problem::new(
            Code::Usage,
            "only a queued job has an order, a claim, retries and the like",
        )
        .hint("queue it: `deskside run --queue … -- COMMAND`"));
    }
    let report = deskside_app::run::run(
        context,
        deskside_app::run::RunRequest {
            sample_ms: arguments.sample_ms(),
            argv: arguments.command,
            name: arguments.name,
            experiment: arguments.experiment,
            params: arguments.params.into_iter().collect(),
            tags: arguments.tags.into_iter().collect(),
        },
    )?;
    for warning in &report.warnings {
        ui.talk(&format!(
            "{} {warning}",
            ui.tint("warning:", Meaning::Warning)
        ));
    }
    if ui.json {
        ui.insist(&report.json().to_string());
    } else if std::io::stderr().is_terminal() {
        let span = units::duration(Duration::from_millis(report.duration_ms));
        ui.talk(&ui.tint(
            &format!(
                "run {} {} in {span}{}; deskside show {}",
                report.id,
                report.state,
                report
                    .cost
                    .as_ref()
                    .map_or_else(String::new, |cost| format!(", {}", render::cost::took(cost))),
                report.id
            ),
            Meaning::Quiet,
        ));
    }
    // What a person stopped did not fail.
    if report.exit != 0 && report.state != "stopped" {
        let asked = deskside_app::doctor::run_log(
            &*context.machine,
            &report.folder.join("log"),
            &format!("run {}", report.id),
            report.exit,
        );
        super::doctor::cause(ui, context, asked);
    }
    Ok(u8::try_from(report.exit).unwrap_or(1))
}

/// Lists runs.
pub fn list(ui: &Ui, context: &Context, arguments: Runs) -> Result<u8> {
    let asked = Asked {
        experiment: arguments.experiment,
        state: arguments.state,
        matching: arguments.matching,
        limit: arguments.limit as usize,
    };
    answer(ui, &runs::list(context, &asked)?, render::runs::list)
}

/// Shows one run.
pub fn show(ui: &Ui, context: &Context, arguments: &Show) -> Result<u8> {
    if arguments.diff {
        let report = runs::code_diff(context, &arguments.run)?;
        return answer(ui, &report, render::runs::code_diff);
    }
    answer(
        ui,
        &runs::show(context, &arguments.run)?,
        render::runs::show,
    )
}

/// Prints a run's log: its bytes as they are, or as JSON one object a line of it.
pub fn logs(ui: &Ui, context: &Context, arguments: &Logs) -> Result<u8> {
    let mut failed = None;
    let mut pending = Vec::new();
    let end = runs::log(
        context,
        &arguments.run,
        arguments.lines,
        arguments.follow,
        &mut |bytes| {
            if ui.json {
                pending.extend_from_slice(bytes);
                while let Some(at) = pending.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = pending.drain(..=at).collect();
                    ui.answer_json(&log_line(&line), true);
                }
                return ControlFlow::Continue(());
            }
            match ui.answer_bytes(bytes) {
                Ok(()) => ControlFlow::Continue(()),
                // A reader that went away wants no more; that is no failure.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                    ControlFlow::Break(())
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        },
    )?;
    if !pending.is_empty() {
        ui.answer_json(&log_line(&pending), true);
    }
    if let Some(error) = failed {
        return Err(Problem::new(Code::Effect, "could not write the log on").because(error));
    }
    if let Some(state) = end
        && std::io::stderr().is_terminal()
    {
        let words = render::runs::state(&state.state).0;
        ui.talk(&ui.tint(&format!("the run is over: {words}"), Meaning::Quiet));
    }
    Ok(0)
}

/// A line of a log as JSON; bytes that are no UTF-8 are shown as U+FFFD.
fn log_line(bytes: &[u8]) -> serde_json::Value {
    let text = String::from_utf8_lossy(bytes);
    serde_json::json!({ "schema": "deskside.log-line", "version": 1, "line": text.trim_end_matches(['\n', '\r']) })
}

/// Builds the index anew.
pub fn reindex(ui: &Ui, context: &Context) -> Result<u8> {
    answer(ui, &runs::reindex(context)?, render::runs::reindex)
}
