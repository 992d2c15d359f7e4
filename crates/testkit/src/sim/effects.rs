//! What effects do to the simulated machine.

use super::files::{ABSENT, Content, DENIED, FULL, Failure, READ_ONLY, SimNode};
use super::state::SimState;
use super::{network, processes};
use deskside_machine::{Answer, DoorError, Effect, ErrorKind, Progress};
use std::path::{Path, PathBuf};

impl SimState {
    pub(crate) fn act(
        &mut self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        let failed = |failure: Failure| DoorError::new(failure.0, effect.phrase(), failure.1);
        match effect {
            Effect::WriteFile {
                path,
                contents,
                mode,
                ..
            } => self.write(path, contents, *mode).map_err(failed)?,
            Effect::AppendFile { path, contents, .. } => {
                self.append(path, contents).map_err(failed)?
            }
            Effect::CreateDirectory { path } => self.create_directories(path).map_err(failed)?,
            Effect::RemoveFile { path } => self.unlink(path).map_err(failed)?,
            Effect::RemoveTree { path } => self.remove_tree(path).map_err(failed)?,
            Effect::Rename { from, to } => self.rename(from, to).map_err(failed)?,
            Effect::MakeLink { path, target } => self.make_link(path, target).map_err(failed)?,
            Effect::Download {
                url,
                path,
                sha256,
                size,
                ..
            } => {
                let bytes = network::download(self, url, sha256, *size, watch)
                    .map_err(|(kind, detail)| DoorError::new(kind, effect.phrase(), detail))?;
                self.write(path, &bytes, 0o644).map_err(failed)?;
            }
            Effect::Signal {
                pid,
                start_time,
                signal,
            } => processes::signal(self, *pid, *start_time, *signal).map_err(failed)?,
            Effect::Sleep { span } => self.advance(*span),
            Effect::Command(_) => {
                return Err(failed((
                    ErrorKind::Failed,
                    "commands are carried out by their handlers",
                )));
            }
        }
        Ok(Answer::Done)
    }

    /// Replaces a file whole. A link at its end is followed, and what it leads to is replaced.
    pub(crate) fn write(&mut self, path: &Path, contents: &[u8], mode: u32) -> Result<(), Failure> {
        let real = self.place_for(path)?;
        let before = match self.files.get(&real) {
            Some(SimNode {
                content: Content::Directory,
                ..
            }) => return Err((ErrorKind::Failed, "is a directory")),
            Some(node) => node.size(),
            None => 0,
        };
        self.may_change_entry(&real)?;
        // The new file is whole beside the old one before that goes.
        let needed = contents.len() as u64;
        if needed > self.disk_free {
            return Err(FULL);
        }
        self.disk_free = self.disk_free - needed + before;
        let node = self.owned(Content::File(contents.to_vec()), mode);
        self.files.insert(real, node);
        Ok(())
    }

    pub(crate) fn append(&mut self, path: &Path, contents: &[u8]) -> Result<(), Failure> {
        let real = self.place_for(path)?;
        if self.is_read_only(&real) {
            return Err(READ_ONLY);
        }
        let needed = contents.len() as u64;
        match self.files.get(&real) {
            Some(node) if !self.permits(node, super::files::Bit::Write) => return Err(DENIED),
            Some(SimNode {
                content: Content::Directory,
                ..
            }) => return Err((ErrorKind::Failed, "is a directory")),
            Some(_) => {}
            None => {
                self.may_change_entry(&real)?;
                let node = self.owned(Content::File(Vec::new()), 0o644);
                self.files.insert(real.clone(), node);
            }
        }
        if needed > self.disk_free {
            return Err(FULL);
        }
        self.disk_free -= needed;
        let seconds = self.seconds();
        if let Some(node) = self.files.get_mut(&real) {
            if let Content::File(bytes) = &mut node.content {
                bytes.extend_from_slice(contents);
            }
            node.modified = seconds;
        }
        Ok(())
    }

    /// The real path a file will have, its folders made.
    fn place_for(&mut self, path: &Path) -> Result<PathBuf, Failure> {
        let path = self.absolute(path);
        let folder = path.parent().ok_or(DENIED)?.to_path_buf();
        self.create_directories(&folder)?;
        self.resolve(&path, true)
    }

