//! Long-running children: training runs.

use crate::error::DoorError;
use deskside_types::run::{ProcessIdentity, RunExit};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// A child to start and to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Program first; looked up on PATH when it has no slash. Any bytes.
    pub argv: Vec<OsString>,
    /// The folder it runs in; this process's when none.
    pub directory: Option<PathBuf>,
    /// Variables set beside the inherited ones; `None` takes one away.
    pub variables: BTreeMap<String, Option<OsString>>,
    /// The file its output is added to. Made where it is absent.
    pub log: PathBuf,
    /// Also pass its output on to this process's own stdout and stderr, and give it a terminal when this process has one.
    pub foreground: bool,
    /// In the foreground: all of its output goes to this process's stderr, whose stdout holds an answer.
    pub to_stderr: bool,
}

/// A child that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its identity.
    pub process: ProcessIdentity,
}

/// A started child.
pub trait Child {
    /// What was started.
    fn started(&self) -> &Started;

    /// Waits for its end, passing output and signals on meanwhile.
    ///
    /// # Errors
    /// When its log can't be written any more the child goes on and the error is told after its end.
    fn wait(&mut self) -> Result<Ended, DoorError>;
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit.
    pub exit: RunExit,
    /// A signal that this process passed on to it (Ctrl-C): then the person stopped it.
    pub forwarded: Option<i32>,
    /// Why its log is not whole, where it is not.
    pub log_error: Option<String>,
}
