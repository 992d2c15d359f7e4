//! A recorded machine: answers from an evidence bundle, and `not-asked` where the bundle is silent.
//!
//! The rule for a path, first match wins: the value in `fs/` (links followed inside it), `stats.toml`
//! and `listings.toml`, the `[outcomes]` of the path or the nearest folder above it, a folder above it
//! that is `complete` (then it is absent), a listed folder that lacks the name (then it is absent).

mod paths;
mod rule;

use crate::bundle::{Bundle, BundleOrigin, CommandRecord, Node, Outcome, device_outcome};
use crate::command::{Command, Output};
use crate::device::DeviceQuestion;
use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::launch::{Child, Launch};
use crate::question::{Answer, Moment, PersonIdentity, Question};
use crate::{Held, Machine};
use deskside_types::Problem;
use deskside_types::facts::{OsKind, UserClass};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A machine that answers from a bundle. It never changes.
#[derive(Debug)]
pub struct Replay {
    bundle: Bundle,
    /// The names right below each folder, from `fs/` and `stats.toml`.
    children: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Replay {
    /// Reads a bundle and stands for its machine.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Problem> {
        Bundle::load(path).map(Self::new)
    }

    /// Stands for a bundle's machine.
    pub fn new(bundle: Bundle) -> Self {
        let mut children: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
        let known = bundle
            .stats
            .iter()
            .filter(|(_, record)| record.kind.is_some())
            .map(|(path, _)| path);
        for path in bundle.tree.keys().chain(known) {
            if let (Some(above), Some(name)) = (path.parent(), path.file_name()) {
                children
                    .entry(above.to_path_buf())
                    .or_default()
                    .insert(name.to_string_lossy().into_owned());
            }
        }
        Self { bundle, children }
    }

    /// The bundle it answers from.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    fn command(&self, command: &Command, what: String) -> Result<Answer, DoorError> {
        match self.bundle.commands.get(&command.argv) {
            Some(CommandRecord::Output(output)) => Ok(Answer::Output(output.clone())),
            Some(CommandRecord::Outcome(outcome)) => Err(outcome.error(what)),
            None if self.is_surely_missing(command.argv.first().map_or("", String::as_str)) => {
                Err(Outcome::of(ErrorKind::Absent).error(what))
            }
            None => Err(Outcome::of(ErrorKind::NotAsked).error(what)),
        }
    }

    /// Every place where a program could lie is known not to have it.
    fn is_surely_missing(&self, program: &str) -> bool {
        let absent = |path: &Path| matches!(self.stat(path, String::new()), Err(error) if error.kind == ErrorKind::Absent);
        if program.contains('/') {
            return Path::new(program).is_absolute() && absent(Path::new(program));
        }
        let Some(path) = self.bundle.variables.values.get("PATH") else {
            return false;
        };
        !program.is_empty()
            && path
                .split(':')
                .all(|folder| folder.starts_with('/') && absent(&Path::new(folder).join(program)))
    }

    fn variable(&self, name: &str, what: String) -> Result<Answer, DoorError> {
        let variables = &self.bundle.variables;
        if let Some(value) = variables.values.get(name) {
            return Ok(Answer::Text(value.clone()));
        }
        if variables.set.contains(name) {
            return Err(DoorError::new(
                ErrorKind::NotAsked,
                what,
                "it is set, and its value is not in this bundle",
            ));
        }
        if variables.absent.contains(name) || variables.complete {
            return Err(DoorError::new(ErrorKind::Absent, what, "it is not set"));
        }
        Err(Outcome::of(ErrorKind::NotAsked).error(what))
    }

    fn person(&self) -> PersonIdentity {
        let record = &self.bundle.header.person;
        let uid = record
            .uid
            .unwrap_or(if self.bundle.header.user == UserClass::Root {
                0
            } else {
                1000
            });
        PersonIdentity {
            uid,
            groups: record.groups.clone().unwrap_or_else(|| vec![uid]),
            name: record.name.clone(),
            host: record.host.clone(),
            processors: record
                .processors
                .unwrap_or_else(|| self.counted_processors()),
        }
    }

    /// Processors in `/proc/cpuinfo`; one where it is not there.
    fn counted_processors(&self) -> u32 {
        let Some(Node::File { contents, .. }) = self.bundle.tree.get(Path::new("/proc/cpuinfo"))
        else {
            return 1;
        };
        let text = String::from_utf8_lossy(contents);
        u32::try_from(
            text.lines()
                .filter(|line| line.starts_with("processor"))
                .count(),
        )
        .unwrap_or(1)
        .max(1)
    }

    fn home(&self) -> Option<PathBuf> {
        let home = self
            .bundle
            .variables
            .values
            .get("HOME")
            .filter(|home| home.starts_with('/'));
        home.map(PathBuf::from)
            .or_else(|| match (self.bundle.header.user, self.bundle.header.os) {
                (UserClass::Root, OsKind::Linux) => Some("/root".into()),
                (UserClass::Root, OsKind::MacOs) => Some("/var/root".into()),
                (UserClass::Person, _) => Some("/home/user".into()),
            })
    }

    fn device(&self, question: DeviceQuestion, what: String) -> Result<Answer, DoorError> {
        let Some(value) = self.bundle.devices.get(question.name()) else {
            return Err(Outcome::of(ErrorKind::NotAsked).error(what));
        };
        match device_outcome(value) {
            Some(outcome) => Err(outcome.error(what)),
            None => Ok(Answer::Json(value.clone())),
        }
    }
}

