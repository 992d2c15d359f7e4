//! `deskside queue at-boot`: lets the queue go on by itself after a restart of the machine. It is a plan like any other: shown in
//! the history, taken back with `undo`. Nothing needs it; without it the queue goes on with the next command that looks at it.

use crate::Context;
use crate::apply::Prepared;
use deskside_machine::Reading;
use deskside_operate::sha256_hex;
use deskside_types::plan::{
    Action, Check, CommandLine, FileContents, PLAN_VERSION, Plan, Step, Undo,
};
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeMap;

/// Who starts a person's programs when the machine starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Starter {
    /// `systemd --user`, which goes on without a login where the person lingers.
    Systemd,
    /// launchd, at the person's first login.
    Launchd,
}

const UNIT: &str = "deskside-queue.service";
const LABEL: &str = "deskside.queue";

/// What the plan is made of.
struct Here {
    home: String,
    config: String,
    program: String,
    own_home: Option<String>,
    person: String,
    uid: u32,
}

/// Plans it. Changes nothing.
///
/// # Errors
/// [`Code::Supervision`] where nobody starts programs for a person.
pub fn at_boot(context: &Context) -> Result<Prepared> {
    context.require_live("queue at-boot")?;
    let machine = &*context.machine;
    let starter = if cfg!(target_os = "macos") {
        Starter::Launchd
    } else if machine.exists("/run/systemd/system")? {
        Starter::Systemd
    } else {
        return Err(Problem::new(
            Code::Supervision,
            "nobody on this machine starts a person's programs when it starts",
        )
        .because("it runs no systemd")
        .hint("put `deskside queue` into a login script: every command that looks at the queue lets it go on"));
    };
    let person = machine.person()?;
    let home = machine.variable("HOME").unwrap_or_default();
    let here = Here {
        config: machine
            .variable("XDG_CONFIG_HOME")
            .filter(|path| path.starts_with('/'))
            .unwrap_or_else(|| format!("{home}/.config")),
        home,
        program: machine.executable()?.display().to_string(),
        own_home: machine.variable("DESKSIDE_HOME"),
        person: person.name.unwrap_or_else(|| person.uid.to_string()),
        uid: person.uid,
    };
    let plan = Plan {
        version: PLAN_VERSION,
        wish: "let the queue go on after a restart of the machine".into(),
        made_at: machine.now()?.wall,
        premises: Vec::new(),
        steps: steps(starter, &here),
        satisfied: Vec::new(),
    };
    Ok(Prepared::of(context, plan))
}

fn steps(starter: Starter, here: &Here) -> Vec<Step> {
    match starter {
        Starter::Systemd => with_systemd(here),
        Starter::Launchd => with_launchd(here),
    }
}

fn with_systemd(here: &Here) -> Vec<Step> {
    let folder = format!("{}/systemd/user", here.config);
    let home = here.own_home.as_ref().map_or_else(String::new, |home| {
        format!(
            "Environment={}\n",
            in_unit(&format!("DESKSIDE_HOME={home}"))
        )
    });
    // What it starts stays in its group of processes, and lives as long as it is "active".
    let unit = format!(
        "# managed by deskside: `deskside undo` takes it back\n[Unit]\nDescription=Jobs queued with deskside go on\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\n{home}ExecStart={} queue\n\n[Install]\nWantedBy=default.target\n",
        in_unit(&here.program)
    );
    vec![
        file(
            "unit",
            "describe what is started at boot",
            format!("{folder}/{UNIT}"),
            unit,
        ),
        Step {
            id: "enable".into(),
            title: "let your service manager start it".into(),
            why: "a unit that is not enabled is only a file".into(),
            actions: vec![Action::Run {
                command: command(&["systemctl", "--user", "enable", UNIT]),
                undo: Some(command(&["systemctl", "--user", "disable", UNIT])),
            }],
            ..proven_by(Check::Exists {
                path: format!("{folder}/default.target.wants/{UNIT}"),
            })
        },
        Step {
            id: "linger".into(),
            title: "let your service manager run without a login".into(),
            why: "else it only starts when you log in, and what it started ends when you log out"
                .into(),
            actions: vec![Action::Run {
                command: command(&["loginctl", "enable-linger"]),
                undo: Some(command(&["loginctl", "disable-linger"])),
            }],
            ..proven_by(Check::Exists {
                path: format!("/var/lib/systemd/linger/{}", here.person),
            })
        },
    ]
}

