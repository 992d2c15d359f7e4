//! Whether what `state` says still holds: a process may have died without a word.

use crate::{Folder, record, shared};
use deskside_machine::{Durability, Machine, Reading};
use deskside_types::Result;
use deskside_types::run::{ProcessIdentity, RunState, StateRecord};
use std::path::Path;

/// How the reason begins when a run's command surely never ran: such a run may be started once more.
pub const NEVER_STARTED: &str = "never started";

/// What is known of a process that was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Dead,
    /// The machine was started anew since.
    OtherBoot,
    /// It can't be told from here.
    Unseen,
}

/// The state a run is really in. A state that changed by this is written back where the store can be written,
/// so that it stays true when process numbers are used again.
///
/// Running: the process lives, by boot, number and start time. Another boot: interrupted. Supervisor and process dead:
/// exit unknown. Supervisor dead and process alive: exit unknown, with the survivor. Starting under a dead supervisor:
/// never started; where it left a trace it may have, so its exit is unknown.
///
/// # Errors
/// When `state` can't be read.
pub fn truth(machine: &dyn Machine, folder: &Folder) -> Result<StateRecord> {
    let mut written = record::read_state(machine, folder)?;
    for _ in 0..3 {
        // A command in the foreground is running only when it was started, and has no supervisor that locks its folder.
        let running = matches!(written.state, RunState::Running { .. });
        let began = || {
            has_begun(machine, folder)
                || running && matches!(machine.exists(folder.supervisor_lock()), Ok(false))
        };
        let Some(settled) = settle(
            &written.state,
            &|process| life(machine, folder, process),
            &began,
        ) else {
            return Ok(written);
        };
        // Its writers were seen dead; what they wrote before they died is read once more, and nobody writes after that.
        let again = record::read_state(machine, folder)?;
        if again == written {
            let settled = StateRecord {
                state: settled,
                ..written
            };
            // A store that can't be written still gets the true answer.
            let _ = record::write_state(machine, folder, &settled, Durability::Process);
            return Ok(settled);
        }
        written = again;
    }
    Ok(written)
}

/// The state that takes a written one's place; none when it holds.
fn settle(
    state: &RunState,
    life: &dyn Fn(&ProcessIdentity) -> Life,
    left_traces: &dyn Fn() -> bool,
) -> Option<RunState> {
    match state {
        RunState::Running {
            process,
            supervisor,
        } => match (life(process), supervisor.as_ref().map(life)) {
            (Life::OtherBoot, _) => Some(RunState::Interrupted),
            // It stands at its gate and ends in a moment, or was let through just now: both show soon.
            (Life::Alive, Some(Life::Dead)) if !left_traces() => None,
            (Life::Alive, Some(Life::Dead)) => Some(RunState::ExitUnknown {
                survivor: Some(process.clone()),
            }),
            // A queued command opens its log itself, after its process was written down: without one it never began.
            (Life::Dead, Some(Life::Dead)) if !left_traces() => Some(RunState::Failed {
                reason: format!("{NEVER_STARTED}: the process that was to start it died"),
            }),
            (Life::Dead, None | Some(Life::Dead)) => Some(RunState::ExitUnknown { survivor: None }),
            // A living supervisor is about to write the end.
            _ => None,
        },
        RunState::Starting { supervisor } => match life(supervisor) {
            Life::Alive | Life::Unseen => None,
            Life::Dead if left_traces() => Some(RunState::ExitUnknown { survivor: None }),
            Life::OtherBoot if left_traces() => Some(RunState::Interrupted),
            Life::Dead => Some(RunState::Failed {
                reason: format!("{NEVER_STARTED}: the process that was to start it died"),
            }),
            Life::OtherBoot => Some(RunState::Failed {
                reason: format!("{NEVER_STARTED}: the machine was shut down before"),
            }),
        },
        RunState::ExitUnknown {
            survivor: Some(survivor),
        } => match life(survivor) {
            Life::Dead | Life::OtherBoot => Some(RunState::ExitUnknown { survivor: None }),
            Life::Alive | Life::Unseen => None,
        },
        RunState::Queued
        | RunState::Finished { .. }
        | RunState::Stopped { .. }
        | RunState::Failed { .. }
        | RunState::Interrupted
        | RunState::ExitUnknown { survivor: None } => None,
    }
}

