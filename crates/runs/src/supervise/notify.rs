//! Telling somebody that a job is over: by a command, on the desktop, or by a web address as ntfy and its like take it.

use crate::queue::{End, Outcome, Queue, Row, Settled};
use deskside_machine::{Acting, Command, Directories, Machine};
use std::time::Duration;

/// Nobody is told for longer than that: the next job waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// Tells everybody the job names. One that can't be told is passed over: the job itself is over all the same.
pub(super) fn tell(machine: &dyn Machine, row: &Row, outcome: &Outcome, everybody: &[String]) {
    let title = title(row, outcome);
    let body = outcome.reason.clone().unwrap_or_else(|| row.shown.clone());
    for who in everybody {
        let _ = machine.run(command(who, row, outcome, &title, &body), &mut |_| {});
    }
}

/// Tells of a job that was settled, where it is over.
pub(crate) fn told(machine: &dyn Machine, directories: &Directories, settled: &Settled) {
    if let End::Over(outcome) = &settled.end {
        let row = &settled.row;
        let named = Queue::open(machine, directories).and_then(|queue| queue.spec(row.number));
        if let Ok((spec, _)) = named {
            tell(machine, row, outcome, &spec.notify);
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

/// Tells everybody named of something that is no job's end, with variables for those that are a command.
pub(crate) fn say(
    machine: &dyn Machine,
    whom: &[String],
    variables: &[(&str, String)],
    title: &str,
    body: &str,
) {
    for who in whom {
        let mut command = plain(who, title, body);
        for (name, value) in variables {
            command
                .variables
                .insert((*name).into(), Some(value.clone()));
        }
        let _ = machine.run(command, &mut |_| {});
    }
}

fn plain(who: &str, title: &str, body: &str) -> Command {
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
    Command::new(["sh", "-c", who]).deadline(PATIENCE)
}

fn command(who: &str, row: &Row, outcome: &Outcome, title: &str, body: &str) -> Command {
    let mut command = plain(who, title, body);
    let mut set = |name: &str, value: String| {
        command.variables.insert(name.into(), Some(value));
    };
    set("DESKSIDE_JOB", row.number.to_string());
    set("DESKSIDE_TITLE", title.to_string());
    set("DESKSIDE_NAME", row.name.clone());
    set("DESKSIDE_STATE", outcome.word.to_string());
    set(
        "DESKSIDE_EXIT",
        outcome
            .exit
            .map(|code| code.to_string())
            .unwrap_or_default(),
    );
    set(
        "DESKSIDE_REASON",
        outcome.reason.clone().unwrap_or_default(),
    );
    command
}
