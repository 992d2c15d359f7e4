//! Calling small programs of the system, and what several kinds of actions share.

use deskside_machine::{Acting, Command, ErrorKind, FileKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Folders of programs that only root needs, and that may not be on its PATH.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// Runs a program that changes something.
///
/// # Errors
/// When it is not there or fails, in its own last words.
pub fn run(machine: &dyn Machine, argv: &[&str], deadline: Duration) -> Result<()> {
    let command = Command::new(argv.iter().copied())
        .deadline(deadline)
        .variable("LC_ALL", "C.UTF-8");
    let shown = command.shown();
    let output = machine.run(command, &mut |_| {})?;
    if output.succeeded() {
        return Ok(());
    }
    let problem = Problem::new(
        Code::CommandFailed,
        format!("`{shown}` failed with exit code {}", output.code),
    );
    Err(output
        .last_lines(5)
        .into_iter()
        .fold(problem, Problem::because))
}

/// What a program that only looks says; none where there is no such program.
///
/// # Errors
/// When it does not end in time.
pub fn said(machine: &dyn Machine, argv: &[&str]) -> Result<Option<(i32, String)>> {
    let command = Command::new(argv.iter().copied())
        .deadline(Duration::from_secs(30))
        .variable("LC_ALL", "C.UTF-8");
    match machine.command(command) {
        Ok(output) => Ok(Some((output.code, output.text()))),
        Err(error) if error.kind == ErrorKind::Absent => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a program is there, on PATH or where root's programs are.
pub fn is_there(machine: &dyn Machine, program: &str) -> bool {
    machine.program(program).is_some()
        || FOLDERS.iter().any(|folder| {
            machine
                .stat(Path::new(folder).join(program))
                .is_ok_and(|stat| stat.kind == FileKind::File && stat.mode & 0o111 != 0)
        })
}

/// A file's text; empty where there is none.
///
/// # Errors
/// When it is there and can't be read.
pub fn text(machine: &dyn Machine, path: &str) -> Result<String> {
    match machine.text(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind == ErrorKind::Absent => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

/// What was noted before an action.
///
/// # Errors
/// When the journal does not hold it.
pub fn noted<T: DeserializeOwned>(before: &Value, what: &str) -> Result<T> {
    serde_json::from_value(before.clone()).map_err(|error| {
        Problem::new(
            Code::JournalUnreadable,
            format!("the journal does not say what {what} was before"),
        )
        .because(error)
    })
}

/// A value as it is noted.
///
/// # Errors
/// Never in practice: such values are plain data.
pub fn note(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| {
        Problem::new(Code::Bug, "could not note what was there before").because(error)
    })
}
