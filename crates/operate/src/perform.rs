//! Carrying out one action. Written once per action, for every recipe.

use crate::check::door_command;
use crate::journal::OperationId;
use crate::kept::{LARGEST_KEPT, clear_leftovers, is_there, keep_file, uppermost_missing};
use crate::{Workshop, sha256_hex, system};
use deskside_machine::{Acting, Durability, Effect, FileKind, Machine, Progress, Reading};
use deskside_types::plan::{Action, FileContents};
use deskside_types::{Code, Problem, Result};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The largest member that is taken out of an archive.
const LARGEST_MEMBER: u64 = 512 << 20;
/// A download may take this long.
const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// Gathers what taking the action back will need, before it is carried out. Keeps old files.
pub(crate) fn prepare(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    name: &str,
    action: &Action,
) -> Result<Value> {
    let machine = workshop.machine;
    let file_before = |path: &str, written: Option<&[u8]>| -> Result<Value> {
        let before = keep_file(
            machine,
            &workshop.state,
            operation,
            name,
            Path::new(path),
            written,
        )?;
        serde_json::to_value(before).map_err(|error| {
            Problem::new(Code::Bug, "could not note what was there before").because(error)
        })
    };
    match action {
        Action::WriteFile { path, contents, .. } => {
            file_before(path, Some(&contents_of(workshop, contents)?))
        }
        Action::EditFile { path, old, new } => {
            let edited = edited(machine, path, old, new)?;
            file_before(path, Some(edited.as_bytes()))
        }
        Action::Download { path, .. } | Action::Extract { path, .. } => file_before(path, None),
        // A small file is kept with the journal, so that nothing is left where people look.
        Action::Remove { path }
            if is_small_file(machine, path) && !workshop.domain.is_moved(Path::new(path)) =>
        {
            file_before(path, None)
        }
        Action::Remove { path } => {
            let aside = aside(path, operation, name);
            let nothing = !is_there(machine, path)? && !is_there(machine, &aside)?;
            Ok(json!({ "moved_to": aside, "nothing": nothing }))
        }
        Action::Env { action } => {
            let made = uppermost_missing(machine, Path::new(action.path()))?;
            let domain = workshop.domain.prepare(machine, action)?;
            Ok(json!({ "made": made, "domain": domain }))
        }
        action if system::is_own(action) => system::prepare(workshop, operation, name, action),
        _ => Ok(Value::Null),
    }
}

