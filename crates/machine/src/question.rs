//! Questions, which change nothing, and what is answered.

use crate::command::{Command, Output};
use crate::device::DeviceQuestion;
use std::path::PathBuf;
use std::time::Duration;

/// A question to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A file's bytes, the first `limit` of them. Answer: [`Answer::Bytes`].
    File {
        /// The path; links are followed.
        path: PathBuf,
        /// Bytes at the most; what lies behind is left out.
        limit: u64,
    },
    /// A file's bytes from an offset on, at most `limit` of them; none at or behind its end.
    /// For logs and metrics that grow. Answer: [`Answer::Bytes`].
    FilePart {
        /// The path; links are followed.
        path: PathBuf,
        /// Bytes left out at the beginning.
        offset: u64,
        /// Bytes at the most.
        limit: u64,
    },
    /// Where a symbolic link leads, unresolved. Answer: [`Answer::Path`].
    Link {
        /// The link itself.
        path: PathBuf,
    },
    /// The real path behind all links. Answer: [`Answer::Path`].
    RealPath {
        /// The path.
        path: PathBuf,
    },
    /// A folder's entries, sorted by name. Answer: [`Answer::Entries`].
    Directory {
        /// The folder.
        path: PathBuf,
    },
    /// Kind, size, owner and mode, links followed. Answer: [`Answer::Stat`].
    Stat {
        /// The path.
        path: PathBuf,
    },
    /// A folder's entries with kind, size, owner and mode of each, links not followed, sorted by name: thousands of files
    /// are looked at with one question a folder. Answer: [`Answer::Stats`].
    Stats {
        /// The folder.
        path: PathBuf,
    },
    /// Whether this process could read and write it. Answer: [`Answer::Flag`].
    Access {
        /// The path.
        path: PathBuf,
        /// Writing, too.
        write: bool,
    },
    /// Size and free space of the file system a path is on. Answer: [`Answer::Space`].
    Space {
        /// The path, or the nearest folder above it that exists.
        path: PathBuf,
    },
    /// A program that only looks. Answer: [`Answer::Output`].
    Command(Command),
    /// An environment variable. Answer: [`Answer::Text`]; absent when unset.
    Variable {
        /// Its name.
        name: String,
    },
    /// The names of all environment variables that are set. Answer: [`Answer::Names`].
    Variables,
    /// Wall clock and monotonic clock. Answer: [`Answer::Moment`].
    Now,
    /// Who this process is. Answer: [`Answer::Person`].
    Person,
    /// The folder this process stands in. Answer: [`Answer::Path`].
    WorkingDirectory,
    /// This program's own file. Answer: [`Answer::Path`].
    Executable,
    /// A device library. Answer: [`Answer::Json`].
    Device(DeviceQuestion),
    /// A web resource. Answer: [`Answer::Response`].
    Fetch {
        /// Its address.
        url: String,
        /// What is accepted, as the `Accept` header has it.
        accept: String,
        /// Bytes at the most.
        limit: u64,
        /// For the whole exchange.
        deadline: Duration,
    },
    /// A part of a web resource (RFC 9110, 14: range requests). Answer: [`Answer::Part`].
    FetchPart {
        /// Its address.
        url: String,
        /// Bytes left out at the beginning.
        offset: u64,
        /// Bytes at the most.
        length: u64,
        /// Where the person keeps a token for that server. It is read at the door and goes nowhere else.
        token: Option<TokenPlace>,
        /// For the whole exchange.
        deadline: Duration,
    },
    /// The start time of a process, where it is alive. Answer: [`Answer::Number`]; absent when it is not.
    Process {
        /// Its number.
        pid: u32,
    },
    /// Random bits. Answer: [`Answer::Number`].
    Random,
}

