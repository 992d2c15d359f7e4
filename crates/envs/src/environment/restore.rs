//! Making an environment anew as it was in a snapshot.

use deskside_machine::{Machine, Progress};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem};
use serde_json::Value;

fn missing() -> Problem {
    Problem::new(Code::Bug, "restoring is not there yet")
}

/// Whether the environment is as the snapshot has it.
pub(super) fn holds(_: &dyn Machine, _: &EnvironmentAction) -> Result<bool, Problem> {
    Err(missing())
}

/// What taking it back will need.
pub(super) fn prepare(_: &dyn Machine, _: &EnvironmentAction) -> Result<Value, Problem> {
    Err(missing())
}

/// Makes it anew.
pub(super) fn perform(
    _: &dyn Machine,
    _: &EnvironmentAction,
    _: &Value,
    _: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    Err(missing())
}

/// Brings back what was there.
pub(super) fn undo(
    _: &dyn Machine,
    _: &EnvironmentAction,
    _: &Value,
    _: &Value,
) -> Result<Vec<String>, Problem> {
    Err(missing())
}
