//! One file a command: call the use case, hand its report to the renderer.

mod apply;
mod choose;
mod clean;
mod confirm;
mod cost;
mod doctor;
mod env;
mod fit;
mod generate;
mod info;
mod notebook;
mod offers;
mod plan;
mod queue;
mod runs;
mod space;
mod sweep;
mod top;
mod undo;
mod up;
mod watch;

use crate::cli::{Cli, Command};
use crate::render;
use clap::Parser;
use deskside_app::machine::{Acting, Durability, Fault, Faulty, Reading};
use deskside_app::queue::Action;
use deskside_app::{Answer, Context, Host, Machine};
use deskside_tui::Ui;
use deskside_types::{Code, Problem, Result};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

/// Calls the command's use case; returns the exit code.
pub fn dispatch(ui: &Ui, host: Host, cli: Cli) -> Result<u8> {
    let machine = live(host)?;
    let bundle = cli.global.machine;
    // What changes a machine never gets a recorded one; what only looks takes either.
    let live = |command: &str| match &bundle {
        None => Context::here(machine.clone()),
        Some(_) => Err(Context::refusal(command)),
    };
    let either = || match &bundle {
        None => Context::here(machine.clone()),
        Some(path) => Context::recorded(path, machine.clone()),
    };
    match cli.command {
        Command::Up(arguments) if arguments.plan => up::plan(ui, &either()?, arguments),
        Command::Up(arguments) => {
            let context = live("up")?;
            up::up(ui, &context, arguments).map_err(|problem| doctor::with_cause(&context, problem))
        }
        Command::Info(arguments) => info::info(
            ui,
            machine.clone(),
            bundle.as_deref(),
            &arguments,
            cli.global.verbose,
        ),
        Command::Doctor(arguments) if arguments.fix => {
            let context = live("doctor --fix")?;
            // The one answer on stdout is the doctor's.
            let beside = ui.beside();
            let own = |words: Vec<String>| own(if ui.json { &beside } else { ui }, &words);
            doctor::fix(ui, &context, &arguments, cli.global.verbose, &own)
        }
        Command::Doctor(arguments) => doctor::doctor(ui, &either()?, arguments, cli.global.verbose),
        Command::ExplainError(arguments) => {
            doctor::explain_error(ui, &either()?, &arguments, cli.global.verbose)
        }
        Command::Plan(arguments) => plan::plan(ui, &either()?, arguments),
        Command::Clean(arguments) if arguments.shown.plan() => {
            clean::plan(ui, &either()?, arguments.wishes(), arguments.shown)
        }
        Command::Clean(arguments) => {
            clean::carry_out(ui, &live("clean")?, arguments.wishes(), arguments.shown)
        }
        Command::Reinstall(arguments) if arguments.shown.plan() => {
            clean::plan(ui, &either()?, arguments.wishes(), arguments.shown)
        }
        Command::Reinstall(arguments) => {
            clean::carry_out(ui, &live("reinstall")?, arguments.wishes(), arguments.shown)
        }
        Command::Apply(arguments) => {
            let context = live("apply")?;
            apply::apply(ui, &context, arguments)
                .map_err(|problem| doctor::with_cause(&context, problem))
        }
        Command::Env(arguments) => {
            env::env(ui, &live, &either, arguments).map_err(|problem| match either() {
                Ok(context) => doctor::with_cause(&context, problem),
                Err(_) => problem,
            })
        }
        Command::Notebook(arguments) => notebook::notebook(ui, &live("notebook")?, arguments),
        Command::Fit(arguments) => fit::fit(ui, &either()?, *arguments),
        Command::Choose(arguments) => {
            choose::choose(ui, &either()?, *arguments, cli.global.verbose)
        }
        Command::Offers(arguments) if arguments.action.is_none() => {
            offers::offers(ui, &either()?, arguments)
        }
        Command::Offers(arguments) => offers::offers(ui, &live("offers")?, arguments),
        Command::Cost(arguments) => cost::cost(ui, &either()?, *arguments),
        Command::Run(arguments) if arguments.queue => {
            queue::queue_one(ui, &live("run --queue")?, *arguments)
        }
        Command::Run(arguments) => runs::run(ui, &live("run")?, *arguments),
        Command::Queue(arguments) => queue::queue(ui, &live("queue")?, *arguments),
        Command::Ps => answer(
            ui,
            &deskside_app::queue::ps(&live("ps")?)?,
            render::queue::ps,
        ),
        Command::Stop(arguments) => queue::act(
            ui,
            &live("stop")?,
            &arguments.jobs,
            &Action::Stop(arguments.grace),
        ),
        Command::Pause(arguments) => {
            queue::act(ui, &live("pause")?, &arguments.jobs, &Action::Pause)
        }
        Command::Resume(arguments) => {
            queue::act(ui, &live("resume")?, &arguments.jobs, &Action::Resume)
        }
        Command::Wait(arguments) => queue::wait(ui, &live("wait")?, &arguments.jobs),
        Command::Rerun(arguments) => answer(
            ui,
            &deskside_app::queue::rerun(&live("rerun")?, &arguments.job, arguments.live)?,
            render::queue::queued,
        ),
        Command::Top(arguments) => top::top(ui, &live("top")?, &arguments),
        Command::Usage(arguments) => answer(
            ui,
            &deskside_app::usage::usage(&either()?, &arguments.since)?,
            render::watch::usage,
        ),
        Command::Sampler(arguments) => watch::sampler(ui, &live("sampler")?, arguments),
        Command::Space(arguments) => space::space(ui, &live("space")?, arguments),
        Command::Sweep(arguments) => sweep::sweep(ui, &live("sweep")?, *arguments),
        Command::Runs(arguments) => runs::list(ui, &either()?, arguments),
        Command::Show(arguments) => runs::show(ui, &either()?, &arguments),
        Command::Logs(arguments) => runs::logs(ui, &either()?, &arguments),
        Command::Reindex => runs::reindex(ui, &live("reindex")?),
        Command::History => answer(
            ui,
            &deskside_app::history::history(&either()?)?,
            render::history::history,
        ),
        Command::Undo(arguments) => undo::undo(ui, &live("undo")?, &arguments),
        Command::Explain(arguments) => explain(ui, &either, arguments.code.as_deref()),
        Command::Completions(arguments) => generate::completions(ui, arguments.shell),
        Command::Generate(arguments) => generate::generate(ui, machine, arguments.what),
    }
}

