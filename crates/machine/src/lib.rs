//! The only door to the outside: files, commands, environment, clock, network, device libraries.
//!
//! Everything else in Deskside asks a [`Machine`] and never the operating system. A [`Question`]
//! changes nothing; an [`Effect`] does. Both are plain data, so that wrappers compose: a recorder
//! keeps the questions with their answers, a replay answers from a bundle, a fault injector fails
//! or dies at the n-th effect, a dry run only lists the effects.
//!
//! Invariants: the trait is synchronous and object-safe; every call has a deadline; a call that
//! may hang inside a device library is made in a child process.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests wait and look from outside"
    )
)]

pub mod bundle;
pub mod command;
pub mod converse;
pub mod device;
pub mod directories;
pub mod effect;
pub mod error;
pub mod extension;
pub mod host;
pub mod interrupt;
pub mod launch;
pub mod openpgp;
pub mod question;
pub mod supervise;
pub mod wrappers;

pub use bundle::Bundle;
pub use command::{Command, Output};
pub use converse::Conversation;
pub use device::DeviceQuestion;
pub use directories::Directories;
pub use effect::{Durability, Effect, Progress};
pub use error::{DoorError, ErrorKind};
pub use extension::{Acting, Reading};
pub use host::{Host, Root};

pub use launch::{Child, Ended, Launch, Started};
pub use question::{
    Answer, Entry, FileKind, Moment, Part, PersonIdentity, Place, Question, Response, Space, Stat,
    TokenPlace,
};
pub use wrappers::{Audited, Death, Died, DryRun, Fault, Faulty, Heeding, Recording, Replay};

use std::path::Path;
use std::time::Duration;

/// A lock that is held until it is dropped, or until its process ends in whatever way.
pub trait Held: Send {}

/// A machine: the real one, a mounted disk, a recorded one, a simulated one.
pub trait Machine: Send + Sync {
    /// Asks something. Changes nothing on the machine.
    ///
    /// # Errors
    /// Never a panic and never a hang: absent, denied, timed out, not asked, or failed with words.
    fn ask(&self, question: &Question) -> Result<Answer, DoorError>;

    /// Asks many things at once; the answers are in order. The same as asking one by one, and much quicker where a
    /// machine hands questions about files to a thread.
    fn ask_all(&self, questions: &[Question]) -> Vec<Result<Answer, DoorError>> {
        questions
            .iter()
            .map(|question| self.ask(question))
            .collect()
    }

    /// Every command with an answer that a recorded machine holds, whoever asked for it; none on a living one. People who
    /// write a bundle by hand put in what they have, with words of their own.
    fn recorded_commands(&self) -> Vec<(Vec<String>, Output)> {
        Vec::new()
    }

    /// The command whose failure a recorded machine was recorded for, with what it said; none on a living one.
    fn recorded_failure(&self) -> Option<(Vec<String>, Output)> {
        None
    }

    /// It was written by hand: what it does not hold says less than on a machine that was recorded, and its programs are
    /// empty files.
    fn is_synthetic(&self) -> bool {
        false
    }

    /// Changes something. `watch` hears of progress while it goes on.
    ///
    /// # Errors
    /// As [`Machine::ask`]; a failed effect leaves nothing half made that its repetition can't finish.
    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError>;

    /// Takes an exclusive lock on a file, made where it is absent, waiting up to `patience`.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when another process holds it for longer; its number is in the file where it wrote one.
    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError>;

    /// Starts a long-running child: a training run.
    ///
    /// # Errors
    /// [`ErrorKind::Absent`] when the program is not there, [`ErrorKind::Denied`] when it can't be executed.
    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError>;

    /// Starts a program and talks with it, a line at a time: what was started as root.
    ///
    /// # Errors
    /// [`ErrorKind::Absent`] when the program is not there; [`ErrorKind::Failed`] on a machine that starts none.
    fn converse(&self, command: &Command) -> Result<Box<dyn Conversation>, DoorError> {
        Err(DoorError::new(
            ErrorKind::Failed,
            format!("talk with {}", command.shown()),
            "no program is started on this machine",
        ))
    }

    /// Holds a device library open in a child process that tells every so often by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Absent`] without the library; [`ErrorKind::Failed`] on a machine that holds none: there each question is
    /// asked by itself.
    fn watch_device(
        &self,
        question: DeviceQuestion,
        every: Duration,
    ) -> Result<Box<dyn device::Watch>, DoorError> {
        let what = format!("watch {} every {every:?}", question.name());
        Err(DoorError::new(
            ErrorKind::Failed,
            what,
            "no device is held open on this machine",
        ))
    }

    /// Process control for supervisors and keepers, where this machine has it.
    fn supervision(&self) -> Option<&dyn supervise::Supervision> {
        None
    }

    /// Whether its paths are this process's own and may be changed: then a library that opens files itself (SQLite)
    /// may be given one. Never true of a recorded, simulated or mounted machine, nor of a dry run.
    fn is_here(&self) -> bool {
        false
    }
}
