//! Conversations: a child with its input and output in our hands, or this process's own input and output.

use crate::command::Command;
use crate::converse::{Conversation, LONGEST_LINE};
use crate::error::{DoorError, ErrorKind};
use crate::host::deadline::Deadline;
use crate::interrupt;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use std::io;
use std::process::{Child, Stdio};
use std::time::Duration;

/// How long a child that is no longer talked with may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Two descriptors, and what was read beyond the last line.
struct Talk {
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
    heard: Vec<u8>,
    searched: usize,
    what: String,
    child: Option<Child>,
}

/// Starts a program and talks with it. Its complaints (stderr) are this process's own, and it stays in the foreground
/// with this process, so that `sudo` can ask for a password on the terminal.
pub(crate) fn start(command: &Command) -> Result<Box<dyn Conversation>, DoorError> {
    let what = format!("talk with {}", command.shown());
    let Some((program, arguments)) = command.argv.split_first() else {
        return Err(DoorError::new(ErrorKind::Failed, what, "it has no name"));
    };
    let mut child = std::process::Command::new(program);
    child
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(directory) = &command.directory {
        child.current_dir(directory);
    }
    for (name, value) in &command.variables {
        match value {
            Some(value) => child.env(name, value),
            None => child.env_remove(name),
        };
    }
    let mut child = child
        .spawn()
        .map_err(|error| DoorError::from_io(what.clone(), &error))?;
    Ok(Box::new(Talk {
        output: child.stdin.take().map(OwnedFd::from),
        input: child.stdout.take().map(OwnedFd::from),
        heard: Vec::new(),
        searched: 0,
        what,
        child: Some(child),
    }))
}

/// Talks with whoever started this process, over its own input and output. From now on both are out of everybody else's
/// way: what is printed goes to stderr, and nothing is read.
///
/// # Errors
/// When the descriptors can't be moved.
pub fn with_parent() -> Result<Box<dyn Conversation>, DoorError> {
    let moved = || -> io::Result<(OwnedFd, OwnedFd)> {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        // Above the three that programs know, and not handed on to children.
        let input = rustix::io::fcntl_dupfd_cloexec(stdin.as_fd(), 3)?;
        let output = rustix::io::fcntl_dupfd_cloexec(stdout.as_fd(), 3)?;
        let nothing = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing)?;
        rustix::stdio::dup2_stdout(stderr.as_fd())?;
        Ok((input, output))
    };
    let (input, output) =
        moved().map_err(|error| DoorError::from_io("talk with the parent process", &error))?;
    Ok(Box::new(Talk {
        input: Some(input),
        output: Some(output),
        heard: Vec::new(),
        searched: 0,
        what: "talk with the parent process".into(),
        child: None,
    }))
}

impl Talk {
    fn fail(&self, kind: ErrorKind, detail: impl Into<String>) -> DoorError {
        DoorError::new(kind, self.what.clone(), detail)
    }

    /// The next whole line of what was read already.
    fn line(&mut self) -> Result<Option<String>, DoorError> {
        let Some(end) = self.heard[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
        else {
            self.searched = self.heard.len();
            return Ok(None);
        };
        let rest = self.heard.split_off(self.searched + end + 1);
        let mut line = std::mem::replace(&mut self.heard, rest);
        self.searched = 0;
        line.pop();
        String::from_utf8(line)
            .map(Some)
            .map_err(|_| self.fail(ErrorKind::Failed, "what it says is no UTF-8"))
    }
}

impl Conversation for Talk {
    fn say(&mut self, line: &str) -> Result<(), DoorError> {
        let Some(output) = &self.output else {
            return Err(self.fail(ErrorKind::Failed, "it has ended"));
        };
        let mut bytes = line.as_bytes().to_vec();
        bytes.push(b'\n');
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match rustix::io::write(output, rest) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(DoorError::from_io(self.what.clone(), &error.into())),
            }
        }
        Ok(())
    }

    fn hear(&mut self, patience: Duration) -> Result<Option<String>, DoorError> {
        let deadline = Deadline::after(patience);
        loop {
            if let Some(line) = self.line()? {
                return Ok(Some(line));
            }
            if self.heard.len() > LONGEST_LINE {
                return Err(self.fail(ErrorKind::Failed, "it says a line without an end"));
            }
            let Some(input) = &self.input else {
                return Ok(None);
            };
            let Some(left) = deadline.left() else {
                return Err(self.fail(
                    ErrorKind::Timeout,
                    format!("nothing was heard for {} s", patience.as_secs()),
                ));
            };
            let span = left.min(Duration::from_secs(1));
            let span = Timespec {
                tv_sec: span.as_secs().try_into().unwrap_or(1),
                tv_nsec: span.subsec_nanos().into(),
            };
            let mut ready = [PollFd::new(input, PollFlags::IN)];
            if rustix::event::poll(&mut ready, Some(&span)).is_err()
                || ready[0].revents().is_empty()
            {
                continue;
            }
            let mut bytes = vec![0_u8; 64 << 10];
            match rustix::io::read(input, bytes.as_mut_slice()) {
                Ok(0) => self.input = None,
                Ok(count) => self.heard.extend_from_slice(&bytes[..count]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(DoorError::from_io(self.what.clone(), &error.into())),
            }
        }
    }
}

impl Drop for Talk {
    /// Lets the child end by itself: it hears that nothing more is asked. One that goes on (an action of root's is not
    /// cut off) is left to end alone.
    fn drop(&mut self) {
        self.output = None;
        let Some(child) = &mut self.child else {
            return;
        };
        let deadline = Deadline::after(FAREWELL);
        while deadline.left().is_some() {
            match child.try_wait() {
                Ok(None) => {
                    interrupt::wait(&mut Vec::new(), Duration::from_millis(5));
                }
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_both_ways_and_the_end_is_heard() {
        let script = "while read line; do echo \"heard $line\"; done; echo bye";
        let mut talk = start(&Command::new(["sh", "-c", script])).unwrap();
        for word in ["one", "two words", "ä"] {
            talk.say(word).unwrap();
            let heard = talk.hear(Duration::from_secs(10)).unwrap();
            assert_eq!(heard.unwrap(), format!("heard {word}"));
        }
        let mut ended = start(&Command::new(["sh", "-c", "echo last; exit 3"])).unwrap();
        assert_eq!(
            ended.hear(Duration::from_secs(10)).unwrap().unwrap(),
            "last"
        );
        assert_eq!(ended.hear(Duration::from_secs(10)).unwrap(), None);
        assert_eq!(ended.hear(Duration::from_secs(10)).unwrap(), None);
    }

    #[test]
    fn silence_and_a_missing_program_are_told() {
        let mut silent = start(&Command::new(["sleep", "0.4"])).unwrap();
        let error = silent.hear(Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        let error = start(&Command::new(["/nowhere/program"])).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Absent);
    }
}