/// Carries the action out, as it was prepared; returns what taking it back needs and is known only now.
pub(crate) fn perform(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    name: &str,
    action: &Action,
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value> {
    let machine = workshop.machine;
    if let Action::WriteFile { path, .. }
    | Action::EditFile { path, .. }
    | Action::Download { path, .. }
    | Action::Extract { path, .. } = action
    {
        clear_leftovers(machine, Path::new(path))?;
    }
    match action {
        Action::WriteFile {
            path,
            contents,
            mode,
        } => {
            machine.write_file(
                path,
                contents_of(workshop, contents)?,
                *mode,
                Durability::Power,
            )?;
            Ok(Value::Null)
        }
        Action::EditFile { path, old, new } => {
            let mode = machine.stat(path)?.mode;
            machine.write_file(
                path,
                edited(machine, path, old, new)?,
                mode,
                Durability::Power,
            )?;
            Ok(Value::Null)
        }
        Action::Remove { path } if before["kept"].is_string() => {
            machine.remove_file(path)?;
            Ok(Value::Null)
        }
        Action::Remove { path } => {
            let target = aside(path, operation, name);
            if is_there(machine, path)? {
                machine.rename(path, target)?;
            }
            Ok(Value::Null)
        }
        Action::Download {
            url,
            path,
            sha256,
            size,
        } => {
            machine.act(
                &Effect::Download {
                    url: workshop.domain.address(machine, url),
                    path: PathBuf::from(path),
                    sha256: sha256.clone(),
                    size: *size,
                    deadline: DOWNLOAD_DEADLINE,
                },
                watch,
            )?;
            Ok(Value::Null)
        }
        Action::Extract {
            archive,
            member,
            path,
            mode,
        } => {
            let contents = extracted(machine, archive, member)?;
            let written = sha256_hex(&contents);
            machine.write_file(path, contents, *mode, Durability::Power)?;
            Ok(json!({ "written": written }))
        }
        action if system::is_own(action) => system::perform(workshop, action, before, watch),
        Action::Run { command, .. } => {
            let output = machine.run(door_command(command), watch)?;
            if output.succeeded() {
                return Ok(Value::Null);
            }
            let mut problem = Problem::new(
                Code::CommandFailed,
                format!("`{command}` failed with exit code {}", output.code),
            );
            for line in output.last_lines(8) {
                problem = problem.because(line);
            }
            Err(problem)
        }
        Action::Env { action } => {
            workshop
                .domain
                .perform(machine, action, &before["domain"], watch)
        }
        Action::Signal {
            pid,
            start_time,
            signal,
        } => {
            machine.effect(&Effect::Signal {
                pid: *pid,
                start_time: *start_time,
                signal: *signal,
            })?;
            Ok(Value::Null)
        }
        Action::AskPerson { instructions } => Err(Problem::new(
            Code::NeedsHands,
            "this step needs a person's hands",
        )
        .hint(instructions.clone())),
        Action::Packages { .. }
        | Action::AptSource { .. }
        | Action::Key { .. }
        | Action::Module { .. }
        | Action::Service { .. }
        | Action::Group { .. }
        | Action::BootParameter { .. }
        | Action::Alternative { .. }
        | Action::Swap { .. }
        | Action::Reboot => Err(Problem::new(
            Code::NeedsRoot,
            "this step needs root, and nothing that asks for it was started",
        )),
    }
}

/// Whether a path is a plain file that costs nothing to keep, and that would come back as it is. A link is moved as it is,
/// and so is a file of another owner or group than its folder's: written anew it would be its writer's.
fn is_small_file(machine: &dyn Machine, path: &str) -> bool {
    const LARGEST: u64 = 4 << 20;
    if machine.link(path).is_ok() {
        return false;
    }
    let folder = Path::new(path)
        .parent()
        .and_then(|folder| machine.stat(folder).ok());
    machine.stat(path).is_ok_and(|stat| {
        stat.kind == FileKind::File
            && stat.size <= LARGEST
            && folder.is_some_and(|folder| (folder.uid, folder.gid) == (stat.uid, stat.gid))
    })
}

/// The bytes of a file in a plan; what the program carries must have the hash that the plan names.
pub(crate) fn contents_of(workshop: &Workshop<'_>, contents: &FileContents) -> Result<Vec<u8>> {
    match contents {
        FileContents::Text(text) => Ok(text.clone().into_bytes()),
        FileContents::Embedded { name, sha256 } => match workshop.domain.embedded(name) {
            Some(bytes) if sha256_hex(&bytes) == *sha256 => Ok(bytes),
            _ => Err(Problem::new(
                Code::PlanStale,
                format!(
                    "the plan was made by another version of Deskside: it wants another {name}"
                ),
            )
            .hint("make the plan again with this version")),
        },
    }
}

/// Where a removed thing is moved: beside it, so that it stays on its file system.
fn aside(path: &str, operation: &OperationId, name: &str) -> PathBuf {
    let path = Path::new(path);
    let own = path
        .file_name()
        .map(|own| own.to_string_lossy().into_owned())
        .unwrap_or_default();
    path.with_file_name(format!(".{own}.deskside-{operation}-{name}"))
}

fn edited(machine: &dyn Machine, path: &str, old: &str, new: &str) -> Result<String> {
    let bytes = machine.file(path, LARGEST_KEPT + 1)?;
    if bytes.len() as u64 > LARGEST_KEPT {
        return Err(Problem::new(
            Code::Effect,
            format!("{path} is too large to be edited with a way back"),
        )
        .because(format!("it has more than {} MiB", LARGEST_KEPT >> 20))
        .hint("edit it by hand"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        Problem::new(Code::Effect, format!("{path} can't be edited"))
            .because(format!(
                "it is no UTF-8 text from byte {} on",
                error.utf8_error().valid_up_to()
            ))
            .hint("edit it by hand")
    })?;
    let places = whole_lines(&text, old);
    match places.as_slice() {
        [place] => {
            let mut edited = text.clone();
            edited.replace_range(place.clone(), new);
            Ok(edited)
        }
        [] if !whole_lines(&text, new).is_empty() => Ok(text),
        _ => Err(Problem::new(
            Code::PlanStale,
            format!(
                "{path} is not as the plan expects: the line to replace stands there {} times",
                places.len()
            ),
        )
        .hint("make the plan again")),
    }
}

/// Where a line stands, or several one after the other: whole lines, without their ends. What is blank at a line's end
/// does not count, as nobody sees it.
fn whole_lines(text: &str, wanted: &str) -> Vec<std::ops::Range<usize>> {
    let wanted: Vec<&str> = wanted.lines().map(str::trim_end).collect();
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        let bare = bare.strip_suffix('\r').unwrap_or(bare);
        lines.push((start..start + bare.len(), bare.trim_end()));
        start += line.len();
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    lines
        .windows(wanted.len())
        .filter(|window| {
            window
                .iter()
                .map(|(_, line)| *line)
                .eq(wanted.iter().copied())
        })
        .filter_map(|window| Some(window.first()?.0.start..window.last()?.0.end))
        .collect()
}

fn extracted(machine: &dyn Machine, archive: &str, member: &str) -> Result<Vec<u8>> {
    extracted_within(machine, archive, member, LARGEST_MEMBER)
}

/// A member of an archive, where neither has more than `limit` bytes.
fn extracted_within(
    machine: &dyn Machine,
    archive: &str,
    member: &str,
    limit: u64,
) -> Result<Vec<u8>> {
    let problem = |code: Code, error: &dyn std::fmt::Display| {
        Problem::new(code, format!("could not take {member} out of {archive}")).because(error)
    };
    let unreadable = |error: &dyn std::fmt::Display| {
        problem(Code::HashMismatch, error).hint("remove the archive and run the same command again")
    };
    let too_large = |what: &str| {
        problem(
            Code::Effect,
            &format!("{what} has more than {limit} bytes, the most that is taken"),
        )
        .hint("look at the archive: it is not what was expected")
    };
    let bytes = machine.file(archive, limit.saturating_add(1))?;
    if bytes.len() as u64 > limit {
        return Err(too_large("the archive"));
    }
    let mut zip =
        zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    let entry = zip.by_name(member).map_err(|error| unreadable(&error))?;
    let mut contents = Vec::new();
    entry
        .take(limit.saturating_add(1))
        .read_to_end(&mut contents)
        .map_err(|error| unreadable(&error))?;
    if contents.len() as u64 > limit {
        return Err(too_large("the member"));
    }
    Ok(contents)
}

#[cfg(test)]
#[path = "perform_tests.rs"]
mod tests;
