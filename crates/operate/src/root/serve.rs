//! Root's side: hears requests, carries out what the approved plan holds, and nothing else.

use super::ledger::{self, Record};
use super::message::{At, PROTOCOL, Reply, Request};
use super::{Direct, Place, Root, STATE, allow, restart};
use crate::OperationId;
use crate::system::WAITING;
use deskside_machine::{
    Acting, Command, Conversation, ErrorKind, Held, Machine, Progress, interrupt,
};
use deskside_types::plan::{Action, Plan};
use deskside_types::{Code, Problem, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// How long root's process waits for the next request: as long as a person reads, and no longer than a day.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Root's process.
pub struct Server<'a> {
    /// The machine, as root.
    pub machine: &'a dyn Machine,
    /// Programs that steps with root may start.
    pub programs: &'a [&'a str],
    /// The plan that was approved before a restart: then no other is taken.
    pub approved: Option<Plan>,
    /// Who asked.
    pub person: restart::Person,
}

/// What was begun.
struct Begun {
    operation: OperationId,
    plan: Plan,
    home: Option<String>,
    _lock: Box<dyn Held>,
}

impl Server<'_> {
    /// Serves until the other side has ended.
    ///
    /// # Errors
    /// When nothing can be said any more.
    pub fn serve(&self, talk: &mut dyn Conversation) -> Result<()> {
        say(
            talk,
            &Reply::Ready {
                protocol: PROTOCOL,
                program: env!("CARGO_PKG_VERSION").into(),
            },
        )?;
        let mut begun = None;
        while let Some(line) = talk.hear(PATIENCE)? {
            let outcome = match serde_json::from_str::<Request>(&line) {
                Ok(request) => self.answer(request, &mut begun, talk),
                Err(error) => Err(Problem::new(
                    Code::Bug,
                    "root's process was asked what it does not understand",
                )
                .because(error)),
            };
            let reply = match outcome {
                Ok(value) => Reply::Done { value },
                Err(problem) => Reply::Failed {
                    problem: Box::new(problem),
                },
            };
            say(talk, &reply)?;
        }
        Ok(())
    }

    fn answer(
        &self,
        request: Request,
        begun: &mut Option<Begun>,
        talk: &mut dyn Conversation,
    ) -> Result<Value> {
        // Where nobody hears any more, the action is finished all the same; only a wait for another package manager is
        // given up.
        let mut watch = |progress: Progress<'_>| {
            let waits = matches!(progress, Progress::Line(line) if line.starts_with(WAITING));
            let reply = match progress {
                Progress::Line(line) => Reply::Line { line: line.into() },
                Progress::Bytes { done, total } => Reply::Bytes { done, total },
            };
            if say(talk, &reply).is_err() && waits {
                interrupt::request();
            }
        };
        let direct = Direct {
            machine: self.machine,
        };
        match request {
            Request::Begin {
                operation,
                plan,
                home,
            } => {
                *begun = Some(self.begin(operation, *plan, home)?);
                Ok(Value::Null)
            }
            Request::Prepare(at) => {
                let action = approved(begun.as_ref(), &at)?;
                let before = match &action {
                    Action::Reboot => Value::Null,
                    action => direct.prepare(place(&at), action)?,
                };
                let record = Record {
                    action,
                    before,
                    after: Value::Null,
                };
                ledger::keep(self.machine, &at, &record)?;
                Ok(json!({ "kept_by_root": true }))
            }
            Request::Perform(at) => {
                let action = approved(begun.as_ref(), &at)?;
                let Some(record) =
                    ledger::read(self.machine, &at)?.filter(|record| record.action == action)
                else {
                    return Err(Problem::new(
                        Code::Bug,
                        "an action was to be carried out that was not prepared",
                    ));
                };
                let after = match (&action, begun) {
                    (Action::Reboot, Some(begun)) => restart::arrange(
                        self.machine,
                        &self.person,
                        &begun.operation,
                        &begun.plan,
                        begun.home.as_deref(),
                    )?,
                    (action, _) => {
                        direct.perform(place(&at), action, &record.before, &mut watch)?
                    }
                };
                ledger::keep(self.machine, &at, &Record { after, ..record })?;
                Ok(Value::Null)
            }
            Request::Revert(at) => {
                let left = match ledger::read(self.machine, &at)? {
                    None => Some("root has no record of it".to_string()),
                    Some(record) if record.action == Action::Reboot => {
                        restart::forget(self.machine)?;
                        None
                    }
                    Some(record) => direct.revert(
                        place(&at),
                        &record.action,
                        &record.before,
                        &record.after,
                        &mut watch,
                    )?,
                };
                Ok(json!(left))
            }
            Request::Restart => {
                let command =
                    Command::new(["systemctl", "reboot"]).deadline(Duration::from_secs(30));
                let output = self.machine.run(command, &mut watch)?;
                if output.succeeded() {
                    return Ok(Value::Null);
                }
                let problem = Problem::new(Code::CommandFailed, "the machine did not restart");
                Err(output
                    .last_lines(3)
                    .into_iter()
                    .fold(problem, Problem::because)
                    .hint("restart it by hand; the plan goes on afterwards"))
            }
        }
    }

    fn begin(&self, operation: OperationId, plan: Plan, home: Option<String>) -> Result<Begun> {
        if self
            .approved
            .as_ref()
            .is_some_and(|approved| *approved != plan)
        {
            return Err(Problem::new(
                Code::NeedsRoot,
                "the plan is not the one that was approved before the restart",
            )
            .hint("run `deskside plan`, and apply it again"));
        }
        allow::require(&plan, self.programs)?;
        let lock = self
            .machine
            .lock(&Path::new(STATE).join("lock"), Duration::ZERO)
            .map_err(|error| match error.kind {
                ErrorKind::Busy => Problem::new(
                    Code::Locked,
                    "somebody else's Deskside is changing this machine as root",
                )
                .because(error.detail)
                .hint("wait until it has ended, then run the same command again"),
                _ => error.into(),
            })?;
        Ok(Begun {
            operation,
            plan,
            home,
            _lock: lock,
        })
    }
}

/// The action at a place of the plan that was handed over.
fn approved(begun: Option<&Begun>, at: &At) -> Result<Action> {
    begun
        .filter(|begun| begun.operation == at.operation)
        .and_then(|begun| {
            let step = begun.plan.steps.iter().find(|step| step.id == at.step)?;
            let action = step.actions.get(at.action)?;
            super::is_roots(step, action).then(|| action.clone())
        })
        .ok_or_else(|| {
            Problem::new(
                Code::NeedsRoot,
                "root was asked for what the plan does not hold",
            )
        })
}

fn place(at: &At) -> Place<'_> {
    Place {
        operation: &at.operation,
        step: &at.step,
        action: at.action,
    }
}

fn say(talk: &mut dyn Conversation, reply: &Reply) -> Result<()> {
    let text = serde_json::to_string(reply).map_err(|error| {
        Problem::new(Code::Bug, "root's answer could not be written").because(error)
    })?;
    Ok(talk.say(&text)?)
}
