//! Processes of a run whose supervisor is dead: found by the mark that every run has in its environment.

use deskside_machine::{Machine, Reading};
use deskside_track::{Folder, record};
use deskside_types::run::{ProcessIdentity, RunState};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Bytes of an environment that are read.
const LIMIT: u64 = 1 << 20;

/// The living processes of a run: its command's own first, then those with `DESKSIDE_RUN` of this run in
/// `/proc/PID/environ` (`proc_pid_environ(5)`). Only those that may be read are seen.
pub fn survivors(machine: &dyn Machine, folder: &Folder) -> Vec<ProcessIdentity> {
    let written = record::read_state(machine, folder).map(|record| record.state);
    let main = match written {
        Ok(RunState::Running { process, .. }) => Some(process),
        Ok(RunState::ExitUnknown { survivor }) => survivor,
        _ => None,
    };
    let mut found: Vec<ProcessIdentity> = main
        .into_iter()
        .filter(|process| machine.is_alive(process).unwrap_or(false))
        .collect();
    for (path, process) in marked(machine) {
        if path == folder.path() && !found.contains(&process) {
            found.push(process);
        }
    }
    found
}

/// Every living process with the mark of a run, and that run's folder.
pub fn marked(machine: &dyn Machine) -> Vec<(PathBuf, ProcessIdentity)> {
    let boot_id = machine.boot_id();
    let mut found = Vec::new();
    for entry in machine.entries("/proc").unwrap_or_default() {
        let Ok(pid) = entry.name.parse::<u32>() else {
            continue;
        };
        let Ok(environment) = machine.file(format!("/proc/{pid}/environ"), LIMIT) else {
            continue;
        };
        let mark = environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(b"DESKSIDE_RUN="));
        if let Some(path) = mark
            && let Ok(Some(start_time)) = machine.process(pid)
        {
            let process = ProcessIdentity {
                pid,
                start_time,
                boot_id: boot_id.clone(),
            };
            found.push((PathBuf::from(OsStr::from_bytes(path)), process));
        }
    }
    found
}
