//! `doctor -- CMD`: runs a command with its output passed through, and keeps the end of it to be explained. The same for
//! the log of a run.

use super::Asked;
use super::examine::LOG_LIMIT;
use crate::Context;
use deskside_machine::{Acting, ErrorKind, Launch, Machine, Reading};
use deskside_types::{Problem, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// Runs the command to its end; its output goes to this process's own as it comes.
///
/// # Errors
/// When it can't be started.
pub fn command(context: &Context, argv: Vec<OsString>) -> Result<Asked> {
    let machine = &*context.machine;
    let folder = context.directories.cache.join("doctor");
    machine.create_directory(&folder)?;
    let log = folder.join(format!("{:016x}.log", machine.random()?));
    let about = argv
        .iter()
        .map(|word| deskside_types::shell::quoted(&word.to_string_lossy()).to_string())
        .collect::<Vec<_>>()
        .join(" ");
    let launched = machine.launch(&Launch {
        argv,
        directory: None,
        variables: BTreeMap::new(),
        log: log.clone(),
        foreground: true,
    });
    let ended = launched.and_then(|mut child| child.wait());
    let text = end(machine, &log);
    // What can't be removed lies in the cache, and is no reason to say nothing.
    let _ = machine.remove_file(&log);
    if let Err(error) = &ended
        && let Some((text, exit)) = as_a_shell(&about, error.kind)
    {
        return Ok(Asked {
            about,
            text,
            exit: Some(exit),
        });
    }
    let ended = ended.map_err(|error| {
        let program = about.split(' ').next().unwrap_or_default().to_string();
        Problem::from(error).within(format!("could not start {program}"))
    })?;
    Ok(Asked {
        about,
        text,
        exit: Some(ended.exit.shell_code()),
    })
}

/// What a shell says of a program that can't be started, and its exit code: that is what people know, and what is explained.
fn as_a_shell(about: &str, kind: ErrorKind) -> Option<(String, i32)> {
    let program = about.split(' ').next().unwrap_or_default();
    match kind {
        ErrorKind::Absent => Some((format!("{program}: command not found\n"), 127)),
        ErrorKind::Denied => Some((format!("{program}: Permission denied\n"), 126)),
        _ => None,
    }
}

/// The log of a run that ended, to be explained.
pub fn run_log(machine: &dyn Machine, log: &Path, about: &str, exit: i32) -> Asked {
    Asked {
        about: about.to_string(),
        text: end(machine, log),
        exit: Some(exit),
    }
}

/// The end of a log, whatever bytes are in it.
fn end(machine: &dyn Machine, log: &Path) -> String {
    let limit = LOG_LIMIT as u64;
    let size = machine.stat(log).map_or(0, |stat| stat.size);
    let bytes = machine
        .file_part(log, size.saturating_sub(limit), limit)
        .unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
