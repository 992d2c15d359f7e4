//! Running a command to its end: bounded in time and in what is kept, with all its children ended
//! when its time is over.

use super::capture::Capture;
use super::deadline::Deadline;
use super::ending::Ending;
use super::lines::Lines;
use super::programs::{Program, not_started};
use crate::command::{Command, Output};
use crate::effect::Progress;
use crate::error::{DoorError, ErrorKind};
use crate::interrupt;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::Signal;
use std::ffi::OsStr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

/// A command that changes something may tidy up that long when it is told to end.
const MERCY: Duration = Duration::from_secs(1);
/// A killed process that does not end by then hangs inside the kernel; nobody waits for it.
const KILLED: Duration = Duration::from_millis(500);
/// After the command's end its children may hold its streams open; what is in them is taken for
/// no longer than that.
const DRAIN: Duration = Duration::from_millis(200);

/// Runs a command that only looks: killed at once when its time is over.
pub(crate) fn ask(what: &str, command: &Command) -> Result<Output, DoorError> {
    run(what, command, None)
}

/// Runs a command that changes something: asked to end first.
pub(crate) fn act(
    what: &str,
    command: &Command,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Output, DoorError> {
    run(what, command, Some(watch))
}

type Watch<'a> = Option<&'a mut dyn FnMut(Progress<'_>)>;

fn run<'a>(what: &str, command: &'a Command, watch: Watch<'a>) -> Result<Output, DoorError> {
    let interrupted = || DoorError::new(ErrorKind::Interrupted, what, "interrupted");
    if interrupt::requested() {
        return Err(interrupted());
    }
    let deadline = Deadline::after(command.deadline);
    let program = Program {
        argv: command.argv.iter().map(OsStr::new).collect(),
        directory: command.directory.as_deref(),
        variables: command
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref().map(OsStr::new)))
            .collect(),
    };
    let mut prepared = program.command(what)?;
    prepared
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    prepared.stdin(if command.input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    });
    let mut child = prepared
        .spawn()
        .map_err(|error| not_started(what, &error))?;
    let mercy = if watch.is_some() {
        MERCY
    } else {
        Duration::ZERO
    };
    let mut streams = Streams::of(&mut child, command, watch);
    let ending = Ending::of(&child);
    loop {
        if ending.has_come() {
            streams.drain();
            let status = child
                .wait()
                .map_err(|error| DoorError::from_io(what, &error))?;
            let [stdout, stderr] = streams.finish();
            return Ok(Output {
                code: code(status),
                stdout,
                stderr,
            });
        }
        if interrupt::requested() {
            end(&mut child, &ending, &mut streams, MERCY);
            return Err(interrupted());
        }
        let Some(left) = deadline.left() else {
            end(&mut child, &ending, &mut streams, mercy);
            let last = streams.last_words();
            let detail = format!("it did not end within {:?}{last}", command.deadline);
            return Err(DoorError::new(ErrorKind::Timeout, what, detail));
        };
        streams.turn(&ending, left);
    }
}

/// Ends a command and all its children.
fn end(child: &mut Child, ending: &Ending, streams: &mut Streams<'_>, mercy: Duration) {
    if !mercy.is_zero() {
        ending.signal_group(Signal::TERM);
        let deadline = Deadline::after(mercy);
        while let Some(left) = deadline.left().filter(|_| !ending.has_come()) {
            streams.turn(ending, left);
        }
    }
    ending.signal_group(Signal::KILL);
    let deadline = Deadline::after(KILLED);
    while let Some(left) = deadline.left().filter(|_| !ending.has_come()) {
        streams.turn(ending, left);
    }
    streams.drain();
    let _ = child.try_wait();
}

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}

/// The command's three streams.
struct Streams<'a> {
    input: Option<OwnedFd>,
    unsent: &'a [u8],
    outputs: [(Option<OwnedFd>, Capture, Lines); 2],
    watch: Watch<'a>,
}

impl<'a> Streams<'a> {
    fn of(child: &mut Child, command: &'a Command, watch: Watch<'a>) -> Self {
        let stream = |stream: Option<OwnedFd>| {
            if let Some(stream) = &stream {
                // A pipe's two ends block each for itself: the child's end is not touched.
                let _ = rustix::fs::fcntl_setfl(stream, rustix::fs::OFlags::NONBLOCK);
            }
            stream
        };
        let output = |output| {
            (
                stream(output),
                Capture::new(command.limit),
                Lines::default(),
            )
        };
        Self {
            input: stream(child.stdin.take().map(Into::into)),
            unsent: &command.input,
            outputs: [
                output(child.stdout.take().map(Into::into)),
                output(child.stderr.take().map(Into::into)),
            ],
            watch,
        }
    }

    /// Waits for something to happen and moves what can be moved.
    fn turn(&mut self, ending: &Ending, patience: Duration) {
        let mut descriptors = Vec::with_capacity(5);
        if let Some(input) = &self.input {
            descriptors.push(PollFd::new(input, PollFlags::OUT));
        }
        for (output, _, _) in &self.outputs {
            descriptors.extend(
                output
                    .as_ref()
                    .map(|output| PollFd::new(output, PollFlags::IN)),
            );
        }
        if let Some(handle) = ending.descriptor() {
            descriptors.push(PollFd::from_borrowed_fd(handle, PollFlags::IN));
        }
        interrupt::wait(&mut descriptors, patience.min(ending.patience()));
        drop(descriptors);
        self.send();
        for place in 0..2 {
            self.receive(place);
        }
    }

    fn send(&mut self) {
        let Some(input) = &self.input else { return };
        match rustix::io::write(input, self.unsent) {
            Ok(count) => self.unsent = &self.unsent[count..],
            Err(Errno::AGAIN | Errno::INTR) => {}
            // It does not want to hear more.
            Err(_) => self.unsent = &[],
        }
        if self.unsent.is_empty() {
            self.input = None;
        }
    }

    /// Takes in what is there; false when there is nothing now.
    fn receive(&mut self, place: usize) -> bool {
        let (stream, capture, lines) = &mut self.outputs[place];
        let Some(open) = stream else { return false };
        let mut bytes = [0; 16 << 10];
        match rustix::io::read(open.as_fd(), &mut bytes) {
            Ok(0) => *stream = None,
            Ok(count) => {
                capture.take(&bytes[..count]);
                if let Some(watch) = &mut self.watch {
                    lines.take(&bytes[..count], &mut |line| watch(Progress::Line(line)));
                }
                return true;
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => *stream = None,
        }
        false
    }

    /// Takes in what the command left in its streams.
    fn drain(&mut self) {
        let deadline = Deadline::after(DRAIN);
        for place in 0..2 {
            while self.receive(place) && !deadline.passed() {}
            if let (_, _, lines) = &mut self.outputs[place]
                && let Some(watch) = &mut self.watch
            {
                lines.flush(&mut |line| watch(Progress::Line(line)));
            }
        }
    }

    fn finish(self) -> [Vec<u8>; 2] {
        self.outputs.map(|(_, capture, _)| capture.into_bytes())
    }

    /// The end of what it complained of, for the message of a timeout.
    fn last_words(&mut self) -> String {
        let [stdout, stderr] = std::mem::replace(
            &mut self.outputs,
            std::array::from_fn(|_| (None, Capture::new(0), Lines::default())),
        )
        .map(|(_, capture, _)| capture.into_bytes());
        let lines = Output {
            code: 0,
            stdout,
            stderr,
        }
        .last_lines(1);
        lines
            .first()
            .map(|line| format!("; it said last: {line}"))
            .unwrap_or_default()
    }
}
