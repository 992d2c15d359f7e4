//! The rule: what a bundle says of a path.

use super::Replay;
use crate::bundle::{Node, Outcome, Resolved, StatRecord, resolve};
use crate::error::{DoorError, ErrorKind};
use crate::question::{FileKind, PersonIdentity, Stat};
use std::path::{Path, PathBuf};

/// What is known of a path.
pub(super) enum Seen<'a> {
    Node(&'a Node),
    /// Something stands there, of which only this is known.
    Stat(&'a StatRecord),
    /// A folder that was listed.
    Listed,
    Outcome(Outcome),
}

impl Replay {
    pub(super) fn resolved(
        &self,
        path: &Path,
        last: bool,
        what: &str,
    ) -> Result<PathBuf, DoorError> {
        match resolve(&self.bundle.tree, path, last, |path| self.is_folder(path)) {
            Resolved::Path(path) => Ok(path),
            Resolved::Loop => Err(DoorError::new(
                ErrorKind::Failed,
                what,
                "too many levels of symbolic links",
            )),
        }
    }

    /// Whether a path can lead on from there, also up.
    pub(super) fn is_folder(&self, path: &Path) -> bool {
        let is_directory = match self.seen(path) {
            Seen::Node(node) => matches!(node, Node::Directory),
            Seen::Stat(record) => record.kind == Some(FileKind::Directory),
            Seen::Listed => true,
            Seen::Outcome(_) => path == Path::new("/"),
        };
        is_directory && self.is_searchable(path)
    }

    pub(super) fn is_searchable(&self, path: &Path) -> bool {
        let Some(record) = self.bundle.stats.get(path) else {
            return true;
        };
        let person = self.person();
        match (record.mode, record.uid, record.gid) {
            (Some(mode), Some(uid), Some(gid)) => permits(mode, uid, gid, &person, 0o1),
            _ => true,
        }
    }

    /// The rule for a path whose links are followed.
    pub(super) fn seen(&self, path: &Path) -> Seen<'_> {
        let bundle = &self.bundle;
        if let Some(node) = bundle.tree.get(path) {
            return Seen::Node(node);
        }
        if let Some(record) = bundle
            .stats
            .get(path)
            .filter(|record| record.kind.is_some())
        {
            return Seen::Stat(record);
        }
        if bundle.listings.contains_key(path) {
            return Seen::Listed;
        }
        self.outcome(path)
            .map_or_else(|| Seen::Outcome(self.silence(path)), Seen::Outcome)
    }

    /// `[outcomes]` of the path, or of the nearest folder above it.
    pub(super) fn outcome(&self, path: &Path) -> Option<Outcome> {
        if let Some(outcome) = self.bundle.outcomes.get(path) {
            return Some(outcome.clone());
        }
        for above in path.ancestors().skip(1) {
            if self.is_leaf(above) {
                return Some(Outcome::of(ErrorKind::Absent));
            }
            if let Some(outcome) = self
                .bundle
                .outcomes
                .get(above)
                .filter(|outcome| outcome.is_inherited())
            {
                return Some(Outcome::of(outcome.kind));
            }
        }
        None
    }

    /// Something that is no folder stands there: nothing can be below it.
    pub(super) fn is_leaf(&self, path: &Path) -> bool {
        match self.bundle.tree.get(path) {
            Some(node) => matches!(node, Node::File { .. }),
            None => {
                self.bundle.stats.get(path).is_some_and(|record| {
                    record.kind.is_some_and(|kind| kind != FileKind::Directory)
                })
            }
        }
    }

    /// What it means that nothing at all is said of a path.
    pub(super) fn silence(&self, path: &Path) -> Outcome {
        let bundle = &self.bundle;
        let blocks = |from: &Path| {
            bundle
                .stats
                .get(from)
                .is_some_and(|record| record.kind == Some(FileKind::Directory))
                && !self.is_searchable(from)
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
                && entries.iter().any(|entry| {
                    below
                        .file_name()
                        .is_some_and(|name| *entry.name == *name.to_string_lossy())
                })
            {
                return Outcome::of(ErrorKind::NotAsked);
            }
        }
        let whole = path.ancestors().any(|above| {
            bundle
                .header
                .complete
                .iter()
                .any(|complete| complete == above)
        });
        Outcome::of(if whole {
            ErrorKind::Absent
        } else {
            ErrorKind::NotAsked
        })
    }
}

/// Permission bits against a person, as path_resolution(7) has it; root may all.
pub(super) fn permits(mode: u32, uid: u32, gid: u32, person: &PersonIdentity, bit: u32) -> bool {
    let shift = match () {
        () if person.uid == 0 => return true,
        () if uid == person.uid => 6,
        () if person.groups.contains(&gid) => 3,
        () => 0,
    };
    mode >> shift & bit != 0
}

/// Whether a person may read it, and write it too where asked.
pub(super) fn permitted(stat: &Stat, person: &PersonIdentity, write: bool) -> bool {
    let permits = |bit| permits(stat.mode, stat.uid, stat.gid, person, bit);
    permits(0o4) && (!write || permits(0o2))
}
