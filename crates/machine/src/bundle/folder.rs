//! Bundles as folders: read without following a single link, written file by file.

use super::raw::{Budget, Raw, unwrapped};
use super::{Node, hostile};
use crate::error::DoorError;
use deskside_types::{Code, Problem};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The failure to open a bundle at all.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let door = DoorError::from_io(
        format!("read the evidence bundle {}", path.display()),
        error,
    );
    Problem::new(Code::BundleUnreadable, format!("could not {}", door.what)).because(door.detail)
}

/// Reads a folder whole. Every file is opened relative to its folder and without following links,
/// so that nothing outside is read even while somebody changes the folder.
pub(super) fn read(path: &Path) -> Result<Raw, Problem> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = rustix::fs::openat(CWD, path, flags, Mode::empty())
        .map_err(|error| unreadable(path, &error.into()))?;
    let mut reader = Reader {
        top: path,
        raw: Raw::new(),
        budget: Budget::default(),
    };
    reader.folder(&top, Path::new(""))?;
    unwrapped(reader.raw)
}

struct Reader<'a> {
    top: &'a Path,
    raw: Raw,
    budget: Budget,
}

impl Reader<'_> {
    fn failed(&self, inner: &Path, error: rustix::io::Errno) -> Problem {
        unreadable(&self.top.join(inner), &error.into())
    }

    fn folder(&mut self, folder: &OwnedFd, inner: &Path) -> Result<(), Problem> {
        let mut names: Vec<OsString> = Vec::new();
        for entry in Dir::read_from(folder).map_err(|error| self.failed(inner, error))? {
            let entry = entry.map_err(|error| self.failed(inner, error))?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                self.budget.entry(&inner.join(name))?;
                names.push(name.to_os_string());
            }
        }
        names.sort();
        for name in names {
            self.entry(folder, &inner.join(&name), &name)?;
        }
        Ok(())
    }

    fn entry(&mut self, folder: &OwnedFd, inner: &Path, name: &OsStr) -> Result<(), Problem> {
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| self.failed(inner, error))?;
        let open = |extra: OFlags| {
            let flags =
                OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | extra;
            rustix::fs::openat(folder.as_fd(), name, flags, Mode::empty())
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let child = open(OFlags::DIRECTORY).map_err(|error| self.failed(inner, error))?;
                self.raw.insert(inner.to_path_buf(), Node::Directory);
                self.folder(&child, inner)
            }
            FileType::RegularFile => {
                let file = open(OFlags::empty()).map_err(|error| self.failed(inner, error))?;
                let stat = rustix::fs::fstat(&file).map_err(|error| self.failed(inner, error))?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                    return Err(hostile(format!(
                        "{} changed while it was read",
                        inner.display()
                    )));
                }
                let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
                self.budget.bytes(inner, size)?;
                let mut contents = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
                std::fs::File::from(file)
                    .take(size)
                    .read_to_end(&mut contents)
                    .map_err(|error| unreadable(&self.top.join(inner), &error))?;
                self.raw.insert(
                    inner.to_path_buf(),
                    Node::File {
                        contents,
                        executable: stat.st_mode & 0o111 != 0,
                    },
                );
                Ok(())
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(folder, name, Vec::new())
                    .map_err(|error| self.failed(inner, error))?;
                self.raw.insert(
                    inner.to_path_buf(),
                    Node::Link(PathBuf::from(OsStr::from_bytes(target.as_bytes()))),
                );
                Ok(())
            }
            _ => Err(hostile(format!(
                "{} is neither file, folder nor link",
                inner.display()
            ))),
        }
    }
}

/// Writes a folder: beside its place first, then renamed into it, so that no half bundle is left
/// under its name.
pub(super) fn write(path: &Path, raw: &Raw) -> Result<(), Problem> {
    let failed = |error: &std::io::Error| {
        Problem::from(DoorError::from_io(
            format!("write the evidence bundle {}", path.display()),
            error,
        ))
    };
    let occupied = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed(&error)),
    };
    if occupied && !path.join("bundle.toml").is_file() {
        return Err(Problem::new(
            Code::Effect,
            format!("could not write the evidence bundle {}", path.display()),
        )
        .because("the folder holds something that is not an evidence bundle")
        .hint("name a folder that is empty or not there, or a file that ends in .tar.zst"));
    }
    let place = std::path::absolute(path).map_err(|error| failed(&error))?;
    if let Some(above) = place.parent() {
        std::fs::create_dir_all(above).map_err(|error| failed(&error))?;
    }
    let beside = beside(&place);
    let outcome = fill(&beside, raw).and_then(|()| {
        if place.exists() {
            std::fs::remove_dir_all(&place)?;
        }
        std::fs::rename(&beside, &place)
    });
    outcome.map_err(|error| {
        // What is half written is of no use; that it can't be removed either adds nothing to the first failure.
        let _ = std::fs::remove_dir_all(&beside);
        failed(&error)
    })
}

/// A name beside a path for what is not ready yet.
pub(super) fn beside(place: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(place.file_name().unwrap_or_else(|| OsStr::new("bundle")));
    name.push(format!(".{}.partial", std::process::id()));
    place.with_file_name(name)
}

fn fill(folder: &Path, raw: &Raw) -> std::io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir(folder)?;
    // Links last: until then no path leads through one.
    for (inner, node) in raw
        .iter()
        .filter(|(_, node)| !matches!(node, Node::Link(_)))
    {
        let path = folder.join(inner);
        match node {
            Node::Directory => std::fs::create_dir_all(&path)?,
            Node::File {
                contents,
                executable,
            } => {
                if let Some(above) = path.parent() {
                    std::fs::create_dir_all(above)?;
                }
                let mode = if *executable { 0o755 } else { 0o644 };
                let mut file = std::fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(mode)
                    .open(&path)?;
                std::io::Write::write_all(&mut file, contents)?;
                if *executable {
                    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
                }
            }
            Node::Link(_) => {}
        }
    }
    for (inner, node) in raw {
        if let Node::Link(target) = node {
            let path = folder.join(inner);
            if let Some(above) = path.parent() {
                std::fs::create_dir_all(above)?;
            }
            std::os::unix::fs::symlink(target, path)?;
        }
    }
    Ok(())
}