impl Question {
    /// What is asked, as an imperative phrase with the thing's name.
    pub fn phrase(&self) -> String {
        match self {
            Self::File { path, .. } | Self::FilePart { path, .. } => {
                format!("read {}", path.display())
            }
            Self::Link { path } | Self::RealPath { path } => format!("follow {}", path.display()),
            Self::Directory { path } | Self::Stats { path } => format!("list {}", path.display()),
            Self::Stat { path } | Self::Access { path, .. } => {
                format!("look at {}", path.display())
            }
            Self::Space { path } => format!("measure the free space of {}", path.display()),
            Self::Command(command) => format!("run {}", command.shown()),
            Self::Variable { name } => format!("read the variable {name}"),
            Self::Variables => "list the environment variables".into(),
            Self::Now => "read the clock".into(),
            Self::Person => "look up the user".into(),
            Self::WorkingDirectory => "find the current folder".into(),
            Self::Executable => "find this program's file".into(),
            Self::Device(question) => format!("ask {}", question.name()),
            Self::Fetch { url, .. } => {
                format!("fetch {}", crate::command::without_credentials(url))
            }
            Self::FetchPart { url, .. } => {
                format!(
                    "fetch a part of {}",
                    crate::command::without_credentials(url)
                )
            }
            Self::Process { pid } => format!("look at process {pid}"),
            Self::Random => "draw a random number".into(),
        }
    }
}

/// An answer. Which variant belongs to which question stands at the question.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing to say beyond success.
    Done,
    /// Bytes.
    Bytes(Vec<u8>),
    /// A path.
    Path(PathBuf),
    /// A folder's entries.
    Entries(Vec<Entry>),
    /// A path's kind, size, owner and mode.
    Stat(Stat),
    /// A folder's entries, each with its stat.
    Stats(Vec<(String, Stat)>),
    /// Yes or no.
    Flag(bool),
    /// Free space.
    Space(Space),
    /// A command's output.
    Output(Output),
    /// Text.
    Text(String),
    /// Names.
    Names(Vec<String>),
    /// The time.
    Moment(Moment),
    /// Who this process is.
    Person(PersonIdentity),
    /// JSON from a device library.
    Json(serde_json::Value),
    /// A web resource.
    Response(Response),
    /// A part of one.
    Part(Part),
    /// A number.
    Number(u64),
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// Its name; bytes that are no UTF-8 are shown as U+FFFD.
    pub name: String,
    /// Its kind, links not followed.
    pub kind: FileKind,
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Link,
    /// A character or block device.
    Device,
    /// A socket, pipe, or something else.
    Other,
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stat {
    /// Its kind.
    pub kind: FileKind,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// The owner's number.
    #[serde(default)]
    pub uid: u32,
    /// The group's number.
    #[serde(default)]
    pub gid: u32,
    /// Last change of the contents, seconds of the Unix epoch.
    #[serde(default)]
    pub modified: i64,
    /// Names that the contents have on this file system; with several, a change in place is seen under all of them.
    /// None where it is not known: bundles don't keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<u64>,
    /// Where on which disk it lies, and what it takes there. None where it is not known: bundles don't keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Where a file's contents lie, so that two names of the same contents are told to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The file system.
    pub device: u64,
    /// The contents' number on it.
    pub inode: u64,
    /// Bytes they take there: fewer than their size where there are holes, more where the last block is not full.
    pub allocated: u64,
}

/// Space on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Space {
    /// In all.
    pub total: u64,
    /// Free for this person.
    pub free: u64,
    /// Mounted read-only.
    #[serde(default)]
    pub read_only: bool,
}

/// The time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock.
    pub wall: jiff::Timestamp,
    /// By a clock that never jumps; only differences mean anything.
    pub monotonic: Duration,
}

/// Who this process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonIdentity {
    /// The user's number; 0 is root.
    pub uid: u32,
    /// The numbers of the groups the process has now.
    pub groups: Vec<u32>,
    /// The user's name, where it is known.
    pub name: Option<String>,
    /// The machine's name, where it is known.
    pub host: Option<String>,
    /// Processors this process may use.
    pub processors: u32,
}

/// A web resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Where it came from after redirects.
    pub url: String,
    /// Its `Content-Type`, lower case, without parameters.
    pub content_type: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// A part of a web resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its bytes; fewer than asked for at the resource's end.
    pub bytes: Vec<u8>,
    /// The size of the whole, where the server tells it.
    pub total: Option<u64>,
}

/// Where a person keeps a token: a place, never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// An environment variable.
    Variable(String),
    /// A file with nothing else in it.
    File(PathBuf),
}
