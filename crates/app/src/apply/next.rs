//! What is to be done once a plan of the system layer is through, also after a restart: the `up` that began it.

use crate::Context;
use crate::up::UpRequest;
use deskside_machine::{Acting, Durability, ErrorKind, Reading};
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// An `up` that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    project: Option<PathBuf>,
    flavour: Option<String>,
    arguments: Vec<String>,
    train: bool,
}

fn path(context: &Context) -> PathBuf {
    context.directories.state.join("up-after-apply.json")
}

/// Keeps the `up` that goes on afterwards, from whatever folder it is taken up again.
///
/// # Errors
/// When it can't be written.
pub fn keep(context: &Context, request: &UpRequest) -> Result<()> {
    let machine = &*context.machine;
    let here = machine.working_directory()?;
    let waiting = Waiting {
        project: request.project.as_ref().map(|project| here.join(project)),
        flavour: request.flavour.clone(),
        arguments: request
            .arguments
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        train: request.train,
    };
    let text = serde_json::to_string(&waiting).map_err(|error| {
        Problem::new(Code::Bug, "what goes on afterwards could not be written").because(error)
    })?;
    machine.write_file(path(context), text, 0o600, Durability::Power)?;
    Ok(())
}

/// Gives the `up` that waits up; none there is fine.
///
/// # Errors
/// When it can't be removed.
pub fn forget(context: &Context) -> Result<()> {
    Ok(context.machine.remove_file(path(context))?)
}

/// Takes the `up` that waits; none when none does. It is taken once.
///
/// # Errors
/// When it can't be read or removed.
pub fn take(context: &Context) -> Result<Option<UpRequest>> {
    let machine = &*context.machine;
    let bytes = match machine.file(path(context), 1 << 20) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    machine.remove_file(path(context))?;
    // Half a file is nothing to go on with: the person types `deskside up` again.
    let waiting = serde_json::from_slice::<Waiting>(&bytes).ok();
    Ok(waiting.map(|waiting| UpRequest {
        project: waiting.project,
        flavour: waiting.flavour,
        arguments: waiting.arguments.into_iter().map(Into::into).collect(),
        train: waiting.train,
        silent: false,
    }))
}
