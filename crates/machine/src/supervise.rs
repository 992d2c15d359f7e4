//! What a supervisor and a keeper need of a machine: a child that waits at a gate, its whole tree of processes, a bell that
//! wakes a sleeper, a lock that is waited for without looking again and again, and a start of this program that nobody owns.
//!
//! Only the real machine has these. They are one small part of the door, so that they can be read at once: everything else
//! in the queue is plain data and pure logic.

use crate::error::DoorError;
use crate::{Held, Moment};
use deskside_types::run::{ProcessIdentity, RunExit};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A command that is to be supervised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Program first; looked up on its own PATH when it has no slash. Any bytes.
    pub argv: Vec<OsString>,
    /// The folder it runs in.
    pub directory: PathBuf,
    /// Its whole environment: nothing is inherited.
    pub environment: BTreeMap<String, OsString>,
    /// The file its output goes into, straight. Made when the command begins, and not before: a run without a log never began.
    pub log: PathBuf,
    /// An empty file that is made right behind the log, and that nobody removes to have room.
    pub begun: PathBuf,
}

/// Process control beyond starting a child and waiting for it.
pub trait Supervision: Send + Sync {
    /// Makes this process a supervisor: orphans of its tree become its children (where the system can do that), and signals
    /// are turned into [`Asked`]. Call it once, before any thread is started.
    ///
    /// # Errors
    /// When the system refuses.
    fn become_supervisor(&self) -> Result<(), DoorError>;

    /// Whether this process was asked to end (SIGTERM, SIGINT) since it became a supervisor, as an orderly shutdown asks
    /// everybody. Stays so.
    fn is_asked_to_end(&self) -> bool;

    /// Starts a process that waits at a gate before it becomes the command. Its identity can be written down first; when this
    /// process dies before it opens the gate, the command never runs.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Absent`] and [`crate::ErrorKind::Denied`] as [`crate::Machine::launch`];
    /// [`crate::ErrorKind::Shortage`] when no process can be made now.
    fn prepare(&self, command: &Command) -> Result<Box<dyn Gate>, DoorError>;

    /// Starts this program once more with these arguments, in a session of its own, as nobody's child and without streams.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Shortage`] when no process can be made now.
    fn detach(&self, arguments: &[&str]) -> Result<ProcessIdentity, DoorError>;

    /// Takes an exclusive lock, asleep until it is free.
    ///
    /// # Errors
    /// When the file can't be made or locked.
    fn await_lock(&self, path: &Path) -> Result<Box<dyn Held>, DoorError>;

    /// Hangs a bell up: a named pipe that others ring with [`Supervision::ring`].
    ///
    /// # Errors
    /// When the pipe can't be made or opened.
    fn bell(&self, path: &Path) -> Result<Box<dyn Bell>, DoorError>;

    /// Rings a bell. False when nobody listens.
    ///
    /// # Errors
    /// When the pipe is there and can't be written.
    fn ring(&self, path: &Path) -> Result<bool, DoorError>;
}

/// A process that waits before it becomes its command.
pub trait Gate {
    /// Its identity, which stays the same when it becomes the command.
    fn process(&self) -> &ProcessIdentity;

    /// Opens the gate.
    ///
    /// # Errors
    /// When the program can't be executed, or its log can't be opened; then nothing ran.
    fn open(self: Box<Self>) -> Result<Box<dyn Tree>, DoorError>;
}

/// A command that runs, and everything it started.
pub trait Tree {
    /// Sleeps until something happens, or until the time is over.
    ///
    /// # Errors
    /// When the system can't tell.
    fn wait(&mut self, patience: Option<Duration>) -> Result<Happened, DoorError>;

    /// Sends a signal to every process of the tree; how many there were.
    fn signal(&mut self, number: i32) -> usize;

    /// Whether no process of the tree is left. Collects those that ended.
    fn is_over(&mut self) -> bool;
}

/// What happened to a tree or its supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// The command itself ended. Others of its tree may go on. Told once.
    Ended(RunExit),
    /// Another process of the tree ended.
    Changed,
    /// The supervisor was asked for something.
    Asked(Asked),
    /// The time is over.
    TimeOver,
}

/// What a supervisor is told by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// End (SIGTERM, SIGINT): see [`Supervision::is_asked_to_end`].
    Stop,
    /// Let the tree stand still (SIGUSR1).
    Pause,
    /// Let it go on (SIGUSR2).
    Resume,
    /// Look: there is something to read (SIGHUP).
    Look,
}

impl Asked {
    /// The signal that asks for it.
    pub fn signal(self) -> i32 {
        match self {
            Self::Stop => libc::SIGTERM,
            Self::Pause => libc::SIGUSR1,
            Self::Resume => libc::SIGUSR2,
            Self::Look => libc::SIGHUP,
        }
    }

    pub(crate) fn of(signal: i32) -> Option<Self> {
        match signal {
            libc::SIGTERM | libc::SIGINT => Some(Self::Stop),
            libc::SIGUSR1 => Some(Self::Pause),
            libc::SIGUSR2 => Some(Self::Resume),
            libc::SIGHUP => Some(Self::Look),
            _ => None,
        }
    }
}

/// A bell that one process listens to.
pub trait Bell {
    /// Sleeps until it is rung, one of the processes ends, the wall clock reaches a moment, or the clock is set.
    ///
    /// # Errors
    /// When the system can't wait for that.
    fn wait(
        &mut self,
        processes: &[ProcessIdentity],
        until: Option<Moment>,
    ) -> Result<(), DoorError>;
}
