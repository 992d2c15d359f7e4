//! `deskside sampler`: the machine's own sampler, started by the person's service manager, or kept in a terminal.

use crate::environment::change::workshop;
use crate::{Answer, Context};
use deskside_machine::{Acting, Command, Effect, ErrorKind, FileKind, Machine, Reading};
use deskside_operate::apply;
use deskside_runs::sample::HistorySampler;
use deskside_runs::sample::history::{EVERY, folder};
use deskside_types::plan::{
    Action, Check, CommandLine, FileContents, PLAN_VERSION, Plan, Risk, Step, Undo,
};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

const UNIT: &str = "deskside-sampler.service";
const AGENT: &str = "org.deskside.sampler";
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer of `sampler on`, `off` and `status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct SamplerReport {
    /// A sampler runs now.
    pub running: bool,
    /// Who starts it: `systemd`, `launchd`; none where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// Seconds between two samples.
    pub every_seconds: u64,
    /// Where the history lies.
    pub folder: String,
    /// Days of which it holds something.
    pub days: usize,
    /// Bytes it takes.
    pub bytes: u64,
    /// The newest sample was written then, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last: Option<jiff::Timestamp>,
    /// What was done, as the history names it; none where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The plan, where it was only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for SamplerReport {
    const SCHEMA: &'static str = "deskside.sampler";
}

/// Who starts services of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Systemd,
    Launchd,
}

impl Manager {
    fn of(machine: &dyn Machine) -> Option<Self> {
        if machine.exists("/bin/launchctl").unwrap_or(false) {
            return Some(Self::Launchd);
        }
        let command = Command::new(["systemctl", "--user", "show-environment"]).deadline(PATIENCE);
        let answers = machine
            .command(command)
            .is_ok_and(|output| output.succeeded());
        answers.then_some(Self::Systemd)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
        }
    }

    fn file(self, context: &Context) -> PathBuf {
        let home = &context.directories.home;
        match self {
            Self::Systemd => {
                let config = context.machine.variable("XDG_CONFIG_HOME");
                let config = config.filter(|path| path.starts_with('/'));
                config
                    .map_or_else(|| home.join(".config"), PathBuf::from)
                    .join("systemd/user")
                    .join(UNIT)
            }
            Self::Launchd => home.join(format!("Library/LaunchAgents/{AGENT}.plist")),
        }
    }

    /// Starts it now and with every session; the command that takes that back.
    fn commands(self, context: &Context) -> Result<Vec<(CommandLine, Option<CommandLine>)>> {
        Ok(match self {
            Self::Systemd => vec![
                (line(&["systemctl", "--user", "daemon-reload"]), None),
                (
                    line(&["systemctl", "--user", "enable", "--now", UNIT]),
                    Some(line(&["systemctl", "--user", "disable", "--now", UNIT])),
                ),
            ],
            Self::Launchd => {
                let domain = format!("gui/{}", context.machine.person()?.uid);
                let file = self.file(context).display().to_string();
                vec![(
                    line(&["/bin/launchctl", "bootstrap", &domain, &file]),
                    Some(line(&[
                        "/bin/launchctl",
                        "bootout",
                        &format!("{domain}/{AGENT}"),
                    ])),
                )]
            }
        })
    }

    fn text(self, context: &Context) -> Result<String> {
        let machine = &*context.machine;
        let program = machine.executable()?.display().to_string();
        let moved: Vec<(&str, String)> = [
            "DESKSIDE_HOME",
            "XDG_STATE_HOME",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
        ]
        .into_iter()
        .filter_map(|name| Some((name, machine.variable(name)?)))
        .collect();
        Ok(match self {
            Self::Systemd => {
                let quoted = |text: &str| {
                    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                    format!("\"{}\"", text.replace('%', "%%").replace('$', "$$"))
                };
                let environment: String = moved
                    .iter()
                    .map(|(name, value)| {
                        format!("Environment={}\n", quoted(&format!("{name}={value}")))
                    })
                    .collect();
                format!(
                    "# managed by deskside: `deskside sampler off` takes it away\n\
                     [Unit]\nDescription=Deskside's sampler of this machine\n\n\
                     [Service]\nExecStart={} sampler run\n{environment}Nice=10\nSuccessExitStatus=130\nRestart=on-failure\nRestartSec=60\n\n\
                     [Install]\nWantedBy=default.target\n",
                    quoted(&program)
                )
            }
            Self::Launchd => {
                let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
                let environment: String = moved
                    .iter()
                    .map(|(name, value)| {
                        format!("<key>{name}</key><string>{}</string>", escaped(value))
                    })
                    .collect();
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- managed by deskside: `deskside sampler off` takes it away -->\n\
                     <plist version=\"1.0\"><dict>\n<key>Label</key><string>{AGENT}</string>\n\
                     <key>ProgramArguments</key><array><string>{}</string><string>sampler</string><string>run</string></array>\n\
                     <key>EnvironmentVariables</key><dict>{environment}</dict>\n\
                     <key>RunAtLoad</key><true/>\n<key>KeepAlive</key><dict><key>Crashed</key><true/></dict>\n<key>Nice</key><integer>10</integer>\n</dict></plist>\n",
                    escaped(&program)
                )
            }
        })
    }
}

fn line(argv: &[&str]) -> CommandLine {
    CommandLine {
        argv: argv.iter().map(ToString::to_string).collect(),
        directory: None,
        variables: Default::default(),
        deadline_seconds: 30,
    }
}

/// Switches it on, or shows what would be done.
///
/// # Errors
/// [`Code::SamplerUnavailable`] where nothing starts services for a person; as carrying out says.
pub fn on(context: &Context, only_plan: bool) -> Result<SamplerReport> {
    context.require_live("sampler on")?;
    let machine = &*context.machine;
    let Some(manager) = Manager::of(machine) else {
        return Err(Problem::new(
            Code::SamplerUnavailable,
            "nothing here starts services for a person: neither systemd's user manager nor launchd answers",
        )
        .hint("keep it in a terminal instead: `deskside sampler run`"));
    };
    let file = manager.file(context);
    let text = manager.text(context)?;
    if machine.text(&file).is_ok_and(|there| there == text) && holder(context)?.is_some() {
        return status(context);
    }
    let path = file.display().to_string();
    let mut actions = vec![Action::WriteFile {
        path: path.clone(),
        contents: FileContents::Text(text),
        mode: 0o644,
    }];
    let commands = manager.commands(context)?;
    actions.extend(
        commands
            .into_iter()
            .map(|(command, undo)| Action::Run { command, undo }),
    );
    let step = Step {
        id: "sampler".into(),
        title: format!("Let {} start the machine's sampler", manager.word()),
        why: "how long this machine is on, and how busy it is, is known only while somebody looks"
            .into(),
        actions,
        verify: vec![Check::Exists { path }],
        undo: Undo::Exact,
        risk: Risk::Low,
        ..Step::simple()
    };
    carry_out(context, "Switch the machine's sampler on", step, only_plan)
}

/// Switches it off; what it wrote stays.
///
/// # Errors
/// As carrying out says.
pub fn off(context: &Context, only_plan: bool) -> Result<SamplerReport> {
    context.require_live("sampler off")?;
    let machine = &*context.machine;
    let files =
        [Manager::Systemd, Manager::Launchd].map(|manager| (manager, manager.file(context)));
    let there = files
        .into_iter()
        .find(|(_, file)| machine.exists(file).unwrap_or(false));
    let Some((manager, file)) = there else {
        let mut report = status(context)?;
        if report.running {
            report.warnings.push(
                "it runs in a terminal, or was started by something else: end it there".into(),
            );
        }
        return Ok(report);
    };
    let path = file.display().to_string();
    let mut actions: Vec<Action> = manager
        .commands(context)?
        .into_iter()
        .filter_map(|(command, undo)| {
            Some(Action::Run {
                command: undo?,
                undo: Some(command),
            })
        })
        .collect();
    actions.push(Action::Remove { path: path.clone() });
    let step = Step {
        id: "sampler".into(),
        title: "Take the machine's sampler away".into(),
        why: "it was asked for; the history stays".into(),
        actions,
        verify: vec![Check::Absent { path }],
        undo: Undo::BestEffort {
            why: "its file comes back; it is started with the next session, or by `deskside sampler on`".into(),
        },
        risk: Risk::Low,
        ..Step::simple()
    };
    carry_out(context, "Switch the machine's sampler off", step, only_plan)
}

fn carry_out(context: &Context, wish: &str, step: Step, only_plan: bool) -> Result<SamplerReport> {
    let plan = Plan {
        version: PLAN_VERSION,
        wish: wish.into(),
        made_at: context.machine.now()?.wall,
        premises: Vec::new(),
        steps: vec![step],
        satisfied: Vec::new(),
    };
    if only_plan {
        return Ok(SamplerReport {
            plan: Some(plan),
            ..status(context)?
        });
    }
    let applied = apply(&workshop(context), &plan, &mut |_| {})?;
    Ok(SamplerReport {
        operation: applied.operation.map(|id| id.0),
        ..status(context)?
    })
}

/// Says whether it runs, and what it has.
///
/// # Errors
/// When its folder is there and can't be read.
pub fn status(context: &Context) -> Result<SamplerReport> {
    let machine = &*context.machine;
    let folder = folder(&context.directories);
    let files = match machine.stats(&folder) {
        Ok(files) => files,
        Err(error) if error.kind == ErrorKind::Absent => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let segments: Vec<_> = files
        .iter()
        .filter(|(name, stat)| name.ends_with(".seg") && stat.kind == FileKind::File)
        .collect();
    let mut days: Vec<&str> = segments
        .iter()
        .filter_map(|(name, _)| name.get(..10))
        .collect();
    days.dedup();
    let started_by = [Manager::Systemd, Manager::Launchd]
        .into_iter()
        .find(|manager| machine.exists(manager.file(context)).unwrap_or(false));
    let mut report = SamplerReport {
        running: holder(context)?.is_some(),
        started_by: started_by.map(|manager| manager.word().into()),
        every_seconds: EVERY.as_secs(),
        days: days.len(),
        bytes: segments.iter().map(|(_, stat)| stat.size).sum(),
        last: segments
            .iter()
            .map(|(_, stat)| stat.modified)
            .max()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
        folder: folder.display().to_string(),
        ..SamplerReport::default()
    };
    if started_by == Some(Manager::Systemd) {
        let person = machine.person()?;
        let name = person.name.unwrap_or_default();
        let lingers = machine.exists(format!("/var/lib/systemd/linger/{name}"));
        if matches!(lingers, Ok(false)) && !name.is_empty() {
            report.warnings.push(
                "systemd ends it when you log out; to keep it: `loginctl enable-linger`".into(),
            );
        }
        if !report.running {
            report.warnings.push(format!(
                "it is switched on and does not run: `systemctl --user status {UNIT}` says why"
            ));
        }
    }
    Ok(report)
}

/// Who holds the sampler's lock; none where none runs. A sampler that was never on has no folder, and none is made.
fn holder(context: &Context) -> Result<Option<String>> {
    let path = folder(&context.directories).join(LOCK);
    if !context.machine.exists(&path)? || context.recorded {
        return Ok(None);
    }
    match context.machine.lock(&path, Duration::ZERO) {
        Ok(_) => Ok(None),
        Err(error) if error.kind == ErrorKind::Busy => Ok(Some(error.detail)),
        Err(error) => Err(error.into()),
    }
}

const LOCK: &str = "lock";

/// Samples the machine until it is asked to end.
///
/// # Errors
/// [`Code::SamplerUnavailable`] when one runs already; [`Code::Interrupted`] when it was asked to end.
pub fn run(context: &Context) -> Result<()> {
    context.require_live("sampler run")?;
    let machine = &*context.machine;
    let path = folder(&context.directories).join(LOCK);
    let _held = machine
        .lock(&path, Duration::from_secs(1))
        .map_err(|error| match error.kind {
            ErrorKind::Busy => Problem::new(
                Code::SamplerUnavailable,
                "a sampler of this machine runs already",
            )
            .because(error.detail)
            .hint("`deskside sampler status` says who started it"),
            _ => error.into(),
        })?;
    let mut sampler = HistorySampler::new(&context.directories);
    loop {
        match sampler.take(machine) {
            // A full disk is not for ever: the next sample may be written.
            Ok(())
            | Err(Problem {
                code: Code::DiskFull | Code::Timeout,
                ..
            }) => {}
            Err(problem) => return Err(problem),
        }
        if let Err(error) = machine.effect(&Effect::Sleep { span: EVERY }) {
            sampler.finish(machine)?;
            return Err(error.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;
    use std::sync::{Arc, Mutex};

    fn machine(answers: bool) -> (Sim, Context, Arc<Mutex<Vec<String>>>) {
        let sim = Sim::linux();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        if answers {
            sim.on_command(
                |argv| argv.first().is_some_and(|word| word == "systemctl"),
                move |_, command| {
                    heard.lock().unwrap().push(command.argv[2..].join(" "));
                    Ok(deskside_testkit::sim::output(0, "", ""))
                },
            );
        }
        let context = Context::here(sim.shared()).unwrap();
        (sim, context, said)
    }

    #[test]
    fn on_is_an_operation_that_undo_takes_back() {
        let (sim, context, said) = machine(true);
        let planned = on(&context, true).unwrap();
        assert!(planned.plan.is_some() && planned.started_by.is_none());
        let report = on(&context, false).unwrap();
        assert_eq!(report.started_by.as_deref(), Some("systemd"));
        let unit = "/home/user/.config/systemd/user/deskside-sampler.service";
        let text =
            sim.change(|state| String::from_utf8_lossy(state.contents(unit).unwrap()).into_owned());
        assert!(
            text.contains("sampler run\n") && text.contains("WantedBy=default.target"),
            "{text}"
        );
        assert!(
            report
                .warnings
                .iter()
                .any(|warning| warning.contains("enable-linger")),
            "{report:?}"
        );
        crate::undo::undo(&context, report.operation.as_deref(), &mut |_| {}).unwrap();
        assert!(sim.change(|state| state.get(unit).is_none()));
        assert!(
            said.lock()
                .unwrap()
                .iter()
                .any(|words| words.starts_with("disable --now"))
        );
    }

    #[test]
    fn off_takes_it_away_and_keeps_the_history() {
        let (sim, context, said) = machine(true);
        on(&context, false).unwrap();
        sim.put_file(folder(&context.directories).join("2026-11-25.0.seg"), "x");
        let report = off(&context, false).unwrap();
        assert_eq!((report.started_by, report.days), (None, 1));
        assert!(
            said.lock()
                .unwrap()
                .iter()
                .any(|words| words.starts_with("disable --now"))
        );
        assert_eq!(
            off(&context, false).unwrap().operation,
            None,
            "nothing is left to do"
        );
    }

    #[test]
    fn without_a_service_manager_it_is_said_what_to_do() {
        let (_, context, _) = machine(false);
        let problem = on(&context, false).unwrap_err();
        assert_eq!(problem.code, Code::SamplerUnavailable);
        assert!(problem.hints[0].contains("sampler run"));
        assert!(!status(&context).unwrap().running);
    }
}
