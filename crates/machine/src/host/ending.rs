//! The end of a child: noticed without collecting it, so that its number stays its own until all
//! signals for it are sent.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use std::process::Child;
use std::time::Duration;

/// How often a system without process handles is asked whether the child has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Watches one child.
pub(crate) struct Ending {
    pid: Pid,
    handle: Option<OwnedFd>,
}

impl Ending {
    /// Of a child that nobody has waited for yet.
    pub fn of(child: &Child) -> Self {
        let pid = Pid::from_child(child);
        #[cfg(target_os = "linux")]
        let handle = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok();
        #[cfg(not(target_os = "linux"))]
        let handle = None;
        Self { pid, handle }
    }

    /// A descriptor that becomes readable at its end, where the system has such.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.handle.as_ref().map(AsFd::as_fd)
    }

    /// How long one may wait before asking again.
    pub fn patience(&self) -> Duration {
        if self.handle.is_some() {
            Duration::MAX
        } else {
            LOOK_AGAIN
        }
    }

    /// Whether it has ended. Does not collect it.
    pub fn has_come(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        match rustix::process::waitid(WaitId::Pid(self.pid), options) {
            Ok(status) => status.is_some(),
            Err(rustix::io::Errno::INTR) => false,
            // Somebody else collected it.
            Err(_) => true,
        }
    }

    /// Sends a signal to the child. Only before it is collected.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process(self.pid, signal);
    }

    /// Sends a signal to its whole process group, which it must lead. Only before it is collected.
    pub fn signal_group(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(self.pid, signal);
    }
}
