//! What can go wrong at the door.

use deskside_types::{Code, Problem};
use std::io;

/// The kind of a failure; what callers decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// Not there.
    Absent,
    /// No permission.
    Denied,
    /// Did not answer within its deadline.
    Timeout,
    /// A replayed machine was not asked this when it was recorded.
    NotAsked,
    /// There already.
    Exists,
    /// Disk, inodes or quota are used up.
    Full,
    /// The file system is read-only.
    ReadOnly,
    /// The network or a server can't be reached.
    Network,
    /// A server answered with an HTTP error status.
    Status,
    /// Downloaded bytes are not the promised ones.
    Hash,
    /// Somebody else holds it.
    Busy,
    /// The machine is out of processes, memory or open files just now.
    Shortage,
    /// The person interrupted.
    Interrupted,
    /// More than the limit.
    TooLarge,
    /// This machine never does that: a recorded one can't be changed.
    Refused,
    /// Anything else.
    Failed,
}

/// Out of memory, or of open files: this process, or the whole machine.
fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOMEM | libc::EMFILE | libc::ENFILE)
    )
}

/// A failure at the door: of what, of which kind, and the words of whoever said it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {detail}")]
pub struct DoorError {
    /// The kind.
    pub kind: ErrorKind,
    /// What was tried, with the thing's name: `read /etc/os-release`.
    pub what: String,
    /// Why it failed.
    pub detail: String,
}

impl DoorError {
    /// A failure of a kind.
    pub fn new(kind: ErrorKind, what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            detail: detail.into(),
        }
    }

    /// The HTTP status that a server answered with: the number that begins the detail of an [`ErrorKind::Status`].
    pub fn status(&self) -> Option<u16> {
        if self.kind != ErrorKind::Status {
            return None;
        }
        self.detail.split_whitespace().next()?.parse().ok()
    }

    /// A server said that it does not have what was asked for.
    pub fn is_gone(&self) -> bool {
        matches!(self.status(), Some(404 | 410))
    }

    /// A failure the operating system reported.
    pub fn from_io(what: impl Into<String>, error: &io::Error) -> Self {
        use io::ErrorKind as Io;
        let kind = match error.kind() {
            _ if is_shortage(error) => ErrorKind::Shortage,
            Io::NotFound | Io::NotADirectory => ErrorKind::Absent,
            Io::PermissionDenied => ErrorKind::Denied,
            Io::TimedOut => ErrorKind::Timeout,
            Io::AlreadyExists => ErrorKind::Exists,
            Io::StorageFull | Io::QuotaExceeded => ErrorKind::Full,
            Io::ReadOnlyFilesystem => ErrorKind::ReadOnly,
            Io::WouldBlock | Io::ResourceBusy => ErrorKind::Busy,
            Io::Interrupted => ErrorKind::Interrupted,
            Io::FileTooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Failed,
        };
        let detail = match kind {
            ErrorKind::Absent => "no such file or folder".to_string(),
            ErrorKind::Denied => "permission denied".to_string(),
            ErrorKind::Full => "no space left".to_string(),
            ErrorKind::ReadOnly => "the file system is read-only".to_string(),
            _ => {
                let text = error.to_string();
                text.split(" (os error")
                    .next()
                    .unwrap_or(&text)
                    .to_lowercase()
            }
        };
        Self::new(kind, what, detail)
    }

    /// No process could be made. There EAGAIN means a limit of processes (fork(2)), and not that somebody holds something.
    pub(crate) fn no_process(what: impl Into<String>, error: &io::Error) -> Self {
        let mut failed = Self::from_io(what, error);
        if error.kind() == io::ErrorKind::WouldBlock {
            failed.kind = ErrorKind::Shortage;
            failed.detail = "no further process can be started".into();
        }
        failed
    }

    /// In a few words, for a fact that is unknown: `permission denied`.
    pub fn reason(&self) -> String {
        format!("{}: {}", self.what, self.detail)
    }
}

impl From<DoorError> for Problem {
    fn from(error: DoorError) -> Self {
        let (code, hint) = match error.kind {
            ErrorKind::Absent | ErrorKind::NotAsked => (Code::Missing, None),
            ErrorKind::Denied => (
                Code::Denied,
                Some("check who owns it with `ls -ld`, or choose another place with DESKSIDE_HOME"),
            ),
            ErrorKind::Full => (
                Code::DiskFull,
                Some(
                    "free some space (`df -h` and `df -i` show what is full), then run the same command again",
                ),
            ),
            ErrorKind::ReadOnly => (
                Code::ReadOnly,
                Some("choose a place that can be written with DESKSIDE_HOME=/some/folder"),
            ),
            ErrorKind::Timeout => (Code::Timeout, None),
            ErrorKind::Network | ErrorKind::Status => (
                Code::Network,
                Some(
                    "check the network and any proxy (HTTPS_PROXY), then run the same command again",
                ),
            ),
            ErrorKind::Hash => (
                Code::HashMismatch,
                Some(
                    "run the same command again; if it stays, the package index or a proxy changes files",
                ),
            ),
            ErrorKind::Busy => (
                Code::Locked,
                Some("wait for the other command, or look for it with `ps`"),
            ),
            ErrorKind::Shortage => (
                Code::Shortage,
                Some(
                    "end what is not needed, or raise the limits (`ulimit -u` of processes, `ulimit -n` of open files)",
                ),
            ),
            ErrorKind::Interrupted => (
                Code::Interrupted,
                Some("run the same command again: it goes on where it stopped"),
            ),
            ErrorKind::Refused => (Code::BundleReadOnly, None),
            ErrorKind::Exists | ErrorKind::TooLarge | ErrorKind::Failed => (Code::Effect, None),
        };
        let problem = Self::new(code, format!("could not {}", error.what)).because(error.detail);
        match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_passes_and_is_told_from_what_somebody_holds() {
        for (number, by_io, of_a_process) in [
            (libc::EAGAIN, ErrorKind::Busy, ErrorKind::Shortage),
            (libc::ENOMEM, ErrorKind::Shortage, ErrorKind::Shortage),
            (libc::EMFILE, ErrorKind::Shortage, ErrorKind::Shortage),
            (libc::ENOENT, ErrorKind::Absent, ErrorKind::Absent),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(DoorError::from_io("start x", &error).kind, by_io);
            assert_eq!(DoorError::no_process("start x", &error).kind, of_a_process);
        }
    }

    #[test]
    fn a_servers_status_is_a_number_that_is_decided_on() {
        let of = |kind, detail: &str| DoorError::new(kind, "fetch x", detail);
        assert_eq!(of(ErrorKind::Status, "404 Not Found").status(), Some(404));
        assert!(of(ErrorKind::Status, "410").is_gone());
        // A number that stands in an address says nothing.
        assert!(!of(ErrorKind::Status, "500 of /404").is_gone());
        assert_eq!(of(ErrorKind::Network, "404").status(), None);
    }
}
