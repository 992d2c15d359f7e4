//! A named pipe that wakes a sleeper, who also sleeps for the end of processes and for a time of day.

use super::rest::{AWAKE, rest};
use crate::Moment;
use crate::error::DoorError;
use crate::host::process;
use crate::supervise::Bell;
use deskside_types::run::ProcessIdentity;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often a system without process handles, or without a clock that tells of being set, is asked again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

pub(super) struct Pipe {
    pipe: OwnedFd,
}

pub(super) fn hang(path: &Path) -> io::Result<Pipe> {
    super::make_folder_of(path)?;
    match rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    // Open for both, so that it never looks closed when the last one who rang goes away.
    let pipe = open(path, OFlags::RDWR)?;
    Ok(Pipe { pipe })
}

pub(super) fn ring(path: &Path) -> io::Result<bool> {
    match open(path, OFlags::WRONLY) {
        Ok(pipe) => match rustix::io::write(&pipe, b"!") {
            // A full pipe wakes as well as one byte more would.
            Ok(_) | Err(Errno::AGAIN) => Ok(true),
            Err(Errno::PIPE) => Ok(false),
            Err(error) => Err(error.into()),
        },
        Err(error)
            if error.raw_os_error() == Some(libc::ENXIO)
                || error.kind() == io::ErrorKind::NotFound =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn open(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let pipe = rustix::fs::open(path, flags, Mode::empty())?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&pipe)?.st_mode);
    if kind == FileType::Fifo {
        Ok(pipe)
    } else {
        Err(io::Error::other("it is no named pipe"))
    }
}

impl Bell for Pipe {
    fn wait(
        &mut self,
        processes: &[ProcessIdentity],
        until: Option<Moment>,
    ) -> Result<(), DoorError> {
        let fail = |error: io::Error| DoorError::from_io("wait for the queue's bell", &error);
        let mut handles = Vec::new();
        let mut look_again = false;
        for process in processes {
            match handle(process) {
                Handle::Gone => return Ok(()),
                Handle::Of(handle) => handles.push(handle),
                Handle::None => look_again = true,
            }
        }
        let mut timeout = look_again.then_some(LOOK_AGAIN);
        let clock = until.and_then(|until| match clock(until) {
            Some(clock) => Some(clock),
            None => {
                let left = until.monotonic;
                timeout = Some(timeout.map_or(left, |span| span.min(left)).min(LOOK_AGAIN));
                None
            }
        });
        let mut descriptors: Vec<PollFd<'_>> = [&self.pipe]
            .into_iter()
            .chain(&handles)
            .chain(&clock)
            .map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
            .collect();
        let mut poll = |span: Option<Duration>| {
            let timeout = span.map(|span| Timespec {
                tv_sec: i64::try_from(span.as_secs()).unwrap_or(3600),
                tv_nsec: span.subsec_nanos().into(),
            });
            match rustix::event::poll(&mut descriptors, timeout.as_ref()) {
                Err(Errno::INTR) => Ok(1),
                other => other.map_err(|error| fail(error.into())),
            }
        };
        let first = timeout.map_or(AWAKE, |span| span.min(AWAKE));
        if poll(Some(first))? == 0 && timeout.is_none_or(|span| span > AWAKE) {
            rest();
            poll(timeout.map(|span| span.saturating_sub(AWAKE)))?;
        }
        // However often it was rung: one look at the queue answers all.
        while rustix::io::read(&self.pipe, &mut [0_u8; 4096]).is_ok_and(|count| count == 4096) {}
        Ok(())
    }
}

enum Handle {
    Of(OwnedFd),
    Gone,
    None,
}

/// A descriptor that is readable when the process has ended (pidfd_open(2)).
#[cfg(target_os = "linux")]
fn handle(process: &ProcessIdentity) -> Handle {
    let pid = i32::try_from(process.pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let handle =
        pid.map(|pid| rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()));
    // Looked at after the handle is taken: the number can't be given to another process now.
    let is_it = process::start_time(process.pid).is_ok_and(|start| start == process.start_time);
    match handle {
        _ if !is_it => Handle::Gone,
        Some(Ok(handle)) => Handle::Of(handle),
        _ => Handle::None,
    }
}

#[cfg(not(target_os = "linux"))]
fn handle(process: &ProcessIdentity) -> Handle {
    if process::start_time(process.pid).is_ok_and(|start| start == process.start_time) {
        Handle::None
    } else {
        Handle::Gone
    }
}

/// A clock that is readable at a moment of the wall clock, and when the wall clock is set (timerfd_create(2)): a suspended
/// machine and a corrected clock both come out right.
#[cfg(target_os = "linux")]
fn clock(until: Moment) -> Option<OwnedFd> {
    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags};
    let clock = rustix::time::timerfd_create(
        TimerfdClockId::Realtime,
        TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
    )
    .ok()?;
    let nanoseconds = until.wall.as_nanosecond().max(1);
    let at = Timespec {
        tv_sec: i64::try_from(nanoseconds / 1_000_000_000).ok()?,
        tv_nsec: i64::try_from(nanoseconds % 1_000_000_000).ok()?,
    };
    let never = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    let when = Itimerspec {
        it_interval: never,
        it_value: at,
    };
    rustix::time::timerfd_settime(&clock, flags, &when).ok()?;
    Some(clock)
}

#[cfg(not(target_os = "linux"))]
fn clock(_: Moment) -> Option<OwnedFd> {
    None
}
