//! The simulated file system: nodes, links, owners, permission bits, one disk.

use super::state::SimState;
use deskside_machine::{Entry, ErrorKind, FileKind, Stat};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// Why a file operation failed.
pub(crate) type Failure = (ErrorKind, &'static str);
pub(crate) const ABSENT: Failure = (ErrorKind::Absent, "no such file or folder");
pub(crate) const DENIED: Failure = (ErrorKind::Denied, "permission denied");
pub(crate) const FULL: Failure = (ErrorKind::Full, "no space left");
pub(crate) const READ_ONLY: Failure = (ErrorKind::ReadOnly, "the file system is read-only");
pub(crate) const IS_DIRECTORY: Failure = (ErrorKind::Failed, "is a directory");
pub(crate) const LOOP: Failure = (ErrorKind::Failed, "too many levels of symbolic links");

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimNode {
    /// What it is.
    pub content: Content,
    /// Permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Last change, seconds of the Unix epoch.
    pub modified: i64,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File(Vec<u8>),
    /// A folder.
    Directory,
    /// A symbolic link.
    Link(PathBuf),
    /// A device.
    Device,
}

impl SimNode {
    pub(crate) fn directory(mode: u32, uid: u32, gid: u32, modified: i64) -> Self {
        Self {
            content: Content::Directory,
            mode,
            uid,
            gid,
            modified,
        }
    }

    pub(crate) fn kind(&self) -> FileKind {
        match self.content {
            Content::File(_) => FileKind::File,
            Content::Directory => FileKind::Directory,
            Content::Link(_) => FileKind::Link,
            Content::Device => FileKind::Device,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        match &self.content {
            Content::File(bytes) => bytes.len() as u64,
            Content::Link(target) => target.as_os_str().len() as u64,
            Content::Directory => 4096,
            Content::Device => 0,
        }
    }
}

/// A permission that is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Bit {
    Read = 0o4,
    Write = 0o2,
    Search = 0o1,
}

impl SimState {
    pub(crate) fn permits(&self, node: &SimNode, bit: Bit) -> bool {
        let shift = match () {
            () if self.person.uid == 0 => return true,
            () if node.uid == self.person.uid => 6,
            () if self.person.groups.contains(&node.gid) => 3,
            () => 0,
        };
        node.mode >> shift & bit as u32 != 0
    }

    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.working_directory.join(path)
    }

    /// Follows links. Every folder on the way must be there and be searchable; the last step may be missing.
    pub(crate) fn resolve(&self, path: &Path, last: bool) -> Result<PathBuf, Failure> {
        let mut ahead = steps(&self.absolute(path));
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(step) = ahead.pop_front() {
            let folder = self.files.get(&here).ok_or(ABSENT)?;
            if folder.content != Content::Directory {
                return Err(ABSENT);
            }
            if !self.permits(folder, Bit::Search) {
                return Err(DENIED);
            }
            if step == ".." {
                here.pop();
                continue;
            }
            here.push(&step);
            let Some(SimNode {
                content: Content::Link(target),
                ..
            }) = self.files.get(&here)
            else {
                continue;
            };
            if ahead.is_empty() && !last {
                continue;
            }
            links += 1;
            if links > 40 {
                return Err(LOOP);
            }
            here.pop();
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for step in steps(target).into_iter().rev() {
                ahead.push_front(step);
            }
        }
        Ok(here)
    }

    /// The node behind a path, with its real path.
    pub(crate) fn node(&self, path: &Path, last: bool) -> Result<(PathBuf, &SimNode), Failure> {
        let real = self.resolve(path, last)?;
        let node = self.files.get(&real).ok_or(ABSENT)?;
        Ok((real, node))
    }

    pub(crate) fn read(&self, path: &Path, offset: u64, limit: u64) -> Result<Vec<u8>, Failure> {
        let (_, node) = self.node(path, true)?;
        match &node.content {
            Content::File(_) if !self.permits(node, Bit::Read) => Err(DENIED),
            Content::File(bytes) => {
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes[place(offset)..place(offset.saturating_add(limit))].to_vec())
            }
            Content::Directory => Err(IS_DIRECTORY),
            Content::Device | Content::Link(_) => Err((
                ErrorKind::Failed,
                "it is a pipe, a socket or a device, no file",
            )),
        }
    }

    pub(crate) fn list(&self, path: &Path) -> Result<Vec<Entry>, Failure> {
        let (real, node) = self.node(path, true)?;
        if node.content != Content::Directory {
            return Err(ABSENT);
        }
        if !self.permits(node, Bit::Read) {
            return Err(DENIED);
        }
        Ok(self
            .below(&real)
            .filter(|(path, _)| path.parent() == Some(&real))
            .map(|(path, node)| Entry {
                name: path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                kind: node.kind(),
            })
            .collect())
    }

    pub(crate) fn list_stats(&self, path: &Path) -> Result<Vec<(String, Stat)>, Failure> {
        let (real, _) = self.node(path, true)?;
        let entries = self.list(path)?.into_iter();
        Ok(entries
            .filter_map(|entry| {
                let node = self.files.get(&real.join(&entry.name))?;
                Some((entry.name, told(node)))
            })
            .collect())
    }

    /// Everything below a folder, without itself.
    pub(crate) fn below<'a>(
        &'a self,
        folder: &'a Path,
    ) -> impl Iterator<Item = (&'a PathBuf, &'a SimNode)> {
        self.files
            .range::<Path, _>((
                std::ops::Bound::Excluded(folder),
                std::ops::Bound::Unbounded,
            ))
            .take_while(move |(path, _)| path.starts_with(folder))
    }

    pub(crate) fn stat_of(&self, path: &Path) -> Result<Stat, Failure> {
        Ok(told(self.node(path, true)?.1))
    }

    pub(crate) fn is_read_only(&self, path: &Path) -> bool {
        self.read_only.iter().any(|folder| path.starts_with(folder))
    }

    /// Whether an entry of a folder may be made, replaced or removed.
    pub(crate) fn may_change_entry(&self, real: &Path) -> Result<(), Failure> {
        let folder = real.parent().ok_or(DENIED)?;
        let node = self.files.get(folder).ok_or(ABSENT)?;
        if node.content != Content::Directory {
            return Err(ABSENT);
        }
        if self.is_read_only(real) {
            return Err(READ_ONLY);
        }
        if self.permits(node, Bit::Write) && self.permits(node, Bit::Search) {
            Ok(())
        } else {
            Err(DENIED)
        }
    }

    /// Puts a node there without asking for permission, with the folders above it.
    pub(crate) fn insert(&mut self, path: &Path, node: SimNode) {
        for above in path
            .ancestors()
            .skip(1)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            if !self.files.contains_key(above) {
                let (uid, gid) = self.owner_of(above);
                let folder = SimNode::directory(0o755, uid, gid, self.seconds());
                self.files.insert(above.to_path_buf(), folder);
            }
        }
        self.files.insert(path.to_path_buf(), node);
    }

    /// Who owns what tests put at a path: the person below the home, else root.
    fn owner_of(&self, path: &Path) -> (u32, u32) {
        let home = self
            .variables
            .get("HOME")
            .map_or(Path::new("/home/user"), Path::new);
        if path.starts_with(home) {
            (
                self.person.uid,
                self.person
                    .groups
                    .first()
                    .copied()
                    .unwrap_or(self.person.uid),
            )
        } else {
            (0, 0)
        }
    }

    /// Puts a file there, as root would.
    pub fn put_file(&mut self, path: impl AsRef<Path>, contents: impl Into<Vec<u8>>) -> &mut Self {
        let (uid, gid) = self.owner_of(path.as_ref());
        let node = SimNode {
            content: Content::File(contents.into()),
            mode: 0o644,
            uid,
            gid,
            modified: self.seconds(),
        };
        self.insert(path.as_ref(), node);
        self
    }

    /// Puts a folder there, as root would.
    pub fn put_directory(&mut self, path: impl AsRef<Path>) -> &mut Self {
        let (uid, gid) = self.owner_of(path.as_ref());
        let node = SimNode::directory(0o755, uid, gid, self.seconds());
        self.insert(path.as_ref(), node);
        self
    }

    /// Puts a symbolic link there, as root would.
    pub fn put_link(&mut self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> &mut Self {
        let (uid, gid) = self.owner_of(path.as_ref());
        let node = SimNode {
            content: Content::Link(target.as_ref().into()),
            mode: 0o777,
            uid,
            gid,
            modified: self.seconds(),
        };
        self.insert(path.as_ref(), node);
        self
    }

    /// Puts a device node there, as root would.
    pub fn put_device(
        &mut self,
        path: impl AsRef<Path>,
        mode: u32,
        uid: u32,
        gid: u32,
    ) -> &mut Self {
        let node = SimNode {
            content: Content::Device,
            mode,
            uid,
            gid,
            modified: self.seconds(),
        };
        self.insert(path.as_ref(), node);
        self
    }

    /// Sets permission bits, where something is there.
    pub fn set_mode(&mut self, path: impl AsRef<Path>, mode: u32) -> &mut Self {
        if let Some(node) = self.files.get_mut(path.as_ref()) {
            node.mode = mode;
        }
        self
    }

    /// Sets the owner, where something is there.
    pub fn set_owner(&mut self, path: impl AsRef<Path>, uid: u32, gid: u32) -> &mut Self {
        if let Some(node) = self.files.get_mut(path.as_ref()) {
            (node.uid, node.gid) = (uid, gid);
        }
        self
    }

    /// Takes a path and all below it away, as root would.
    pub fn remove(&mut self, path: impl AsRef<Path>) -> &mut Self {
        let gone: Vec<PathBuf> = self
            .files
            .keys()
            .filter(|known| known.starts_with(path.as_ref()))
            .cloned()
            .collect();
        for path in gone {
            self.files.remove(&path);
        }
        self
    }

    /// Every path below a folder.
    pub fn paths_below(&self, folder: impl AsRef<Path>) -> Vec<PathBuf> {
        let folder = folder.as_ref();
        self.below(folder).map(|(path, _)| path.clone()).collect()
    }

    /// What stands at a path, links not followed.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<&SimNode> {
        self.files.get(path.as_ref())
    }

    /// A file's bytes as root sees them, links not followed.
    pub fn contents(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        match &self.files.get(path.as_ref())?.content {
            Content::File(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The files as text: `path/`, `path -> target`, `path (N bytes)`, with mode where it is unusual.
    pub(crate) fn tree(&self, folder: &Path) -> String {
        let mut text = String::new();
        for (path, node) in self.below(folder) {
            let (mark, usual) = match &node.content {
                Content::Directory => ("/".to_string(), 0o755),
                Content::Link(target) => (format!(" -> {}", target.display()), 0o777),
                Content::File(bytes) => (format!(" ({} bytes)", bytes.len()), 0o644),
                Content::Device => (" (device)".to_string(), 0o600),
            };
            let mode = if node.mode == usual {
                String::new()
            } else {
                format!(" {:04o}", node.mode)
            };
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{}{mark}{mode}", path.display());
        }
        text
    }
}

fn told(node: &SimNode) -> Stat {
    Stat {
        kind: node.kind(),
        size: node.size(),
        mode: node.mode,
        uid: node.uid,
        gid: node.gid,
        modified: node.modified,
        links: None,
        place: None,
    }
}

pub(crate) fn steps(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}
