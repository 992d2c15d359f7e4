//! The state that is there now, beside the snapshots that are kept.

use super::Place;
use crate::Context;
use deskside_envs::environment::marker;
use deskside_envs::snapshot::store::Listed;
use deskside_envs::snapshot::take::{Installed, installed};
use deskside_envs::snapshot::{self, Snapshot, Taken, Taking, numbering};
use deskside_machine::Machine;
use deskside_operate::{Operation, Outcome};
use deskside_types::facts::Facts;
use deskside_types::plan::{Action, EnvironmentAction};
use deskside_types::{Problem, Result};
use std::path::Path;

/// The state that is there now and the snapshots that are kept.
pub(crate) struct Present {
    /// The environment as it is; none where no whole one is there.
    pub now: Option<Taken>,
    /// What is installed in it, each with its files.
    pub there: Vec<Installed>,
    /// What is kept.
    pub listed: Listed,
    /// The snapshot that the environment was made from by a command that was cut off before it could say so.
    pub unrecorded: Option<String>,
    /// A command that brings a snapshot back failed or was cut off, and nothing was kept since.
    underway: bool,
}

impl Present {
    /// Looks at a place. Keeps nothing.
    ///
    /// # Errors
    /// When the environment or the snapshots can't be read.
    pub fn look(context: &Context, place: &Place, facts: &Facts) -> Result<Self> {
        let machine = &*context.machine;
        let there = installed(machine, &place.environment);
        let taking = Taking {
            installed: Some(&there),
            ..taking(machine, place, facts)
        };
        let mut present = Self {
            now: snapshot::take(machine, &taking)?,
            there,
            listed: place.store.list(machine)?,
            unrecorded: None,
            underway: false,
        };
        if present.first_number() > 0 {
            let made = marker::read(machine, &place.environment).and_then(|noted| noted.restored);
            present.unrecorded = made.map(|made| made.snapshot).filter(|id| {
                let mut all = present.listed.snapshots.iter();
                let from = all.find(|one| one.id == *id);
                from.zip(present.snapshot())
                    .is_some_and(|(from, now)| from.same_as(now))
            });
        }
        present.underway = is_underway(context, place, present.newest())?;
        Ok(present)
    }

    /// The newest snapshot.
    pub fn newest(&self) -> Option<&Snapshot> {
        self.listed.snapshots.last()
    }

    /// The state that is there as a snapshot.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.now.as_ref().map(|taken| &taken.snapshot)
    }

    /// The environment is gone or broken, and no command that was cut off says why.
    fn is_lost(&self) -> bool {
        self.now.is_none() && self.unrecorded.is_none() && !self.underway
    }

    /// The number of the newest snapshot; 1 where the state that is there is kept nowhere yet, and where none is there:
    /// then it is the state before this one.
    pub fn first_number(&self) -> usize {
        if self.is_lost() {
            return 1;
        }
        numbering::first_number(self.newest(), self.counted())
    }

    /// The snapshot a person means.
    ///
    /// # Errors
    /// [`deskside_types::Code::SnapshotUnknown`].
    pub fn find(&self, wanted: &str) -> Result<&Snapshot, Problem> {
        if self.is_lost()
            && wanted.len() < 4
            && let Ok(number) = wanted.parse::<usize>()
        {
            let behind = number.saturating_sub(1).to_string();
            return numbering::find(&self.listed.snapshots, None, &behind);
        }
        numbering::find(&self.listed.snapshots, self.counted(), wanted)
    }

    /// The state that counts as number 0. A command that was cut off must find, when it is given again, the numbers as
    /// it found them first.
    fn counted(&self) -> Option<&Snapshot> {
        self.snapshot()
            .filter(|_| self.unrecorded.is_none() && !self.underway)
    }
}

/// Whether the last operation on an environment brings a snapshot back and did not come to its end.
pub(crate) fn is_underway(
    context: &Context,
    place: &Place,
    newest: Option<&Snapshot>,
) -> Result<bool> {
    let (operations, _) = deskside_operate::history(&*context.machine, &context.directories.state)?;
    let restores = |operation: &Operation| {
        let mut actions = operation.plan.steps.iter().flat_map(|step| &step.actions);
        actions.any(|action| match action {
            Action::Env { action } => {
                matches!(action, EnvironmentAction::Restore { .. })
                    && Path::new(action.path()) == place.environment
            }
            _ => false,
        })
    };
    Ok(operations
        .iter()
        .rfind(|one| restores(one))
        .is_some_and(|last| {
            !matches!(last.outcome, Outcome::Done | Outcome::Undone)
                && newest.is_some_and(|newest| newest.taken_at <= last.began_at)
        }))
}

/// What a snapshot of a place is taken of.
pub(crate) fn taking<'a>(machine: &dyn Machine, place: &'a Place, facts: &'a Facts) -> Taking<'a> {
    Taking {
        project: &place.project,
        environment: &place.environment,
        facts,
        reason: super::change::AS_FOUND.into(),
        operation: None,
        choice: place.store.local(machine).choice,
        parts: Some(place.store.local(machine).parts),
        installed: None,
    }
}