/// Carries out one of this program's own commands, as if it had been typed.
fn own(ui: &Ui, words: &[String]) -> Result<u8> {
    let words = std::iter::once("deskside").chain(words.iter().map(String::as_str));
    let cli = Cli::try_parse_from(words).map_err(|error| crate::usage::problem(&error))?;
    dispatch(ui, Host::new(), cli)
}

/// The hidden child that asks a device library: prints its answer as JSON; with a rhythm in milliseconds, again and again.
pub fn device(library: Option<OsString>, every: Option<OsString>) -> ExitCode {
    let name = library.unwrap_or_default();
    let every = every.and_then(|text| text.to_str()?.parse().ok());
    if let Some(every) = every.map(std::time::Duration::from_millis) {
        let mut output = std::io::stdout();
        deskside_app::machine::device::tell(&name.to_string_lossy(), every, &mut output);
        return ExitCode::SUCCESS;
    }
    let value = deskside_app::machine::device::answer(&name.to_string_lossy());
    Ui::new(
        deskside_tui::When::Never,
        true,
        true,
        true,
        &deskside_tui::Surroundings::default(),
    )
    .answer_json(&value, true);
    ExitCode::SUCCESS
}

/// The hidden processes of the queue: a supervisor of jobs, or the keeper.
pub fn hidden(keeper: bool) -> ExitCode {
    let variable = if keeper {
        "DESKSIDE_KEEPER_FAULT"
    } else {
        "DESKSIDE_SUPERVISOR_FAULT"
    };
    let outcome = faulty(Arc::new(Host::alone()), variable)
        .and_then(Context::here)
        .and_then(|context| deskside_app::queue::hidden(&context, keeper));
    // Nobody listens; what went wrong is in the queue's folder.
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => ExitCode::from(problem.code.exit().number()),
    }
}

