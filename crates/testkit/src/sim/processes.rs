//! Simulated processes and locks.

use super::Sim;
use super::files::Failure;
use super::state::SimState;
use deskside_machine::{DoorError, ErrorKind, Held};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A process of the simulated machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimProcess {
    /// Its start, in clock ticks since boot.
    pub start_time: u64,
    /// It has not ended.
    pub alive: bool,
    /// Signals that were sent to it.
    pub signals: Vec<i32>,
    /// It goes on after SIGTERM, SIGINT and SIGHUP.
    pub stubborn: bool,
}

impl SimState {
    /// Starts a process; answers its number.
    pub fn start_process(&mut self) -> u32 {
        self.next_pid += 1;
        let ticks = u64::try_from(self.monotonic.as_millis() / 10).unwrap_or(u64::MAX);
        let process = SimProcess {
            start_time: ticks,
            alive: true,
            signals: Vec::new(),
            stubborn: false,
        };
        self.processes.insert(self.next_pid, process);
        self.next_pid
    }

    /// Ends a process.
    pub fn end_process(&mut self, pid: u32) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.alive = false;
        }
    }
}

pub(crate) fn signal(
    state: &mut SimState,
    pid: u32,
    start_time: u64,
    signal: i32,
) -> Result<(), Failure> {
    let process = state
        .processes
        .get_mut(&pid)
        .filter(|process| process.alive && process.start_time == start_time);
    let process = process.ok_or((ErrorKind::Absent, "the process has ended"))?;
    process.signals.push(signal);
    let ends = match signal {
        0 => false,
        1 | 2 | 15 => !process.stubborn,
        _ => true,
    };
    process.alive = !ends;
    Ok(())
}

struct SimHeld {
    sim: Sim,
    path: PathBuf,
    token: u64,
}

impl Held for SimHeld {}

impl Drop for SimHeld {
    fn drop(&mut self) {
        let mut state = self.sim.state();
        // After a reboot somebody else may hold it.
        if state.locks.get(&self.path) == Some(&self.token) {
            state.locks.remove(&self.path);
        }
    }
}

pub(crate) fn lock(sim: &Sim, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
    let what = format!("lock {}", path.display());
    let mut state = sim.state();
    let failed = |failure: Failure| DoorError::new(failure.0, what.clone(), failure.1);
    state.append(path, b"").map_err(failed)?;
    let real = state.resolve(path, true).map_err(failed)?;
    if state.locks.contains_key(&real) {
        // Nobody else runs meanwhile: waiting only costs time.
        state.advance(patience);
        return Err(DoorError::new(
            ErrorKind::Busy,
            what,
            "somebody else holds it",
        ));
    }
    state.next_lock += 1;
    let token = state.next_lock;
    state.locks.insert(real.clone(), token);
    Ok(Box::new(SimHeld {
        sim: sim.clone(),
        path: real,
        token,
    }))
}
