//! A command and everything it started.
//!
//! On Linux this process is the tree's subreaper: whoever loses their parent becomes its child, so that "no child is left"
//! means "nothing of the tree is left", whatever left its session or forked twice. Elsewhere the tree is the command's session.

use super::signals;
use crate::error::DoorError;
use crate::host::deadline::Deadline;
use crate::supervise::{Asked, Happened, Tree};
use deskside_types::run::{ProcessIdentity, RunExit};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use std::collections::VecDeque;
use std::time::Duration;

/// The children of this process that come from one command.
pub(super) struct Family {
    main: ProcessIdentity,
    exit: Option<RunExit>,
    told: bool,
    events: VecDeque<Happened>,
}

impl Family {
    pub fn of(main: ProcessIdentity) -> Self {
        Self {
            main,
            exit: None,
            told: false,
            events: VecDeque::new(),
        }
    }

    /// Collects the command's own process, waiting for its end: for one that ends at once.
    pub fn collect(&self) {
        if let Some(pid) = self.pid() {
            while let Err(rustix::io::Errno::INTR) =
                rustix::process::waitpid(Some(pid), WaitOptions::empty())
            {}
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.main.pid).ok().and_then(Pid::from_raw)
    }

    /// Collects every child that ended; whether none is left.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if Some(pid) == self.pid() {
                        self.exit = Some(exit(status));
                    } else {
                        self.events.push_back(Happened::Changed);
                    }
                }
                Ok(None) => return false,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return true,
            }
        }
    }

    fn next(&mut self) -> Option<Happened> {
        if let Some(exit) = self.exit.filter(|_| !self.told) {
            self.told = true;
            return Some(Happened::Ended(exit));
        }
        self.events.pop_front()
    }
}

impl Tree for Family {
    fn wait(&mut self, patience: Option<Duration>) -> Result<Happened, DoorError> {
        let deadline = patience.map(Deadline::after);
        loop {
            // What ended before the signal handler was there is found by looking.
            self.reap();
            if let Some(event) = self.next() {
                return Ok(event);
            }
            let left = match deadline {
                None => None,
                Some(deadline) => match deadline.left() {
                    None => return Ok(Happened::TimeOver),
                    left => left,
                },
            };
            let asked = signals::wait(left).into_iter().filter_map(Asked::of);
            self.events.extend(asked.map(Happened::Asked));
        }
    }

    fn signal(&mut self, number: i32) -> usize {
        let Some(signal) = Signal::from_named_raw(number) else {
            return 0;
        };
        let members = members(&self.main);
        for pid in &members {
            let _ = rustix::process::kill_process(*pid, signal);
        }
        members.len()
    }

    fn is_over(&mut self) -> bool {
        self.reap()
    }
}

fn exit(status: WaitStatus) -> RunExit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => RunExit::ExitCode(code),
        (None, Some(signal)) => RunExit::Signal(signal),
        (None, None) => RunExit::ExitCode(-1),
    }
}

/// Every descendant of this process, children first.
#[cfg(target_os = "linux")]
fn members(_: &ProcessIdentity) -> Vec<Pid> {
    let parents = parents();
    let mut found = vec![std::process::id()];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        at += 1;
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
    }
    found
        .into_iter()
        .skip(1)
        .filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .collect()
}

/// Every living process with its parent: fields 1 and 4 of `/proc/PID/stat` (`proc_pid_stat(5)`).
#[cfg(target_os = "linux")]
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
            // The name in field 2 may hold blanks and brackets; what follows its last bracket does not.
            let close = stat.iter().rposition(|byte| *byte == b')')?;
            let mut fields = std::str::from_utf8(&stat[close + 1..])
                .ok()?
                .split_ascii_whitespace();
            let state = fields.next()?;
            let parent = fields.next()?.parse().ok()?;
            (!matches!(state, "Z" | "X" | "x")).then_some((pid, parent))
        })
        .collect()
}

/// The command's process group, by its leader; the system has no way to find those that left it.
#[cfg(not(target_os = "linux"))]
fn members(main: &ProcessIdentity) -> Vec<Pid> {
    let leader = i32::try_from(main.pid).ok().and_then(Pid::from_raw);
    if let Some(leader) = leader {
        let _ = rustix::process::kill_process_group(leader, Signal::CONT);
    }
    leader.into_iter().collect()
}
