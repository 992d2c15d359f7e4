//! What a login session means for processes that are to outlive it.
//!
//! Where logind ends what a person leaves behind at logout (`KillUserProcesses=`, `logind.conf(5)`), a process is safe only under
//! the person's own service manager, and that itself goes on after the last logout only where the person *lingers* (`loginctl(1)`). So
//! where there is such a manager and the person lingers, keeper and supervisors, and with them the jobs, move into a scope
//! of their own under it (`systemd.scope(5)`; the same call as that of `systemd-run --user --scope`). Without lingering they stay where they are:
//! under the manager they would end with it even where logind ends nothing. None of this is needed for the queue to work.

use deskside_machine::{Acting, Command, Machine, Reading};
use std::time::Duration;

/// The manager answers at once or is sick; then the process stays where it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// How this process would fare at logout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Session {
    /// It is part of a login session.
    pub inside: bool,
    /// The person's own service manager is there.
    pub manager: bool,
    /// That manager goes on when nobody is logged in.
    pub lingers: bool,
    /// What is left of a session is ended with it.
    pub kills: bool,
}

impl Session {
    /// Whether what is queued now ends with the session.
    pub fn ends_jobs(self) -> bool {
        self.inside && self.kills && !(self.manager && self.lingers)
    }

    /// Whether there is a safer place than the session.
    fn should_leave(self) -> bool {
        self.inside && self.manager && self.lingers
    }
}

/// Looks at the session of this process.
pub fn look(machine: &dyn Machine) -> Session {
    let groups = machine.text("/proc/self/cgroup").unwrap_or_default();
    // The last part of `0::/user.slice/user-1000.slice/session-3.scope`, or of the line of systemd's own older hierarchy.
    let inside = groups.lines().any(|line| {
        line.rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("session-") && name.ends_with(".scope"))
    });
    if !inside {
        return Session::default();
    }
    let Some(person) = machine.person().ok().and_then(|person| person.name) else {
        return Session::default();
    };
    let manager = machine.variable("XDG_RUNTIME_DIR").is_some_and(|folder| {
        machine
            .exists(format!("{folder}/systemd/private"))
            .unwrap_or(false)
    });
    let lingers = machine
        .exists(format!("/var/lib/systemd/linger/{person}"))
        .unwrap_or(false);
    Session {
        inside,
        manager,
        lingers,
        kills: kills(&settings(machine), &person),
    }
}

/// What a person who queues something should know of the session they sit in.
pub fn warning(machine: &dyn Machine) -> Option<String> {
    look(machine).ends_jobs().then(|| {
        "logging out ends jobs on this machine (KillUserProcesses=yes in logind.conf); `loginctl enable-linger` lets those go on \
         that are queued after it"
            .into()
    })
}

/// Moves this process, and all that it will start, out of the session into a scope of its own, where that is the safer place.
/// Whatever comes of it, the process goes on.
pub(crate) fn leave(machine: &dyn Machine) {
    if !look(machine).should_leave() {
        return;
    }
    let Ok(own) = machine.own_process() else {
        return;
    };
    let (pid, name) = (
        own.pid.to_string(),
        format!("deskside-{}-{}.scope", own.pid, own.start_time),
    );
    let call = Command::new([
        "busctl",
        "--user",
        "call",
        "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        "StartTransientUnit",
        "ssa(sv)a(sa(sv))",
        &name,
        "fail",
        "2",
        "PIDs",
        "au",
        "1",
        &pid,
        "Description",
        "s",
        "jobs queued with deskside",
        "0",
    ]);
    let _ = machine.run(call.deadline(PATIENCE), &mut |_| {});
}

/// logind's settings, in the order in which later ones win.
fn settings(machine: &dyn Machine) -> Vec<String> {
    let mut files = vec!["/etc/systemd/logind.conf".to_string()];
    let mut pieces = Vec::new();
    for folder in ["/usr/lib", "/usr/local/lib", "/run", "/etc"] {
        let folder = format!("{folder}/systemd/logind.conf.d");
        for entry in machine.entries(&folder).unwrap_or_default() {
            if entry.name.ends_with(".conf") {
                pieces.push((entry.name.clone(), format!("{folder}/{}", entry.name)));
            }
        }
    }
    // By name, whichever folder they lie in; the sort keeps the order of folders among equal names.
    pieces.sort_by(|one, other| one.0.cmp(&other.0));
    files.extend(pieces.into_iter().map(|(_, path)| path));
    files
        .into_iter()
        .filter_map(|path| machine.text(path).ok())
        .collect()
}

