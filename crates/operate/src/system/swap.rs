//! A swap file (mkswap(8), swapon(8), fstab(5)).

use super::tools;
use crate::kept::clear_leftovers;
use deskside_machine::{Acting, Durability, ErrorKind, Machine, Reading};
use deskside_types::{Code, Problem, Result, units};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// The file.
pub const FILE: &str = "/swapfile-deskside";
const TABLE: &str = "/etc/fstab";
const LINE: &str = "/swapfile-deskside none swap sw 0 0";
const DEADLINE: Duration = Duration::from_secs(1800);
/// What must stay free on the disk beside it.
const RESERVE: u64 = 2 << 30;

#[derive(Serialize, Deserialize)]
struct Was {
    /// It was there and in use: nothing is to be taken back.
    used: bool,
}

fn is_used(machine: &dyn Machine) -> Result<bool> {
    Ok(tools::text(machine, "/proc/swaps")?
        .lines()
        .any(|line| line.split_whitespace().next() == Some(FILE)))
}

fn is_entered(table: &str) -> bool {
    table.lines().any(|line| line == LINE)
}

/// The size of the file; none where there is none.
fn size(machine: &dyn Machine) -> Result<Option<u64>> {
    match machine.stat(FILE) {
        Ok(stat) => Ok(Some(stat.size)),
        Err(error) if error.kind == ErrorKind::Absent => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Looks whether it can be made.
///
/// # Errors
/// When there is no room, or the file is in use with another size.
pub fn prepare(machine: &dyn Machine, bytes: u64) -> Result<Value> {
    let there = size(machine)?;
    let used = is_used(machine)?;
    if used && there != Some(bytes) {
        return Err(Problem::new(
            Code::PlanStale,
            format!("{FILE} is in use as swap already, with another size"),
        )
        .hint("take it back with `deskside undo` first"));
    }
    let needed = bytes
        .saturating_sub(there.unwrap_or(0))
        .saturating_add(RESERVE);
    let free = machine.space("/")?.free;
    if free < needed {
        return Err(Problem::new(
            Code::DiskFull,
            format!("there is no room for {} of swap", units::bytes(bytes)),
        )
        .because(format!("{} are free on /", units::bytes(free))));
    }
    tools::note(&Was {
        used: used && is_entered(&tools::text(machine, TABLE)?),
    })
}

/// Makes it, switches it on, and enters it for the next boots.
///
/// # Errors
/// When one of the programs fails.
pub fn perform(machine: &dyn Machine, bytes: u64) -> Result<Value> {
    if !is_used(machine)? {
        // Made anew each time: one that was cut off is not whole. Nobody but root may read what is swapped out.
        clear_leftovers(machine, Path::new(FILE))?;
        machine.write_file(FILE, Vec::new(), 0o600, Durability::Process)?;
        let length = bytes.to_string();
        tools::run(machine, &["fallocate", "-l", &length, FILE], DEADLINE)?;
        tools::run(machine, &["mkswap", FILE], DEADLINE)?;
        tools::run(machine, &["swapon", FILE], DEADLINE)?;
    }
    let table = tools::text(machine, TABLE)?;
    if !is_entered(&table) {
        let gap = if table.is_empty() || table.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        write_table(machine, format!("{table}{gap}{LINE}\n"))?;
    }
    Ok(Value::Null)
}

fn write_table(machine: &dyn Machine, text: String) -> Result<()> {
    let mode = match machine.stat(TABLE) {
        Ok(stat) => stat.mode,
        Err(error) if error.kind == ErrorKind::Absent => 0o644,
        Err(error) => return Err(error.into()),
    };
    clear_leftovers(machine, Path::new(TABLE))?;
    Ok(machine.write_file(TABLE, text, mode, Durability::Power)?)
}

/// Switches it off, takes its line out, and removes it.
///
/// # Errors
/// When what is swapped out has no room in memory, or a program fails.
pub fn revert(machine: &dyn Machine, before: &Value) -> Result<Option<String>> {
    let was: Was = tools::noted(before, "the swap")?;
    if was.used {
        return Ok(None);
    }
    let table = tools::text(machine, TABLE)?;
    if is_entered(&table) {
        let text: String = table
            .split_inclusive('\n')
            .filter(|line| line.trim_end() != LINE)
            .collect();
        write_table(machine, text)?;
    }
    if is_used(machine)? {
        tools::run(machine, &["swapoff", FILE], DEADLINE)?;
    }
    clear_leftovers(machine, Path::new(FILE))?;
    machine.remove_file(FILE)?;
    Ok(None)
}
