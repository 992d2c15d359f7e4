//! Questions and effects as ordinary method calls.

use crate::Machine;
use crate::command::{Command, Output};
use crate::device::DeviceQuestion;
use crate::effect::{Durability, Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::question::{
    Answer, Entry, Moment, Part, PersonIdentity, Question, Response, Space, Stat, TokenPlace,
};
use deskside_types::run::ProcessIdentity;
use std::path::{Path, PathBuf};
use std::time::Duration;

macro_rules! answered {
    ($machine:expr, $question:expr, $variant:ident) => {{
        let question = $question;
        match $machine.ask(&question)? {
            Answer::$variant(value) => Ok(value),
            other => Err(DoorError::new(
                ErrorKind::Failed,
                question.phrase(),
                format!("answered {other:?}"),
            )),
        }
    }};
}

/// Asking as method calls; implemented for every machine.
pub trait Reading: Machine {
    /// A file's bytes, up to `limit`.
    fn file(&self, path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>, DoorError> {
        answered!(
            self,
            Question::File {
                path: path.as_ref().into(),
                limit
            },
            Bytes
        )
    }

    /// A file's bytes from an offset on, up to `limit`; none at or behind its end.
    fn file_part(
        &self,
        path: impl AsRef<Path>,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<u8>, DoorError> {
        answered!(
            self,
            Question::FilePart {
                path: path.as_ref().into(),
                offset,
                limit
            },
            Bytes
        )
    }

    /// A file's text, up to 1 MiB; bytes that are no UTF-8 are shown as U+FFFD.
    fn text(&self, path: impl AsRef<Path>) -> Result<String, DoorError> {
        Ok(String::from_utf8_lossy(&self.file(path, 1 << 20)?).into_owned())
    }

    /// Where a link leads.
    fn link(&self, path: impl AsRef<Path>) -> Result<PathBuf, DoorError> {
        answered!(
            self,
            Question::Link {
                path: path.as_ref().into()
            },
            Path
        )
    }

    /// The real path behind all links.
    fn real_path(&self, path: impl AsRef<Path>) -> Result<PathBuf, DoorError> {
        answered!(
            self,
            Question::RealPath {
                path: path.as_ref().into()
            },
            Path
        )
    }

    /// A folder's entries, sorted by name.
    fn entries(&self, path: impl AsRef<Path>) -> Result<Vec<Entry>, DoorError> {
        answered!(
            self,
            Question::Directory {
                path: path.as_ref().into()
            },
            Entries
        )
    }

    /// What a path is, links followed.
    fn stat(&self, path: impl AsRef<Path>) -> Result<Stat, DoorError> {
        answered!(
            self,
            Question::Stat {
                path: path.as_ref().into()
            },
            Stat
        )
    }

    /// A folder's entries by name, each with its stat, links not followed. An entry that went meanwhile is left out.
    fn stats(&self, path: impl AsRef<Path>) -> Result<Vec<(String, Stat)>, DoorError> {
        answered!(
            self,
            Question::Stats {
                path: path.as_ref().into()
            },
            Stats
        )
    }

    /// Whether something is at a path: surely yes, surely no, or an error.
    fn exists(&self, path: impl AsRef<Path>) -> Result<bool, DoorError> {
        match self.stat(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::Absent => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether this process could read (and write) a path.
    fn access(&self, path: impl AsRef<Path>, write: bool) -> Result<bool, DoorError> {
        answered!(
            self,
            Question::Access {
                path: path.as_ref().into(),
                write
            },
            Flag
        )
    }

    /// Space on the file system of a path.
    fn space(&self, path: impl AsRef<Path>) -> Result<Space, DoorError> {
        answered!(
            self,
            Question::Space {
                path: path.as_ref().into()
            },
            Space
        )
    }

    /// Runs a command that only looks.
    fn command(&self, command: Command) -> Result<Output, DoorError> {
        answered!(self, Question::Command(command), Output)
    }

    /// An environment variable that is set; a replayed machine's unasked one counts as unset.
    fn variable(&self, name: &str) -> Option<String> {
        match self.ask(&Question::Variable { name: name.into() }) {
            Ok(Answer::Text(value)) => Some(value),
            _ => None,
        }
    }

    /// The names of the environment variables that are set.
    fn variables(&self) -> Result<Vec<String>, DoorError> {
        answered!(self, Question::Variables, Names)
    }

    /// The time.
    fn now(&self) -> Result<Moment, DoorError> {
        answered!(self, Question::Now, Moment)
    }

    /// Who this process is.
    fn person(&self) -> Result<PersonIdentity, DoorError> {
        answered!(self, Question::Person, Person)
    }

    /// The current folder.
    fn working_directory(&self) -> Result<PathBuf, DoorError> {
        answered!(self, Question::WorkingDirectory, Path)
    }

    /// This program's own file.
    fn executable(&self) -> Result<PathBuf, DoorError> {
        answered!(self, Question::Executable, Path)
    }

    /// A device library's answer.
    fn device(&self, question: DeviceQuestion) -> Result<serde_json::Value, DoorError> {
        answered!(self, Question::Device(question), Json)
    }

    /// A web resource, up to `limit` bytes.
    fn fetch(
        &self,
        url: &str,
        accept: &str,
        limit: u64,
        deadline: Duration,
    ) -> Result<Response, DoorError> {
        answered!(
            self,
            Question::Fetch {
                url: url.into(),
                accept: accept.into(),
                limit,
                deadline
            },
            Response
        )
    }

    /// A part of a web resource, up to `length` bytes from `offset` on.
    fn fetch_part(
        &self,
        url: &str,
        offset: u64,
        length: u64,
        token: Option<TokenPlace>,
        deadline: Duration,
    ) -> Result<Part, DoorError> {
        answered!(
            self,
            Question::FetchPart {
                url: url.into(),
                offset,
                length,
                token,
                deadline
            },
            Part
        )
    }

    /// The start time of a living process; none when there is no such process.
    fn process(&self, pid: u32) -> Result<Option<u64>, DoorError> {
        match self.ask(&Question::Process { pid }) {
            Ok(Answer::Number(start_time)) => Ok(Some(start_time)),
            Ok(other) => Err(DoorError::new(
                ErrorKind::Failed,
                format!("look at process {pid}"),
                format!("answered {other:?}"),
            )),
            Err(error) if error.kind == ErrorKind::Absent => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// This process's own identity, for others to see later whether it still lives.
    ///
    /// Linux says number and start time in `/proc/self/stat` (`proc_pid_stat(5)`, fields 1 and 22).
    fn own_process(&self) -> Result<ProcessIdentity, DoorError> {
        if let Ok(stat) = self.text("/proc/self/stat") {
            let pid = stat
                .split_whitespace()
                .next()
                .and_then(|word| word.parse().ok());
            // The name in field 2 may hold blanks and brackets; what follows its last bracket does not.
            let start_time = stat
                .rsplit_once(')')
                .and_then(|(_, rest)| rest.split_whitespace().nth(19))
                .and_then(|word| word.parse().ok());
            if let (Some(pid), Some(start_time)) = (pid, start_time) {
                return Ok(ProcessIdentity {
                    pid,
                    start_time,
                    boot_id: self.boot_id(),
                });
            }
        }
        let pid = std::process::id();
        let gone = || {
            DoorError::new(
                ErrorKind::Failed,
                format!("look at process {pid}"),
                "this process is not listed",
            )
        };
        let start_time = self.process(pid)?.ok_or_else(gone)?;
        Ok(ProcessIdentity {
            pid,
            start_time,
            boot_id: self.boot_id(),
        })
    }

    /// Whether exactly this process still lives, on this boot.
    fn is_alive(&self, process: &ProcessIdentity) -> Result<bool, DoorError> {
        Ok(self.boot_id() == process.boot_id
            && self.process(process.pid)? == Some(process.start_time))
    }

    /// The identity of this boot; empty where the system has none (macOS start times need none).
    fn boot_id(&self) -> String {
        self.text("/proc/sys/kernel/random/boot_id")
            .map(|text| text.trim().to_string())
            .unwrap_or_default()
    }

    /// 64 random bits.
    fn random(&self) -> Result<u64, DoorError> {
        answered!(self, Question::Random, Number)
    }

    /// The first program of that name on PATH that can be executed.
    fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.variable("PATH")?;
        path.split(':')
            .filter(|folder| folder.starts_with('/'))
            .map(|folder| Path::new(folder).join(name))
            .find(|candidate| {
                self.stat(candidate)
                    .is_ok_and(|stat| stat.kind == crate::FileKind::File && stat.mode & 0o111 != 0)
            })
    }
}

impl<T: Machine + ?Sized> Reading for T {}

/// Acting as method calls; implemented for every machine. Nobody listens to the progress.
pub trait Acting: Machine {
    /// Carries an effect out.
    fn effect(&self, effect: &Effect) -> Result<Answer, DoorError> {
        self.act(effect, &mut |_| {})
    }

    /// Replaces a file whole.
    fn write_file(
        &self,
        path: impl AsRef<Path>,
        contents: impl Into<Vec<u8>>,
        mode: u32,
        durability: Durability,
    ) -> Result<(), DoorError> {
        self.effect(&Effect::WriteFile {
            path: path.as_ref().into(),
            contents: contents.into(),
            mode,
            durability,
        })
        .map(drop)
    }

    /// Adds to a file's end.
    fn append_file(
        &self,
        path: impl AsRef<Path>,
        contents: impl Into<Vec<u8>>,
        durability: Durability,
    ) -> Result<(), DoorError> {
        self.effect(&Effect::AppendFile {
            path: path.as_ref().into(),
            contents: contents.into(),
            durability,
        })
        .map(drop)
    }

    /// Makes a folder.
    fn create_directory(&self, path: impl AsRef<Path>) -> Result<(), DoorError> {
        self.effect(&Effect::CreateDirectory {
            path: path.as_ref().into(),
        })
        .map(drop)
    }

    /// Removes a file or link.
    fn remove_file(&self, path: impl AsRef<Path>) -> Result<(), DoorError> {
        self.effect(&Effect::RemoveFile {
            path: path.as_ref().into(),
        })
        .map(drop)
    }

    /// Removes a folder with all in it.
    fn remove_tree(&self, path: impl AsRef<Path>) -> Result<(), DoorError> {
        self.effect(&Effect::RemoveTree {
            path: path.as_ref().into(),
        })
        .map(drop)
    }

    /// Renames.
    fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), DoorError> {
        self.effect(&Effect::Rename {
            from: from.as_ref().into(),
            to: to.as_ref().into(),
        })
        .map(drop)
    }

    /// Runs a command that changes something.
    fn run(
        &self,
        command: Command,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Output, DoorError> {
        let effect = Effect::Command(command);
        match self.act(&effect, watch)? {
            Answer::Output(output) => Ok(output),
            other => Err(DoorError::new(
                ErrorKind::Failed,
                effect.phrase(),
                format!("answered {other:?}"),
            )),
        }
    }
}

impl<T: Machine + ?Sized> Acting for T {}
