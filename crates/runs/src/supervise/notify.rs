//! Telling somebody that a job is over: by a command, on the desktop, or by a web address as ntfy and its like take it.

use crate::queue::{End, Outcome, Queue, Row, Settled, Spec};
use deskside_machine::{Acting, Command, Directories, Machine};
use std::time::Duration;

/// Nobody is told for longer than that: the next job waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who is told when a job is over.
#[derive(Default)]
pub(super) struct Listeners {
    notify: Vec<String>,
    sweep: Option<String>,
}

impl Listeners {
    /// Those that a job names.
    pub fn of(spec: &Spec) -> Self {
        Self {
            notify: spec.notify.clone(),
            sweep: spec.tags.get("sweep").cloned(),
        }
    }
}

/// Tells everybody the job names. One that can't be told is passed over: the job itself is over all the same.
pub(super) fn tell(
    machine: &dyn Machine,
    directories: &Directories,
    row: &Row,
    outcome: &Outcome,
    listeners: &Listeners,
) {
    if let Some(sweep) = &listeners.sweep {
        crate::sweep::ring(machine, directories, sweep);
    }
    let title = title(row, outcome);
    let body = outcome.reason.clone().unwrap_or_else(|| row.shown.clone());
    let code = outcome.exit.map(|code| code.to_string());
    let variables = [
        ("DESKSIDE_JOB", row.number.to_string()),
        ("DESKSIDE_TITLE", title.clone()),
        ("DESKSIDE_NAME", row.name.clone()),
        ("DESKSIDE_STATE", outcome.word.to_string()),
        ("DESKSIDE_EXIT", code.unwrap_or_default()),
        (
            "DESKSIDE_REASON",
            outcome.reason.clone().unwrap_or_default(),
        ),
    ];
    say(machine, &listeners.notify, &variables, &title, &body);
}

/// Tells everybody named, with variables for those that are a command.
pub(crate) fn say(
    machine: &dyn Machine,
    whom: &[String],
    variables: &[(&str, String)],
    title: &str,
    body: &str,
) {
    for who in whom {
        let _ = machine.run(command(who, variables, title, body), &mut |_| {});
    }
}

/// Tells of a job that was settled, where it is over.
pub(crate) fn told(machine: &dyn Machine, directories: &Directories, settled: &Settled) {
    if let End::Over(outcome) = &settled.end {
        let row = &settled.row;
        let named = Queue::open(machine, directories).and_then(|queue| queue.spec(row.number));
        if let Ok((spec, _)) = named {
            tell(machine, directories, row, outcome, &Listeners::of(&spec));
        }
    }
}

fn title(row: &Row, outcome: &Outcome) -> String {
    let how = match (outcome.word, outcome.exit) {
        ("finished", Some(0)) => "finished".to_string(),
        ("finished", Some(code)) => format!("failed with {code}"),
        (word, _) => word.to_string(),
    };
    format!("{} (job {}) {how}", row.name, row.number)
}

fn command(who: &str, variables: &[(&str, String)], title: &str, body: &str) -> Command {
    if who == "desktop" {
        return Command::new(["notify-send", "--app-name=deskside", title, body])
            .deadline(PATIENCE);
    }
    if who.starts_with("https://") || who.starts_with("http://") {
        // The address may hold a secret, and a program's arguments are everybody's to see: it goes in by stdin.
        let quoted = |text: &str| {
            text.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', " ")
        };
        let mut command = Command::new([
            "curl",
            "--silent",
            "--show-error",
            "--fail",
            "--max-time",
            "10",
            "--config",
            "-",
        ])
        .deadline(PATIENCE);
        command.input = format!(
            "url = \"{}\"\nheader = \"Title: {}\"\ndata = \"{}\"\n",
            quoted(who),
            quoted(title),
            quoted(body)
        )
        .into_bytes();
        return command;
    }
    let mut command = Command::new(["sh", "-c", who]).deadline(PATIENCE);
    for (name, value) in variables {
        command
            .variables
            .insert((*name).into(), Some(value.clone()));
    }
    command
}
