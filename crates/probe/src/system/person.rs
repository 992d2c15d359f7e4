//! Who asks, and how they reach the machine.

use deskside_machine::{Machine, PersonIdentity, Reading};
use deskside_types::Known;
use deskside_types::facts::{Person, Session, UserClass};

/// The groups of this process, by the names in `/etc/group` (group(5)).
pub(crate) fn person(identity: &Known<PersonIdentity>, groups: &Known<String>) -> Person {
    let class = match identity.value() {
        Some(identity) if identity.uid == 0 => UserClass::Root,
        _ => UserClass::Person,
    };
    let groups = identity.as_ref().map(|identity| {
        let table = groups.value().map_or("", String::as_str);
        identity
            .groups
            .iter()
            .map(|gid| group_name(table, *gid).unwrap_or_else(|| gid.to_string()))
            .collect()
    });
    Person { class, groups }
}

fn group_name(table: &str, gid: u32) -> Option<String> {
    let gid = gid.to_string();
    table.lines().find_map(|line| {
        let mut cells = line.split(':');
        let name = cells.next().filter(|name| !name.is_empty())?;
        (cells.nth(1)? == gid).then(|| name.to_string())
    })
}

/// The groups of the person's account as the next login will have them: `/etc/group` names the members (group(5)).
pub(crate) fn account_groups(
    machine: &dyn Machine,
    start: &crate::start::Start,
) -> Known<Vec<String>> {
    let Some(name) = start.person.value().and_then(|person| person.name.clone()) else {
        return Known::unknown("the name of the person's account is not known");
    };
    crate::look::text(machine, "/etc/group").map(|table| groups_of(&table, &name))
}

/// The groups that name a member.
fn groups_of(table: &str, name: &str) -> Vec<String> {
    table
        .lines()
        .filter_map(|line| {
            let mut cells = line.split(':');
            let group = cells.next().filter(|group| !group.is_empty())?;
            let members = cells.nth(2)?;
            members
                .split(',')
                .any(|member| member.trim() == name)
                .then(|| group.to_string())
        })
        .collect()
}

/// The session by its variables (sshd(8), systemd's `XDG_SESSION_TYPE`).
pub(crate) fn session(machine: &dyn Machine) -> Session {
    let set = |name: &str| machine.variable(name).filter(|value| !value.is_empty());
    let remote = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"]
        .iter()
        .any(|name| set(name).is_some());
    let display = match set("XDG_SESSION_TYPE").as_deref() {
        Some(kind @ ("wayland" | "x11")) => Some(kind.to_string()),
        _ if set("WAYLAND_DISPLAY").is_some() => Some("wayland".into()),
        _ => set("DISPLAY").map(|_| "x11".into()),
    };
    Session { remote, display }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_their_whole_name() {
        let table = "video:x:44:me\nrender:x:110:you,me\nsudo:x:27:mee\nodd\n";
        assert_eq!(groups_of(table, "me"), ["video", "render"]);
        assert_eq!(groups_of(table, "nobody"), Vec::<String>::new());
    }

    #[test]
    fn groups_have_their_names_where_the_table_has_them() {
        let table = "root:x:0:\nvideo:x:44:me\nbroken\n:x:1000:\nrender:x:110:me,you\n";
        let identity = PersonIdentity {
            uid: 1000,
            groups: vec![1000, 44, 110],
            name: None,
            host: None,
            processors: 4,
        };
        let person = person(&Known::Value(identity), &Known::Value(table.into()));
        assert_eq!(person.class, UserClass::Person);
        assert_eq!(
            person.groups,
            Known::Value(vec![
                "1000".to_string(),
                "video".to_string(),
                "render".to_string()
            ])
        );
    }
}
