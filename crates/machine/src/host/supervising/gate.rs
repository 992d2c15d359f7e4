//! A process that waits at a gate before it becomes its command.
//!
//! Forked by hand, because what happens between fork and exec is the whole point: the child reads one byte from a pipe. When
//! its parent dies first, it reads the end of the pipe and ends without having run anything. Only then it opens its log.

use super::tree::Family;
use super::{pipe, signals};
use crate::error::{DoorError, ErrorKind};
use crate::host::process;
use crate::host::programs::{Program, not_started};
use crate::supervise::{Command, Gate, Tree};
use deskside_types::run::ProcessIdentity;
use rustix::fd::{AsRawFd, OwnedFd};
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What the child says where it can't become its command.
const AT_LOG: u8 = 1;
const AT_DIRECTORY: u8 = 2;
const AT_EXEC: u8 = 3;

pub(super) fn prepare(command: &Command) -> Result<Box<dyn Gate>, DoorError> {
    // Never the words behind it: an API key may be among them, and this is written down.
    let name = command
        .argv
        .first()
        .map(|word| word.to_string_lossy())
        .unwrap_or_default();
    let what = format!("start {}", crate::command::without_credentials(&name));
    let fail = |error: io::Error| DoorError::from_io(&what, &error);
    let program = Program {
        argv: command.argv.iter().map(AsRef::as_ref).collect(),
        directory: Some(&command.directory),
        variables: command
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), Some(value.as_os_str())))
            .collect(),
    };
    let path = program.path(&what)?;
    let exec = Exec::of(command, path.as_os_str())
        .map_err(|_| DoorError::new(ErrorKind::Failed, &what, "an argument holds a zero byte"))?;
    super::make_folder_of(&command.log).map_err(fail)?;
    let (gate, opener) = pipe().map_err(fail)?;
    let (report, reporter) = pipe().map_err(fail)?;
    // SAFETY: the child only makes system calls that are async-signal-safe, on memory made before the fork, and never returns.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(DoorError::no_process(&what, &io::Error::last_os_error()));
    }
    if pid == 0 {
        // SAFETY: in the child, as above.
        unsafe { exec.wait_and_become(gate.as_raw_fd(), opener.as_raw_fd(), reporter.as_raw_fd()) }
    }
    let pid = pid.unsigned_abs();
    // Not collected yet, so its number is its own even when it has ended already.
    let start_time = process::birth(pid).unwrap_or(0);
    Ok(Box::new(Waiting {
        what,
        log: command.log.clone(),
        begun: command.begun.clone(),
        program: path.file_name().unwrap_or_default().to_os_string(),
        process: ProcessIdentity {
            pid,
            start_time,
            boot_id: process::boot_id(),
        },
        opener: Some(opener),
        report,
    }))
}

/// All that the child needs, made before the fork.
struct Exec {
    path: CString,
    directory: CString,
    log: CString,
    begun: CString,
    null: CString,
    _words: Vec<CString>,
    _variables: Vec<CString>,
    argv: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
}

impl Exec {
    fn of(command: &Command, path: &OsStr) -> Result<Self, std::ffi::NulError> {
        let text = |text: &OsStr| CString::new(text.as_bytes());
        let words = command
            .argv
            .iter()
            .map(|word| text(word))
            .collect::<Result<Vec<_>, _>>()?;
        let variables = command
            .environment
            .iter()
            .map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()))
            .collect::<Result<Vec<_>, _>>()?;
        let pointers = |texts: &[CString]| {
            texts
                .iter()
                .map(|text| text.as_ptr())
                .chain([std::ptr::null()])
                .collect::<Vec<_>>()
        };
        Ok(Self {
            path: text(path)?,
            directory: text(command.directory.as_os_str())?,
            log: text(command.log.as_os_str())?,
            begun: text(command.begun.as_os_str())?,
            null: c"/dev/null".to_owned(),
            argv: pointers(&words),
            envp: pointers(&variables),
            _words: words,
            _variables: variables,
        })
    }

    /// The child's whole life before its command.
    ///
    /// # Safety
    /// Only in a freshly forked child. Nothing here allocates, locks or unwinds.
    unsafe fn wait_and_become(&self, gate: i32, opener: i32, reporter: i32) -> ! {
        // SAFETY: system calls only; the pointers are into `self`, which outlives them.
        unsafe {
            // With its own copy of the opener it would never see the end of the pipe.
            libc::close(opener);
            signals::as_new();
            libc::setsid();
            let mut byte = 0_u8;
            loop {
                match libc::read(gate, (&raw mut byte).cast(), 1) {
                    1 => break,
                    -1 if errno() == libc::EINTR => {}
                    _ => libc::_exit(0),
                }
            }
            let null = libc::open(self.null.as_ptr(), libc::O_RDONLY);
            if null >= 0 {
                libc::dup2(null, 0);
            }
            if libc::chdir(self.directory.as_ptr()) != 0 {
                report(reporter, AT_DIRECTORY);
            }
            let log = libc::open(
                self.log.as_ptr(),
                libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_NOCTTY,
                0o644,
            );
            if log < 0 {
                report(reporter, AT_LOG);
            }
            // Without it the log alone says that the command began.
            let begun = libc::open(
                self.begun.as_ptr(),
                libc::O_WRONLY | libc::O_CREAT | libc::O_NOCTTY | libc::O_CLOEXEC,
                0o644,
            );
            if begun > 2 {
                libc::close(begun);
            }
            libc::dup2(log, 1);
            libc::dup2(log, 2);
            if log > 2 {
                libc::close(log);
            }
            if null > 2 {
                libc::close(null);
            }
            libc::execve(self.path.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr());
            report(reporter, AT_EXEC)
        }
    }
}

