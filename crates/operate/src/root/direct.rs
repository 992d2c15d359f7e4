//! This process is root itself.

use super::{Place, Root, STATE, restart};
use crate::{NoDomain, OperationId, Workshop, perform, revert};
use deskside_machine::{Machine, Progress};
use deskside_types::Result;
use deskside_types::plan::{Action, Plan};
use serde_json::Value;

/// Carries out root's actions in this process: the one that was started as root, or a simulated machine's.
pub struct Direct<'a> {
    /// The machine.
    pub machine: &'a dyn Machine,
}

impl Direct<'_> {
    /// What it works with: root's folder, and no domain.
    pub(crate) fn workshop(&self) -> Workshop<'_> {
        Workshop {
            machine: self.machine,
            domain: &NoDomain,
            state: STATE.into(),
            root: None,
        }
    }
}

impl Root for Direct<'_> {
    fn begin(&self, _: &OperationId, _: &Plan) -> Result<()> {
        Ok(())
    }

    fn begin_undo(&self, _: &OperationId) -> Result<()> {
        Ok(())
    }

    fn prepare(&self, place: Place<'_>, action: &Action) -> Result<Value> {
        perform::prepare(&self.workshop(), place.operation, &place.name(), action)
    }

    fn perform(
        &self,
        place: Place<'_>,
        action: &Action,
        before: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value> {
        perform::perform(
            &self.workshop(),
            place.operation,
            &place.name(),
            action,
            before,
            watch,
        )
    }

    fn revert(
        &self,
        place: Place<'_>,
        action: &Action,
        before: &Value,
        after: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Option<String>> {
        if *action == Action::Reboot {
            return restart::forget_of(self.machine, place.operation).map(|()| None);
        }
        revert::revert(&self.workshop(), action, before, after, watch)
    }
}
