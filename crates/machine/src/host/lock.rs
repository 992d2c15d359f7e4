//! Locks between processes, by `flock(2)`: released when their holder ends in whatever way.

use super::place::{Base, parent};
use crate::error::{DoorError, ErrorKind};
use crate::host::deadline::Deadline;
use crate::{Held, interrupt};
use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, ftruncate, openat};
use rustix::io::Errno;
use std::io;
use std::path::Path;
use std::time::Duration;

const RETRY: Duration = Duration::from_millis(50);

/// A lock. Dropping it closes the file, which releases it.
struct FileLock {
    file: OwnedFd,
}

impl Held for FileLock {}

impl Drop for FileLock {
    fn drop(&mut self) {
        // The number in the file is the holder's; nobody holds it now.
        let _ = ftruncate(&self.file, 0);
    }
}

fn open(base: &Base, path: &Path) -> io::Result<OwnedFd> {
    base.make_folders(parent(path))?;
    let spot = base.follow(path)?;
    let flags = spot.open(OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK);
    Ok(openat(
        spot.at(),
        &spot.name,
        flags,
        Mode::from_raw_mode(0o644),
    )?)
}

/// Takes an exclusive lock, asleep in the kernel until it is free.
pub(crate) fn sleep_for(base: &Base, path: &Path) -> Result<Box<dyn Held>, DoorError> {
    let fail = |error: io::Error| DoorError::from_io(format!("lock {}", path.display()), &error);
    let file = open(base, path).map_err(fail)?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(fail(error.into())),
        }
    }
    let _ = ftruncate(&file, 0);
    let _ = rustix::io::pwrite(&file, format!("{}\n", std::process::id()).as_bytes(), 0);
    Ok(Box::new(FileLock { file }))
}

/// Takes an exclusive lock, trying up to `patience`.
pub(crate) fn lock(
    base: &Base,
    path: &Path,
    patience: Duration,
) -> Result<Box<dyn Held>, DoorError> {
    let what = || format!("lock {}", path.display());
    let fail = |error: io::Error| DoorError::from_io(what(), &error);
    let file = open(base, path).map_err(fail)?;
    let deadline = Deadline::after(patience);
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::INTR) => continue,
            Err(Errno::WOULDBLOCK) => {}
            Err(error) => return Err(fail(error.into())),
        }
        let Some(left) = deadline.left() else {
            return Err(DoorError::new(ErrorKind::Busy, what(), holder(&file)));
        };
        if interrupt::pause(RETRY.min(left)) {
            return Err(DoorError::new(
                ErrorKind::Interrupted,
                what(),
                "interrupted while waiting for it",
            ));
        }
    }
    // The number is a courtesy to who waits; the lock holds without it.
    let _ = ftruncate(&file, 0);
    let _ = rustix::io::pwrite(&file, format!("{}\n", std::process::id()).as_bytes(), 0);
    Ok(Box::new(FileLock { file }))
}

fn holder(file: &OwnedFd) -> String {
    let mut bytes = [0_u8; 20];
    let count = rustix::io::pread(file, &mut bytes, 0).unwrap_or(0);
    let text = std::str::from_utf8(&bytes[..count]).unwrap_or_default();
    match text.trim().parse::<u32>() {
        Ok(pid) => format!("process {pid} holds it"),
        Err(_) => "another process holds it".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_waits_and_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/for it/lock");
        let held = lock(&Base::Whole, &path, Duration::ZERO).unwrap();
        let error = lock(&Base::Whole, &path, Duration::from_millis(120))
            .err()
            .unwrap();
        assert_eq!(error.kind, ErrorKind::Busy);
        assert_eq!(
            error.detail,
            format!("process {} holds it", std::process::id())
        );
        std::thread::scope(|scope| {
            let waiting =
                scope.spawn(|| lock(&Base::Whole, &path, Duration::from_secs(20)).is_ok());
            std::thread::sleep(Duration::from_millis(80));
            drop(held);
            assert!(waiting.join().unwrap());
        });
        drop(lock(&Base::Whole, &path, Duration::ZERO).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn rubbish_in_the_file_is_no_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        std::fs::write(&path, [0xff; 5000]).unwrap();
        let file = OwnedFd::from(std::fs::File::open(&path).unwrap());
        assert_eq!(holder(&file), "another process holds it");
    }
}
