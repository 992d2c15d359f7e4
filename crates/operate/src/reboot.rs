//! Whether a plan's restart was done already: told by the identity of the boot, never by a guess.

use crate::history::Operation;
use crate::journal::OperationId;
use deskside_machine::{Machine, Reading};
use deskside_types::plan::Action;
use serde_json::{Value, json};

/// What is journalled of a restart: the boot it ends.
pub(crate) fn marked(machine: &dyn Machine, before: Value) -> Value {
    json!({ "boot_id": machine.boot_id(), "before": before })
}

/// Whether an attempt that this one goes on with asked for the restart in an earlier boot.
pub(crate) fn was_done(
    machine: &dyn Machine,
    earlier: &[Operation],
    continues: Option<&OperationId>,
) -> bool {
    let now = machine.boot_id();
    let mut next = continues;
    // A chain that leads back into itself ends after as many steps as there are operations.
    for _ in 0..earlier.len() {
        let Some(operation) = next.and_then(|id| earlier.iter().find(|one| one.id == *id)) else {
            return false;
        };
        let restarted = operation.standing.iter().any(|standing| {
            let step = operation
                .plan
                .steps
                .iter()
                .find(|step| step.id == standing.step);
            let restarts = step
                .and_then(|step| step.actions.get(standing.action))
                .is_some_and(|action| *action == Action::Reboot);
            restarts
                && standing.before["boot_id"]
                    .as_str()
                    .is_some_and(|boot| boot != now)
        });
        if restarted {
            return true;
        }
        next = operation.continues.as_ref();
    }
    false
}
