//! Removing whole folders: no link is followed, what is read-only but owned is opened up, and a
//! removal that was cut short is completed by its repetition.

use super::place::{Base, Spot};
use super::write::{MARK, permissions};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path};

/// More rounds than that mean that somebody fills the folder as fast as it is emptied.
const ROUNDS: usize = 100_000;

/// Removes a folder with all in it.
pub(crate) fn tree(base: &Base, path: &Path) -> io::Result<()> {
    let spot = match base.itself(path) {
        Ok(spot) => spot,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if !matches!(path.components().next_back(), Some(Component::Normal(_))) {
        return Err(io::Error::other("only a folder with a name is removed"));
    }
    match remove(spot.at(), spot.name.as_os_str()) {
        Ok(Removed::Yes) | Err(Errno::NOTDIR) => return Ok(()),
        Ok(Removed::IsFolder) => {}
        Err(error) => return Err(error.into()),
    }
    empty(&spot)?;
    match unlinkat(spot.at(), &spot.name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

enum Removed {
    Yes,
    IsFolder,
}

/// Removes anything but a folder.
fn remove(at: impl AsFd, name: &OsStr) -> Result<Removed, Errno> {
    match unlinkat(&at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(Removed::Yes),
        // For a folder Linux says EISDIR, POSIX EPERM, and one that can't be written EACCES.
        Err(error @ (Errno::ISDIR | Errno::PERM | Errno::ACCESS)) => {
            let is_folder = statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
            if is_folder {
                Ok(Removed::IsFolder)
            } else {
                Err(error)
            }
        }
        Err(error) => Err(error),
    }
}

/// Removes all in a folder. Folders below it are moved up into it before they are emptied, so that
/// no depth uses up descriptors, stack or the length of a path.
fn empty(spot: &Spot) -> io::Result<()> {
    let top = open_up(spot.at(), spot.name.as_os_str())?;
    for _ in 0..ROUNDS {
        let mut folders = Vec::new();
        for name in names(&top)? {
            if let Removed::IsFolder = remove(&top, &name)? {
                folders.push(name);
            }
        }
        if folders.is_empty() {
            return Ok(());
        }
        for name in folders {
            flatten(&top, &name)?;
        }
    }
    Err(Errno::NOTEMPTY.into())
}

/// Removes the files of a folder, moves its folders up into `top`, and removes it.
fn flatten(top: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let folder = open_up(top, name)?;
    for inner in names(&folder)? {
        if let Removed::Yes = remove(&folder, &inner)? {
            continue;
        }
        match unlinkat(&folder, &inner, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => continue,
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::ACCESS) => {}
            Err(error) => return Err(error.into()),
        }
        // Moving a folder writes its `..`, so it must be writable itself.
        drop(open_up(&folder, &inner)?);
        renameat(
            &folder,
            &inner,
            top,
            format!("{MARK}{:016x}", super::random()?),
        )?;
    }
    match unlinkat(top, name, AtFlags::REMOVEDIR) {
        // What came into it meanwhile is seen in the next round.
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn names(folder: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    Ok(names)
}

/// Opens a folder, made readable and writable for its owner where it is not.
fn open_up(at: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let stat = statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode).is_dir() && stat.st_mode & 0o700 != 0o700 {
        // Fails where somebody else owns it; then what follows says why.
        let _ = rustix::fs::chmodat(&at, name, permissions(0o700), AtFlags::empty());
    }
    Ok(openat(&at, name, flags, Mode::empty())?)
}
