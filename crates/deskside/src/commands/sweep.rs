//! `deskside sweep`.

use super::{answer, confirm};
use crate::cli::sweep::{Sweep, What};
use crate::cli::{Cli, Command};
use crate::render;
use clap::Parser;
use deskside_app::machine::Reading;
use deskside_app::sweep::{self, SweepRequest};
use deskside_app::{Answer, Context};
use deskside_tui::Ui;
use deskside_types::{Code, Problem, Result};
use std::path::Path;

/// Bytes of a file.
const LARGEST_FILE: u64 = 4 << 20;

/// Begins a sweep, or does something to one.
pub fn sweep(ui: &Ui, context: &Context, mut arguments: Sweep) -> Result<u8> {
    match arguments.what.take() {
        None => begin(ui, context, arguments),
        Some(What::List) => answer(ui, &sweep::list(context)?, render::sweep::list),
        Some(What::Show(show)) => {
            let limit = if show.all {
                usize::MAX
            } else {
                show.limit as usize
            };
            let report = sweep::show(context, &show.sweep)?;
            answer(ui, &report, |ui, report| {
                render::sweep::show(ui, report, limit)
            })
        }
        Some(What::Stop(stop)) => answer(
            ui,
            &sweep::stop(context, &stop.sweep, stop.let_running_end)?,
            render::sweep::acted,
        ),
        Some(What::Resume(resume)) => answer(
            ui,
            &sweep::resume(context, &resume.sweep, resume.trials)?,
            render::sweep::acted,
        ),
        Some(What::Best(one)) => {
            answer(ui, &sweep::best(context, &one.sweep)?, render::sweep::best)
        }
        Some(What::Export(export)) => {
            let report = sweep::show(context, &export.sweep)?;
            answer(ui, &report, |ui, report| ui.answer(&sweep::csv(report)))
        }
    }
}

fn begin(ui: &Ui, context: &Context, arguments: Sweep) -> Result<u8> {
    let (plan, detach, yes) = (arguments.plan, arguments.detach, arguments.yes);
    let request = with_file(context, arguments)?;
    let planned = sweep::plan(context, &request)?;
    if plan {
        return answer(ui, &planned, render::sweep::plan);
    }
    if planned.many && !yes {
        confirm::confirm(
            ui,
            "the sweep was not begun",
            &planned.json(),
            || render::sweep::plan(ui, &planned),
            &format!("Begin a sweep of {} runs?", planned.runs),
        )?;
    }
    let begun = sweep::begin(context, &request)?;
    if detach {
        return answer(ui, &begun, render::sweep::begun);
    }
    render::sweep::talk_begun(ui, &begun);
    let mut live = render::sweep::Live::new(ui);
    let watched = sweep::watch(context, &begun.id, |report| live.draw(report));
    live.clear();
    let report = watched?;
    answer(ui, &report, |ui, report| {
        render::sweep::show(ui, report, 10)
    })?;
    // A sweep that gave up, or of which nothing went well, has not done what it was for.
    Ok(u8::from(
        report.why.is_some() || report.course == "stopped" || report.counts.done == 0,
    ))
}

/// What was typed, over what a file says.
fn with_file(context: &Context, mut arguments: Sweep) -> Result<SweepRequest> {
    let Some(path) = arguments.file.take() else {
        return Ok(arguments.request());
    };
    let text = context
        .machine
        .text(context.machine.working_directory()?.join(&path))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(wrong(&path, "it is too large"));
    }
    let file = sweep::read_file(&text).map_err(|why| wrong(&path, &why))?;
    let parsed = parse(&file.options).map_err(|why| wrong(&path, &why))?;
    let nothing = parse(&[]).map_err(|why| wrong(&path, &why))?;
    let mut request = arguments.or(parsed, &nothing).request();
    request.parameters = file.parameters;
    let is_command = |word: &String| {
        !word
            .split_once('=')
            .is_some_and(|(name, _)| sweep::is_name(name))
    };
    if request.command.is_empty() && !request.words.iter().any(is_command) {
        request.command = file.command;
    }
    Ok(request)
}

/// The options of a file, as if they had been typed.
fn parse(words: &[String]) -> std::result::Result<Sweep, String> {
    let words = ["deskside", "sweep"]
        .into_iter()
        .chain(words.iter().map(String::as_str));
    let said = |error: &clap::Error| crate::usage::problem(error).message;
    match Cli::try_parse_from(words) {
        Ok(Cli {
            command: Command::Sweep(sweep),
            ..
        }) => Ok(*sweep),
        Ok(_) => Err("it holds no options of a sweep".into()),
        Err(error) => Err(said(&error)),
    }
}

fn wrong(path: &Path, why: &str) -> Problem {
    Problem::new(Code::SweepFile, format!("{} can't be understood", path.display()))
        .because(why)
        .hint("`command = \"python train.py --lr {lr}\"`, options by their long names, and a table [parameters]; see docs/sweeps.md")
}
