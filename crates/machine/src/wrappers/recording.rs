//! A recorder: passes everything through and keeps what an evidence bundle can hold.

use crate::bundle::{
    Bundle, BundleOrigin, CommandRecord, Header, Node, Outcome, PersonRecord, Redactor,
    SpaceRecord, StatRecord, insert, without_surplus_parents,
};
use crate::command::Output;
use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::launch::{Child, Launch};
use crate::question::{Answer, FileKind, Moment, PersonIdentity, Question, Stat};
use crate::{Command, Conversation, Held, Machine};
use deskside_types::facts::{OsKind, UserClass};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Records the questions asked of a machine, with their answers.
pub struct Recording {
    inner: Arc<dyn Machine>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    bundle: Bundle,
    /// Paths known to be a link, with its target, or not.
    links: BTreeMap<PathBuf, Option<PathBuf>>,
    moment: Option<Moment>,
    person: Option<PersonIdentity>,
    directory: Option<PathBuf>,
}

impl Recording {
    /// Records what this machine is asked from now on.
    pub fn new(inner: Arc<dyn Machine>) -> Self {
        Self {
            inner,
            kept: Mutex::new(Kept::default()),
        }
    }

    /// Keeps a command that failed and what it said: what the recording is made for.
    pub fn keep_failure(&self, argv: Vec<String>, output: Output) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bundle.failed = Some((argv, output));
    }

    /// What was recorded so far, as it is: names, addresses and serial numbers included.
    pub fn bundle(&self, notes: impl Into<String>) -> Bundle {
        let (moment, person, directory) = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            (kept.moment, kept.person.clone(), kept.directory.clone())
        };
        let moment = moment.or_else(|| match self.inner.ask(&Question::Now) {
            Ok(Answer::Moment(moment)) => Some(moment),
            _ => None,
        });
        let person = person.or_else(|| match self.inner.ask(&Question::Person) {
            Ok(Answer::Person(person)) => Some(person),
            _ => None,
        });
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bundle = kept.bundle.clone();
        // macOS has no /proc, Linux no /System.
        let is_mac = self
            .inner
            .ask(&Question::Stat {
                path: "/System/Library".into(),
            })
            .is_ok();
        bundle.header = Header {
            os: if is_mac { OsKind::MacOs } else { OsKind::Linux },
            user: if person.as_ref().is_some_and(|person| person.uid == 0) {
                UserClass::Root
            } else {
                UserClass::Person
            },
            time: moment.map_or(jiff::Timestamp::UNIX_EPOCH, |moment| moment.wall),
            origin: BundleOrigin::Recorded,
            deskside: Some(env!("CARGO_PKG_VERSION").to_string()),
            redacted: false,
            notes: notes.into(),
            complete: Vec::new(),
            directory,
            person: person.map_or_else(PersonRecord::default, |person| PersonRecord {
                uid: Some(person.uid),
                groups: Some(person.groups),
                name: person.name,
                host: person.host,
                processors: Some(person.processors),
            }),
        };
        bundle
    }

    /// What was recorded so far, with private things taken out.
    pub fn redacted_bundle(&self, notes: impl Into<String>) -> Bundle {
        let bundle = self.bundle(notes);
        // Asked of the machine itself: what is only looked up to be hidden is not recorded.
        let variable = |name: &str| match self.inner.ask(&Question::Variable { name: name.into() })
        {
            Ok(Answer::Text(value)) => Some(value),
            _ => None,
        };
        let home = variable("HOME").map(PathBuf::from);
        let person = &bundle.header.person;
        let mut redactor = Redactor::new(
            person.name.as_deref(),
            person.host.as_deref(),
            home.as_deref(),
        );
        for name in ["USER", "LOGNAME", "SUDO_USER"]
            .into_iter()
            .filter_map(variable)
        {
            redactor = redactor.with_user(&name);
        }
        redactor.bundle(bundle)
    }

    /// The path with every link on the way followed, each of them kept.
    fn follow(&self, kept: &mut Kept, path: &Path, last: bool) -> Option<PathBuf> {
        let mut ahead: VecDeque<OsString> = steps(path);
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(step) = ahead.pop_front() {
            if step == ".." {
                if !self.is_folder(kept, &here) {
                    return Some(here.join(".."));
                }
                here.pop();
                continue;
            }
            here.push(&step);
            if ahead.is_empty() && !last {
                break;
            }
            let Some(target) = self.target(kept, &here) else {
                continue;
            };
            links += 1;
            if links > 40 {
                return None;
            }
            here.pop();
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for step in steps(&target).into_iter().rev() {
                ahead.push_front(step);
            }
        }
        Some(here)
    }

    /// Whether `..` leads up from there; what stands there is kept.
    fn is_folder(&self, kept: &mut Kept, path: &Path) -> bool {
        let question = Question::Stat {
            path: path.to_path_buf(),
        };
        match self.inner.ask(&question) {
            Ok(Answer::Stat(stat)) => {
                kept.keep_stat(path, &stat);
                // A folder that can't be searched leads nowhere either.
                stat.kind == FileKind::Directory
                    && self
                        .inner
                        .ask(&Question::Stat {
                            path: path.join(".."),
                        })
                        .is_ok()
            }
            Ok(_) => false,
            Err(error) => {
                kept.keep_failure(&question, path, None, &error);
                false
            }
        }
    }

    /// Where a link leads, asked once.
    fn target(&self, kept: &mut Kept, path: &Path) -> Option<PathBuf> {
        if let Some(known) = kept.links.get(path) {
            return known.clone();
        }
        let target = match self.inner.ask(&Question::Link {
            path: path.to_path_buf(),
        }) {
            Ok(Answer::Path(target)) => Some(target),
            _ => None,
        };
        if let Some(target) = &target {
            kept.keep_link(path, target);
        }
        kept.links.insert(path.to_path_buf(), target.clone());
        target
    }

    /// Keeps what a path came to, where all links on the way to it lead.
    fn keep_path(
        &self,
        kept: &mut Kept,
        question: &Question,
        path: &Path,
        answer: &Result<Answer, DoorError>,
    ) {
        let Some(real) = self.follow(kept, path, !matches!(question, Question::Link { .. })) else {
            return;
        };
        // A `..` that leads nowhere: what it would lead from is kept already.
        let real = match real.ends_with("..").then(|| real.parent()).flatten() {
            Some(from) if matches!(question, Question::Space { .. }) => from.to_path_buf(),
            Some(_) => return,
            None => real,
        };
        // That something stands there is told by these answers only in part: what it is, too.
        let tells_little = answer.is_err() || matches!(question, Question::RealPath { .. });
        let stat =
            match tells_little.then(|| self.inner.ask(&Question::Stat { path: real.clone() })) {
                Some(Ok(Answer::Stat(stat))) => {
                    kept.keep_stat(&real, &stat);
                    Some(stat)
                }
                _ => None,
            };
        match answer {
            Ok(answer) => kept.keep_value(question, &real, answer),
            Err(error) => kept.keep_failure(question, &real, stat.as_ref(), error),
        }
    }

    fn keep(&self, question: &Question, answer: &Result<Answer, DoorError>) {
        if let Question::FilePart {
            path,
            offset: 0,
            limit,
        } = question
        {
            return self.keep(
                &Question::File {
                    path: path.clone(),
                    limit: *limit,
                },
                answer,
            );
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        match question {
            Question::File { path, .. }
            | Question::RealPath { path }
            | Question::Directory { path }
            | Question::Stat { path }
            | Question::Access { path, .. }
            | Question::Space { path } => {
                self.keep_path(kept, question, path, answer);
            }
            Question::Link { path } => self.keep_path(kept, question, path, answer),
            // What a bundle is made of is asked one by one.
            Question::Stats { .. } => {}
            Question::Command(command) => {
                let record = match answer {
                    Ok(Answer::Output(output)) => CommandRecord::Output(output.clone()),
                    Ok(_) => return,
                    Err(error) => CommandRecord::Outcome(Outcome::from_error(error)),
                };
                kept.bundle.commands.insert(command.argv.clone(), record);
            }
            Question::Variable { name } => kept.keep_variable(name, answer),
            Question::Variables => {
                if let Ok(Answer::Names(names)) = answer {
                    let variables = &mut kept.bundle.variables;
                    variables.complete = true;
                    variables.absent.clear();
                    variables.set = names
                        .iter()
                        .filter(|name| !variables.values.contains_key(*name))
                        .cloned()
                        .collect();
                }
            }
            Question::Device(device) => {
                let value = match answer {
                    Ok(Answer::Json(value)) => value.clone(),
                    Ok(_) => return,
                    Err(error) => {
                        serde_json::json!({ "outcome": error.kind, "detail": error.detail })
                    }
                };
                kept.bundle.devices.insert(device.name().to_string(), value);
            }
            Question::Now => {
                if let (None, Ok(Answer::Moment(moment))) = (kept.moment, answer) {
                    kept.moment = Some(*moment);
                }
            }
            Question::Person => {
                if let Ok(Answer::Person(person)) = answer {
                    kept.person = Some(person.clone());
                }
            }
            Question::WorkingDirectory => {
                if let Ok(Answer::Path(path)) = answer {
                    kept.directory = Some(path.clone());
                }
            }
            // A bundle holds only beginnings of files.
            Question::FilePart { .. }
            | Question::Executable
            | Question::Fetch { .. }
            | Question::FetchPart { .. }
            | Question::Process { .. }
            | Question::Random => {}
        }
    }
}

