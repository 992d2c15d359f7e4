//! The program: parse, call a use case, render, exit. No decisions.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests fail by panicking"))]

mod cli;
mod commands;
mod render;
mod usage;
mod variables;

use clap::Parser;
use clap::error::ErrorKind;
use deskside_app::{Host, Machine};
use deskside_tui::{Ui, When};
use deskside_types::{Exit, Problem};
use std::process::ExitCode;

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "a program's own arguments come from nowhere else"
    )]
    let arguments: Vec<_> = std::env::args_os().collect();
    // Device libraries can block for a minute, so they are asked in a child of this same program.
    // It is dispatched before anything else, to stay small and quick.
    match arguments.get(1) {
        Some(first) if first == "__device" => {
            return commands::device(arguments.get(2).cloned(), arguments.get(3).cloned());
        }
        Some(first) if first == deskside_app::queue::SUPERVISOR_COMMAND => {
            return commands::hidden(false);
        }
        Some(first) if first == deskside_app::queue::KEEPER_COMMAND => {
            return commands::hidden(true);
        }
        Some(first) if first == deskside_app::sweep::SWEEP_COMMAND => {
            return commands::sweep_driver(arguments.get(2).cloned());
        }
        Some(first) if first == deskside_app::apply::ROOT_COMMAND => return commands::root(false),
        Some(first) if first == deskside_app::doctor::collect::LOOK_COMMAND => {
            return commands::look(arguments.into_iter().skip(2));
        }
        Some(first) if first == deskside_app::apply::RESUME_COMMAND => return commands::root(true),
        _ => {}
    }
    let parsed = match cli::quick::parse(&arguments) {
        Some(cli) => Ok(cli),
        None => cli::Cli::try_parse_from(&arguments),
    };
    let cli = match parsed {
        Ok(cli) => cli,
        // Help and version are answers; a closed pipe is nobody's fault.
        Err(error) if error.exit_code() == 0 => {
            let _ = error.print();
            return ExitCode::from(Exit::Done.number());
        }
        Err(error) => return bad_usage(&error),
    };
    // A command that is run meets a dead file system itself: no thread is kept to give up on one.
    let host = match &cli.command {
        cli::Command::Run(_) => Host::alone(),
        _ => Host::new(),
    };
    let ui = ui(&cli.global, &host);
    install_panic_hook(cli.global.json);
    deskside_app::interrupt::install();
    match commands::dispatch(&ui, host, cli).and_then(|code| ui.finish().map(|()| code)) {
        Ok(code) => ExitCode::from(code),
        Err(problem) => {
            ui.problem(&problem);
            ExitCode::from(exit_of(&problem))
        }
    }
}

/// Bad usage; nothing is known of the flags but what can be seen without understanding them.
#[expect(
    clippy::disallowed_methods,
    reason = "a program's own arguments come from nowhere else"
)]
fn bad_usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    let host = Host::new();
    let ui = Ui::new(
        When::Auto,
        json,
        false,
        true,
        &variables::surroundings(&host),
    );
    // A call without a command asks what there is: that is shown whole.
    if !json && error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
    } else {
        ui.problem(&usage::problem(error));
    }
    ExitCode::from(Exit::Usage.number())
}

fn exit_of(problem: &Problem) -> u8 {
    problem.code.exit().number()
}

fn ui(global: &cli::Global, host: &dyn Machine) -> Ui {
    let colour = match global.color {
        cli::Colour::Auto => When::Auto,
        cli::Colour::Always => When::Always,
        cli::Colour::Never => When::Never,
    };
    Ui::new(
        colour,
        global.json,
        global.quiet,
        global.no_progress,
        &variables::surroundings(host),
    )
}

/// A panic is a bug: say so in the words of every other error.
fn install_panic_hook(json: bool) {
    std::panic::set_hook(Box::new(move |panic| {
        deskside_tui::top::restore();
        let place = panic.location().map_or_else(String::new, |place| {
            format!("{}:{}", place.file(), place.line())
        });
        let what = panic
            .payload()
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.payload().downcast_ref::<String>().cloned())
            .unwrap_or_default();
        let problem = Problem::new(deskside_types::Code::Bug, "Deskside hit a bug of its own")
            .because(format!("{what} at {place}"))
            .hint("please report it with this message, and with a bundle from `deskside info --record bug.tar.zst`");
        let ui = Ui::new(
            When::Never,
            json,
            false,
            true,
            &deskside_tui::Surroundings::default(),
        );
        ui.problem(&problem);
        std::process::exit(i32::from(Exit::Bug.number()));
    }));
}
