//! Looking at files and folders. Nothing here opens a pipe or a device, and nothing blocks on one.

use super::place::{Base, parent};
use crate::question::{Entry, FileKind, Place, Space, Stat};
use rustix::fs::{Access, AtFlags, Dir, FileType, Mode, OFlags, StatVfsMountFlags, openat, statat};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A file's first bytes.
pub(crate) fn file(base: &Base, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    part(base, path, 0, limit)
}

/// A file's bytes from an offset on.
pub(crate) fn part(base: &Base, path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
    let (file, size) = open_regular(base, path)?;
    if offset > 0 {
        rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(offset))?;
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Files of /proc and /sys say 0 or one page; a file can also grow while it is read.
    let size = usize::try_from(size.saturating_sub(offset))
        .unwrap_or(usize::MAX)
        .saturating_add(1)
        .clamp(4 << 10, 1 << 20);
    let mut bytes = vec![0; size.min(limit)];
    let mut filled = 0;
    while filled < limit {
        if filled == bytes.len() {
            bytes.resize(filled.saturating_mul(2).min(limit), 0);
        }
        match rustix::io::read(&file, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Opens a file for reading; answers its size, too. Refuses what is no regular file.
pub(crate) fn open_regular(base: &Base, path: &Path) -> io::Result<(std::fs::File, u64)> {
    let spot = base.follow(path)?;
    // Looked at before it is opened: opening a device can do something to it.
    regular(&statat(spot.at(), &spot.name, spot.look())?)?;
    let flags = spot.open(OFlags::RDONLY | OFlags::NONBLOCK);
    let file = openat(spot.at(), &spot.name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    regular(&stat)?;
    Ok((file.into(), u64::try_from(stat.st_size).unwrap_or(0)))
}

fn regular(stat: &rustix::fs::Stat) -> io::Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Errno::ISDIR.into()),
        _ => Err(io::Error::other(
            "it is a pipe, a socket or a device, no file",
        )),
    }
}

/// Where a link leads.
pub(crate) fn link(base: &Base, path: &Path) -> io::Result<PathBuf> {
    let spot = base.itself(path)?;
    match rustix::fs::readlinkat(spot.at(), &spot.name, Vec::new()) {
        Ok(target) => Ok(PathBuf::from(OsString::from_vec(target.into_bytes()))),
        Err(Errno::INVAL) => Err(io::Error::other("it is no link")),
        Err(error) => Err(error.into()),
    }
}

/// A folder's entries, sorted by name.
pub(crate) fn directory(base: &Base, path: &Path) -> io::Result<Vec<Entry>> {
    let spot = base.follow(path)?;
    let folder = openat(
        spot.at(),
        &spot.name,
        spot.open(OFlags::RDONLY | OFlags::DIRECTORY),
        Mode::empty(),
    )?;
    let mut entries = Vec::new();
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems leave the kind out of their listings.
            FileType::Unknown => statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileKind::Other, |stat| {
                    kind(FileType::from_raw_mode(stat.st_mode))
                }),
            known => kind(known),
        };
        entries.push(Entry {
            name: name.to_string_lossy().into_owned(),
            kind,
        });
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Link,
        FileType::CharacterDevice | FileType::BlockDevice => FileKind::Device,
        _ => FileKind::Other,
    }
}

/// A folder's entries with their stats, links not followed.
pub(crate) fn stats(base: &Base, path: &Path) -> io::Result<Vec<(String, Stat)>> {
    let spot = base.follow(path)?;
    let folder = openat(
        spot.at(),
        &spot.name,
        spot.open(OFlags::RDONLY | OFlags::DIRECTORY),
        Mode::empty(),
    )?;
    let mut entries = Vec::new();
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => entries.push((name.to_string_lossy().into_owned(), told(&stat))),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(entries)
}

/// Kind, size, owner and mode.
pub(crate) fn stat(base: &Base, path: &Path) -> io::Result<Stat> {
    let spot = base.follow(path)?;
    Ok(told(&statat(spot.at(), &spot.name, spot.look())?))
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the fields' types differ between systems"
)]
fn told(stat: &rustix::fs::Stat) -> Stat {
    Stat {
        kind: kind(FileType::from_raw_mode(stat.st_mode)),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode as u32 & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified: stat.st_mtime as i64,
        links: Some(stat.st_nlink as u64),
        place: Some(Place {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            // Blocks of 512 bytes, whatever the file system's own are (stat(2)).
            allocated: u64::try_from(stat.st_blocks)
                .unwrap_or(0)
                .saturating_mul(512),
        }),
    }
}

