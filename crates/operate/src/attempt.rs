//! What earlier attempts at the same plan came to. A restart is told by the identity of the boot, never by a guess.

use crate::history::Operation;
use crate::journal::OperationId;
use deskside_machine::{Machine, Reading};
use deskside_types::plan::{Action, Plan};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What earlier attempts at the same plan did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Earlier {
    /// One of them restarted the machine.
    pub restarted: bool,
    /// Steps that were carried out and proven. A later step may have undone what their checks look at (a package that
    /// goes and comes anew), so they are not looked at again.
    pub done: BTreeSet<String>,
    /// Steps that were begun and not proven: their checks may hold already, and a later action of theirs lack.
    pub begun: BTreeSet<String>,
    /// Steps that asked for a person's hands; carrying the plan out again says that it was done.
    pub asked: BTreeSet<String>,
}

/// What is journalled of a restart: the boot it ends.
pub(crate) fn marked(machine: &dyn Machine, before: Value) -> Value {
    json!({ "boot_id": machine.boot_id(), "before": before })
}

/// Goes through the attempts that this one goes on with, as far as their steps are the same.
pub(crate) fn earlier(
    machine: &dyn Machine,
    operations: &[Operation],
    continues: Option<&OperationId>,
    plan: &Plan,
) -> Earlier {
    let now = machine.boot_id();
    let mut found = Earlier::default();
    let mut next = continues;
    // A chain that leads back into itself ends after as many steps as there are operations.
    for _ in 0..operations.len() {
        let Some(operation) = next.and_then(|id| operations.iter().find(|one| one.id == *id))
        else {
            break;
        };
        if operation.plan.steps != plan.steps {
            break;
        }
        found.done.extend(operation.done.iter().cloned());
        for standing in &operation.standing {
            found.begun.insert(standing.step.clone());
            let step = plan.steps.iter().find(|step| step.id == standing.step);
            match step.and_then(|step| step.actions.get(standing.action)) {
                Some(Action::Reboot) => {
                    found.restarted |= standing.before["boot_id"]
                        .as_str()
                        .is_some_and(|boot| boot != now);
                }
                Some(Action::AskPerson { .. }) => {
                    found.asked.insert(standing.step.clone());
                }
                _ => {}
            }
        }
        next = operation.continues.as_ref();
    }
    found.begun.retain(|step| !found.done.contains(step));
    found
}
