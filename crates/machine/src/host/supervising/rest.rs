//! A process that is about to sleep for long gives back what memory it can have again.

use std::time::Duration;

/// A sleep that lasts longer than this is a long one.
pub(super) const AWAKE: Duration = Duration::from_secs(1);

/// Gives back free heap, and the pages of the program's own code: they are read again from the file when they are needed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn rest() {
    // SAFETY: malloc_trim(3) only returns free memory.
    unsafe { libc::malloc_trim(0) };
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return;
    };
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some("r-xp")) = (words.next(), words.next()) else {
            continue;
        };
        // Code that belongs to a file: offset, device and a number that is not 0, then its path.
        let is_file = words.nth(2).is_some_and(|number| number != "0")
            && words.next().is_some_and(|path| path.starts_with('/'));
        let ends = range.split_once('-').and_then(|(from, to)| {
            Some((
                usize::from_str_radix(from, 16).ok()?,
                usize::from_str_radix(to, 16).ok()?,
            ))
        });
        if let Some((from, to)) = ends.filter(|_| is_file) {
            // SAFETY: the kernel named the range; it is private, executable and not writable, so that its pages are the
            // file's own (no code is relocated in this program) and dropping them loses nothing (madvise(2)).
            unsafe { libc::madvise(from as *mut libc::c_void, to - from, libc::MADV_DONTNEED) };
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn rest() {}
