//! Who works on packages now: the holder of dpkg's lock in `/proc/locks` (proc_locks(5)), found by the file's number.
//!
//! The door does not tell the number of a file, so a holder is known by what it is: the process of a package manager
//! that holds a write lock.

use crate::look::{known, text};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::LockHolder;

/// Programs that work on packages, as `/proc/PID/comm` has them (15 letters at the most).
const MANAGERS: [&str; 9] = [
    "apt",
    "apt-get",
    "aptd",
    "aptitude",
    "dpkg",
    "packagekitd",
    "synaptic",
    "unattended-upgr",
    "nala",
];

/// Another package manager that holds a write lock.
pub(crate) fn holder(machine: &dyn Machine) -> Known<LockHolder> {
    match known(machine.text("/proc/locks")) {
        Known::Value(locks) => writers(&locks)
            .into_iter()
            .take(64)
            .find_map(|pid| {
                let program = text(machine, &format!("/proc/{pid}/comm")).value()?.clone();
                MANAGERS.contains(&program.as_str()).then_some(LockHolder {
                    pid,
                    program: Known::Value(program),
                })
            })
            .into(),
        Known::Absent => Known::Absent,
        Known::Unknown { unknown } => Known::unknown(unknown),
    }
}

/// Processes with write locks: `1: POSIX  ADVISORY  WRITE 1234 08:01:131 0 EOF`.
fn writers(locks: &str) -> Vec<u32> {
    let mut pids: Vec<u32> = locks
        .lines()
        .filter(|line| line.contains(" WRITE ") && !line.contains("->"))
        .filter_map(|line| line.split_whitespace().nth(4)?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_are_read_and_those_who_wait_are_not() {
        let locks = "1: POSIX  ADVISORY  WRITE 1234 08:01:131 0 EOF\n1: -> POSIX  ADVISORY  WRITE 99 08:01:131 0 EOF\n2: FLOCK  ADVISORY  READ 7 00:19:1 0 EOF\n3: POSIX  ADVISORY  WRITE 1234 08:01:132 0 EOF\nodd\n";
        assert_eq!(writers(locks), [1234]);
    }
}
