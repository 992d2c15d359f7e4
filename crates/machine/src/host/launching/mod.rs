//! Long-running children: started, watched, and left alive whatever happens to their watcher.
//!
//! In the background a child writes straight into its log, in a session of its own: it needs
//! nobody. In the foreground what it says goes through this process, into the log and on.

mod relay;
mod terminal;

use super::ending::Ending;
use super::place::{Base, parent};
use super::process;
use super::programs::{Program, not_started};
use crate::error::DoorError;
use crate::interrupt::{self, Hold, STOPPING};
use crate::launch::{Child, Ended, Launch, Started};
use deskside_types::run::{ProcessIdentity, RunExit};
use relay::{Relay, Target};
use rustix::fs::{Mode, OFlags, openat};
use rustix::process::Signal;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use terminal::Terminal;

/// Starts a child.
pub(crate) fn launch(launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
    // Never the words behind it: an API key may be among them, and this is written down.
    let program = launch.argv.first().map(|word| word.to_string_lossy());
    let what = format!(
        "start {}",
        crate::command::without_credentials(&program.unwrap_or_default())
    );
    let fail = |error: io::Error| DoorError::from_io(&what, &error);
    let program = Program {
        argv: launch.argv.iter().map(AsRef::as_ref).collect(),
        directory: launch.directory.as_deref(),
        variables: launch
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect(),
    };
    let mut command = program.command(&what)?;
    let log = open_log(&launch.log).map_err(|error| {
        let error = DoorError::from_io(&what, &error);
        DoorError {
            detail: format!("its log {}: {}", launch.log.display(), error.detail),
            ..error
        }
    })?;
    interrupt::install();
    let seen = interrupt::tally();
    let hold = interrupt::hold();
    let (child, streams) = if !launch.foreground {
        command.stdin(Stdio::null());
        command
            .stdout(log.try_clone().map_err(fail)?)
            .stderr(log.try_clone().map_err(fail)?);
        // SAFETY: setsid(2) is async-signal-safe.
        unsafe { command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?)) };
        (command.spawn(), Streams::Direct)
    } else if let Some(terminal) = terminal(launch).map_err(fail)? {
        terminal.give_to(&mut command).map_err(fail)?;
        (command.spawn(), Streams::Terminal(terminal))
    } else {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        (command.spawn(), Streams::Pipes)
    };
    // What the child has is closed here, so that its end is seen.
    drop(command);
    let mut child = child.map_err(|error| not_started(&what, &error))?;
    let ending = Ending::of(&child);
    let identity = identity(child.id());
    let mut relay = Relay::new(log);
    if let Some(stream) = child.stdout.take() {
        relay.add(
            stream.into(),
            if launch.to_stderr {
                Target::Stderr
            } else {
                Target::Stdout
            },
        );
    }
    if let Some(stream) = child.stderr.take() {
        relay.add(stream.into(), Target::Stderr);
    }
    let (own_session, terminal) = match streams {
        Streams::Direct => (true, None),
        Streams::Pipes => (false, None),
        Streams::Terminal(mut terminal) => {
            terminal.begin(&mut relay);
            (true, Some(terminal))
        }
    };
    let started = Started { process: identity };
    Ok(Box::new(Running {
        what,
        started,
        child,
        ending,
        own_session,
        relay,
        terminal,
        seen,
        forwarded: None,
        hold: Some(hold),
        ended: None,
    }))
}

/// A terminal of its own, where this process's stdout is one and takes its output.
fn terminal(launch: &Launch) -> io::Result<Option<Terminal>> {
    if launch.to_stderr {
        return Ok(None);
    }
    Terminal::of_this_process()
}

enum Streams {
    Direct,
    Pipes,
    Terminal(Terminal),
}

fn open_log(path: &Path) -> io::Result<File> {
    Base::Whole.make_folders(parent(path))?;
    let spot = Base::Whole.follow(path)?;
    let flags = spot.open(OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK);
    let log = openat(spot.at(), &spot.name, flags, Mode::from_raw_mode(0o644))?;
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&log)?.st_mode);
    if kind != rustix::fs::FileType::RegularFile {
        return Err(io::Error::other(
            "it is a pipe, a socket or a device, no file",
        ));
    }
    rustix::fs::fcntl_setfl(&log, OFlags::APPEND)?;
    Ok(log.into())
}

