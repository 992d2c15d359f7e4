//! Questions about paths, answered by the rule.

use super::Replay;
use super::rule::{Seen, permitted};
use crate::bundle::{Node, Outcome, SpaceRecord, StatRecord};
use crate::error::{DoorError, ErrorKind};
use crate::question::{Answer, Entry, FileKind, Stat};
use std::path::Path;

impl Replay {
    pub(super) fn file(
        &self,
        path: &Path,
        offset: u64,
        limit: u64,
        what: String,
    ) -> Result<Answer, DoorError> {
        let path = self.resolved(path, true, &what)?;
        let error = |kind| Err(Outcome::of(kind).error(what.clone()));
        match self.seen(&path) {
            Seen::Node(Node::File { contents, .. }) => {
                let partial = self
                    .bundle
                    .stats
                    .get(&path)
                    .is_some_and(|record| record.partial);
                let end = offset.saturating_add(limit);
                if partial && end > contents.len() as u64 {
                    return Err(DoorError::new(
                        ErrorKind::NotAsked,
                        what,
                        "only its beginning is in this bundle",
                    ));
                }
                if self
                    .bundle
                    .stats
                    .get(&path)
                    .is_some_and(|record| record.readable == Some(false))
                {
                    return error(ErrorKind::Denied);
                }
                let place = |at: u64| {
                    usize::try_from(at)
                        .unwrap_or(usize::MAX)
                        .min(contents.len())
                };
                Ok(Answer::Bytes(contents[place(offset)..place(end)].to_vec()))
            }
            Seen::Node(_)
            | Seen::Listed
            | Seen::Stat(StatRecord {
                kind: Some(FileKind::Directory),
                ..
            }) => Err(DoorError::new(ErrorKind::Failed, what, "is a directory")),
            Seen::Stat(StatRecord {
                kind: Some(FileKind::Device | FileKind::Other),
                ..
            }) => Err(DoorError::new(
                ErrorKind::Failed,
                what,
                "it is a pipe, a socket or a device, no file",
            )),
            Seen::Stat(record) => match self.outcome(&path) {
                Some(outcome) => Err(outcome.error(what)),
                None if !self.allowed(&path, record, false) => error(ErrorKind::Denied),
                None => error(ErrorKind::NotAsked),
            },
            Seen::Outcome(outcome) => Err(outcome.error(what)),
        }
    }

    pub(super) fn link(&self, path: &Path, what: String) -> Result<Answer, DoorError> {
        let path = self.resolved(path, false, &what)?;
        match self.seen(&path) {
            Seen::Node(Node::Link(target)) => Ok(Answer::Path(target.clone())),
            Seen::Node(_) | Seen::Listed => {
                Err(DoorError::new(ErrorKind::Failed, what, "it is no link"))
            }
            Seen::Stat(_) if self.is_listed_link(&path) => {
                Err(Outcome::of(ErrorKind::NotAsked).error(what))
            }
            Seen::Stat(_) => Err(DoorError::new(ErrorKind::Failed, what, "it is no link")),
            Seen::Outcome(outcome) => Err(outcome.error(what)),
        }
    }

    pub(super) fn is_listed_link(&self, path: &Path) -> bool {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        self.bundle.listings.get(above).is_some_and(|entries| {
            entries
                .iter()
                .any(|entry| entry.kind == FileKind::Link && *entry.name == *name.to_string_lossy())
        })
    }

    pub(super) fn directory(&self, path: &Path, what: String) -> Result<Answer, DoorError> {
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
        if let Some(outcome) = self
            .outcome(&path)
            .filter(|outcome| outcome.kind != ErrorKind::Absent)
        {
            return Err(outcome.error(what));
        }
        if !path.ancestors().any(|above| {
            self.bundle
                .header
                .complete
                .iter()
                .any(|complete| complete == above)
        }) {
            return Err(Outcome::of(ErrorKind::NotAsked).error(what));
        }
        let entry = |name: &String| {
            let inner = path.join(name);
            let kind = self.bundle.tree.get(&inner).map(Node::kind);
            let kind =
                kind.or_else(|| self.bundle.stats.get(&inner).and_then(|record| record.kind));
            Entry {
                name: name.clone(),
                kind: kind.unwrap_or(FileKind::File),
            }
        };
        Ok(Answer::Entries(
            self.children
                .get(&path)
                .into_iter()
                .flatten()
                .map(entry)
                .collect(),
        ))
    }

    pub(super) fn stat(&self, path: &Path, what: String) -> Result<Stat, DoorError> {
        let path = self.resolved(path, true, &what)?;
        let none = StatRecord::default();
        let record = self.bundle.stats.get(&path).unwrap_or(&none);
        let (kind, size, executable) = match self.seen(&path) {
            Seen::Node(Node::File {
                contents,
                executable,
            }) => (FileKind::File, contents.len() as u64, *executable),
            Seen::Node(node) => (node.kind(), 0, false),
            Seen::Stat(_) => (FileKind::File, 0, false),
            Seen::Listed => (FileKind::Directory, 0, false),
            Seen::Outcome(outcome) => return Err(outcome.error(what)),
        };
        let kind = record.kind.unwrap_or(kind);
        let person = self.person();
        let owner = if self.home().is_some_and(|home| path.starts_with(home)) {
            person.uid
        } else {
            0
        };
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
            gid: record.gid.unwrap_or(if owner == 0 {
                0
            } else {
                person.groups.first().copied().unwrap_or(owner)
            }),
            modified: record
                .modified
                .unwrap_or(self.bundle.header.time.as_second()),
            links: None,
            place: None,
        })
    }

    pub(super) fn access(&self, path: &Path, write: bool, what: String) -> Result<bool, DoorError> {
        let path = self.resolved(path, true, &what)?;
        let record = self.bundle.stats.get(&path).cloned().unwrap_or_default();
        let given = if write {
            record.writable
        } else {
            record.readable
        };
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
            Ok(stat) => {
                Ok(permitted(&stat, &self.person(), write) && !(write && self.is_read_only(&path)))
            }
            Err(error) if error.kind == ErrorKind::Denied => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn allowed(&self, path: &Path, record: &StatRecord, write: bool) -> bool {
        let given = if write {
            record.writable
        } else {
            record.readable
        };
        given.unwrap_or_else(|| {
            self.stat(path, String::new())
                .is_ok_and(|stat| permitted(&stat, &self.person(), write))
        })
    }

    pub(super) fn is_read_only(&self, path: &Path) -> bool {
        matches!(self.space_record(path), Some(SpaceRecord::Space(space)) if space.read_only)
    }

    pub(super) fn space_record(&self, path: &Path) -> Option<&SpaceRecord> {
        path.ancestors()
            .find_map(|above| self.bundle.spaces.get(above))
    }

    pub(super) fn space(&self, path: &Path, what: String) -> Result<Answer, DoorError> {
        let path = self.resolved(path, true, &what)?;
        match self.space_record(&path) {
            Some(SpaceRecord::Space(space)) => Ok(Answer::Space(*space)),
            Some(SpaceRecord::Outcome(outcome)) => Err(outcome.error(what)),
            None => Err(Outcome::of(ErrorKind::NotAsked).error(what)),
        }
    }

    pub(super) fn real_path(&self, path: &Path, what: String) -> Result<Answer, DoorError> {
        let real = self.resolved(path, true, &what)?;
        match self.seen(&real) {
            Seen::Outcome(outcome) => Err(outcome.error(what)),
            _ => Ok(Answer::Path(real)),
        }
    }
}
