//! Device libraries, asked in a child process that is killed when they block.

use super::place::Base;
use super::{command, executable, read, variable};
use crate::command::Command;
use crate::device::{DeviceQuestion, may_be_there};
use crate::error::{DoorError, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The hidden subcommand of the program that answers.
const SUBCOMMAND: &str = "__device";

/// Asks a library. `program` is what is started; this program's own file when none.
pub(crate) fn ask(
    what: &str,
    question: DeviceQuestion,
    program: Option<&Path>,
) -> Result<serde_json::Value, DoorError> {
    let deadline = question.deadline();
    let linker_list =
        || read::file(&Base::Whole, Path::new("/etc/ld.so.cache"), 16 << 20).unwrap_or_default();
    let library_path = variable("LD_LIBRARY_PATH");
    if !may_be_there(
        question.libraries(),
        library_path.as_deref(),
        |path| rustix::fs::stat(path).is_ok(),
        linker_list,
    ) {
        return Err(DoorError::new(
            ErrorKind::Absent,
            what,
            "the library is not installed",
        ));
    }
    let program = match program {
        Some(program) => program.to_path_buf(),
        None => executable().map_err(|error| DoorError::from_io(what, &error))?,
    };
    run(what, question, program, deadline)
}

fn run(
    what: &str,
    question: DeviceQuestion,
    program: PathBuf,
    deadline: Duration,
) -> Result<serde_json::Value, DoorError> {
    let fail = |detail: String| DoorError::new(ErrorKind::Failed, what, detail);
    let program = program
        .into_os_string()
        .into_string()
        .map_err(|_| fail("this program's path is no UTF-8".into()))?;
    let mut command =
        Command::new([program.as_str(), SUBCOMMAND, question.name()]).deadline(deadline);
    command.limit = 4 << 20;
    for hidden in question.without() {
        command.variables.insert((*hidden).into(), None);
    }
    let output = command::ask(what, &command)?;
    if !output.succeeded() {
        // A library can take its process down with it.
        let last = output.last_lines(1).join("");
        return Err(fail(
            format!(
                "the process that asked it ended with code {} {last}",
                output.code
            )
            .trim_end()
            .into(),
        ));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| fail(format!("its answer is no JSON: {error}")))
}