/// Whether this process could read (and write) it.
pub(crate) fn access(base: &Base, path: &Path, write: bool) -> io::Result<bool> {
    let wanted = if write {
        Access::READ_OK | Access::WRITE_OK
    } else {
        Access::READ_OK
    };
    let spot = match base.follow(path) {
        Ok(spot) => spot,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
        Err(error) => return Err(error),
    };
    match rustix::fs::accessat(spot.at(), &spot.name, wanted, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::TXTBSY) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Space on the file system of a path or of the nearest folder above it.
pub(crate) fn space(base: &Base, path: &Path) -> io::Result<Space> {
    let mut path = path;
    let opened = loop {
        let opened = base.follow(path).and_then(|spot| statvfs(&spot));
        match opened {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                let above = parent(path);
                if above == path {
                    return Err(error);
                }
                path = above;
            }
            other => break other?,
        }
    };
    Ok(Space {
        total: opened.f_blocks.saturating_mul(opened.f_frsize),
        free: opened.f_bavail.saturating_mul(opened.f_frsize),
        read_only: opened.f_flag.contains(StatVfsMountFlags::RDONLY),
    })
}

#[cfg(target_os = "linux")]
fn statvfs(spot: &super::place::Spot) -> io::Result<rustix::fs::StatVfs> {
    // A handle without access: the file system of a folder that can't be read is known all the same.
    let handle = openat(
        spot.at(),
        &spot.name,
        spot.open(OFlags::PATH),
        Mode::empty(),
    )?;
    Ok(rustix::fs::fstatvfs(handle)?)
}

#[cfg(not(target_os = "linux"))]
fn statvfs(spot: &super::place::Spot) -> io::Result<rustix::fs::StatVfs> {
    let handle = openat(
        spot.at(),
        &spot.name,
        spot.open(OFlags::RDONLY | OFlags::NONBLOCK),
        Mode::empty(),
    )?;
    Ok(rustix::fs::fstatvfs(handle)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn no_more_than_the_limit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let contents: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
        std::fs::write(&path, &contents).unwrap();
        for limit in [
            0,
            1,
            4096,
            4097,
            1 << 20,
            2_999_999,
            3_000_000,
            3_000_001,
            u64::MAX,
        ] {
            let read = file(&Base::Whole, &path, limit).unwrap();
            assert_eq!(
                read,
                contents[..contents.len().min(usize::try_from(limit).unwrap())],
                "{limit}"
            );
        }
        assert!(
            !file(&Base::Whole, Path::new("/proc/self/status"), 1 << 20)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn pipes_devices_and_folders_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let begun = std::time::Instant::now();
        for path in [
            pipe.as_path(),
            Path::new("/dev/zero"),
            Path::new("/dev/tty"),
            folder.path(),
        ] {
            assert!(file(&Base::Whole, path, 10).is_err(), "{path:?}");
        }
        assert!(begun.elapsed() < std::time::Duration::from_millis(500));
    }

    #[test]
    fn names_that_are_no_text_are_read_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let name = std::ffi::OsStr::from_bytes(b"b\xff\n");
        std::fs::write(folder.path().join(name), "x").unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        symlink(name, folder.path().join("c")).unwrap();
        assert_eq!(
            file(&Base::Whole, &folder.path().join("c"), 9).unwrap(),
            b"x"
        );
        assert_eq!(
            link(&Base::Whole, &folder.path().join("c"))
                .unwrap()
                .as_os_str(),
            name
        );
        let listed = directory(&Base::Whole, folder.path()).unwrap();
        let shown: Vec<_> = listed
            .iter()
            .map(|entry| (entry.name.as_str(), entry.kind))
            .collect();
        assert_eq!(
            shown,
            [
                ("a", FileKind::Directory),
                ("b\u{fffd}\n", FileKind::File),
                ("c", FileKind::Link)
            ]
        );
        assert!(link(&Base::Whole, &folder.path().join("a")).is_err());
        assert!(file(&Base::Whole, Path::new("nul\0byte"), 9).is_err());
    }

    #[test]
    fn a_path_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let stat = stat(&Base::Whole, &path).unwrap();
        assert_eq!(
            (stat.kind, stat.size, stat.mode),
            (FileKind::File, 5, 0o640)
        );
        assert!(stat.modified > 1_700_000_000);
        assert!(access(&Base::Whole, &path, true).unwrap());
        assert_eq!(
            access(&Base::Whole, &path.join("x"), true)
                .unwrap_err()
                .kind(),
            io::ErrorKind::NotADirectory
        );
        let space = space(&Base::Whole, &path.join("not/there/yet")).unwrap();
        assert!(space.total >= space.free && space.total > 0 && !space.read_only);
    }
}