/// Tells the parent what failed, and ends.
unsafe fn report(reporter: i32, at: u8) -> ! {
    // SAFETY: async-signal-safe calls on a buffer of this frame.
    unsafe {
        let mut message = [at, 0, 0, 0, 0];
        message[1..].copy_from_slice(&errno().to_ne_bytes());
        libc::write(reporter, message.as_ptr().cast(), message.len());
        libc::_exit(127)
    }
}

fn errno() -> i32 {
    // SAFETY: always valid for the calling thread.
    #[cfg(target_os = "linux")]
    unsafe {
        *libc::__errno_location()
    }
    // SAFETY: always valid for the calling thread.
    #[cfg(not(target_os = "linux"))]
    unsafe {
        *libc::__error()
    }
}

struct Waiting {
    what: String,
    log: PathBuf,
    begun: PathBuf,
    program: OsString,
    process: ProcessIdentity,
    opener: Option<OwnedFd>,
    report: OwnedFd,
}

impl Waiting {
    /// Whether the process was killed between its log and its becoming the command: it is dead, not collected yet, and still has this
    /// program's name (field 2 of `/proc/PID/stat`, `proc_pid_stat(5)`). A command of that same name can't be told apart.
    fn died_before_exec(&self) -> bool {
        let name = |pid: &str| {
            let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
            let stat = String::from_utf8_lossy(&stat).into_owned();
            let (open, close) = (stat.find('(')?, stat.rfind(')')?);
            let state = stat.get(close + 2..)?.chars().next()?;
            Some((stat.get(open + 1..close)?.to_string(), state))
        };
        let Some(((own, _), (other, state))) =
            name("self").zip(name(&self.process.pid.to_string()))
        else {
            return false;
        };
        let to_be = self.program.as_bytes();
        let to_be = &to_be[..to_be.len().min(15)];
        matches!(state, 'Z' | 'X' | 'x') && other == own && to_be != own.as_bytes()
    }
}

impl Gate for Waiting {
    fn process(&self) -> &ProcessIdentity {
        &self.process
    }

    fn open(mut self: Box<Self>) -> Result<Box<dyn Tree>, DoorError> {
        let opened = self
            .opener
            .take()
            .map(|opener| rustix::io::write(&opener, b"!"));
        match opened {
            // It was killed at the gate: whoever waits for it hears so, and that it has no log.
            Some(Err(rustix::io::Errno::PIPE)) => {
                return Ok(Box::new(Family::of(self.process.clone())));
            }
            Some(Err(error)) => return Err(DoorError::from_io(&self.what, &error.into())),
            Some(Ok(_)) | None => {}
        }
        // This process's own copy of the writing end was closed when `prepare` returned, so that the end of the pipe is the
        // moment of exec.
        let mut message = [0_u8; 5];
        let mut count = 0;
        while count < message.len() {
            match rustix::io::read(&self.report, &mut message[count..]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(DoorError::from_io(&self.what, &error.into())),
            }
        }
        if count < message.len() {
            if self.died_before_exec() {
                // Nothing of the command ran: without a log it looks like what it is.
                for trace in [&self.log, &self.begun] {
                    let _ = rustix::fs::unlink(trace);
                }
            }
            return Ok(Box::new(Family::of(self.process.clone())));
        }
        let [at, number @ ..] = message;
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes(number));
        Family::of(self.process.clone()).collect();
        Err(match at {
            AT_LOG => told("its log", DoorError::from_io(&self.what, &error)),
            AT_DIRECTORY => told("its folder", DoorError::from_io(&self.what, &error)),
            _ => not_started(&self.what, &error),
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.opener.take().is_some() {
            // The gate stays shut: the process ends by itself, and is collected here.
            Family::of(self.process.clone()).collect();
        }
    }
}

fn told(which: &str, error: DoorError) -> DoorError {
    DoorError {
        detail: format!("{which}: {}", error.detail),
        ..error
    }
}
