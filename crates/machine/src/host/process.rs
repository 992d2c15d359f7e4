//! Processes: telling one from a later one with the same number, and signalling exactly that one.

use crate::error::{DoorError, ErrorKind};
use rustix::process::{Pid, Signal};
use std::io;

/// The start time of a living process: clock ticks since boot on Linux, microseconds of the epoch
/// on macOS. A process that has ended but was not collected yet counts as dead.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when there is none.
pub(crate) fn start_time(pid: u32) -> io::Result<u64> {
    let (is_dead, start_time) = look(pid)?;
    if is_dead {
        Err(io::ErrorKind::NotFound.into())
    } else {
        Ok(start_time)
    }
}

/// The start time of a child that nobody has collected yet, whether it has ended or not.
pub(crate) fn birth(pid: u32) -> io::Result<u64> {
    look(pid).map(|(_, start_time)| start_time)
}

/// The identity of this boot; empty where the system has none.
pub(crate) fn boot_id() -> String {
    let path = std::path::Path::new("/proc/sys/kernel/random/boot_id");
    let boot = super::read::file(&super::place::Base::Whole, path, 100).unwrap_or_default();
    String::from_utf8_lossy(&boot).trim().to_string()
}

/// Whether a process has ended, and its start time.
#[cfg(target_os = "linux")]
fn look(pid: u32) -> io::Result<(bool, u64)> {
    let path = format!("/proc/{pid}/stat");
    let bytes = match super::read::file(&super::place::Base::Whole, path.as_ref(), 4096) {
        Ok(bytes) => bytes,
        // It ended between the opening and the reading.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
            return Err(io::ErrorKind::NotFound.into());
        }
        Err(error) => return Err(error),
    };
    let (state, start_time) =
        status(&bytes).ok_or_else(|| io::Error::other(format!("{path} has an unknown form")))?;
    Ok((matches!(state, b'Z' | b'X' | b'x'), start_time))
}

/// State and start time in `/proc/PID/stat`: fields 3 and 22 (`proc_pid_stat(5)`), counted behind
/// the last `)`, because a program's name may hold spaces and brackets.
#[cfg(target_os = "linux")]
fn status(stat: &[u8]) -> Option<(u8, u64)> {
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(&stat[close + 1..]).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(target_os = "macos")]
fn look(pid: u32) -> io::Result<(bool, u64)> {
    let number = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    // SAFETY: proc_pidinfo fills at most the size given (libproc.h).
    let (filled, information) = unsafe {
        let mut information: libc::proc_bsdinfo = std::mem::zeroed();
        let size = std::mem::size_of::<libc::proc_bsdinfo>() as i32;
        let filled = libc::proc_pidinfo(
            number,
            libc::PROC_PIDTBSDINFO,
            0,
            (&raw mut information).cast(),
            size,
        );
        (filled, information)
    };
    if filled <= 0 {
        return Err(io::ErrorKind::NotFound.into());
    }
    let start_time = information.pbi_start_tvsec * 1_000_000 + information.pbi_start_tvusec;
    Ok((information.pbi_status == libc::SZOMB, start_time))
}

/// Sends a signal to a process if it is still the one that started at that time.
pub(crate) fn signal(what: &str, pid: u32, start: u64, number: i32) -> Result<(), DoorError> {
    let fail = |error: io::Error| DoorError::from_io(what, &error);
    let gone = || DoorError::new(ErrorKind::Absent, what, "the process has ended");
    let signal = Signal::from_named_raw(number).ok_or_else(|| {
        DoorError::new(
            ErrorKind::Failed,
            what,
            format!("there is no signal {number}"),
        )
    })?;
    let target = i32::try_from(pid)
        .ok()
        .filter(|pid| *pid > 0)
        .and_then(Pid::from_raw)
        .ok_or_else(gone)?;
    // A handle taken before the look keeps the number from being given to another process between.
    #[cfg(target_os = "linux")]
    let handle = rustix::process::pidfd_open(target, rustix::process::PidfdFlags::empty());
    match start_time(pid) {
        Ok(found) if found == start => {}
        Ok(_) => return Err(gone()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone()),
        Err(error) => return Err(fail(error)),
    }
    #[cfg(target_os = "linux")]
    let sent = match handle {
        Ok(handle) => rustix::process::pidfd_send_signal(handle, signal),
        Err(_) => rustix::process::kill_process(target, signal),
    };
    #[cfg(not(target_os = "linux"))]
    let sent = rustix::process::kill_process(target, signal);
    match sent {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::SRCH) => Err(gone()),
        Err(error) => Err(fail(error.into())),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_hostile_program_name_does_not_move_the_fields() {
        let tail = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        for name in ["(python)", "(a) R 1 2)", "()", "(\u{7f} ) )"] {
            let stat = format!("77 {name} {tail}");
            assert_eq!(status(stat.as_bytes()), Some((b'S', 4711)), "{name}");
        }
        assert_eq!(
            status(b"77 (\xff\xfe) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 9"),
            Some((b'Z', 9))
        );
        for broken in ["", "77 (a)", "77 (a) S 1 2", "no bracket"] {
            assert_eq!(status(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn a_process_is_told_from_its_zombie_and_signalled_only_while_it_lives() {
        let mut child = Command::new("sleep")
            .arg("30")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        let start = start_time(pid).unwrap();
        assert_eq!(
            signal("stop", pid, start + 1, libc::SIGTERM)
                .unwrap_err()
                .kind,
            ErrorKind::Absent
        );
        assert_eq!(
            signal("stop", pid, start, 0).unwrap_err().kind,
            ErrorKind::Failed
        );
        assert_eq!(
            signal("stop", pid, start, -9).unwrap_err().kind,
            ErrorKind::Failed
        );
        assert_eq!(start_time(pid).unwrap(), start, "it still lives");
        signal("stop", pid, start, libc::SIGTERM).unwrap();
        let zombie =
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        let id = rustix::process::WaitId::Pid(Pid::from_child(&child));
        rustix::process::waitid(id, zombie).unwrap();
        assert_eq!(
            start_time(pid).unwrap_err().kind(),
            io::ErrorKind::NotFound,
            "a zombie is dead"
        );
        assert_eq!(
            signal("stop", pid, start, libc::SIGTERM).unwrap_err().kind,
            ErrorKind::Absent
        );
        child.wait().unwrap();
        for nobody in [0, u32::MAX] {
            assert_eq!(
                signal("stop", nobody, start, libc::SIGTERM)
                    .unwrap_err()
                    .kind,
                ErrorKind::Absent
            );
        }
    }
}