    pub(crate) fn create_directories(&mut self, path: &Path) -> Result<(), Failure> {
        let path = self.absolute(path);
        let mut missing = Vec::new();
        let mut folder = path.as_path();
        loop {
            match self.node(folder, true) {
                Ok((_, node)) if node.content == Content::Directory => break,
                Ok(_) if missing.is_empty() => return Err((ErrorKind::Exists, "file exists")),
                Ok(_) => return Err(ABSENT),
                Err((ErrorKind::Absent, _)) => missing.push(folder.to_path_buf()),
                Err(failure) => return Err(failure),
            }
            folder = folder.parent().ok_or(ABSENT)?;
        }
        for folder in missing.into_iter().rev() {
            let real = self.resolve(&folder, true)?;
            self.may_change_entry(&real)?;
            let node = self.owned(Content::Directory, 0o755);
            self.files.insert(real, node);
        }
        Ok(())
    }

    pub(crate) fn unlink(&mut self, path: &Path) -> Result<(), Failure> {
        match self.node(path, false) {
            Err((ErrorKind::Absent, _)) => Ok(()),
            Err(failure) => Err(failure),
            Ok((
                _,
                SimNode {
                    content: Content::Directory,
                    ..
                },
            )) => Err((ErrorKind::Failed, "is a directory")),
            Ok((real, node)) => {
                let size = node.size();
                self.may_change_entry(&real)?;
                self.files.remove(&real);
                self.disk_free += size;
                Ok(())
            }
        }
    }

    pub(crate) fn remove_tree(&mut self, path: &Path) -> Result<(), Failure> {
        match self.node(path, false) {
            Err((ErrorKind::Absent, _)) => Ok(()),
            Err(failure) => Err(failure),
            Ok((real, node)) if node.content == Content::Directory => {
                self.may_change_entry(&real)?;
                let below: Vec<PathBuf> = self.below(&real).map(|(path, _)| path.clone()).collect();
                // Deepest first: what can't be removed stays with the folders above it.
                for path in below.iter().rev() {
                    self.may_change_entry(path)?;
                    self.forget(path);
                }
                self.forget(&real);
                Ok(())
            }
            Ok(_) => self.unlink(path),
        }
    }

    fn forget(&mut self, path: &Path) {
        if let Some(node) = self.files.remove(path)
            && matches!(node.content, Content::File(_))
        {
            self.disk_free += node.size();
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Failure> {
        let to = self.resolve(to, false)?;
        let (from, moved_is_folder) = match self.node(from, false) {
            Ok((from, moved)) => (from, moved.content == Content::Directory),
            // Done already by an earlier try.
            Err((ErrorKind::Absent, _)) if self.files.contains_key(&to) => return Ok(()),
            Err(failure) => return Err(failure),
        };
        if from == to {
            return Ok(());
        }
        if to.starts_with(&from) {
            return Err((ErrorKind::Failed, "invalid argument"));
        }
        if let Some(there) = self.files.get(&to) {
            match (moved_is_folder, there.content == Content::Directory) {
                (true, true) if self.below(&to).next().is_some() => {
                    return Err((ErrorKind::Failed, "directory not empty"));
                }
                (true, false) => return Err(ABSENT),
                (false, true) => return Err((ErrorKind::Failed, "is a directory")),
                _ => {}
            }
        }
        self.may_change_entry(&from)?;
        self.may_change_entry(&to)?;
        self.forget(&to);
        let all: Vec<PathBuf> = std::iter::once(from.clone())
            .chain(self.below(&from).map(|(path, _)| path.clone()))
            .collect();
        for path in all {
            if let (Some(node), Ok(rest)) = (self.files.remove(&path), path.strip_prefix(&from)) {
                let place = if rest.as_os_str().is_empty() {
                    to.clone()
                } else {
                    to.join(rest)
                };
                self.files.insert(place, node);
            }
        }
        Ok(())
    }

    fn make_link(&mut self, path: &Path, target: &Path) -> Result<(), Failure> {
        let path = self.absolute(path);
        self.create_directories(path.parent().ok_or(DENIED)?)?;
        let real = self.resolve(&path, false)?;
        if self
            .files
            .get(&real)
            .is_some_and(|node| !matches!(node.content, Content::Link(_)))
        {
            return Err((ErrorKind::Exists, "file exists"));
        }
        self.may_change_entry(&real)?;
        self.forget(&real);
        let node = self.owned(Content::Link(target.to_path_buf()), 0o777);
        self.files.insert(real, node);
        Ok(())
    }

    fn owned(&self, content: Content, mode: u32) -> SimNode {
        let gid = self
            .person
            .groups
            .first()
            .copied()
            .unwrap_or(self.person.uid);
        SimNode {
            content,
            mode,
            uid: self.person.uid,
            gid,
            modified: self.seconds(),
        }
    }
}