fn with_launchd(here: &Here) -> Vec<Step> {
    let path = format!("{}/Library/LaunchAgents/{LABEL}.plist", here.home);
    let home = here.own_home.as_ref().map_or_else(String::new, |home| {
        format!(
            "  <key>EnvironmentVariables</key>\n  <dict><key>DESKSIDE_HOME</key><string>{}</string></dict>\n",
            in_xml(home)
        )
    });
    // What it starts is not ended with it (launchd.plist(5)).
    let agent = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <!-- managed by deskside: `deskside undo` takes it back -->\n<plist version=\"1.0\">\n<dict>\n  \
         <key>Label</key><string>{LABEL}</string>\n  <key>ProgramArguments</key>\n  <array><string>{}</string>\
         <string>queue</string></array>\n  <key>RunAtLoad</key><true/>\n  <key>AbandonProcessGroup</key><true/>\n{home}\
         </dict>\n</plist>\n",
        in_xml(&here.program)
    );
    let domain = format!("gui/{}", here.uid);
    let service = format!("{domain}/{LABEL}");
    vec![
        file(
            "agent",
            "describe what is started at login",
            path.clone(),
            agent,
        ),
        Step {
            id: "load".into(),
            title: "let launchd start it".into(),
            why: "an agent that is not loaded waits for the next login".into(),
            actions: vec![Action::Run {
                command: command(&["launchctl", "bootstrap", &domain, &path]),
                undo: Some(command(&["launchctl", "bootout", &service])),
            }],
            ..proven_by(Check::Succeeds {
                command: command(&["launchctl", "print", &service]),
            })
        },
    ]
}

fn proven_by(check: Check) -> Step {
    Step {
        check: vec![check.clone()],
        verify: vec![check],
        undo: Undo::Exact,
        ..Step::simple()
    }
}

fn file(id: &str, title: &str, path: String, text: String) -> Step {
    let check = Check::FileIs {
        path: path.clone(),
        sha256: sha256_hex(text.as_bytes()),
    };
    Step {
        id: id.into(),
        title: title.into(),
        why: "it runs `deskside queue` once; that is all the queue needs to go on".into(),
        actions: vec![Action::WriteFile {
            path,
            contents: FileContents::Text(text),
            mode: 0o644,
        }],
        ..proven_by(check)
    }
}

fn command(argv: &[&str]) -> CommandLine {
    CommandLine {
        argv: argv.iter().map(ToString::to_string).collect(),
        directory: None,
        variables: BTreeMap::new(),
        deadline_seconds: 30,
    }
}

/// A word in a unit file (`systemd.syntax(7)`).
fn in_unit(word: &str) -> String {
    let word = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    format!("\"{word}\"")
}

