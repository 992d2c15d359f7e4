//! Effects: the closed list of what the door does to a machine.

use crate::command::Command;
use std::path::PathBuf;
use std::time::Duration;

/// One effect. Each may be repeated after a failure or a kill and then completes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Replaces a file whole: written beside it, then renamed over it. Makes the folders above it.
    WriteFile {
        /// The path.
        path: PathBuf,
        /// What it will hold.
        contents: Vec<u8>,
        /// Permission bits.
        mode: u32,
        /// Whether it must survive a power cut.
        durability: Durability,
    },
    /// Adds to a file's end with one write; makes it and the folders above it.
    AppendFile {
        /// The path.
        path: PathBuf,
        /// What is added.
        contents: Vec<u8>,
        /// Whether it must survive a power cut.
        durability: Durability,
    },
    /// Makes a folder and those above it. One that is there already is fine.
    CreateDirectory {
        /// The path.
        path: PathBuf,
    },
    /// Removes a file or link. One that is gone already is fine.
    RemoveFile {
        /// The path.
        path: PathBuf,
    },
    /// Removes a folder with all in it, without following links. One that is gone already is fine.
    RemoveTree {
        /// The path.
        path: PathBuf,
    },
    /// Renames within one file system.
    Rename {
        /// From.
        from: PathBuf,
        /// To.
        to: PathBuf,
    },
    /// Makes a symbolic link, replacing one that is there.
    MakeLink {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Runs a program that changes something. Answer: its output.
    Command(Command),
    /// Downloads into a file, checks size and hash, and only then gives it its name.
    Download {
        /// From where.
        url: String,
        /// To which file.
        path: PathBuf,
        /// SHA-256 in hex.
        sha256: String,
        /// Bytes, exactly; 0 where they are not stated: then 200 MiB at most, and the hash decides.
        size: u64,
        /// For the whole download.
        deadline: Duration,
    },
    /// Sends a signal to one process if it is still the one meant.
    Signal {
        /// Its number.
        pid: u32,
        /// Its start time.
        start_time: u64,
        /// The signal's number.
        signal: i32,
    },
    /// Waits. An effect because time passes; cut short by an interrupt.
    Sleep {
        /// How long.
        span: Duration,
    },
}

/// Whether an effect must survive a power cut (synced to disk) or only the death of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Written to the operating system: survives any process.
    Process,
    /// Synced to disk: survives a power cut.
    Power,
}

/// What is heard of an effect while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Bytes done, of how many where it is known.
    Bytes {
        /// Done.
        done: u64,
        /// In all.
        total: Option<u64>,
    },
    /// A line a command said.
    Line(&'a str),
    /// Somebody else is waited for: who, in a clause. Nothing is changed meanwhile.
    Waiting(&'a str),
}

impl Effect {
    /// What is done, as an imperative phrase with the thing's name.
    pub fn phrase(&self) -> String {
        match self {
            Self::WriteFile { path, .. } => format!("write {}", path.display()),
            Self::AppendFile { path, .. } => format!("append to {}", path.display()),
            Self::CreateDirectory { path } => format!("make the folder {}", path.display()),
            Self::RemoveFile { path } | Self::RemoveTree { path } => {
                format!("remove {}", path.display())
            }
            Self::Rename { from, to } => format!("rename {} to {}", from.display(), to.display()),
            Self::MakeLink { path, target } => {
                format!("link {} to {}", path.display(), target.display())
            }
            Self::Command(command) => format!("run {}", command.shown()),
            Self::Download { url, .. } => {
                format!("download {}", crate::command::without_credentials(url))
            }
            Self::Signal { pid, signal, .. } => format!("send signal {signal} to process {pid}"),
            Self::Sleep { span } => format!("wait {span:?}"),
        }
    }
}
