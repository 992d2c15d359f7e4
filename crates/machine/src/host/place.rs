//! Where paths are looked up: on the whole machine, or below a folder that nothing leads out of.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, readlinkat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// As many links are followed as Linux itself follows (`path_resolution(7)`).
const LINKS: usize = 40;

/// Where paths are looked up.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// The whole machine, as the kernel sees it.
    Whole,
    /// Below an open folder, as if it were `/`.
    Below(Arc<OwnedFd>),
}

/// A path made ready for one call: an open folder and a name in it.
#[derive(Debug)]
pub(crate) struct Spot {
    folder: Option<OwnedFd>,
    /// The name, relative to [`Spot::at`].
    pub name: PathBuf,
    /// The last name must not be followed, because it has been already.
    pub settled: bool,
}

impl Spot {
    /// The folder that [`Spot::name`] is relative to.
    pub fn at(&self) -> BorrowedFd<'_> {
        self.folder.as_ref().map_or(CWD, AsFd::as_fd)
    }

    /// The flags for a call that looks at what the name is.
    pub fn look(&self) -> AtFlags {
        if self.settled {
            AtFlags::SYMLINK_NOFOLLOW
        } else {
            AtFlags::empty()
        }
    }

    /// The flags for opening it.
    pub fn open(&self, flags: OFlags) -> OFlags {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
        if self.settled {
            flags | OFlags::NOFOLLOW
        } else {
            flags
        }
    }
}

#[cfg(target_os = "linux")]
const WALK: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const WALK: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Base {
    /// Below a folder, which is opened now: renaming it later changes nothing.
    pub fn below(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self::Below(Arc::new(openat(
            CWD,
            folder,
            flags,
            Mode::empty(),
        )?)))
    }

    /// Looks a path up, a link at its end followed.
    pub fn follow(&self, path: &Path) -> io::Result<Spot> {
        self.locate(path, true)
    }

    /// Looks a path up; a link at its end is what is meant.
    pub fn itself(&self, path: &Path) -> io::Result<Spot> {
        self.locate(path, false)
    }

    fn locate(&self, path: &Path, follow: bool) -> io::Result<Spot> {
        match self {
            Self::Whole => Ok(Spot {
                folder: None,
                name: path.into(),
                settled: !follow,
            }),
            Self::Below(root) => Walk::new(root).to(path, follow),
        }
    }

    /// The path behind all links.
    pub fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        match self {
            Self::Whole => std::fs::canonicalize(path),
            Self::Below(root) => {
                let mut walk = Walk::new(root);
                let spot = walk.to(path, true)?;
                rustix::fs::statat(spot.at(), &spot.name, AtFlags::SYMLINK_NOFOLLOW)?;
                let mut real = PathBuf::from("/");
                real.extend(walk.names());
                if spot.name != Path::new(".") {
                    real.push(&spot.name);
                }
                Ok(real)
            }
        }
    }

    /// The path that a write to `path` replaces: what a link at its end leads to, present or not.
    pub fn written_path(&self, path: &Path) -> io::Result<PathBuf> {
        let mut path = path.to_path_buf();
        for _ in 0..LINKS {
            let spot = match self.itself(&path) {
                Ok(spot) => spot,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
                Err(error) => return Err(error),
            };
            match readlinkat(spot.at(), &spot.name, Vec::new()) {
                Ok(target) => {
                    let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    path = path.parent().unwrap_or(Path::new("")).join(target);
                }
                Err(Errno::INVAL | Errno::NOENT | Errno::NOTDIR) => return Ok(path),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::LOOP.into())
    }

    /// Makes a folder and those above it; answers those made, outermost first.
    pub fn make_folders(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut missing = Vec::new();
        let mut folder = path;
        loop {
            let spot = self.follow(folder);
            match spot.and_then(|spot| Ok(rustix::fs::statat(spot.at(), &spot.name, spot.look())?))
            {
                Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() => break,
                Ok(_) if missing.is_empty() => return Err(Errno::EXIST.into()),
                Ok(_) => return Err(Errno::NOTDIR.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    missing.push(folder.to_path_buf())
                }
                Err(error) => return Err(error),
            }
            match folder.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => folder = parent,
                _ => break,
            }
        }
        missing.reverse();
        for folder in &missing {
            let spot = self.follow(folder)?;
            match mkdirat(spot.at(), &spot.name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(missing)
    }
}

/// The folder a path lies in; `.` for a bare name.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A walk down from a root folder that holds every folder on its way open, so that `..` and links
/// lead where they led when they were looked at, and never above the root.
struct Walk<'a> {
    root: &'a OwnedFd,
    way: Vec<(OwnedFd, OsString)>,
}

