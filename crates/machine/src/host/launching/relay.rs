//! Copying what a child says into its log and on to this process's own streams.

use super::terminal::Terminal;
use crate::host::deadline::Deadline;
use crate::host::ending::Ending;
use crate::interrupt;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

/// After the child's end its own children may hold its streams open; what is in them is taken for
/// no longer than that.
const DRAIN: Duration = Duration::from_millis(200);
const PIECE: usize = 64 << 10;
/// A pipe that is ready takes that much without blocking (`pipe(7)`, PIPE_BUF).
const READY: usize = 4096;

/// Where a stream goes besides the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Stdout,
    Stderr,
}

struct Stream {
    source: OwnedFd,
    target: Target,
    /// Read and logged, but not passed on yet. While there is any, no more is read.
    pending: Vec<u8>,
    /// The bytes of a terminal come a moment after the child's end.
    is_terminal: bool,
}

/// The streams of one child.
pub(super) struct Relay {
    streams: Vec<Stream>,
    log: File,
    log_error: Option<String>,
    /// Nobody listens to these any more; the log goes on.
    deaf: Vec<Target>,
}

enum Copied {
    Some,
    Nothing,
    Closed,
}

impl Relay {
    /// Into a log.
    pub fn new(log: File) -> Self {
        Self {
            streams: Vec::new(),
            log,
            log_error: None,
            deaf: Vec::new(),
        }
    }

    /// Also copies this stream.
    pub fn add(&mut self, source: OwnedFd, target: Target) {
        // Each end of a pipe, and a terminal's controlling side, blocks for itself only.
        let _ = rustix::fs::fcntl_setfl(&source, rustix::fs::OFlags::NONBLOCK);
        let is_terminal = rustix::termios::isatty(&source);
        self.streams.push(Stream {
            source,
            target,
            pending: Vec::new(),
            is_terminal,
        });
    }

    /// Why the log is not whole.
    pub fn log_error(&self) -> Option<String> {
        self.log_error.clone()
    }

    /// Waits until something happens and copies what is there.
    pub fn turn(&mut self, ending: &Ending, terminal: Option<&mut Terminal>) {
        let mut descriptors = Vec::with_capacity(6);
        for stream in &self.streams {
            descriptors.push(if stream.pending.is_empty() {
                PollFd::new(&stream.source, PollFlags::IN)
            } else {
                PollFd::from_borrowed_fd(stream.target.descriptor(), PollFlags::OUT)
            });
        }
        if let Some(handle) = ending.descriptor() {
            descriptors.push(PollFd::from_borrowed_fd(handle, PollFlags::IN));
        }
        if let Some(terminal) = terminal.as_deref() {
            terminal.listen(&mut descriptors);
        }
        interrupt::wait(&mut descriptors, ending.patience());
        drop(descriptors);
        if let Some(terminal) = terminal {
            terminal.turn();
        }
        let mut place = 0;
        while place < self.streams.len() {
            self.pass_on(place);
            match self.copy(place) {
                Copied::Closed => drop(self.streams.remove(place)),
                Copied::Some | Copied::Nothing => place += 1,
            }
        }
    }

    /// Copies what the child left in its streams.
    pub fn drain(&mut self) {
        let deadline = Deadline::after(DRAIN);
        while !self.streams.is_empty() {
            self.pass_on(0);
            let stream = &self.streams[0];
            if !stream.pending.is_empty() {
                // A slow reader gets what is left, unless the person has had enough.
                if interrupt::requested() {
                    self.deaf.push(stream.target);
                } else {
                    let target = stream.target.descriptor();
                    interrupt::wait(
                        &mut vec![PollFd::from_borrowed_fd(target, PollFlags::OUT)],
                        Duration::MAX,
                    );
                }
                continue;
            }
            match self.copy(0) {
                Copied::Some => {}
                Copied::Nothing if self.streams[0].is_terminal && !deadline.passed() => {
                    let mut descriptors = vec![PollFd::new(&self.streams[0].source, PollFlags::IN)];
                    interrupt::wait(&mut descriptors, deadline.left().unwrap_or_default());
                }
                Copied::Nothing | Copied::Closed => drop(self.streams.remove(0)),
            }
            if deadline.passed() {
                // Its children go on talking: what they say now is theirs.
                self.streams.retain(|stream| !stream.pending.is_empty());
            }
        }
    }

    fn copy(&mut self, place: usize) -> Copied {
        let stream = &mut self.streams[place];
        if !stream.pending.is_empty() {
            return Copied::Nothing;
        }
        let mut bytes = [0; PIECE];
        let count = match rustix::io::read(&stream.source, &mut bytes) {
            Ok(0) => return Copied::Closed,
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Copied::Nothing,
            // A terminal whose other side is closed says EIO.
            Err(_) => return Copied::Closed,
        };
        // The log first: it is what stays.
        if let Err(error) = self.log.write_all(&bytes[..count]) {
            let error = crate::DoorError::from_io("", &error).detail;
            self.log_error.get_or_insert(error);
        }
        stream.pending.extend_from_slice(&bytes[..count]);
        self.pass_on(place);
        Copied::Some
    }

    /// Writes what this process's own stream takes without blocking.
    fn pass_on(&mut self, place: usize) {
        let stream = &mut self.streams[place];
        let target = stream.target.descriptor();
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut done = 0;
        while done < stream.pending.len() && !self.deaf.contains(&stream.target) {
            let mut ready = [PollFd::from_borrowed_fd(target, PollFlags::OUT)];
            if rustix::event::poll(&mut ready, Some(&now)).unwrap_or(0) == 0 {
                stream.pending.drain(..done);
                return;
            }
            let end = stream.pending.len().min(done + READY);
            match rustix::io::write(target, &stream.pending[done..end]) {
                Ok(count) => done += count,
                Err(Errno::AGAIN | Errno::INTR) => {}
                // A closed pipe, a full disk: the log goes on.
                Err(_) => self.deaf.push(stream.target),
            }
        }
        stream.pending.clear();
    }
}

impl Target {
    fn descriptor(self) -> BorrowedFd<'static> {
        match self {
            Self::Stdout => rustix::stdio::stdout(),
            Self::Stderr => rustix::stdio::stderr(),
        }
    }
}
