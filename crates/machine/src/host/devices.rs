//! Device libraries, asked in a child process that is killed when they block.

use super::place::Base;
use super::supervising::detach;
use super::{command, executable, process, read, variable};
use crate::command::Command;
use crate::device::{DeviceQuestion, Watch, may_be_there};
use crate::error::{DoorError, ErrorKind};
use deskside_types::run::ProcessIdentity;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The hidden subcommand of the program that answers.
const SUBCOMMAND: &str = "__device";

/// Whether a library may be there; the error says that it is not.
fn present(what: &str, libraries: &[&str]) -> Result<(), DoorError> {
    let linker_list =
        || read::file(&Base::Whole, Path::new("/etc/ld.so.cache"), 16 << 20).unwrap_or_default();
    let library_path = variable("LD_LIBRARY_PATH");
    let is_there = |path: &Path| rustix::fs::stat(path).is_ok();
    if may_be_there(libraries, library_path.as_deref(), is_there, linker_list) {
        return Ok(());
    }
    let detail = "the library is not installed";
    Err(DoorError::new(ErrorKind::Absent, what, detail))
}

/// Asks a library. `program` is what is started; this program's own file when none.
pub(crate) fn ask(
    what: &str,
    question: DeviceQuestion,
    program: Option<&Path>,
) -> Result<serde_json::Value, DoorError> {
    let deadline = question.deadline();
    present(what, question.libraries())?;
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

/// What is kept of what the child said and nobody read; an answer is some kilobytes.
const LONGEST: usize = 1 << 20;

/// A child that holds a library open. It is nobody's child: whoever waits for children of their own never meets it, and when
/// it hangs inside the driver it hangs alone. It ends when it finds its pipe closed.
struct Held {
    what: String,
    pipe: OwnedFd,
    heard: Vec<u8>,
    process: ProcessIdentity,
}

/// Starts it.
pub(crate) fn watch(
    what: &str,
    question: DeviceQuestion,
    every: Duration,
    program: Option<&Path>,
) -> Result<Box<dyn Watch>, DoorError> {
    present(what, question.libraries())?;
    let fail = |error: std::io::Error| DoorError::from_io(what, &error);
    let (output, input) = super::supervising::pipe().map_err(fail)?;
    rustix::fs::fcntl_setfl(&output, rustix::fs::OFlags::NONBLOCK)
        .map_err(|error| fail(error.into()))?;
    let program = match program {
        Some(program) => program.to_path_buf(),
        None => executable().map_err(fail)?,
    };
    let every = every.as_millis().to_string();
    let arguments = [SUBCOMMAND, question.name(), &every];
    let process = detach::started(&program, &arguments, Some(&input))?;
    Ok(Box::new(Held {
        what: what.into(),
        pipe: output,
        heard: Vec::new(),
        process,
    }))
}

impl Watch for Held {
    fn newest(&mut self) -> Result<Option<serde_json::Value>, DoorError> {
        let fail = |detail: &str| DoorError::new(ErrorKind::Failed, &self.what, detail);
        let mut piece = [0_u8; 4096];
        let mut ended = false;
        loop {
            match rustix::io::read(&self.pipe, &mut piece) {
                Ok(0) => {
                    ended = true;
                    break;
                }
                Ok(count) if self.heard.len() < LONGEST => {
                    self.heard.extend_from_slice(&piece[..count]);
                }
                Ok(_) => return Err(fail("it says more than an answer has")),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(DoorError::from_io(&self.what, &error.into())),
            }
        }
        let Some(end) = self.heard.iter().rposition(|byte| *byte == b'\n') else {
            return if ended {
                Err(fail("it has ended"))
            } else {
                Ok(None)
            };
        };
        let from = self.heard[..end]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let value = serde_json::from_slice(&self.heard[from..end])
            .map_err(|_| fail("its answer is no JSON"));
        self.heard.drain(..=end);
        value.map(Some)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It holds nothing of anybody's; one that hangs inside the driver goes as soon as the driver lets it.
        let _ = process::signal(
            &self.what,
            self.process.pid,
            self.process.start_time,
            libc::SIGKILL,
        );
    }
}
