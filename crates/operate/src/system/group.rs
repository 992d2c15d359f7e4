//! The person's account in a group (usermod(8), gpasswd(1)).

use super::{names, person, tools};
use deskside_machine::{Machine, Reading};
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

const TABLE: &str = "/etc/group";
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Serialize, Deserialize)]
struct Was {
    account: String,
    member: bool,
}

/// Whether a group names a member (group(5)).
pub fn is_member(table: &str, group: &str, name: &str) -> bool {
    table.lines().any(|line| {
        let mut cells = line.split(':');
        cells.next() == Some(group)
            && cells
                .nth(2)
                .is_some_and(|members| members.split(',').any(|member| member.trim() == name))
    })
}

/// Whether the asking person's account is in it, as the next login will have it.
///
/// # Errors
/// When the account is not known or the table can't be read.
pub fn holds(machine: &dyn Machine, group: &str) -> Result<bool> {
    Ok(is_member(
        &machine.text(TABLE)?,
        group,
        &person::account(machine)?,
    ))
}

/// Notes who asks and whether he was in it.
///
/// # Errors
/// When there is no such group, or the account is not known.
pub fn prepare(machine: &dyn Machine, group: &str) -> Result<Value> {
    names::plain("group", group)?;
    let account = person::account(machine)?;
    let table = machine.text(TABLE)?;
    if !table
        .lines()
        .any(|line| line.split(':').next() == Some(group))
    {
        return Err(
            Problem::new(Code::Missing, format!("there is no group {group} here"))
                .because("it comes with the system, or with a driver's package"),
        );
    }
    let member = is_member(&table, group, &account);
    tools::note(&Was { account, member })
}

/// Puts the account in.
///
/// # Errors
/// When `usermod` fails.
pub fn perform(machine: &dyn Machine, group: &str, before: &Value) -> Result<Value> {
    let was: Was = tools::noted(before, "the group")?;
    if !is_member(&machine.text(TABLE)?, group, &was.account) {
        tools::run(
            machine,
            &["usermod", "-a", "-G", group, &was.account],
            DEADLINE,
        )?;
    }
    Ok(Value::Null)
}

/// Takes it out, where it was not in.
///
/// # Errors
/// When `gpasswd` fails.
pub fn revert(machine: &dyn Machine, group: &str, before: &Value) -> Result<Option<String>> {
    let was: Was = tools::noted(before, "the group")?;
    if !was.member && is_member(&machine.text(TABLE)?, group, &was.account) {
        tools::run(machine, &["gpasswd", "-d", &was.account, group], DEADLINE)?;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_whole_names() {
        let table = "render:x:110:me,you\nvideo:x:44:mee\n";
        assert!(is_member(table, "render", "you"));
        assert!(!is_member(table, "video", "me") && !is_member(table, "rend", "me"));
    }
}
