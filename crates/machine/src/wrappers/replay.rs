//! A recorded machine: answers from an evidence bundle, and `not-asked` where the bundle is silent.
//!
//! The rule for a path, first match wins: the value in `fs/` (links followed inside it), `stats.toml`
//! and `listings.toml`, the `[outcomes]` of the path or the nearest folder above it, a folder above it
//! that is `complete` (then it is absent), a listed folder that lacks the name (then it is absent).

use crate::bundle::{Bundle, CommandRecord, Node, Outcome, Resolved, SpaceRecord, StatRecord, device_outcome, resolve};
use crate::command::Command;
use crate::device::DeviceQuestion;
use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::launch::{Child, Launch};
use crate::question::{Answer, Entry, FileKind, Moment, PersonIdentity, Question, Stat};
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

/// What is known of a path.
enum Seen<'a> {
    Node(&'a Node),
    /// Something stands there, of which only this is known.
    Stat(&'a StatRecord),
    /// A folder that was listed.
    Listed,
    Outcome(Outcome),
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
        let known = bundle.stats.iter().filter(|(_, record)| record.kind.is_some()).map(|(path, _)| path);
        for path in bundle.tree.keys().chain(known) {
            if let (Some(above), Some(name)) = (path.parent(), path.file_name()) {
                children.entry(above.to_path_buf()).or_default().insert(name.to_string_lossy().into_owned());
            }
        }
        Self { bundle, children }
    }

    /// The bundle it answers from.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    fn resolved(&self, path: &Path, last: bool, what: &str) -> Result<PathBuf, DoorError> {
        match resolve(&self.bundle.tree, path, last, |path| self.is_folder(path)) {
            Resolved::Path(path) => Ok(path),
            Resolved::Loop => Err(DoorError::new(ErrorKind::Failed, what, "too many levels of symbolic links")),
        }
    }

    /// Whether a path can lead on from there, also up.
    fn is_folder(&self, path: &Path) -> bool {
        let is_directory = match self.seen(path) {
            Seen::Node(node) => matches!(node, Node::Directory),
            Seen::Stat(record) => record.kind == Some(FileKind::Directory),
            Seen::Listed => true,
            Seen::Outcome(_) => path == Path::new("/"),
        };
        is_directory && self.is_searchable(path)
    }

    fn is_searchable(&self, path: &Path) -> bool {
        let Some(record) = self.bundle.stats.get(path) else { return true };
        let person = self.person();
        match (record.mode, record.uid, record.gid) {
            (Some(mode), Some(uid), Some(gid)) => permits(mode, uid, gid, &person, 0o1),
            _ => true,
        }
    }

    /// The rule for a path whose links are followed.
    fn seen(&self, path: &Path) -> Seen<'_> {
        let bundle = &self.bundle;
        if let Some(node) = bundle.tree.get(path) {
            return Seen::Node(node);
        }
        if let Some(record) = bundle.stats.get(path).filter(|record| record.kind.is_some()) {
            return Seen::Stat(record);
        }
        if bundle.listings.contains_key(path) {
            return Seen::Listed;
        }
        self.outcome(path).map_or_else(|| Seen::Outcome(self.silence(path)), Seen::Outcome)
    }

    /// `[outcomes]` of the path, or of the nearest folder above it.
    fn outcome(&self, path: &Path) -> Option<Outcome> {
        if let Some(outcome) = self.bundle.outcomes.get(path) {
            return Some(outcome.clone());
        }
        for above in path.ancestors().skip(1) {
            if self.is_leaf(above) {
                return Some(Outcome::of(ErrorKind::Absent));
            }
            if let Some(outcome) = self.bundle.outcomes.get(above).filter(|outcome| outcome.is_inherited()) {
                return Some(Outcome::of(outcome.kind));
            }
        }
        None
    }

    /// Something that is no folder stands there: nothing can be below it.
    fn is_leaf(&self, path: &Path) -> bool {
        match self.bundle.tree.get(path) {
            Some(node) => matches!(node, Node::File { .. }),
            None => self.bundle.stats.get(path).is_some_and(|record| record.kind.is_some_and(|kind| kind != FileKind::Directory)),
        }
    }

    /// What it means that nothing at all is said of a path.
    fn silence(&self, path: &Path) -> Outcome {
        let bundle = &self.bundle;
        let blocks = |from: &Path| {
            bundle.stats.get(from).is_some_and(|record| record.kind == Some(FileKind::Directory)) && !self.is_searchable(from)
        };
        if path.ends_with("..") && path.parent().is_some_and(blocks) {
            return Outcome::of(ErrorKind::Denied);
        }
        let lacks = |above: &Path, below: &Path| {
            bundle.listings.get(above).is_some_and(|entries| {
                let name = below.file_name().unwrap_or_default().to_string_lossy();
                !entries.iter().any(|entry| entry.name == name)
            })
        };
        for (below, above) in path.ancestors().zip(path.ancestors().skip(1)) {
            if self.is_leaf(above) || lacks(above, below) {
                return Outcome::of(ErrorKind::Absent);
            }
            if let Some(entries) = bundle.listings.get(above)
                && entries.iter().any(|entry| below.file_name().is_some_and(|name| *entry.name == *name.to_string_lossy()))
            {
                return Outcome::of(ErrorKind::NotAsked);
            }
        }
        let whole = path.ancestors().any(|above| bundle.header.complete.iter().any(|complete| complete == above));
        Outcome::of(if whole { ErrorKind::Absent } else { ErrorKind::NotAsked })
    }

    fn file(&self, path: &Path, offset: u64, limit: u64, what: String) -> Result<Answer, DoorError> {
        let path = self.resolved(path, true, &what)?;
        let error = |kind| Err(Outcome::of(kind).error(what.clone()));
        match self.seen(&path) {
            Seen::Node(Node::File { contents, .. }) => {
                let partial = self.bundle.stats.get(&path).is_some_and(|record| record.partial);
                let end = offset.saturating_add(limit);
                if partial && end > contents.len() as u64 {
                    return Err(DoorError::new(ErrorKind::NotAsked, what, "only its beginning is in this bundle"));
                }
                if self.bundle.stats.get(&path).is_some_and(|record| record.readable == Some(false)) {
                    return error(ErrorKind::Denied);
                }
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(contents.len());
                Ok(Answer::Bytes(contents[place(offset)..place(end)].to_vec()))
            }
            Seen::Node(_) | Seen::Listed | Seen::Stat(StatRecord { kind: Some(FileKind::Directory), .. }) => {
                Err(DoorError::new(ErrorKind::Failed, what, "is a directory"))
            }
            Seen::Stat(StatRecord { kind: Some(FileKind::Device | FileKind::Other), .. }) => {
                Err(DoorError::new(ErrorKind::Failed, what, "it is a pipe, a socket or a device, no file"))
            }
            Seen::Stat(record) => match self.outcome(&path) {
                Some(outcome) => Err(outcome.error(what)),
                None if !self.allowed(&path, record, false) => error(ErrorKind::Denied),
                None => error(ErrorKind::NotAsked),
            },
            Seen::Outcome(outcome) => Err(outcome.error(what)),
        }
    }

    fn link(&self, path: &Path, what: String) -> Result<Answer, DoorError> {
        let path = self.resolved(path, false, &what)?;
        match self.seen(&path) {
            Seen::Node(Node::Link(target)) => Ok(Answer::Path(target.clone())),
            Seen::Node(_) | Seen::Listed => Err(DoorError::new(ErrorKind::Failed, what, "it is no link")),
            Seen::Stat(_) if self.is_listed_link(&path) => Err(Outcome::of(ErrorKind::NotAsked).error(what)),
            Seen::Stat(_) => Err(DoorError::new(ErrorKind::Failed, what, "it is no link")),
            Seen::Outcome(outcome) => Err(outcome.error(what)),
        }
    }

    fn is_listed_link(&self, path: &Path) -> bool {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return false };
        self.bundle.listings.get(above).is_some_and(|entries| {
            entries.iter().any(|entry| entry.kind == FileKind::Link && *entry.name == *name.to_string_lossy())
        })
    }

    fn directory(&self, path: &Path, what: String) -> Result<Answer, DoorError> {
        let path = self.resolved(path, true, &what)?;
        if let Some(entries) = self.bundle.listings.get(&path) {
            return Ok(Answer::Entries(entries.clone()));
        }
        let is_directory = match self.seen(&path) {
            Seen::Node(node) => matches!(node, Node::Directory),
            Seen::Stat(record) => record.kind == Some(FileKind::Directory),
            Seen::Listed => true,
            Seen::Outcome(outcome) => return Err(outcome.error(what)),
        };
        if !is_directory {
            return Err(Outcome::of(ErrorKind::Absent).error(what));
        }
        if let Some(outcome) = self.outcome(&path).filter(|outcome| outcome.kind != ErrorKind::Absent) {
            return Err(outcome.error(what));
        }
        if !path.ancestors().any(|above| self.bundle.header.complete.iter().any(|complete| complete == above)) {
            return Err(Outcome::of(ErrorKind::NotAsked).error(what));
        }
        let entry = |name: &String| {
            let inner = path.join(name);
            let kind = self.bundle.tree.get(&inner).map(Node::kind);
            let kind = kind.or_else(|| self.bundle.stats.get(&inner).and_then(|record| record.kind));
            Entry { name: name.clone(), kind: kind.unwrap_or(FileKind::File) }
        };
        Ok(Answer::Entries(self.children.get(&path).into_iter().flatten().map(entry).collect()))
    }

    fn stat(&self, path: &Path, what: String) -> Result<Stat, DoorError> {
        let path = self.resolved(path, true, &what)?;
        let none = StatRecord::default();
        let record = self.bundle.stats.get(&path).unwrap_or(&none);
        let (kind, size, executable) = match self.seen(&path) {
            Seen::Node(Node::File { contents, executable }) => (FileKind::File, contents.len() as u64, *executable),
            Seen::Node(node) => (node.kind(), 0, false),
            Seen::Stat(_) => (FileKind::File, 0, false),
            Seen::Listed => (FileKind::Directory, 0, false),
            Seen::Outcome(outcome) => return Err(outcome.error(what)),
        };
        let kind = record.kind.unwrap_or(kind);
        let person = self.person();
        let owner = if self.home().is_some_and(|home| path.starts_with(home)) { person.uid } else { 0 };
        Ok(Stat {
            kind,
            size: record.size.unwrap_or(size),
            mode: record.mode.unwrap_or(match kind {
                FileKind::Directory => 0o755,
                FileKind::File if executable => 0o755,
                FileKind::File => 0o644,
                FileKind::Link => 0o777,
                FileKind::Device | FileKind::Other => 0o600,
            }),
            uid: record.uid.unwrap_or(owner),
            gid: record.gid.unwrap_or(if owner == 0 { 0 } else { person.groups.first().copied().unwrap_or(owner) }),
            modified: record.modified.unwrap_or(self.bundle.header.time.as_second()),
        })
    }

    fn access(&self, path: &Path, write: bool, what: String) -> Result<bool, DoorError> {
        let path = self.resolved(path, true, &what)?;
        let record = self.bundle.stats.get(&path).cloned().unwrap_or_default();
        let given = if write { record.writable } else { record.readable };
        if let Some(given) = given {
            return Ok(given);
        }
        if let Some(outcome) = self.bundle.outcomes.get(&path) {
            return match outcome.kind {
                ErrorKind::Denied => Ok(false),
                _ => Err(outcome.error(what)),
            };
        }
        match self.stat(&path, what) {
            Ok(stat) => Ok(permitted(&stat, &self.person(), write) && !(write && self.is_read_only(&path))),
            Err(error) if error.kind == ErrorKind::Denied => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn allowed(&self, path: &Path, record: &StatRecord, write: bool) -> bool {
        let given = if write { record.writable } else { record.readable };
        given.unwrap_or_else(|| self.stat(path, String::new()).is_ok_and(|stat| permitted(&stat, &self.person(), write)))
    }

    fn is_read_only(&self, path: &Path) -> bool {
        matches!(self.space_record(path), Some(SpaceRecord::Space(space)) if space.read_only)
    }

    fn space_record(&self, path: &Path) -> Option<&SpaceRecord> {
        path.ancestors().find_map(|above| self.bundle.spaces.get(above))
    }

    fn space(&self, path: &Path, what: String) -> Result<Answer, DoorError> {
        let path = self.resolved(path, true, &what)?;
        match self.space_record(&path) {
            Some(SpaceRecord::Space(space)) => Ok(Answer::Space(*space)),
            Some(SpaceRecord::Outcome(outcome)) => Err(outcome.error(what)),
            None => Err(Outcome::of(ErrorKind::NotAsked).error(what)),
        }
    }

    fn real_path(&self, path: &Path, what: String) -> Result<Answer, DoorError> {
        let real = self.resolved(path, true, &what)?;
        match self.seen(&real) {
            Seen::Outcome(outcome) => Err(outcome.error(what)),
            _ => Ok(Answer::Path(real)),
        }
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
        let Some(path) = self.bundle.variables.values.get("PATH") else { return false };
        !program.is_empty() && path.split(':').all(|folder| folder.starts_with('/') && absent(&Path::new(folder).join(program)))
    }

    fn variable(&self, name: &str, what: String) -> Result<Answer, DoorError> {
        let variables = &self.bundle.variables;
        if let Some(value) = variables.values.get(name) {
            return Ok(Answer::Text(value.clone()));
        }
        if variables.set.contains(name) {
            return Err(DoorError::new(ErrorKind::NotAsked, what, "it is set, and its value is not in this bundle"));
        }
        if variables.absent.contains(name) || variables.complete {
            return Err(DoorError::new(ErrorKind::Absent, what, "it is not set"));
        }
        Err(Outcome::of(ErrorKind::NotAsked).error(what))
    }

    fn person(&self) -> PersonIdentity {
        let record = &self.bundle.header.person;
        let uid = record.uid.unwrap_or(if self.bundle.header.user == UserClass::Root { 0 } else { 1000 });
        PersonIdentity {
            uid,
            groups: record.groups.clone().unwrap_or_else(|| vec![uid]),
            name: record.name.clone(),
            host: record.host.clone(),
            processors: record.processors.unwrap_or_else(|| self.counted_processors()),
        }
    }

    /// Processors in `/proc/cpuinfo`; one where it is not there.
    fn counted_processors(&self) -> u32 {
        let Some(Node::File { contents, .. }) = self.bundle.tree.get(Path::new("/proc/cpuinfo")) else { return 1 };
        let text = String::from_utf8_lossy(contents);
        u32::try_from(text.lines().filter(|line| line.starts_with("processor")).count()).unwrap_or(1).max(1)
    }

    fn home(&self) -> Option<PathBuf> {
        let home = self.bundle.variables.values.get("HOME").filter(|home| home.starts_with('/'));
        home.map(PathBuf::from).or_else(|| match (self.bundle.header.user, self.bundle.header.os) {
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

/// Permission bits against a person, as path_resolution(7) has it; root may all.
fn permits(mode: u32, uid: u32, gid: u32, person: &PersonIdentity, bit: u32) -> bool {
    let shift = match () {
        () if person.uid == 0 => return true,
        () if uid == person.uid => 6,
        () if person.groups.contains(&gid) => 3,
        () => 0,
    };
    mode >> shift & bit != 0
}

/// Whether a person may read it, and write it too where asked.
fn permitted(stat: &Stat, person: &PersonIdentity, write: bool) -> bool {
    let permits = |bit| permits(stat.mode, stat.uid, stat.gid, person, bit);
    permits(0o4) && (!write || permits(0o2))
}

impl Machine for Replay {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        let what = question.phrase();
        match question {
            Question::File { path, limit } => self.file(path, 0, *limit, what),
            Question::FilePart { path, offset, limit } => self.file(path, *offset, *limit, what),
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
                let names: BTreeSet<&String> = variables.values.keys().chain(&variables.set).collect();
                Ok(Answer::Names(names.into_iter().cloned().collect()))
            }
            Question::Now => Ok(Answer::Moment(Moment { wall: self.bundle.header.time, monotonic: Duration::ZERO })),
            Question::Person => Ok(Answer::Person(self.person())),
            Question::WorkingDirectory => {
                self.home().map(Answer::Path).ok_or_else(|| Outcome::of(ErrorKind::NotAsked).error(what))
            }
            Question::Device(device) => self.device(*device, what),
            Question::Fetch { .. } => Err(refused(what)),
            Question::Variables | Question::Executable | Question::Process { .. } | Question::Random => {
                Err(Outcome::of(ErrorKind::NotAsked).error(what))
            }
        }
    }

    fn act(&self, effect: &Effect, _watch: &mut dyn FnMut(Progress<'_>)) -> Result<Answer, DoorError> {
        Err(refused(effect.phrase()))
    }

    fn lock(&self, path: &Path, _patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        Err(refused(format!("lock {}", path.display())))
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        let program = launch.argv.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        Err(refused(format!("start {program}")))
    }
}

fn refused(what: String) -> DoorError {
    DoorError::new(ErrorKind::Refused, what, "this is a recorded machine, which can't be changed")
}