impl Machine for Replay {
    fn is_synthetic(&self) -> bool {
        self.bundle.header.origin == BundleOrigin::Synthetic
    }

    fn recorded_failure(&self) -> Option<(Vec<String>, Output)> {
        self.bundle.failed.clone()
    }

    fn recorded_commands(&self) -> Vec<(Vec<String>, Output)> {
        self.bundle
            .commands
            .iter()
            .filter_map(|(argv, record)| match record {
                CommandRecord::Output(output) => Some((argv.clone(), output.clone())),
                CommandRecord::Outcome(_) => None,
            })
            .collect()
    }

    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        let what = question.phrase();
        match question {
            Question::File { path, limit } => self.file(path, 0, *limit, what),
            Question::FilePart {
                path,
                offset,
                limit,
            } => self.file(path, *offset, *limit, what),
            Question::Link { path } => self.link(path, what),
            Question::RealPath { path } => self.real_path(path, what),
            Question::Directory { path } => self.directory(path, what),
            Question::Stat { path } => self.stat(path, what).map(Answer::Stat),
            Question::Access { path, write } => self.access(path, *write, what).map(Answer::Flag),
            Question::Space { path } => self.space(path, what),
            Question::Command(command) => self.command(command, what),
            Question::Variable { name } => self.variable(name, what),
            Question::Variables if self.bundle.variables.complete => {
                let variables = &self.bundle.variables;
                let names: BTreeSet<&String> =
                    variables.values.keys().chain(&variables.set).collect();
                Ok(Answer::Names(names.into_iter().cloned().collect()))
            }
            Question::Now => Ok(Answer::Moment(Moment {
                wall: self.bundle.header.time,
                monotonic: Duration::ZERO,
            })),
            Question::Person => Ok(Answer::Person(self.person())),
            Question::WorkingDirectory => self
                .bundle
                .header
                .directory
                .clone()
                .or_else(|| self.home())
                .map(Answer::Path)
                .ok_or_else(|| Outcome::of(ErrorKind::NotAsked).error(what)),
            Question::Device(device) => self.device(*device, what),
            Question::Fetch { .. } | Question::FetchPart { .. } => Err(refused(what)),
            Question::Stats { .. }
            | Question::Variables
            | Question::Executable
            | Question::Process { .. }
            | Question::Random => Err(Outcome::of(ErrorKind::NotAsked).error(what)),
        }
    }

    fn act(
        &self,
        effect: &Effect,
        _watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        Err(refused(effect.phrase()))
    }

    fn lock(&self, path: &Path, _patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        Err(refused(format!("lock {}", path.display())))
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        let program = launch
            .argv
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        Err(refused(format!("start {program}")))
    }
}

fn refused(what: String) -> DoorError {
    DoorError::new(
        ErrorKind::Refused,
        what,
        "this is a recorded machine, which can't be changed",
    )
}
