//! Taking one action back.

use crate::check::door_command;
use crate::kept::{FileBefore, is_there, remove_made_folders, restore_file};
use crate::{Workshop, system};
use deskside_machine::{Acting, ErrorKind, Progress, Reading};
use deskside_types::plan::Action;
use deskside_types::{Code, Problem, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What the journal says of a file as it was before.
fn before_of(path: &str, before: &Value) -> Result<FileBefore> {
    serde_json::from_value(before.clone()).map_err(|error| {
        Problem::new(
            Code::JournalUnreadable,
            format!("the journal does not say what {path} was before"),
        )
        .because(error)
    })
}

/// Takes an action back. Returns what was left as it is, and why.
pub(crate) fn revert(
    workshop: &Workshop<'_>,
    action: &Action,
    before: &Value,
    after: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<String>> {
    let machine = workshop.machine;
    match action {
        Action::WriteFile { path, .. }
        | Action::EditFile { path, .. }
        | Action::Download { path, .. }
        | Action::Extract { path, .. } => {
            let mut file = before_of(path, before)?;
            if let Some(written) = after.get("written").and_then(Value::as_str) {
                file.written = Some(written.to_string());
            }
            if let Action::Download { sha256, .. } = action {
                file.written = Some(sha256.clone());
            }
            restore_file(machine, Path::new(path), &file)
        }
        Action::Remove { path } if before["kept"].is_string() => {
            let file = before_of(path, before)?;
            let kept = file.kept.clone().unwrap_or_default();
            if is_there(machine, path)? {
                let is_it = machine.file(path, u64::MAX).ok() == machine.file(&kept, u64::MAX).ok();
                return Ok((!is_it).then(|| {
                    format!(
                        "{path} is there again; what it was before is kept at {}",
                        kept.display()
                    )
                }));
            }
            restore_file(machine, Path::new(path), &file)
        }
        Action::Remove { .. } if before["nothing"] == true => Ok(None),
        Action::Remove { path } => {
            let moved_to = before
                .get("moved_to")
                .and_then(Value::as_str)
                .map(PathBuf::from);
            let Some(moved_to) = moved_to else {
                return Ok(Some(format!(
                    "the journal does not say where {path} was moved"
                )));
            };
            let back = is_there(machine, path)?;
            if !is_there(machine, &moved_to)? {
                // There again: a step that was cut off has been taken back before. Else somebody removed it for good.
                return Ok((!back).then(|| {
                    format!(
                        "{path} is gone for good: it is no longer where it was moved to ({})",
                        moved_to.display()
                    )
                }));
            }
            if back {
                return Ok(Some(format!(
                    "{path} is there again; what it was before is kept at {}",
                    moved_to.display()
                )));
            }
            machine.rename(&moved_to, path)?;
            Ok(None)
        }
        Action::Env { action } => {
            let left = workshop
                .domain
                .undo(machine, action, &before["domain"], after)?;
            let made = before
                .get("made")
                .and_then(Value::as_str)
                .map(PathBuf::from);
            remove_made_folders(machine, Path::new(action.path()), made.as_deref())?;
            Ok(left)
        }
        Action::Run { .. } if system::is_own(action) => {
            system::revert(workshop, action, before, after, watch)
        }
        Action::Run {
            command,
            undo: Some(undo),
        } => {
            let output = match machine.run(door_command(undo), watch) {
                Ok(output) => output,
                Err(error) if error.kind == ErrorKind::Absent => {
                    return Ok(Some(format!(
                        "`{undo}` is not there any more, so `{command}` stays done"
                    )));
                }
                Err(error) => return Err(error.into()),
            };
            if output.succeeded() {
                return Ok(None);
            }
            let mut problem = Problem::new(
                Code::CommandFailed,
                format!("`{undo}` failed with exit code {}", output.code),
            );
            for line in output.last_lines(5) {
                problem = problem.because(line);
            }
            Err(problem)
        }
        Action::Run {
            command,
            undo: None,
        } => Ok(Some(format!("`{command}` has no way back"))),
        action if system::is_own(action) => system::revert(workshop, action, before, after, watch),
        other => Ok(Some(format!("{} has no way back here", kind(other)))),
    }
}

fn kind(action: &Action) -> &'static str {
    match action {
        Action::Signal { .. } => "a signal sent to a process",
        Action::AskPerson { .. } => "what a person did",
        Action::Reboot => "a reboot",
        _ => "a change made as root",
    }
}
