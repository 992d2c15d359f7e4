//! A recorder: passes everything through and keeps what an evidence bundle can hold.

use crate::bundle::{
    Bundle, BundleOrigin, CommandRecord, Header, Node, Outcome, PersonRecord, Redactor, SpaceRecord, StatRecord,
    insert, without_surplus_parents,
};
use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::launch::{Child, Launch};
use crate::question::{Answer, FileKind, Moment, PersonIdentity, Question};
use crate::{Held, Machine};
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
}

impl Recording {
    /// Records what this machine is asked from now on.
    pub fn new(inner: Arc<dyn Machine>) -> Self {
        Self { inner, kept: Mutex::new(Kept::default()) }
    }

    /// What was recorded so far, as it is: names, addresses and serial numbers included.
    pub fn bundle(&self, notes: impl Into<String>) -> Bundle {
        let (moment, person) = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            (kept.moment, kept.person.clone())
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
        let is_mac = self.inner.ask(&Question::Stat { path: "/System/Library".into() }).is_ok();
        bundle.header = Header {
            os: if is_mac { OsKind::MacOs } else { OsKind::Linux },
            user: if person.as_ref().is_some_and(|person| person.uid == 0) { UserClass::Root } else { UserClass::Person },
            time: moment.map_or(jiff::Timestamp::UNIX_EPOCH, |moment| moment.wall),
            origin: BundleOrigin::Recorded,
            deskside: Some(env!("CARGO_PKG_VERSION").to_string()),
            redacted: false,
            notes: notes.into(),
            complete: Vec::new(),
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
        let home = bundle.variables.values.get("HOME").map(PathBuf::from);
        let person = &bundle.header.person;
        let redactor = Redactor::new(person.name.as_deref(), person.host.as_deref(), home.as_deref());
        redactor.bundle(bundle)
    }

    /// The path with every link on the way followed, each of them kept.
    fn follow(&self, kept: &mut Kept, path: &Path, last: bool) -> Option<PathBuf> {
        let mut ahead: VecDeque<OsString> = steps(path);
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(step) = ahead.pop_front() {
            if step == ".." {
                here.pop();
                continue;
            }
            here.push(&step);
            if ahead.is_empty() && !last {
                break;
            }
            let Some(target) = self.target(kept, &here) else { continue };
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

    /// Where a link leads, asked once.
    fn target(&self, kept: &mut Kept, path: &Path) -> Option<PathBuf> {
        if let Some(known) = kept.links.get(path) {
            return known.clone();
        }
        let target = match self.inner.ask(&Question::Link { path: path.to_path_buf() }) {
            Ok(Answer::Path(target)) => Some(target),
            _ => None,
        };
        if let Some(target) = &target {
            kept.keep_link(path, target);
        }
        kept.links.insert(path.to_path_buf(), target.clone());
        target
    }

    fn keep(&self, question: &Question, answer: &Result<Answer, DoorError>) {
        if let Question::FilePart { path, offset: 0, limit } = question {
            return self.keep(&Question::File { path: path.clone(), limit: *limit }, answer);
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
                if let Some(real) = self.follow(kept, path, true) {
                    kept.keep_path(question, &real, answer);
                }
            }
            Question::Link { path } => {
                if let Some(real) = self.follow(kept, path, false) {
                    kept.keep_path(question, &real, answer);
                }
            }
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
                    variables.set = names.iter().filter(|name| !variables.values.contains_key(*name)).cloned().collect();
                }
            }
            Question::Device(device) => {
                let value = match answer {
                    Ok(Answer::Json(value)) => value.clone(),
                    Ok(_) => return,
                    Err(error) => serde_json::json!({ "outcome": error.kind, "detail": error.detail }),
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
            // A bundle holds only beginnings of files.
            Question::FilePart { .. }
            | Question::WorkingDirectory
            | Question::Executable
            | Question::Fetch { .. }
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
        insert(&mut self.bundle.tree, path, Node::Link(without_surplus_parents(folder, target)));
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

    fn keep_path(&mut self, question: &Question, real: &Path, answer: &Result<Answer, DoorError>) {
        let bundle = &mut self.bundle;
        match (question, answer) {
            (Question::File { limit, .. }, Ok(Answer::Bytes(bytes))) => {
                let longer = matches!(bundle.tree.get(real), Some(Node::File { contents, .. }) if contents.len() >= bytes.len());
                if !longer {
                    let executable = bundle.stats.get(real).and_then(|record| record.mode).is_some_and(|mode| mode & 0o111 != 0);
                    insert(&mut bundle.tree, real, Node::File { contents: bytes.clone(), executable });
                    // The limit was reached: there may be more.
                    let partial = bytes.len() as u64 >= *limit;
                    if partial || bundle.stats.contains_key(real) {
                        bundle.stats.entry(real.to_path_buf()).or_default().partial = partial;
                    }
                }
                bundle.outcomes.remove(real);
            }
            (Question::Link { .. }, Ok(Answer::Path(target))) => self.keep_link(real, target),
            (Question::Directory { .. }, Ok(Answer::Entries(entries))) => {
                bundle.listings.insert(real.to_path_buf(), entries.clone());
            }
            (Question::Stat { .. }, Ok(Answer::Stat(stat))) => {
                let record = bundle.stats.entry(real.to_path_buf()).or_default();
                *record = StatRecord {
                    kind: Some(stat.kind),
                    mode: Some(stat.mode),
                    uid: Some(stat.uid),
                    gid: Some(stat.gid),
                    size: Some(stat.size),
                    modified: Some(stat.modified),
                    ..*record
                };
                if let Some(Node::File { executable, .. }) = bundle.tree.get_mut(real) {
                    *executable = stat.mode & 0o111 != 0;
                }
            }
            (Question::Access { write, .. }, Ok(Answer::Flag(flag))) => {
                let record = bundle.stats.entry(real.to_path_buf()).or_default();
                *(if *write { &mut record.writable } else { &mut record.readable }) = Some(*flag);
            }
            (Question::Space { .. }, Ok(Answer::Space(space))) => {
                bundle.spaces.insert(real.to_path_buf(), SpaceRecord::Space(*space));
            }
            (Question::Space { .. }, Err(error)) => {
                bundle.spaces.insert(real.to_path_buf(), SpaceRecord::Outcome(Outcome::from_error(error)));
            }
            (Question::RealPath { .. }, Ok(_)) => {
                if !bundle.tree.contains_key(real) && !bundle.stats.contains_key(real) {
                    self.links.entry(real.to_path_buf()).or_insert(None);
                }
            }
            (_, Err(error)) => {
                let is_folder = matches!(bundle.tree.get(real), Some(Node::Directory))
                    || bundle.listings.contains_key(real)
                    || bundle.stats.get(real).is_some_and(|record| record.kind == Some(FileKind::Directory));
                // Plain from what is known already: a file was asked as a folder, or the reverse.
                if matches!(question, Question::Link { .. }) && error.kind == ErrorKind::Failed {
                    return;
                }
                if matches!(question, Question::File { .. }) && is_folder && error.kind == ErrorKind::Failed {
                    return;
                }
                bundle.outcomes.insert(real.to_path_buf(), Outcome::from_error(error));
            }
            _ => {}
        }
    }
}

impl Machine for Recording {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        let answer = self.inner.ask(question);
        self.keep(question, &answer);
        answer
    }

    fn act(&self, effect: &Effect, watch: &mut dyn FnMut(Progress<'_>)) -> Result<Answer, DoorError> {
        self.inner.act(effect, watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.inner.lock(path, patience)
    }

    fn is_here(&self) -> bool {
        self.inner.is_here()
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.inner.launch(launch)
    }
}
