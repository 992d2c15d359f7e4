//! `doctor -- CMD`: runs a command with its output passed through, and keeps the end of it to be explained. The same for
//! the log of a run.

use super::Asked;
use super::examine::LOG_LIMIT;
use crate::Context;
use deskside_machine::{Acting, Effect, ErrorKind, Launch, Machine, Reading};
use deskside_types::{Problem, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// How long a command that is over its limit may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// The exit code of a command that was ended at its limit, as timeout(1) has it.
pub const OVER_THE_LIMIT: i32 = 124;

/// Runs the command to its end; its output goes to this process's own as it comes, all of it to stderr where stdout is
/// for an answer. With a limit it is ended where it has not
/// ended by then: its exit is [`OVER_THE_LIMIT`].
///
/// # Errors
/// When it can't be started.
pub fn command(
    context: &Context,
    argv: Vec<OsString>,
    limit: Option<Duration>,
    to_stderr: bool,
) -> Result<Asked> {
    let machine = &*context.machine;
    let log = place_for_log(context)?;
    let about = as_typed(argv.iter().map(|word| word.to_string_lossy()));
    let launched = machine.launch(&Launch {
        argv,
        directory: None,
        variables: BTreeMap::new(),
        log: log.clone(),
        foreground: true,
        to_stderr,
    });
    let (done, over) = ((Mutex::new(false), Condvar::new()), Mutex::new(false));
    let ended = launched.and_then(|mut child| {
        let process = child.started().process.clone();
        let (done, over) = (&done, &over);
        std::thread::scope(|scope| {
            if let Some(limit) = limit {
                scope.spawn(move || {
                    for (patience, signal) in [(limit, 15), (GRACE, 9)] {
                        if is_over_within(done, patience) {
                            return;
                        }
                        if let Ok(mut over) = over.lock() {
                            *over = true;
                        }
                        // One that has ended meanwhile gets no signal, which is all right.
                        let _ = machine.act(
                            &Effect::Signal {
                                pid: process.pid,
                                start_time: process.start_time,
                                signal,
                            },
                            &mut |_| {},
                        );
                    }
                });
            }
            let ended = child.wait();
            if let Ok(mut flag) = done.0.lock() {
                *flag = true;
            }
            done.1.notify_all();
            ended
        })
    });
    let over = over.into_inner().unwrap_or_default();
    let mut text = end(machine, &log);
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
    // Where even the log could not be kept, that says what is wrong, too.
    if let Some(why) = &ended.log_error {
        text.push_str(&format!("\ndeskside could not keep its output: {why}\n"));
    }
    Ok(Asked {
        about,
        text,
        exit: Some(if over {
            OVER_THE_LIMIT
        } else {
            ended.exit.shell_code()
        }),
    })
}

/// A command as a person types it.
pub(super) fn as_typed(words: impl Iterator<Item = impl AsRef<str>>) -> String {
    words
        .map(|word| deskside_types::shell::quoted(word.as_ref()).to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The failure that a machine was recorded for.
pub(super) fn recorded(machine: &dyn Machine) -> Option<Asked> {
    let (argv, output) = machine.recorded_failure()?;
    let mut text = output.text();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some(Asked {
        about: as_typed(argv.iter()),
        text,
        exit: Some(output.code),
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

/// Where the output is kept meanwhile: in the cache, and where that is full (it may be what the command failed of), in
/// a folder for what passes.
fn place_for_log(context: &Context) -> Result<PathBuf> {
    const ROOM: u64 = 8 << 20;
    let machine = &*context.machine;
    let name = format!("{:016x}.log", machine.random()?);
    let cache = context.directories.cache.join("doctor");
    let made = machine.create_directory(&cache);
    let has_room = |folder: &Path| machine.space(folder).is_ok_and(|space| space.free >= ROOM);
    if made.is_ok() && has_room(&cache) {
        return Ok(cache.join(name));
    }
    for other in ["/tmp", "/var/tmp", "/dev/shm"] {
        let other = Path::new(other);
        if has_room(other) && machine.access(other, true).unwrap_or(false) {
            return Ok(other.join(format!("deskside-{name}")));
        }
    }
    made?;
    Ok(cache.join(name))
}

/// Waits that long for the flag.
fn is_over_within((flag, bell): &(Mutex<bool>, Condvar), patience: Duration) -> bool {
    flag.lock()
        .ok()
        .and_then(|flag| bell.wait_timeout_while(flag, patience, |over| !*over).ok())
        .is_none_or(|(over, _)| *over)
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
