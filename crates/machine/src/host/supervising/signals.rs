//! Signals of a supervisor, as bytes in a pipe: it sleeps in one poll(2) until one comes.

use super::pipe;
use super::rest::{AWAKE, rest};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// Those that ask for something, and the one that tells of a child's end.
const TAKEN: [i32; 6] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGHUP,
    libc::SIGCHLD,
];

/// Since the last signal memory was given back.
static RESTED: AtomicBool = AtomicBool::new(false);
/// This process was asked to end. Never taken back: a byte in the pipe may be read while nobody heeds it.
static END: AtomicBool = AtomicBool::new(false);
static INPUT: AtomicI32 = AtomicI32::new(-1);
static PIPE: OnceLock<Option<(OwnedFd, OwnedFd)>> = OnceLock::new();

/// Takes the signals over. Further calls do nothing.
pub(super) fn take_over() {
    PIPE.get_or_init(|| {
        let (output, input) = pipe().ok()?;
        for end in [&output, &input] {
            rustix::fs::fcntl_setfl(end, rustix::fs::OFlags::NONBLOCK).ok()?;
        }
        INPUT.store(input.as_raw_fd(), Ordering::SeqCst);
        for signal in TAKEN {
            // SAFETY: sigaction with a zeroed, then filled structure; the handler only writes one byte (write(2) is
            // async-signal-safe) and keeps errno.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as *const () as usize;
                action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
                libc::sigemptyset(&mut action.sa_mask);
                libc::sigaction(signal, &action, std::ptr::null_mut());
            }
        }
        Some((output, input))
    });
}

/// Whether this process was asked to end since it took the signals over.
pub(super) fn asked_to_end() -> bool {
    END.load(Ordering::SeqCst)
}

/// In a forked child, before it becomes a program: every signal as a program expects it.
///
/// # Safety
/// Only between fork(2) and execve(2), or where no other code relies on signals.
pub(super) unsafe fn as_new() {
    // SAFETY: all are async-signal-safe; the set is filled before it is used.
    unsafe {
        for signal in TAKEN.into_iter().chain([libc::SIGPIPE, libc::SIGQUIT]) {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}

/// Sleeps until a signal comes, or the time is over; the signals that came, in order.
pub(super) fn wait(patience: Option<Duration>) -> Vec<i32> {
    let Some((output, _)) = PIPE.get().and_then(Option::as_ref) else {
        return Vec::new();
    };
    let mut descriptors = [PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN)];
    // EINTR: the handler has written, so the next look finds it.
    let mut poll = |span: Option<Duration>| {
        let timeout = span.map(|span| Timespec {
            tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX / 2),
            tv_nsec: span.subsec_nanos().into(),
        });
        rustix::event::poll(&mut descriptors, timeout.as_ref())
    };
    match patience {
        Some(span) if span <= AWAKE => {
            let nothing = poll(Some(span)) == Ok(0);
            // One that looks every second gives back once what it does not need for that.
            if nothing && span > AWAKE / 2 && !RESTED.swap(true, Ordering::Relaxed) {
                rest();
            }
        }
        long => {
            if poll(Some(AWAKE)) == Ok(0) {
                rest();
                let _ = poll(long.map(|span| span.saturating_sub(AWAKE)));
            }
        }
    }
    let mut bytes = [0_u8; 64];
    let count = rustix::io::read(output, &mut bytes).unwrap_or(0);
    if count > 0 {
        RESTED.store(false, Ordering::Relaxed);
    }
    bytes[..count].iter().map(|byte| i32::from(*byte)).collect()
}

extern "C" fn on_signal(signal: i32) {
    if signal == libc::SIGTERM || signal == libc::SIGINT {
        END.store(true, Ordering::SeqCst);
    }
    let input = INPUT.load(Ordering::SeqCst);
    // SAFETY: the descriptor lives in a static until the process ends; errno is kept, because the interrupted code may be
    // about to read it.
    unsafe {
        let errno = errno();
        let kept = *errno;
        libc::write(input, std::ptr::from_ref(&(signal as u8)).cast(), 1);
        *errno = kept;
    }
}

#[cfg(target_os = "linux")]
unsafe fn errno() -> *mut i32 {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__errno_location() }
}

#[cfg(not(target_os = "linux"))]
unsafe fn errno() -> *mut i32 {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__error() }
}