fn life(machine: &dyn Machine, folder: &Folder, process: &ProcessIdentity) -> Life {
    let boot = machine.boot_id();
    if boot != process.boot_id {
        let data = folder.path().parent().and_then(Path::parent);
        let is_of_another =
            || data.is_some_and(|data| shared::is_of_another(machine, data, &process.boot_id));
        // A boot that can't be read is no proof of another one, and another machine's says nothing of this one's.
        return if boot.is_empty() || process.boot_id.is_empty() || is_of_another() {
            Life::Unseen
        } else {
            Life::OtherBoot
        };
    }
    match machine.process(process.pid) {
        Ok(Some(start)) if start == process.start_time => Life::Alive,
        Ok(_) => Life::Dead,
        Err(_) => Life::Unseen,
    }
}

/// The command was started, as far as the folder shows: starting it makes the log and the mark behind it, and training code makes
/// metrics. A log may be removed while it is written, to have room on a disk. What can't be looked at may be there.
pub fn has_begun(machine: &dyn Machine, folder: &Folder) -> bool {
    [folder.begun(), folder.log(), folder.metrics()]
        .iter()
        .any(|path| machine.exists(path).unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_types::run::RunExit;

    fn process(pid: u32) -> ProcessIdentity {
        ProcessIdentity {
            pid,
            start_time: 1,
            boot_id: "b".into(),
        }
    }

    #[test]
    fn a_stopped_run_says_why_and_older_ones_do_not() {
        let stopped = |reason: Option<&str>| StateRecord {
            state: RunState::Stopped {
                exit: RunExit::Signal(15),
                reason: reason.map(String::from),
            },
            started_at: Some(jiff::Timestamp::UNIX_EPOCH),
            ended_at: None,
        };
        for (text, state) in [
            (
                "state = \"stopped\"\nsignal = 15\nstarted_at = \"1970-01-01T00:00:00Z\"\n",
                stopped(None),
            ),
            (
                "state = \"stopped\"\nsignal = 15\nreason = \"x\"\nstarted_at = \"1970-01-01T00:00:00Z\"\n",
                stopped(Some("x")),
            ),
        ] {
            assert_eq!(toml::from_str::<StateRecord>(text).unwrap(), state);
            assert_eq!(toml::to_string(&state).unwrap(), text);
        }
    }

    #[test]
    fn the_rule_as_a_table() {
        use Life::*;
        let running = |supervised: bool| RunState::Running {
            process: process(1),
            supervisor: supervised.then(|| process(2)),
        };
        let unknown = || Some(RunState::ExitUnknown { survivor: None });
        let survivor = RunState::ExitUnknown {
            survivor: Some(process(1)),
        };
        let died = "the process that was to start it died";
        let failed = |words: &str| {
            Some(RunState::Failed {
                reason: format!("never started: {words}"),
            })
        };
        let starting = RunState::Starting {
            supervisor: process(2),
        };
        for (state, first, second, traces, expected) in [
            (running(true), Alive, Alive, true, None),
            (running(true), Dead, Alive, true, None),
            (running(true), Alive, Dead, true, Some(survivor.clone())),
            (running(true), Alive, Dead, false, None),
            (running(true), Dead, Dead, true, unknown()),
            (running(true), Dead, Dead, false, failed(died)),
            (running(false), Dead, Dead, false, unknown()),
            (
                running(true),
                OtherBoot,
                OtherBoot,
                true,
                Some(RunState::Interrupted),
            ),
            (running(true), Unseen, Unseen, true, None),
            (running(false), Alive, Dead, true, None),
            (running(false), Dead, Dead, true, unknown()),
            (
                running(false),
                OtherBoot,
                Dead,
                true,
                Some(RunState::Interrupted),
            ),
            (starting.clone(), Dead, Alive, false, None),
            (starting.clone(), Dead, Dead, false, failed(died)),
            (starting.clone(), Dead, Dead, true, unknown()),
            (
                starting.clone(),
                Dead,
                OtherBoot,
                false,
                failed("the machine was shut down before"),
            ),
            (
                starting.clone(),
                Dead,
                OtherBoot,
                true,
                Some(RunState::Interrupted),
            ),
            (survivor.clone(), Alive, Dead, true, None),
            (survivor.clone(), Dead, Dead, true, unknown()),
            (
                RunState::ExitUnknown { survivor: None },
                Dead,
                Dead,
                true,
                None,
            ),
            (
                RunState::Finished {
                    exit: RunExit::ExitCode(0),
                },
                Dead,
                Dead,
                true,
                None,
            ),
            (RunState::Queued, Dead, Dead, true, None),
        ] {
            let life = |process: &ProcessIdentity| if process.pid == 1 { first } else { second };
            assert_eq!(
                settle(&state, &life, &|| traces),
                expected,
                "{state:?} {first:?} {second:?}"
            );
        }
    }
}
