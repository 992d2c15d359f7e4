//! Changing files: each change is whole or not there, and can be repeated.

use super::place::{Base, Spot, parent};
use crate::effect::Durability;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Temporary files older than this belong to nobody any more.
const STALE_SECONDS: i64 = 60;
pub(super) const MARK: &str = ".deskside-";

/// Makes the folders above a path, synced when they must survive a power cut.
pub(crate) fn folders_above(base: &Base, path: &Path, durability: Durability) -> io::Result<()> {
    for made in base.make_folders(parent(path))? {
        if durability == Durability::Power {
            sync_folder(base, parent(&made))?;
        }
    }
    Ok(())
}

/// Syncs a folder's list of names to disk.
pub(crate) fn sync_folder(base: &Base, path: &Path) -> io::Result<()> {
    let spot = base.follow(path)?;
    let folder = openat(
        spot.at(),
        &spot.name,
        spot.open(OFlags::RDONLY | OFlags::DIRECTORY),
        Mode::empty(),
    )?;
    match rustix::fs::fsync(folder) {
        // Some file systems can't sync a folder; then there is nothing to be had.
        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A file beside its target, removed again unless it got the target's name.
pub(crate) struct Beside {
    folder: OwnedFd,
    temporary: OsString,
    name: OsString,
    /// The open file.
    pub file: std::fs::File,
    kept: bool,
}

impl Beside {
    /// Makes an empty file beside `path`, readable by its owner only, and clears away what killed
    /// processes left behind of earlier tries.
    pub fn new(base: &Base, path: &Path) -> io::Result<Self> {
        let name = path
            .file_name()
            .ok_or(io::Error::other("the path has no name at its end"))?
            .to_os_string();
        let spot = base.follow(parent(path))?;
        let flags = spot.open(OFlags::RDONLY | OFlags::DIRECTORY);
        let folder = openat(spot.at(), &spot.name, flags, Mode::empty())?;
        let start = beginning(&name);
        remove_stale(&folder, &start);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let mut temporary = start.clone();
            temporary.push(format!("{:016x}", super::random()?));
            match openat(&folder, &temporary, flags, Mode::from_raw_mode(0o600)) {
                Ok(file) => {
                    return Ok(Self {
                        folder,
                        temporary,
                        name,
                        file: file.into(),
                        kept: false,
                    });
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the file its mode and its name.
    pub fn keep(mut self, mode: u32, durability: Durability) -> io::Result<()> {
        rustix::fs::fchmod(&self.file, permissions(mode))?;
        if durability == Durability::Power {
            self.file.sync_all()?;
        }
        renameat(&self.folder, &self.temporary, &self.folder, &self.name)?;
        self.kept = true;
        if durability == Durability::Power {
            match rustix::fs::fsync(&self.folder) {
                Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.kept {
            let _ = unlinkat(&self.folder, &self.temporary, AtFlags::empty());
        }
    }
}

#[allow(clippy::unnecessary_cast, reason = "the type differs between systems")]
pub(super) fn permissions(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o7777) as rustix::fs::RawMode)
}

/// `.<name>.deskside-`, the name cut so that the whole stays within 255 bytes.
fn beginning(name: &OsStr) -> OsString {
    let name = name.as_bytes();
    let mut beginning = vec![b'.'];
    beginning.extend_from_slice(&name[..name.len().min(220)]);
    beginning.extend_from_slice(MARK.as_bytes());
    OsString::from_vec(beginning)
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the field's type differs between systems"
)]
fn remove_stale(folder: &OwnedFd, beginning: &OsStr) {
    let Ok(names) = rustix::fs::Dir::read_from(folder) else {
        return;
    };
    let now = jiff::Timestamp::now().as_second();
    for entry in names.flatten() {
        let name = entry.file_name();
        let is_ours = name
            .to_bytes()
            .strip_prefix(beginning.as_bytes())
            .is_some_and(|random| random.len() == 16 && random.iter().all(u8::is_ascii_hexdigit));
        if is_ours
            && let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            && now - stat.st_mtime as i64 > STALE_SECONDS
        {
            let _ = unlinkat(folder, name, AtFlags::empty());
        }
    }
}

/// Replaces a file whole. A link at the path stays; what it leads to is replaced.
pub(crate) fn file(
    base: &Base,
    path: &Path,
    contents: &[u8],
    mode: u32,
    durability: Durability,
) -> io::Result<()> {
    let path = base.written_path(path)?;
    folders_above(base, &path, durability)?;
    let mut beside = Beside::new(base, &path)?;
    io::Write::write_all(&mut beside.file, contents)?;
    beside.keep(mode, durability)
}

/// Adds to a file's end with one write.
pub(crate) fn append(
    base: &Base,
    path: &Path,
    contents: &[u8],
    durability: Durability,
) -> io::Result<()> {
    folders_above(base, path, durability)?;
    let spot = base.follow(path)?;
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK;
    let file = match openat(
        spot.at(),
        &spot.name,
        spot.open(flags),
        Mode::from_raw_mode(0o644),
    ) {
        // A pipe that nobody reads.
        Err(Errno::NXIO) => return Err(not_regular()),
        other => other?,
    };
    let before = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
        return Err(not_regular());
    }
    let written = loop {
        match rustix::io::write(&file, contents) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    if written < contents.len() {
        take_back(&file, written as u64);
        return Err(io::ErrorKind::StorageFull.into());
    }
    if durability == Durability::Power {
        let file = std::fs::File::from(file);
        file.sync_all()?;
        if before.st_size == 0 {
            sync_folder(base, parent(path))?;
        }
    }
    Ok(())
}

fn not_regular() -> io::Error {
    io::Error::other("it is a pipe, a socket or a device, no file")
}

/// Takes half a write away again, unless somebody wrote behind it.
fn take_back(file: &OwnedFd, written: u64) {
    if let (Ok(end), Ok(stat)) = (rustix::fs::tell(file), rustix::fs::fstat(file))
        && u64::try_from(stat.st_size) == Ok(end)
        && let Some(start) = end.checked_sub(written)
    {
        let _ = rustix::fs::ftruncate(file, start);
    }
}

/// Removes a file or link.
pub(crate) fn remove_file(base: &Base, path: &Path) -> io::Result<()> {
    let gone = base
        .itself(path)
        .and_then(|spot| Ok(unlinkat(spot.at(), &spot.name, AtFlags::empty())?));
    match gone {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Renames. Done already when only the new name is there.
pub(crate) fn rename(base: &Base, from: &Path, to: &Path) -> io::Result<()> {
    let target = base.itself(to)?;
    let renamed = base.itself(from).and_then(|source| {
        Ok(renameat(
            source.at(),
            &source.name,
            target.at(),
            &target.name,
        )?)
    });
    match renamed {
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_there(&target) => Ok(()),
        other => other,
    }
}

fn is_there(spot: &Spot) -> bool {
    statat(spot.at(), &spot.name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

/// Makes a symbolic link, replacing one that is there; anything else in its place stays.
pub(crate) fn link(base: &Base, path: &Path, target: &Path) -> io::Result<()> {
    folders_above(base, path, Durability::Process)?;
    let spot = base.itself(path)?;
    match statat(spot.at(), &spot.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink => {
            return Err(Errno::EXIST.into());
        }
        Ok(_) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let name = path
        .file_name()
        .ok_or(io::Error::other("the path has no name at its end"))?;
    let mut temporary = beginning(name);
    temporary.push(format!("{:016x}", super::random()?));
    let temporary = spot.name.parent().unwrap_or(Path::new("")).join(temporary);
    rustix::fs::symlinkat(target, spot.at(), &temporary)?;
    let renamed = renameat(spot.at(), &temporary, spot.at(), &spot.name);
    if renamed.is_err() {
        let _ = unlinkat(spot.at(), &temporary, AtFlags::empty());
    }
    Ok(renamed?)
}