fn steps(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

impl Kept {
    fn keep_link(&mut self, path: &Path, target: &Path) {
        let folder = path.parent().unwrap_or(Path::new("/"));
        insert(
            &mut self.bundle.tree,
            path,
            Node::Link(without_surplus_parents(folder, target)),
        );
    }

    fn keep_variable(&mut self, name: &str, answer: &Result<Answer, DoorError>) {
        let variables = &mut self.bundle.variables;
        match answer {
            Ok(Answer::Text(value)) => {
                variables.values.insert(name.to_string(), value.clone());
                variables.set.remove(name);
                variables.absent.remove(name);
            }
            Err(error) if error.kind == ErrorKind::Absent => {
                variables.values.remove(name);
                variables.set.remove(name);
                variables.absent.insert(name.to_string());
            }
            _ => {}
        }
    }

    fn keep_stat(&mut self, real: &Path, stat: &Stat) {
        let record = self.bundle.stats.entry(real.to_path_buf()).or_default();
        *record = StatRecord {
            kind: Some(stat.kind),
            mode: Some(stat.mode),
            uid: Some(stat.uid),
            gid: Some(stat.gid),
            size: Some(stat.size),
            modified: Some(stat.modified),
            ..*record
        };
        if let Some(Node::File { executable, .. }) = self.bundle.tree.get_mut(real) {
            *executable = stat.mode & 0o111 != 0;
        }
    }

    fn keep_file(&mut self, real: &Path, limit: u64, bytes: &[u8]) {
        let bundle = &mut self.bundle;
        // Where the limit was reached there may be more.
        let partial = bytes.len() as u64 >= limit;
        let held = match bundle.tree.get(real) {
            Some(Node::File { contents, .. }) => Some(contents.len()),
            _ => None,
        };
        if held.is_none_or(|held| held < bytes.len()) {
            let executable = bundle
                .stats
                .get(real)
                .and_then(|record| record.mode)
                .is_some_and(|mode| mode & 0o111 != 0);
            insert(
                &mut bundle.tree,
                real,
                Node::File {
                    contents: bytes.to_vec(),
                    executable,
                },
            );
            if partial {
                bundle.stats.entry(real.to_path_buf()).or_default().partial = true;
            }
        }
        if !partial && let Some(record) = bundle.stats.get_mut(real) {
            record.partial = false;
            if *record == StatRecord::default() {
                bundle.stats.remove(real);
            }
        }
    }

    /// Keeps a value at the path behind all links.
    fn keep_value(&mut self, question: &Question, real: &Path, answer: &Answer) {
        let bundle = &mut self.bundle;
        match (question, answer) {
            (Question::File { limit, .. }, Answer::Bytes(bytes)) => {
                self.keep_file(real, *limit, bytes)
            }
            (Question::Link { .. }, Answer::Path(target)) => self.keep_link(real, target),
            (Question::Directory { .. }, Answer::Entries(entries)) => {
                bundle.listings.insert(real.to_path_buf(), entries.clone());
            }
            (Question::Stat { .. }, Answer::Stat(stat)) => self.keep_stat(real, stat),
            (Question::Access { write, .. }, Answer::Flag(flag)) => {
                let record = bundle.stats.entry(real.to_path_buf()).or_default();
                *(if *write {
                    &mut record.writable
                } else {
                    &mut record.readable
                }) = Some(*flag);
            }
            (Question::Space { .. }, Answer::Space(space)) => {
                bundle
                    .spaces
                    .insert(real.to_path_buf(), SpaceRecord::Space(*space));
            }
            _ => {}
        }
    }

    /// Keeps a failure, unless it follows from what stands there: a folder is not read as a file.
    fn keep_failure(
        &mut self,
        question: &Question,
        real: &Path,
        stat: Option<&Stat>,
        error: &DoorError,
    ) {
        if matches!(question, Question::Space { .. }) {
            self.bundle.spaces.insert(
                real.to_path_buf(),
                SpaceRecord::Outcome(Outcome::from_error(error)),
            );
            return;
        }
        let follows = match (question, stat) {
            (Question::File { .. }, Some(stat)) => stat.kind != FileKind::File,
            (Question::Directory { .. }, Some(stat)) => stat.kind != FileKind::Directory,
            (Question::Link { .. }, Some(_)) => error.kind == ErrorKind::Failed,
            _ => false,
        };
        if !follows {
            self.bundle
                .outcomes
                .insert(real.to_path_buf(), Outcome::from_error(error));
        }
    }
}

impl Machine for Recording {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        let answer = self.inner.ask(question);
        self.keep(question, &answer);
        answer
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.inner.act(effect, watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.inner.lock(path, patience)
    }

    fn is_here(&self) -> bool {
        self.inner.is_here()
    }

    fn converse(&self, command: &Command) -> Result<Box<dyn Conversation>, DoorError> {
        self.inner.converse(command)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.inner.launch(launch)
    }
}
