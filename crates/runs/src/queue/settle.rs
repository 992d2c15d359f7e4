//! Settling jobs whose supervisor is dead: what their run's folder says is what happened.
//!
//! | the run's folder | the job |
//! |---|---|
//! | no folder, or the command never began; same boot | waits again, this was no attempt |
//! | of another boot, or ended with its session | interrupted, or waits again by its restart policy |
//! | its process, or another one with its mark, lives | lost: it keeps its slot and its cards until that process ends |
//! | it ended, and its end is written | what its supervisor would have done: ended so, or a retry |
//! | nobody saw its end, or its state can't be read | ended, exit unknown |

use super::{End, JobState, Outcome, Queue, Restart, Row};
use crate::supervise::{end_of, survivors};
use deskside_machine::{ErrorKind, Reading};
use deskside_track::truth::{NEVER_STARTED, has_begun};
use deskside_track::{Folder, truth};
use deskside_types::Result;
use deskside_types::run::{RunExit, RunState};

/// A job that was settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The job as it was.
    pub row: Row,
    /// What became of it.
    pub end: End,
}

impl Queue<'_> {
    /// Settles every job whose supervisor, or whose survivor, is dead.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn settle(&mut self) -> Result<Vec<Settled>> {
        self.claim_of_earlier_boots(&self.machine.boot_id())?;
        let mut settled = Vec::new();
        for row in self.live()? {
            let alive = row
                .process
                .as_ref()
                .map(|process| self.machine.is_alive(process));
            // What can't be seen is no proof of a death.
            if matches!(alive, Some(Ok(true) | Err(_))) {
                continue;
            }
            let Some(end) = self.judge(&row) else {
                continue;
            };
            if row.state == JobState::Lost && matches!(end, End::Lost(_)) {
                continue;
            }
            self.end(&row, &end)?;
            settled.push(Settled { row, end });
        }
        Ok(settled)
    }

    /// What became of a job. None while that can't be told yet: its process is about to end, or to begin, or nothing can be
    /// read now.
    fn judge(&self, row: &Row) -> Option<End> {
        let machine = self.machine;
        let boot = machine.boot_id();
        let other_boot = row
            .process
            .as_ref()
            .is_some_and(|process| process.boot_id != boot);
        let folder = Folder::of(self.directories, row.run.as_ref().unwrap_or(&row.id));
        let record = match truth(machine, &folder) {
            Ok(record) => record,
            Err(_) if other_boot => return Some(self.after_restart(row, true)),
            Err(_) => return self.without_a_state(row, &folder),
        };
        Some(match &record.state {
            state if is_real_end(state) => {
                // A job of a newer program's is over as its run is.
                match self.spec(row.number) {
                    Ok((spec, _)) => end_of(machine, &folder, &spec, row, &record),
                    Err(_) => End::Over(outcome(state)),
                }
            }
            _ if other_boot => self.after_restart(row, true),
            RunState::Failed { .. } | RunState::Queued | RunState::Starting { .. } => {
                living(self, &folder).unwrap_or_else(|| never_ran(row))
            }
            RunState::Running { .. } => return None,
            RunState::Interrupted => {
                living(self, &folder).unwrap_or_else(|| self.after_restart(row, false))
            }
            _ => living(self, &folder).unwrap_or_else(|| unseen("nobody saw its end")),
        })
    }

    /// A run whose state is not there, or can't be read. It never ran only where nothing says that it did.
    fn without_a_state(&self, row: &Row, folder: &Folder) -> Option<End> {
        if let Some(end) = living(self, folder) {
            return Some(end);
        }
        match self.machine.file(folder.state(), 1) {
            Err(error) if error.kind == ErrorKind::Absent => {
                Some(if has_begun(self.machine, folder) {
                    unseen("its state is gone")
                } else {
                    never_ran(row)
                })
            }
            Err(error) if matches!(error.kind, ErrorKind::Shortage | ErrorKind::Timeout) => None,
            _ => Some(unseen("its state can't be read")),
        }
    }

    /// By its restart policy; where that can't be read, by the usual one.
    fn after_restart(&self, row: &Row, other_boot: bool) -> End {
        let reason = if other_boot {
            "the machine was restarted under it"
        } else {
            "it was ended with the machine, or with its session"
        };
        match self.spec(row.number).map(|(spec, _)| spec.restart) {
            Ok(Restart::OnReboot) => End::Again {
                ready_at: row.ready_at,
                reason: reason.into(),
                spec: None,
            },
            Ok(Restart::Never) | Err(_) => End::Over(Outcome {
                word: "interrupted",
                exit: None,
                reason: Some(reason.into()),
            }),
        }
    }
}

/// Whatever is left of a run has its mark in its environment.
fn living(queue: &Queue<'_>, folder: &Folder) -> Option<End> {
    survivors(queue.machine, folder)
        .into_iter()
        .next()
        .map(End::Lost)
}

/// One that was seen alive has run, whatever its folder says by now.
fn never_ran(row: &Row) -> End {
    if row.state == JobState::Lost {
        unseen("its run's folder was removed")
    } else {
        End::NeverRan
    }
}

fn unseen(why: &str) -> End {
    End::Over(Outcome {
        word: "exit-unknown",
        exit: None,
        reason: Some(format!("its supervisor died, and {why}")),
    })
}

/// An end that somebody saw and wrote down.
fn is_real_end(state: &RunState) -> bool {
    match state {
        RunState::Finished { .. } | RunState::Stopped { .. } => true,
        RunState::Failed { reason } => !reason.starts_with(NEVER_STARTED),
        _ => false,
    }
}

/// The end of a job whose run ended so.
pub(crate) fn outcome(state: &RunState) -> Outcome {
    let exit = |exit: &RunExit| Some(exit.shell_code());
    match state {
        RunState::Finished { exit: how } => Outcome {
            word: state.word(),
            exit: exit(how),
            reason: None,
        },
        RunState::Stopped { exit: how, reason } => Outcome {
            word: state.word(),
            exit: exit(how),
            reason: reason.clone(),
        },
        RunState::Failed { reason } => Outcome {
            word: state.word(),
            exit: None,
            reason: Some(reason.clone()),
        },
        other => Outcome {
            word: other.word(),
            exit: None,
            reason: None,
        },
    }
}