/// The hidden process of a sweep: queues its trials.
pub fn sweep_driver(id: Option<OsString>) -> ExitCode {
    let id = id.unwrap_or_default();
    let outcome = faulty(Arc::new(Host::alone()), "DESKSIDE_SWEEP_FAULT")
        .and_then(Context::here)
        .and_then(|context| deskside_app::sweep::hidden(&context, &id.to_string_lossy()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => ExitCode::from(problem.code.exit().number()),
    }
}

/// The hidden process of `doctor --root`: root's eyes. Prints what it sees of the items that it is given, a line each.
pub fn look(names: impl Iterator<Item = OsString>) -> ExitCode {
    deskside_app::interrupt::leave_to_parent();
    let names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let surroundings = deskside_tui::Surroundings::default();
    let ui = Ui::new(deskside_tui::When::Never, true, true, true, &surroundings);
    for seen in deskside_app::doctor::collect::look(&Host::new(), &names) {
        ui.answer_json(&seen, true);
    }
    match ui.finish() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => ExitCode::from(problem.code.exit().number()),
    }
}

/// The hidden processes of root: the one that `apply` talks with, and the one that goes on after a restart.
pub fn root(after_restart: bool) -> ExitCode {
    deskside_app::interrupt::leave_to_parent();
    let outcome = faulty(Arc::new(Host::new()), "DESKSIDE_ROOT_FAULT").and_then(|machine| {
        if after_restart {
            deskside_app::apply::resume(&*machine).map(drop)
        } else {
            deskside_app::apply::serve(&*machine)
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let surroundings = deskside_tui::Surroundings::default();
            Ui::new(deskside_tui::When::Never, false, true, true, &surroundings).problem(&problem);
            ExitCode::from(problem.code.exit().number())
        }
    }
}

/// Prints a report as JSON or as text.
pub fn answer<T: Answer>(ui: &Ui, report: &T, text: impl FnOnce(&Ui, &T)) -> Result<u8> {
    if ui.json {
        ui.answer_json(&report.json(), false)
    } else {
        text(ui, report)
    }
    Ok(0)
}

/// This machine; for tests of this program, one that fails or dies at a chosen effect.
fn live(host: Host) -> Result<Arc<dyn Machine>> {
    faulty(Arc::new(host), "DESKSIDE_FAULT")
}

/// `FAULT` breaks every process that has the variable; `FAULT!FILE` only the first, which makes the file.
fn faulty(machine: Arc<dyn Machine>, variable: &str) -> Result<Arc<dyn Machine>> {
    let Some(text) = machine.variable(variable) else {
        return Ok(machine);
    };
    let (fault, once) = match text.split_once('!') {
        Some((fault, file)) => (fault, Some(file)),
        None => (text.as_str(), None),
    };
    if let Some(file) = once {
        if machine.exists(file)? {
            return Ok(machine);
        }
        machine.write_file(file, "", 0o600, Durability::Process)?;
    }
    let fault = Fault::parse(fault).ok_or_else(|| {
        Problem::new(Code::Usage, format!("{variable}={text} is not understood"))
            .hint("it is for tests only: unset it")
    })?;
    Ok(Arc::new(Faulty::killing(machine, fault)))
}

fn explain(ui: &Ui, context: &dyn Fn() -> Result<Context>, code: Option<&str>) -> Result<u8> {
    let Some(code) = code else {
        for (place, report) in deskside_app::explain::all().iter().enumerate() {
            if ui.json {
                ui.answer_json(&report.json(), true);
            } else {
                if place > 0 {
                    ui.answer("");
                }
                render::explain::explain(ui, report);
            }
        }
        return Ok(0);
    };
    match deskside_app::explain::explain(code) {
        Ok(report) => answer(ui, &report, render::explain::explain),
        // No code: a change, by the name that the history gives it.
        Err(problem) => match deskside_app::explain::change(&context()?, code)? {
            Some(report) => answer(ui, &report, render::explain::change),
            None => Err(problem),
        },
    }
}
