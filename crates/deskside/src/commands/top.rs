//! `deskside top`: looks, draws, does what keys ask for.

use crate::cli::watch::Top;
use deskside_app::machine::Reading;
use deskside_app::queue::{self, Action, MoveTo};
use deskside_app::{Answer, Context, interrupt, top as watch};
use deskside_tui::Ui;
use deskside_tui::top::{State, Terminal, Wanted, press, read, view};
use deskside_types::{Code, Problem, Result};
use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Lines of a log that are asked for: the tallest terminal.
const LINES: usize = 200;

/// Draws until it is left.
pub fn top(ui: &Ui, context: &Context, arguments: &Top) -> Result<u8> {
    if arguments.once || ui.json {
        let report = watch::once(context)?;
        if ui.json {
            ui.answer_json(&report.json(), false);
            return Ok(0);
        }
        let rows = 12 + report.gpus.len() * 2 + report.running.len() + report.waiting.len();
        let mut state = State::new(ui.unicode);
        state.clock = ui.moment(report.at);
        state.take(report);
        let frame = view(&state, ui.width.max(60), rows.clamp(20, 60));
        // The last row names keys, which nobody can press.
        let text = frame.text();
        let kept: Vec<&str> = text
            .lines()
            .filter(|line| !line.ends_with("q quit"))
            .collect();
        ui.answer(kept.join("\n").trim_end());
        return Ok(0);
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Problem::new(
            Code::NoTerminal,
            "`deskside top` draws on a terminal, and there is none",
        )
        .hint("one frame as text: `deskside top --once`")
        .hint("what it is drawn from: `deskside top --json`"));
    }
    let terminal = Terminal::take(ui.colour).map_err(|error| {
        Problem::new(Code::NoTerminal, "the terminal can't be drawn on").because(error)
    })?;
    watched(
        ui,
        context,
        terminal,
        arguments.every.max(Duration::from_millis(200)),
    )
}

fn watched(ui: &Ui, context: &Context, mut terminal: Terminal, every: Duration) -> Result<u8> {
    let mut looking = watch::Watch::new(every);
    let mut state = State::new(ui.unicode);
    let (tell, told): (Sender<String>, Receiver<String>) = channel();
    let (mut due, mut drawn) = (Duration::ZERO, None);
    let gone = |error: std::io::Error| {
        Problem::new(Code::NoTerminal, "the terminal is gone").because(error)
    };
    loop {
        if interrupt::requested() {
            return Err(Problem::new(Code::Interrupted, "left"));
        }
        let now = context.machine.now()?.monotonic;
        let mut changed = false;
        if let Ok(message) = told.try_recv() {
            state.message = Some(message);
            looking.changed();
            due = now;
            changed = true;
        }
        if now >= due {
            due = now + every;
            let run = state.row().and_then(|row| row.run);
            match looking.look(context, run.as_deref(), LINES) {
                Ok(report) => {
                    let at = ui.moment_to_the_second(report.at);
                    state.clock = at;
                    let first = state.report.is_none();
                    state.take(report);
                    // The run in the first row is looked at as soon as it is known.
                    if first && state.row().is_some() {
                        due = now;
                    }
                }
                Err(problem) if problem.code == Code::Interrupted => return Err(problem),
                Err(problem) => state.message = Some(problem.message),
            }
            changed = true;
        }
        let size = terminal.size();
        if changed || drawn != Some(size) {
            drawn = Some(size);
            terminal.show(view(&state, size.0, size.1)).map_err(gone)?;
        }
        // It waits a moment: a new size of the terminal is seen as soon.
        let Some(bytes) = terminal.keys() else {
            return Ok(0);
        };
        for key in read(&bytes) {
            let chosen = state.chosen;
            let wanted = press(&mut state, key);
            if wanted == Wanted::Quit {
                return Ok(0);
            }
            if chosen != state.chosen || state.open {
                due = now;
            }
            act(context, wanted, &tell);
            drawn = None;
        }
    }
}

/// Does what a key asked for on a thread of its own: ending a job takes its grace.
fn act(context: &Context, wanted: Wanted, tell: &Sender<String>) {
    let (job, action) = match wanted {
        Wanted::Nothing | Wanted::Quit => return,
        Wanted::Stop(job) => (job, Action::Stop(None)),
        Wanted::Hold(job) => (job, Action::Hold),
        Wanted::Release(job) => (job, Action::Release),
        Wanted::Before(job, other) => (job, Action::Move(MoveTo::Before(other))),
        Wanted::Behind(job, other) => (job, Action::Move(MoveTo::Behind(other))),
    };
    let (context, tell) = (context.clone(), tell.clone());
    let doing = std::thread::Builder::new().name("deskside-act".into());
    // Without a thread nothing was done, and the list says so.
    let _ = doing.spawn(move || {
        let message = match queue::act(&context, std::slice::from_ref(&job), &action) {
            Ok(report) => report
                .jobs
                .iter()
                .map(|acted| format!("{} {}", acted.name, acted.done))
                .collect::<Vec<_>>()
                .join(", "),
            Err(problem) => problem.message,
        };
        // The view may have been left meanwhile.
        let _ = tell.send(message);
    });
}
