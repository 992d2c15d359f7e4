//! A terminal of its own for a child, so that progress bars and prompts work while all is logged.
//!
//! This process's terminal is put into raw mode meanwhile: keys go to the child's terminal, which
//! makes signals of Ctrl-C and the like. The old mode comes back when the [`Terminal`] is dropped.

use super::relay::{Relay, Target};
use crate::interrupt;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr, tcsetwinsize,
};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What switches a special key off (`_POSIX_VDISABLE`).
const DISABLED: u8 = if cfg!(target_os = "macos") { 0xff } else { 0 };

/// The controlling side of a child's terminal.
pub(super) struct Terminal {
    master: OwnedFd,
    output: Option<OwnedFd>,
    slave: Option<OwnedFd>,
    /// What this process's terminal was like, while it is in raw mode.
    before: Option<Termios>,
    /// Keys that the child has not taken yet.
    keys: Vec<u8>,
    listening: bool,
    window_changes: u32,
    /// The person pressed the key that interrupts.
    pub interrupted: bool,
}

impl Terminal {
    /// One like this process's own; none when this process's stdout is no terminal.
    pub fn of_this_process() -> io::Result<Option<Self>> {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        if !isatty(&stdout) {
            return Ok(None);
        }
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let flags =
            rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
        let slave = rustix::fs::open(name, flags, rustix::fs::Mode::empty())?;
        if let Ok(mut modes) = tcgetattr(if isatty(&stdin) {
            stdin.as_fd()
        } else {
            stdout.as_fd()
        }) {
            // Nobody could continue what Ctrl-Z stopped: the shell does not see this terminal.
            modes.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
            let _ = tcsetattr(&slave, OptionalActions::Now, &modes);
        }
        let terminal = Self {
            output: Some(master.try_clone()?),
            master,
            slave: Some(slave),
            before: None,
            keys: Vec::new(),
            listening: false,
            window_changes: interrupt::window_changes(),
            interrupted: false,
        };
        terminal.resize();
        Ok(Some(terminal))
    }

    /// Makes it the terminal of a command that is about to be started, for the streams that are a
    /// terminal here; the others stay what they are.
    pub fn give_to(&self, command: &mut Command) -> io::Result<()> {
        let Some(slave) = &self.slave else {
            return Ok(());
        };
        if isatty(io::stdin()) {
            command.stdin(slave.try_clone()?);
        }
        command.stdout(slave.try_clone()?);
        if isatty(io::stderr()) {
            command.stderr(slave.try_clone()?);
        } else {
            command.stderr(Stdio::piped());
        }
        // SAFETY: setsid(2) and ioctl(2) are async-signal-safe; the child's stdout is the terminal.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdout())?;
                Ok(())
            });
        }
        Ok(())
    }

    /// The child is started: copies what it says, and its keys to it.
    pub fn begin(&mut self, relay: &mut Relay) {
        self.slave = None;
        if let Some(output) = self.output.take() {
            relay.add(output, Target::Stdout);
        }
        interrupt::install_window_changes();
        let stdin = io::stdin();
        // In the background a process must leave the terminal alone, or it is stopped.
        let is_ours = tcgetpgrp(&stdin).is_ok_and(|group| group == rustix::process::getpgrp());
        if let Some(before) = tcgetattr(&stdin).ok().filter(|_| is_ours) {
            let mut raw = before.clone();
            raw.make_raw();
            if tcsetattr(&stdin, OptionalActions::Now, &raw).is_ok() {
                self.before = Some(before);
                self.listening = true;
            }
        }
    }

    /// What is to be waited for.
    pub fn listen<'a>(&'a self, descriptors: &mut Vec<PollFd<'a>>) {
        if !self.keys.is_empty() {
            descriptors.push(PollFd::new(&self.master, PollFlags::OUT));
        } else if self.listening {
            descriptors.push(PollFd::from_borrowed_fd(
                rustix::stdio::stdin(),
                PollFlags::IN,
            ));
        }
    }

    /// Moves keys and follows the window's size.
    pub fn turn(&mut self) {
        let changes = interrupt::window_changes();
        if changes != self.window_changes {
            self.window_changes = changes;
            self.resize();
        }
        if self.keys.is_empty() && self.listening {
            self.read_keys();
        }
        if !self.keys.is_empty() {
            match rustix::io::write(&self.master, &self.keys) {
                Ok(count) => drop(self.keys.drain(..count)),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => self.keys.clear(),
            }
        }
    }

    fn read_keys(&mut self) {
        let stdin = rustix::stdio::stdin();
        let mut ready = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
        let now = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        if rustix::event::poll(&mut ready, Some(&now)).unwrap_or(0) == 0 {
            return;
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(stdin, &mut bytes) {
            Ok(0) => self.listening = false,
            Ok(count) => {
                self.keys.extend_from_slice(&bytes[..count]);
                self.interrupted |= self.interrupts(&bytes[..count]);
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.listening = false,
        }
    }

    /// Whether one of the keys makes an interrupt in the mode that the child's terminal is in.
    fn interrupts(&self, keys: &[u8]) -> bool {
        tcgetattr(&self.master).is_ok_and(|modes| {
            let key = modes.special_codes[SpecialCodeIndex::VINTR];
            modes.local_modes.contains(LocalModes::ISIG) && key != DISABLED && keys.contains(&key)
        })
    }

    fn resize(&self) {
        if let Ok(size) = tcgetwinsize(io::stdout()) {
            let _ = tcsetwinsize(&self.master, size);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
