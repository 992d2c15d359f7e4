//! How the actions that need root are carried out and taken back, one family a room.
//!
//! A process that is root calls these through [`crate::root::Direct`]; what it keeps lies in root's own folder. Each can
//! be carried out again after it was cut off anywhere, and so can each way back.

mod alternative;
pub mod apt;
mod boot;
pub mod dpkg;
mod fetch;
pub mod group;
mod module;
pub mod names;
mod packages;
pub mod person;
mod programs;
mod progress;
mod service;
mod sources;
mod swap;
mod tools;

use crate::Workshop;
use crate::journal::OperationId;
use deskside_machine::Progress;
use deskside_types::plan::Action;
use deskside_types::{Code, Problem, Result};
use serde_json::Value;

/// Whether an action is carried out here.
pub(crate) fn is_own(action: &Action) -> bool {
    match action {
        Action::Run { command, .. } => programs::is_one(command),
        Action::Reboot => false,
        other => other.needs_root(),
    }
}

fn elsewhere() -> Problem {
    Problem::new(
        Code::NeedsRoot,
        "this step needs root, and nothing that asks for it was started",
    )
}

/// Gathers what taking the action back will need. Looks, and writes only into the state's folder.
pub(crate) fn prepare(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    name: &str,
    action: &Action,
) -> Result<Value> {
    let machine = workshop.machine;
    match action {
        Action::Run { command, .. } => programs::prepare(machine, command),
        Action::Packages { install, remove } => {
            let kept = workshop.state.join("kept").join(&operation.0).join(name);
            packages::prepare(machine, &kept, install, remove)
        }
        Action::AptSource {
            name: source,
            contents,
        } => sources::prepare_source(workshop, operation, name, source, contents),
        Action::Key { path, .. } => sources::prepare_key(workshop, operation, name, path),
        Action::Module {
            name: module,
            wanted,
        } => module::prepare(workshop, operation, name, module, *wanted),
        Action::Service { name, .. } => service::prepare(machine, name),
        Action::Group { name } => group::prepare(machine, name),
        Action::BootParameter { parameter } => boot::prepare(workshop, operation, name, parameter),
        Action::Alternative { name, path } => alternative::prepare(machine, name, path),
        Action::Swap { bytes } => swap::prepare(machine, *bytes),
        _ => Err(elsewhere()),
    }
}

/// Carries the action out, as it was prepared.
pub(crate) fn perform(
    workshop: &Workshop<'_>,
    action: &Action,
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value> {
    let machine = workshop.machine;
    match action {
        Action::Run { command, .. } => programs::perform(machine, command, watch),
        Action::Packages { install, remove } => {
            packages::perform(machine, install, remove, before, watch)
        }
        Action::AptSource { name, contents } => sources::perform_source(machine, name, contents),
        Action::Key {
            path,
            fingerprint,
            url,
        } => sources::perform_key(machine, path, fingerprint, url),
        Action::Module { name, wanted } => module::perform(machine, name, *wanted),
        Action::Service { name, wanted } => service::perform(machine, name, *wanted),
        Action::Group { name } => group::perform(machine, name, before),
        Action::BootParameter { parameter } => boot::perform(machine, parameter, before),
        Action::Alternative { name, path } => alternative::perform(machine, name, path),
        Action::Swap { bytes } => swap::perform(machine, *bytes),
        _ => Err(elsewhere()),
    }
}

/// Takes the action back. Answers what was left as it is, and why.
pub(crate) fn revert(
    workshop: &Workshop<'_>,
    action: &Action,
    before: &Value,
    after: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<String>> {
    let machine = workshop.machine;
    match action {
        Action::Run { command, undo } => {
            programs::revert(machine, command, undo.as_ref(), before, watch)
        }
        Action::Packages { .. } => {
            let left = packages::revert(machine, before, after, watch)?;
            Ok((!left.is_empty()).then(|| left.join("; ")))
        }
        Action::AptSource { name, .. } => sources::revert_source(machine, name, before),
        Action::Key { path, .. } => sources::revert_key(machine, path, before, after),
        Action::Module { name, wanted } => module::revert(machine, name, *wanted, before),
        Action::Service { name, .. } => service::revert(machine, name, before),
        Action::Group { name } => group::revert(machine, name, before),
        Action::BootParameter { parameter } => boot::revert(machine, parameter, before),
        Action::Alternative { name, path } => alternative::revert(machine, name, path, before),
        Action::Swap { .. } => swap::revert(machine, before),
        _ => Err(elsewhere()),
    }
}
