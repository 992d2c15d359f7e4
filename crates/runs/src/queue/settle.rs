//! Settling jobs whose supervisor is dead: what their run's folder says is what happened.
//!
//! | the run's folder | the job |
//! |---|---|
//! | no folder, or the command never began; same boot | waits again, this was no attempt |
//! | of another boot | interrupted, or waits again by its restart policy |
//! | its process lives | lost: it keeps its slot and its cards until that process ends |
//! | it ended, and its end is written | ended so |
//! | nobody saw its end | ended, exit unknown |

use super::{End, JobState, Outcome, Queue, Restart, Row};
use crate::supervise::survivors;
use deskside_machine::Reading;
use deskside_track::truth::NEVER_STARTED;
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
            let Some(end) = self.judge(&row)? else {
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

    /// What became of a job. None while that can't be told yet: its process is about to end, or to begin.
    fn judge(&self, row: &Row) -> Result<Option<End>> {
        let machine = self.machine;
        let boot = machine.boot_id();
        let other_boot = row
            .process
            .as_ref()
            .is_some_and(|process| process.boot_id != boot);
        let folder = Folder::of(self.directories, row.run.as_ref().unwrap_or(&row.id));
        let state = truth(machine, &folder).ok().map(|record| record.state);
        Ok(Some(match state {
            Some(state) if is_real_end(&state) => End::Over(outcome(&state)),
            _ if other_boot => self.after_restart(row)?,
            None => End::NeverRan,
            Some(RunState::Failed { .. } | RunState::Queued | RunState::Starting { .. }) => {
                End::NeverRan
            }
            Some(RunState::Running { .. }) => return Ok(None),
            // Whatever is left of it has this run's mark in its environment.
            Some(_) => match survivors(machine, &folder).into_iter().next() {
                Some(survivor) => End::Lost(survivor),
                None => End::Over(Outcome {
                    word: "exit-unknown",
                    exit: None,
                    reason: Some("its supervisor died, so that nobody saw its end".into()),
                }),
            },
        }))
    }

    fn after_restart(&self, row: &Row) -> Result<End> {
        let (spec, _) = self.spec(row.number)?;
        Ok(match spec.restart {
            Restart::OnReboot => End::Again {
                ready_at: row.ready_at,
                reason: "the machine was restarted under it".into(),
                spec: None,
            },
            Restart::Never => End::Over(Outcome {
                word: "interrupted",
                exit: None,
                reason: Some("the machine was restarted under it".into()),
            }),
        })
    }
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
        RunState::Finished { exit: how } | RunState::Stopped { exit: how } => Outcome {
            word: state.word(),
            exit: exit(how),
            reason: None,
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
