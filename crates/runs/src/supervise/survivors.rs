//! Processes of a run whose supervisor is dead: found by the mark that every run has in its environment.

use deskside_machine::{Machine, Reading};
use deskside_track::{Folder, record};
use deskside_types::run::{ProcessIdentity, RunState};

/// Bytes of an environment that are read.
const LIMIT: u64 = 1 << 20;

/// The living processes of a run: its command's own first, then those with `DESKSIDE_RUN` of this run in
/// `/proc/PID/environ` (`proc_pid_environ(5)`). Only those that may be read are seen.
pub fn survivors(machine: &dyn Machine, folder: &Folder) -> Vec<ProcessIdentity> {
    let mut found: Vec<ProcessIdentity> = Vec::new();
    let written = record::read_state(machine, folder).map(|record| record.state);
    let main = match written {
        Ok(RunState::Running { process, .. }) => Some(process),
        Ok(RunState::ExitUnknown { survivor }) => survivor,
        _ => None,
    };
    found.extend(main.filter(|process| machine.is_alive(process).unwrap_or(false)));
    let mark = [
        b"DESKSIDE_RUN=",
        folder.path().as_os_str().as_encoded_bytes(),
    ]
    .concat();
    let boot_id = machine.boot_id();
    for entry in machine.entries("/proc").unwrap_or_default() {
        let Ok(pid) = entry.name.parse::<u32>() else {
            continue;
        };
        if found.iter().any(|process| process.pid == pid) {
            continue;
        }
        let environment = machine.file(format!("/proc/{pid}/environ"), LIMIT);
        let marked = environment.is_ok_and(|bytes| {
            bytes
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark)
        });
        if marked && let Ok(Some(start_time)) = machine.process(pid) {
            found.push(ProcessIdentity {
                pid,
                start_time,
                boot_id: boot_id.clone(),
            });
        }
    }
    found
}