fn identity(pid: u32) -> ProcessIdentity {
    // Not collected yet, so its number is its own even when it has ended already.
    let start_time = process::birth(pid).unwrap_or(0);
    ProcessIdentity {
        pid,
        start_time,
        boot_id: process::boot_id(),
    }
}

/// A child under watch. Dropping it leaves the child alone.
struct Running {
    what: String,
    started: Started,
    child: std::process::Child,
    ending: Ending,
    own_session: bool,
    relay: Relay,
    terminal: Option<Terminal>,
    seen: [(u32, u32); 3],
    forwarded: Option<i32>,
    hold: Option<Hold>,
    ended: Option<Ended>,
}

impl Running {
    /// Passes on what came for the child since the last look.
    fn forward(&mut self) {
        let now = interrupt::tally();
        for (place, signal) in STOPPING.into_iter().enumerate() {
            if now[place].0 == self.seen[place].0 {
                continue;
            }
            self.forwarded = Some(signal);
            // In this process's own group the terminal has told the child already.
            let only_here = self.own_session || now[place].1 != self.seen[place].1;
            if let Some(signal) = Signal::from_named_raw(signal).filter(|_| only_here) {
                if self.own_session {
                    self.ending.signal_group(signal);
                } else {
                    self.ending.signal(signal);
                }
            }
        }
        self.seen = now;
    }

    fn watch(&mut self) -> Result<Ended, DoorError> {
        loop {
            self.forward();
            if self.ending.has_come() {
                break;
            }
            self.relay.turn(&self.ending, self.terminal.as_mut());
        }
        self.relay.drain();
        if let Some(terminal) = self.terminal.take()
            && terminal.interrupted
        {
            self.forwarded.get_or_insert(libc::SIGINT);
        }
        let status = self
            .child
            .wait()
            .map_err(|error| DoorError::from_io(&self.what, &error))?;
        self.forward_nothing_more();
        Ok(Ended {
            exit: exit(status),
            forwarded: self.forwarded,
            log_error: self.relay.log_error(),
        })
    }

    /// What came was meant for the child; the work after its end is not interrupted by it.
    fn forward_nothing_more(&mut self) {
        if self.forwarded.is_some() {
            interrupt::take();
        }
        self.hold = None;
    }
}

impl Child for Running {
    fn started(&self) -> &Started {
        &self.started
    }

    fn wait(&mut self) -> Result<Ended, DoorError> {
        if let Some(ended) = &self.ended {
            return Ok(ended.clone());
        }
        let ended = self.watch()?;
        self.ended = Some(ended.clone());
        Ok(ended)
    }
}

fn exit(status: ExitStatus) -> RunExit {
    match (status.code(), status.signal()) {
        (Some(code), _) => RunExit::ExitCode(code),
        (None, Some(signal)) => RunExit::Signal(signal),
        (None, None) => RunExit::ExitCode(-1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_start_names_the_program_only() {
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("broken");
        std::fs::write(&broken, "#!/no/such/interpreter\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&broken, mode).unwrap();
        for program in ["no-such-program".into(), broken] {
            let wanted = Launch {
                argv: vec![program.clone().into(), "--api-key".into(), "visible".into()],
                directory: None,
                variables: Default::default(),
                log: folder.path().join("log"),
                foreground: false,
                to_stderr: false,
            };
            let error = launch(&wanted).err().unwrap();
            assert_eq!(error.what, format!("start {}", program.display()));
            assert!(!format!("{error:?}").contains("visible"), "{error:?}");
        }
    }

    #[test]
    fn a_log_that_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        for path in [
            pipe.as_path(),
            folder.path(),
            Path::new("/dev/null"),
            Path::new("/etc/passwd/log"),
        ] {
            let wanted = Launch {
                argv: vec!["true".into()],
                directory: None,
                variables: Default::default(),
                log: path.into(),
                foreground: false,
                to_stderr: false,
            };
            let error = launch(&wanted).err().unwrap();
            assert!(error.detail.contains("its log"), "{error}");
        }
    }
}