/// Whether logind ends what a person leaves behind, as its settings say. Built in are `no`, and `root` as exempt.
fn kills(settings: &[String], person: &str) -> bool {
    let (mut kills, mut only, mut exempt) = (false, String::new(), "root".to_string());
    for line in settings.iter().flat_map(|text| text.lines()) {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let value = value.trim();
        match name.trim() {
            "KillUserProcesses" => {
                let value = value.to_ascii_lowercase();
                kills = ["1", "yes", "y", "true", "t", "on"].contains(&value.as_str());
            }
            "KillOnlyUsers" => only = value.into(),
            "KillExcludeUsers" => exempt = value.into(),
            _ => {}
        }
    }
    let names = |list: &str| list.split_whitespace().any(|name| name == person);
    kills && !names(&exempt) && (only.is_empty() || names(&only))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SESSION: &str = "0::/user.slice/user-1000.slice/session-3.scope\n";

    fn machine(cgroup: &str, manager: bool, lingers: bool, kill: &str) -> Sim {
        let sim = Sim::linux();
        sim.put_file("/proc/self/cgroup", cgroup);
        let fields = ["0"; 18].join(" ");
        sim.put_file("/proc/self/stat", format!("7 (deskside) S {fields} 99 0"));
        sim.put_file(
            "/etc/systemd/logind.conf",
            "[Login]\n#KillUserProcesses=yes\n",
        );
        sim.put_file(
            "/etc/systemd/logind.conf.d/10-own.conf",
            format!("[Login]\nKillUserProcesses={kill}\n"),
        );
        sim.set_variable("XDG_RUNTIME_DIR", "/run/user/1000");
        if manager {
            sim.put_file("/run/user/1000/systemd/private", "");
        }
        if lingers {
            let name = sim.person().unwrap().name.unwrap();
            sim.put_file(format!("/var/lib/systemd/linger/{name}"), "");
        }
        sim
    }

    #[test]
    fn who_survives_a_logout() {
        for (cgroup, manager, lingers, kill, ends, leaves) in [
            (SESSION, true, false, "no", false, false),
            (SESSION, true, false, "yes", true, false),
            (SESSION, true, true, "yes", false, true),
            (SESSION, true, true, "no", false, true),
            (SESSION, false, true, "yes", true, false),
            (
                "1:name=systemd:/user.slice/user-1000.slice/session-c2.scope\n0::/\n",
                false,
                false,
                "true",
                true,
                false,
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n",
                true,
                false,
                "yes",
                false,
                false,
            ),
            ("0::/\n", false, false, "yes", false, false),
            ("", false, false, "yes", false, false),
        ] {
            let sim = machine(cgroup, manager, lingers, kill);
            let session = look(&sim);
            assert_eq!(
                (session.ends_jobs(), session.should_leave()),
                (ends, leaves),
                "{cgroup:?} {manager} {lingers} {kill}: {session:?}"
            );
            assert_eq!(warning(&sim).is_some(), ends);
        }
    }

    #[test]
    fn the_manager_is_asked_for_a_scope_only_where_it_helps() {
        for (lingers, expected) in [(true, 1), (false, 0)] {
            let sim = machine(SESSION, true, lingers, "yes");
            let asked = Arc::new(AtomicUsize::new(0));
            let count = asked.clone();
            sim.on_command(
                |argv| argv.first().is_some_and(|word| word == "busctl"),
                move |_, command| {
                    assert!(format!("{command:?}").contains("StartTransientUnit"));
                    count.fetch_add(1, Ordering::Relaxed);
                    // It refuses: the process goes on all the same.
                    Ok(deskside_testkit::sim::output(1, "", "no such unit"))
                },
            );
            leave(&sim);
            assert_eq!(asked.load(Ordering::Relaxed), expected);
        }
    }

    #[test]
    fn later_settings_win_and_people_are_exempt() {
        for (texts, person, expected) in [
            (&["KillUserProcesses=yes"][..], "ada", true),
            (
                &["KillUserProcesses = yes", "KillUserProcesses=no"],
                "ada",
                false,
            ),
            (&["KillUserProcesses=yes"], "root", false),
            (
                &["KillUserProcesses=yes\nKillExcludeUsers=ada bob"],
                "ada",
                false,
            ),
            (&["KillUserProcesses=yes\nKillExcludeUsers="], "root", true),
            (&["KillUserProcesses=yes\nKillOnlyUsers=bob"], "ada", false),
            (&["nonsense"], "ada", false),
        ] {
            let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
            assert_eq!(kills(&texts, person), expected, "{texts:?} {person}");
        }
    }
}
