//! Ctrl-C: a flag that every wait looks at, so that work stops at a clean edge.
//!
//! The handlers only count and write one byte into a pipe (both async-signal-safe). A second
//! Ctrl-C while the first is still being honoured ends the process at once, unless a child that
//! is watched is the one meant ([`hold`]).

use crate::host::deadline::Deadline;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

/// The signals that ask a program to stop.
pub(crate) const STOPPING: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

static REQUESTS: AtomicU32 = AtomicU32::new(0);
static HOLDS: AtomicU32 = AtomicU32::new(0);
static INSTALLED: AtomicBool = AtomicBool::new(false);
static WAKE_INPUT: AtomicI32 = AtomicI32::new(-1);
static WINDOW_CHANGES: AtomicU32 = AtomicU32::new(0);
static WAKE: OnceLock<Option<(OwnedFd, OwnedFd)>> = OnceLock::new();
/// Per signal of [`STOPPING`]: how often it came, and how often a process sent it (`kill`).
static CAME: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
static SENT: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

/// Takes over SIGINT, SIGTERM and SIGHUP. Further calls do nothing.
///
/// A signal that was ignored when the process started stays ignored (`nohup`, a shell's `&`).
pub fn install() {
    if INSTALLED.swap(true, Ordering::SeqCst) {
        return;
    }
    wake();
    for signal in STOPPING {
        handle(signal, on_stop);
    }
}

/// Lets SIGINT, SIGTERM and SIGHUP pass without any effect: for a process whose parent says when to stop. Programs that
/// it starts have them as usual.
pub fn leave_to_parent() {
    for signal in STOPPING {
        handle(signal, on_nothing);
    }
}

/// Also counts changes of the terminal's size.
pub(crate) fn install_window_changes() {
    wake();
    handle(libc::SIGWINCH, on_window_change);
}

/// The person (or the system) asked to stop, and nobody took it yet.
pub fn requested() -> bool {
    REQUESTS.load(Ordering::SeqCst) > 0
}

/// Requests a stop, as a signal does.
pub fn request() {
    REQUESTS.fetch_add(1, Ordering::SeqCst);
}

/// Whether a stop was requested; from now on it counts as honoured.
pub fn take() -> bool {
    REQUESTS.swap(0, Ordering::SeqCst) > 0
}

/// How often the terminal's size changed so far.
pub(crate) fn window_changes() -> u32 {
    WINDOW_CHANGES.load(Ordering::SeqCst)
}

/// What came so far: for each signal of [`STOPPING`] how often, and how often from a process.
pub(crate) fn tally() -> [(u32, u32); 3] {
    std::array::from_fn(|place| {
        (
            CAME[place].load(Ordering::SeqCst),
            SENT[place].load(Ordering::SeqCst),
        )
    })
}

/// While this lives, a second Ctrl-C does not end this process: it is meant for the child.
pub(crate) struct Hold(());

/// Takes a [`Hold`].
pub(crate) fn hold() -> Hold {
    HOLDS.fetch_add(1, Ordering::SeqCst);
    Hold(())
}

impl Drop for Hold {
    fn drop(&mut self) {
        HOLDS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for a time. Returns early, with `true`, when a stop is requested.
pub(crate) fn pause(span: Duration) -> bool {
    let deadline = Deadline::after(span);
    loop {
        if requested() {
            return true;
        }
        let Some(left) = deadline.left() else {
            return false;
        };
        wait(&mut Vec::new(), left);
    }
}

/// Waits until one of the descriptors is ready, a signal came or the time is over; at the most
/// a quarter second, so that what has no descriptor is looked at, too.
pub(crate) fn wait(descriptors: &mut Vec<PollFd<'_>>, span: Duration) {
    let span = span.min(Duration::from_millis(250));
    let span = Timespec {
        tv_sec: 0,
        tv_nsec: span.subsec_nanos().into(),
    };
    let count = descriptors.len();
    let wake = wake();
    if let Some(wake) = wake {
        descriptors.push(PollFd::from_borrowed_fd(wake, PollFlags::IN));
    }
    // An error is EINTR here, a reason to look at the flags like any other.
    if rustix::event::poll(descriptors, Some(&span)).is_err() {
        descriptors.iter_mut().for_each(PollFd::clear_revents);
    }
    if let (Some(wake), Some(last)) = (wake, descriptors.get(count))
        && last.revents().contains(PollFlags::IN)
    {
        let _ = rustix::io::read(wake, &mut [0_u8; 64]);
    }
    descriptors.truncate(count);
}

/// The end of the pipe that becomes readable when a signal came; made on the first call.
fn wake() -> Option<BorrowedFd<'static>> {
    let pair = WAKE.get_or_init(|| {
        let (output, input) = rustix::pipe::pipe().ok()?;
        for end in [&output, &input] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC).ok()?;
            rustix::fs::fcntl_setfl(end, rustix::fs::OFlags::NONBLOCK).ok()?;
        }
        WAKE_INPUT.store(input.as_raw_fd(), Ordering::SeqCst);
        Some((output, input))
    });
    pair.as_ref().map(|(output, _)| output.as_fd())
}

type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

extern "C" fn on_nothing(_: i32, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

fn handle(signal: i32, handler: Handler) {
    // SAFETY: sigaction with a zeroed, then filled structure; the handlers only use atomics,
    // write(2), signal(2) and raise(3), all async-signal-safe.
    unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut before);
        if before.sa_sigaction == libc::SIG_IGN && signal != libc::SIGWINCH {
            return;
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(signal, &action, std::ptr::null_mut());
    }
}

extern "C" fn on_stop(signal: i32, information: *mut libc::siginfo_t, _: *mut libc::c_void) {
    if let Some(place) = STOPPING.iter().position(|candidate| *candidate == signal) {
        CAME[place].fetch_add(1, Ordering::SeqCst);
        // SAFETY: the kernel hands a valid structure to a handler set with SA_SIGINFO.
        // SI_USER, SI_QUEUE and SI_TKILL are 0 or less; the terminal's own signals are above.
        if !information.is_null() && unsafe { (*information).si_code } <= 0 {
            SENT[place].fetch_add(1, Ordering::SeqCst);
        }
    }
    let earlier = REQUESTS.fetch_add(1, Ordering::SeqCst);
    if earlier > 0 && signal == libc::SIGINT && HOLDS.load(Ordering::SeqCst) == 0 {
        // SAFETY: both are async-signal-safe; the signal is delivered when this handler returns.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
    ring();
}

extern "C" fn on_window_change(_: i32, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    WINDOW_CHANGES.fetch_add(1, Ordering::SeqCst);
    ring();
}

fn ring() {
    let input = WAKE_INPUT.load(Ordering::SeqCst);
    if input >= 0 {
        // SAFETY: the descriptor lives in a static until the process ends; errno is restored,
        // because the interrupted code may be about to read it.
        unsafe {
            let errno = errno();
            let kept = *errno;
            libc::write(input, std::ptr::from_ref(&1_u8).cast(), 1);
            *errno = kept;
        }
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