fn in_xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_machine::Machine;
    use deskside_operate::{NoDomain, Workshop, apply, undo};
    use deskside_testkit::{Sim, sim::output};

    fn here() -> Here {
        Here {
            home: "/home/user".into(),
            config: "/home/user/.config".into(),
            program: "/home/user/a \"b\" $c/deskside".into(),
            own_home: Some("/data/100%".into()),
            person: "user".into(),
            uid: 1000,
        }
    }

    /// Simulated: neither systemd nor launchd is there.
    fn machine() -> Sim {
        let sim = Sim::linux();
        let links: [(&[&str], &str); 2] = [
            (
                &["systemctl", "--user", "enable", UNIT],
                "/home/user/.config/systemd/user/default.target.wants/deskside-queue.service",
            ),
            (
                &["loginctl", "enable-linger"],
                "/var/lib/systemd/linger/user",
            ),
        ];
        for (words, made) in links {
            let enable: Vec<String> = words.iter().map(ToString::to_string).collect();
            let disable: Vec<String> = words
                .iter()
                .map(|word| word.replace("enable", "disable"))
                .collect();
            sim.on_command(
                move |argv| argv == enable,
                move |state, _| {
                    state.put_file(made, "");
                    Ok(output(0, "", ""))
                },
            );
            sim.on_command(
                move |argv| argv == disable,
                move |state, _| {
                    state.remove(made);
                    Ok(output(0, "", ""))
                },
            );
        }
        sim.on_command(
            |argv| argv.first().is_some_and(|word| word == "launchctl"),
            |state, command| {
                const LOADED: &str = "/simulated/loaded";
                let verb = command.argv.get(1).map(String::as_str);
                match verb {
                    Some("bootstrap") => drop(state.put_file(LOADED, "")),
                    Some("bootout") => drop(state.remove(LOADED)),
                    _ => {}
                }
                let loaded = state.get(LOADED).is_some() || verb != Some("print");
                Ok(output(if loaded { 0 } else { 113 }, "", ""))
            },
        );
        for name in ["systemctl", "loginctl", "launchctl"] {
            sim.put_program(format!("/usr/bin/{name}"), "");
        }
        sim
    }

    #[test]
    fn it_is_set_up_once_and_taken_back_whole() {
        for (starter, count) in [(Starter::Systemd, 3), (Starter::Launchd, 2)] {
            let sim = machine();
            let plan = Plan {
                version: PLAN_VERSION,
                wish: "x".into(),
                made_at: sim.now().unwrap().wall,
                premises: Vec::new(),
                steps: steps(starter, &here()),
                satisfied: Vec::new(),
            };
            let shared = sim.shared();
            let machine: &dyn Machine = &*shared;
            let workshop = Workshop {
                machine,
                domain: &NoDomain,
                state: "/home/user/.local/state/deskside".into(),
                root: None,
            };
            let applied = apply(&workshop, &plan, &mut |_| {}).unwrap();
            assert_eq!(applied.done.len(), count, "{starter:?}");
            let again = apply(&workshop, &plan, &mut |_| {}).unwrap();
            assert_eq!(again.done.len(), 0, "{starter:?}: nothing is left to do");
            let first = applied.operation.unwrap().0;
            undo(&workshop, Some(&first), &mut |_| {}).unwrap();
            let left = sim.snapshot();
            for path in [
                "/home/user/.config/systemd/user/deskside-queue.service",
                "/home/user/.config/systemd/user/default.target.wants/deskside-queue.service",
                "/var/lib/systemd/linger/user",
                "/home/user/Library/LaunchAgents/deskside.queue.plist",
                "/simulated/loaded",
            ] {
                assert!(left.get(path).is_none(), "{starter:?}: {path} stays");
            }
        }
    }

    #[test]
    fn the_files_say_what_they_start() {
        let text = |starter| match &steps(starter, &here())[0].actions[0] {
            Action::WriteFile {
                contents: FileContents::Text(text),
                ..
            } => text.clone(),
            other => panic!("{other:?}"),
        };
        let unit = text(Starter::Systemd);
        assert!(
            unit.contains("ExecStart=\"/home/user/a \\\"b\\\" $$c/deskside\" queue\n"),
            "{unit}"
        );
        assert!(
            unit.contains("Environment=\"DESKSIDE_HOME=/data/100%%\"\n"),
            "{unit}"
        );
        let agent = text(Starter::Launchd);
        assert!(agent.contains("<string>queue</string></array>"), "{agent}");
        assert!(
            agent.contains("<key>AbandonProcessGroup</key><true/>"),
            "{agent}"
        );
    }
}
