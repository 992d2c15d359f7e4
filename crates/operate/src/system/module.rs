//! A kernel module: loaded now and at every boot, or neither (modprobe(8), modprobe.d(5), modules-load.d(5)).

use super::{names, tools};
use crate::Workshop;
use crate::journal::OperationId;
use crate::kept::{FileBefore, clear_leftovers, keep_file, restore_file};
use deskside_machine::{Acting, Durability, Machine, Reading};
use deskside_types::Result;
use deskside_types::plan::Tuning;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);
/// Making the boot images anew takes minutes for several kernels.
const IMAGES: Duration = Duration::from_secs(1800);

#[derive(Serialize, Deserialize)]
struct Was {
    forbidden: FileBefore,
    loading: FileBefore,
    loaded: bool,
}

fn forbidding(name: &str) -> String {
    format!("/etc/modprobe.d/deskside-{name}.conf")
}

fn loading(name: &str) -> String {
    format!("/etc/modules-load.d/deskside-{name}.conf")
}

/// What the two files shall hold: none where the file shall not be there.
fn files(name: &str, wanted: Tuning) -> [(String, Option<String>); 2] {
    match wanted {
        Tuning::On => [
            (forbidding(name), None),
            (loading(name), Some(format!("{name}\n"))),
        ],
        Tuning::Off => [
            (forbidding(name), Some(format!("blacklist {name}\n"))),
            (loading(name), None),
        ],
    }
}

fn is_loaded(machine: &dyn Machine, name: &str) -> Result<bool> {
    let name = name.replace('-', "_");
    Ok(tools::text(machine, "/proc/modules")?
        .lines()
        .any(|line| line.split(' ').next() == Some(name.as_str())))
}

/// Keeps the files that are replaced, and notes whether it is loaded.
///
/// # Errors
/// When they can't be read.
pub fn prepare(
    workshop: &Workshop<'_>,
    operation: &OperationId,
    place: &str,
    name: &str,
    wanted: Tuning,
) -> Result<Value> {
    names::plain("module", name)?;
    let keep = |which: usize| {
        let (path, contents) = &files(name, wanted)[which];
        keep_file(
            workshop.machine,
            &workshop.state,
            operation,
            &format!("{place}-{which}"),
            Path::new(path),
            contents.as_ref().map(String::as_bytes),
        )
    };
    tools::note(&Was {
        forbidden: keep(0)?,
        loading: keep(1)?,
        loaded: is_loaded(workshop.machine, name)?,
    })
}

/// Loads it and lets it be loaded, or forbids and unloads it. One in use is unloaded by the next boot.
///
/// # Errors
/// When a file can't be written, or the module that is wanted can't be loaded.
pub fn perform(machine: &dyn Machine, name: &str, wanted: Tuning) -> Result<Value> {
    for (path, contents) in files(name, wanted) {
        clear_leftovers(machine, Path::new(&path))?;
        match contents {
            Some(contents) => machine.write_file(&path, contents, 0o644, Durability::Power)?,
            None if machine.exists(&path)? => machine.remove_file(&path)?,
            None => {}
        }
    }
    match wanted {
        Tuning::On => tools::run(machine, &["modprobe", name], DEADLINE)?,
        Tuning::Off => {
            if is_loaded(machine, name)? {
                // In use: it goes with the next boot.
                let _ = tools::run(machine, &["modprobe", "-r", name], DEADLINE);
            }
        }
    }
    images(machine)?;
    Ok(Value::Null)
}

/// The boot image holds these files, too.
fn images(machine: &dyn Machine) -> Result<()> {
    if tools::is_there(machine, "update-initramfs") {
        tools::run(machine, &["update-initramfs", "-u"], IMAGES)?;
    }
    Ok(())
}

/// Puts the files back, and loads or unloads it as it was.
///
/// # Errors
/// When they can't be written.
pub fn revert(
    machine: &dyn Machine,
    name: &str,
    wanted: Tuning,
    before: &Value,
) -> Result<Option<String>> {
    let was: Was = tools::noted(before, "the module")?;
    let mut left = Vec::new();
    for ((path, _), file) in files(name, wanted)
        .iter()
        .zip([&was.forbidden, &was.loading])
    {
        left.extend(restore_file(machine, Path::new(path), file)?);
    }
    let now = is_loaded(machine, name)?;
    if was.loaded != now {
        let tried = if was.loaded {
            tools::run(machine, &["modprobe", name], DEADLINE)
        } else {
            tools::run(machine, &["modprobe", "-r", name], DEADLINE)
        };
        if tried.is_err() {
            left.push(format!(
                "the module {name} is as it was from the next boot on"
            ));
        }
    }
    images(machine)?;
    Ok((!left.is_empty()).then(|| left.join("; ")))
}
