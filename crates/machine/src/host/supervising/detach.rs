//! Starting this program once more as nobody's child.

use super::{is_subreaper, pipe, set_subreaper, signals};
use crate::error::DoorError;
use crate::host::{executable, process};
use deskside_types::run::ProcessIdentity;
use rustix::fd::{AsRawFd, OwnedFd};
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(super) fn detach(arguments: &[&str]) -> Result<ProcessIdentity, DoorError> {
    let program =
        executable().map_err(|error| DoorError::from_io("find this program's own file", &error))?;
    started(&program, arguments, None)
}

/// As [`detach`], of a program, whose output goes into a pipe where one is given.
pub(in crate::host) fn started(
    program: &Path,
    arguments: &[&str],
    output: Option<&OwnedFd>,
) -> Result<ProcessIdentity, DoorError> {
    let what = format!("start deskside {}", arguments.join(" "));
    let pid =
        start(program, arguments, output).map_err(|error| DoorError::no_process(&what, &error))?;
    Ok(ProcessIdentity {
        pid,
        start_time: process::birth(pid).unwrap_or(0),
        boot_id: process::boot_id(),
    })
}

fn start(program: &Path, arguments: &[&str], into: Option<&OwnedFd>) -> io::Result<u32> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::other);
    let path = text(program.as_os_str().as_bytes())?;
    let words = [b"deskside".as_slice()]
        .into_iter()
        .chain(arguments.iter().map(|word| word.as_bytes()))
        .map(text)
        .collect::<io::Result<Vec<_>>>()?;
    let argv: Vec<*const libc::c_char> = words
        .iter()
        .map(|word| word.as_ptr())
        .chain([std::ptr::null()])
        .collect();
    let variables = variables();
    let envp: Vec<*const libc::c_char> = variables
        .iter()
        .map(|variable| variable.as_ptr())
        .chain([std::ptr::null()])
        .collect();
    let (output, input) = pipe()?;
    // The new process must become nobody's child of this tree: a supervisor's tree is only its command's.
    let was_subreaper = is_subreaper();
    if was_subreaper {
        set_subreaper(false)?;
    }
    let pid = fork_twice(&path, &argv, &envp, &input, into);
    if was_subreaper {
        set_subreaper(true)?;
    }
    pid?;
    drop(input);
    let mut bytes = [0_u8; 4];
    let mut count = 0;
    while count < bytes.len() {
        match rustix::io::read(&output, &mut bytes[count..]) {
            Ok(0) => return Err(io::Error::other("the new process ended at once")),
            Ok(more) => count += more,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(u32::from_ne_bytes(bytes))
}

/// What the new process needs of this one's environment. It may outlive the shell by weeks, and what a shell holds besides, API
/// keys among it, is none of its business.
fn variables() -> Vec<CString> {
    const NAMES: [&str; 15] = [
        "DBUS_SESSION_BUS_ADDRESS",
        "DISPLAY",
        "HOME",
        "LANG",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "PATH",
        "RUST_BACKTRACE",
        "SHELL",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "USER",
        "WAYLAND_DISPLAY",
    ];
    const NOT: [&str; 3] = ["DESKSIDE_RUN", "DESKSIDE_JOB", "DESKSIDE_SUPERVISOR"];
    std::env::vars_os()
        .filter(|(name, _)| {
            let name = name.to_string_lossy();
            let begins = ["DESKSIDE_", "LC_", "XDG_"]
                .iter()
                .any(|start| name.starts_with(start));
            let is_proxy = name.to_ascii_lowercase().ends_with("_proxy");
            (begins || is_proxy || NAMES.contains(&&*name)) && !NOT.contains(&&*name)
        })
        .filter_map(|(name, value)| {
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
        })
        .collect()
}

/// The child between is waited for, so that its own child is an orphan before this returns.
fn fork_twice(
    path: &CString,
    argv: &[*const libc::c_char],
    envp: &[*const libc::c_char],
    input: &OwnedFd,
    into: Option<&OwnedFd>,
) -> io::Result<()> {
    let null = c"/dev/null";
    let root = c"/";
    let input = input.as_raw_fd();
    let into = into.map_or(-1, AsRawFd::as_raw_fd);
    // SAFETY: the children only make system calls that are async-signal-safe, on memory made before, and never return.
    let between = unsafe {
        let between = libc::fork();
        if between == 0 {
            libc::setsid();
            let last = libc::fork();
            if last != 0 {
                libc::_exit(i32::from(last < 0));
            }
            // Its own number, for who waits: known here, and the one between is gone.
            let pid = libc::getpid().to_ne_bytes();
            libc::write(input, pid.as_ptr().cast(), pid.len());
            signals::as_new();
            let stream = libc::open(null.as_ptr(), libc::O_RDWR);
            for place in 0..3 {
                let is_output = place == 1 && into >= 0;
                libc::dup2(if is_output { into } else { stream }, place);
            }
            if stream > 2 {
                libc::close(stream);
            }
            libc::chdir(root.as_ptr());
            libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr());
            libc::_exit(127);
        }
        between
    };
    if between < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut status = 0;
    // SAFETY: the child's own number and a place for its status.
    while unsafe { libc::waitpid(between, &raw mut status, 0) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            // A supervisor's own collecting may have been quicker.
            return Ok(());
        }
    }
    if status == 0 {
        Ok(())
    } else {
        // The one between could not fork: the limit of processes, as fork(2) has it.
        Err(io::Error::from_raw_os_error(libc::EAGAIN))
    }
}
