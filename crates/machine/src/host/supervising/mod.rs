//! Supervising on the real machine: each part a file, each as small as its system calls allow.

mod bell;
pub(super) mod detach;
mod gate;
mod rest;
mod signals;
mod tree;

use super::place::{Base, parent};
use super::{Host, lock};
use crate::Held;
use crate::error::DoorError;
use crate::supervise::{Bell, Command, Gate, Supervision};
use deskside_types::run::ProcessIdentity;
use std::io;
use std::path::Path;

impl Supervision for Host {
    fn become_supervisor(&self) -> Result<(), DoorError> {
        signals::take_over();
        set_subreaper(true)
            .map_err(|error| DoorError::from_io("take over the children of children", &error))
    }

    fn is_asked_to_end(&self) -> bool {
        signals::asked_to_end()
    }

    fn prepare(&self, command: &Command) -> Result<Box<dyn Gate>, DoorError> {
        gate::prepare(command)
    }

    fn detach(&self, arguments: &[&str]) -> Result<ProcessIdentity, DoorError> {
        detach::detach(arguments)
    }

    fn await_lock(&self, path: &Path) -> Result<Box<dyn Held>, DoorError> {
        rest::rest();
        lock::sleep_for(&Base::Whole, path)
    }

    fn bell(&self, path: &Path) -> Result<Box<dyn Bell>, DoorError> {
        bell::hang(path)
            .map(|bell| Box::new(bell) as Box<dyn Bell>)
            .map_err(|error| DoorError::from_io(format!("listen to {}", path.display()), &error))
    }

    fn ring(&self, path: &Path) -> Result<bool, DoorError> {
        bell::ring(path)
            .map_err(|error| DoorError::from_io(format!("ring {}", path.display()), &error))
    }
}

/// Whether orphans of this process's tree become its children (`PR_SET_CHILD_SUBREAPER`, prctl(2)).
#[cfg(target_os = "linux")]
fn is_subreaper() -> bool {
    let mut is: libc::c_int = 0;
    // SAFETY: the kernel writes one int where the pointer says.
    unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut is) == 0 && is != 0 }
}

#[cfg(target_os = "linux")]
fn set_subreaper(is: bool) -> io::Result<()> {
    // SAFETY: no pointers.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, libc::c_ulong::from(is)) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// macOS has none: there the tree is what stays in the command's session.
#[cfg(not(target_os = "linux"))]
fn is_subreaper() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn set_subreaper(_: bool) -> io::Result<()> {
    Ok(())
}

/// A pipe whose ends programs don't inherit.
pub(super) fn pipe() -> io::Result<(rustix::fd::OwnedFd, rustix::fd::OwnedFd)> {
    let (output, input) = rustix::pipe::pipe()?;
    for end in [&output, &input] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok((output, input))
}

fn make_folder_of(path: &Path) -> io::Result<()> {
    Base::Whole.make_folders(parent(path)).map(drop)
}