impl<'a> Walk<'a> {
    fn new(root: &'a OwnedFd) -> Self {
        Self {
            root,
            way: Vec::new(),
        }
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.way
            .last()
            .map_or(self.root.as_fd(), |(folder, _)| folder.as_fd())
    }

    fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.way.iter().map(|(_, name)| name.as_os_str())
    }

    fn to(&mut self, path: &Path, follow: bool) -> io::Result<Spot> {
        let mut steps: VecDeque<OsString> = steps(path).collect();
        let mut links = 0;
        while let Some(step) = steps.pop_front() {
            if step == ".." {
                self.way.pop();
                continue;
            }
            let last = steps.is_empty();
            if last && !follow {
                return self.spot(step);
            }
            match readlinkat(self.here(), &step, Vec::new()) {
                Ok(target) => {
                    links += 1;
                    if links > LINKS {
                        return Err(Errno::LOOP.into());
                    }
                    let target = PathBuf::from(OsStr::from_bytes(target.as_bytes()));
                    if target.is_absolute() {
                        self.way.clear();
                    }
                    for step in self::steps(&target).rev() {
                        steps.push_front(step);
                    }
                }
                Err(Errno::INVAL) if !last => {
                    let folder = openat(self.here(), &step, WALK, Mode::empty())?;
                    self.way.push((folder, step));
                }
                Err(Errno::INVAL | Errno::NOENT) if last => return self.spot(step),
                Err(error) => return Err(error.into()),
            }
        }
        self.spot(".".into())
    }

    fn spot(&self, name: OsString) -> io::Result<Spot> {
        let folder = self.here().try_clone_to_owned()?;
        Ok(Spot {
            folder: Some(folder),
            name: name.into(),
            settled: true,
        })
    }
}

fn steps(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_os_string()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_leads_out_of_a_root() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "outside").unwrap();
        let root = outside.path().join("root");
        std::fs::create_dir_all(root.join("etc/deep")).unwrap();
        std::fs::write(root.join("etc/name"), "inside").unwrap();
        std::fs::write(root.join("secret"), "inside").unwrap();
        symlink("/etc/name", root.join("absolute")).unwrap();
        symlink("../../../../../../etc/name", root.join("etc/deep/dots")).unwrap();
        symlink("../secret", root.join("up")).unwrap();
        symlink(outside.path(), root.join("host")).unwrap();
        symlink("round", root.join("round")).unwrap();
        let base = Base::below(&root).unwrap();
        for (path, real) in [
            ("/absolute", "/etc/name"),
            ("absolute", "/etc/name"),
            ("/etc/deep/dots", "/etc/name"),
            ("/up", "/secret"),
            ("/../../secret", "/secret"),
            ("/etc/../etc/./name", "/etc/name"),
            ("/", "/"),
            ("/etc/..", "/"),
        ] {
            assert_eq!(
                base.real_path(Path::new(path)).unwrap(),
                Path::new(real),
                "{path}"
            );
        }
        for (path, number) in [
            ("/host/secret", libc::ENOENT),
            ("/round", libc::ELOOP),
            ("/etc/name/x", libc::ENOTDIR),
            ("/nothing/x", libc::ENOENT),
        ] {
            assert_eq!(
                base.real_path(Path::new(path)).unwrap_err().raw_os_error(),
                Some(number),
                "{path}"
            );
        }
    }

    #[test]
    fn a_write_goes_where_links_lead() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        symlink("there", &link).unwrap();
        assert_eq!(
            Base::Whole.written_path(&link).unwrap(),
            folder.path().join("there")
        );
        symlink("loop", folder.path().join("loop")).unwrap();
        assert!(
            Base::Whole
                .written_path(&folder.path().join("loop"))
                .is_err()
        );
    }
}
