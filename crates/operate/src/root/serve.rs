//! Root's side: hears requests, carries out what the approved plan holds, and nothing else.

use super::ledger::{self, Record};
use super::message::{At, PROTOCOL, Reply, Request};
use super::{Direct, Place, Root, Rules, STATE, allow, restart, risk};
use crate::OperationId;
use deskside_machine::{
    Acting, Command, Conversation, ErrorKind, Held, Machine, Progress, interrupt,
};
use deskside_types::plan::{Action, Plan, Risk};
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
    /// What it knows of archives and packages by itself.
    pub rules: &'a Rules,
    /// The plan that was approved before a restart: then no other is taken, nothing is taken back, and the machine is
    /// not restarted.
    pub approved: Option<Plan>,
    /// Who asked.
    pub person: restart::Person,
}

/// The right to change this machine as root, and what for.
struct Turn {
    work: Work,
    lock: Box<dyn Held>,
}

/// What was begun.
enum Work {
    /// A plan is carried out.
    Forth {
        operation: OperationId,
        plan: Box<Plan>,
        home: Option<String>,
    },
    /// An operation is taken back.
    Back(OperationId),
}

impl Server<'_> {
    /// Serves until the other side has ended: nobody is there any more who could be told of it.
    ///
    /// # Errors
    /// When what it says can't be heard.
    pub fn serve(&self, talk: &mut dyn Conversation) -> Result<()> {
        let ready = Reply::Ready {
            protocol: PROTOCOL,
            program: env!("CARGO_PKG_VERSION").into(),
        };
        if say(talk, &ready).is_err() {
            return Ok(());
        }
        let mut turn = None;
        while let Some(line) = talk.hear(PATIENCE)? {
            let outcome = match serde_json::from_str::<Request>(&line) {
                Ok(request) => self.answer(request, &mut turn, talk),
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
            if say(talk, &reply).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn answer(
        &self,
        request: Request,
        turn: &mut Option<Turn>,
        talk: &mut dyn Conversation,
    ) -> Result<Value> {
        // Where nobody hears any more, the action is finished all the same; only a wait for another package manager is
        // given up.
        let mut watch = |progress: Progress<'_>| {
            let waits = matches!(progress, Progress::Waiting(_));
            let reply = match progress {
                Progress::Line(line) => Reply::Line { line: line.into() },
                Progress::Waiting(who) => Reply::Waiting { who: who.into() },
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
                agreed,
                home,
            } => {
                self.may_begin(&plan, agreed)?;
                let work = Work::Forth {
                    operation,
                    plan,
                    home,
                };
                self.take(turn, work)
            }
            Request::BeginUndo { operation } => {
                self.refuse_after_a_restart()?;
                self.take(turn, Work::Back(operation))
            }
            Request::Prepare(at) => {
                let (action, _) = planned(turn.as_ref(), &at)?;
                let before = match action {
                    Action::Reboot => Value::Null,
                    action => direct.prepare(place(&at), action)?,
                };
                let record = Record {
                    action: action.clone(),
                    before,
                    after: Value::Null,
                };
                ledger::keep(self.machine, &at, &record)?;
                Ok(json!({ "kept_by_root": true }))
            }
            Request::Perform(at) => {
                let (action, begun) = planned(turn.as_ref(), &at)?;
                let Some(record) =
                    ledger::read(self.machine, &at)?.filter(|record| record.action == *action)
                else {
                    return Err(Problem::new(
                        Code::Bug,
                        "an action was to be carried out that was not prepared",
                    ));
                };
                let after = match action {
                    Action::Reboot => restart::arrange(
                        self.machine,
                        &self.person,
                        &at.operation,
                        begun.plan,
                        begun.home,
                    )?,
                    action => direct.perform(place(&at), action, &record.before, &mut watch)?,
                };
                ledger::keep(self.machine, &at, &Record { after, ..record })?;
                Ok(Value::Null)
            }
            Request::Revert(at) => {
                let begun = matches!(turn, Some(Turn { work: Work::Back(operation), .. }) if *operation == at.operation);
                if !begun {
                    return Err(Problem::new(
                        Code::NeedsRoot,
                        "root was asked to take back what nobody began to take back",
                    ));
                }
                let left = match ledger::read(self.machine, &at)? {
                    None => Some("root has no record of it".to_string()),
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
                self.refuse_after_a_restart()?;
                // Nobody's work is cut off by it.
                let _lock = match turn {
                    Some(_) => None,
                    None => Some(self.lock()?),
                };
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

    /// Whether that plan may be carried out by a person who agreed to so much.
    fn may_begin(&self, plan: &Plan, agreed: Risk) -> Result<()> {
        allow::require(plan, self.rules)?;
        match &self.approved {
            Some(approved) if approved != plan => Err(Problem::new(
                Code::NeedsRoot,
                "the plan is not the one that was approved before the restart",
            )
            .hint("run `deskside plan`, and apply it again")),
            None if risk(self.machine, plan, self.rules) > agreed => Err(Problem::new(
                Code::NotConfirmed,
                "the plan does more than was agreed to: nothing was done",
            )
            .because("root's process tells a plan's risk by its actions")
            .hint("deskside apply")),
            _ => Ok(()),
        }
    }

    /// What goes on after a restart is what was approved before it, and nothing else.
    fn refuse_after_a_restart(&self) -> Result<()> {
        match self.approved {
            None => Ok(()),
            Some(_) => Err(Problem::new(
                Code::NeedsRoot,
                "what was approved before the restart goes on, and nothing else",
            )),
        }
    }

    /// Begins some work, with the lock that is held already or a new one.
    fn take(&self, turn: &mut Option<Turn>, work: Work) -> Result<Value> {
        let lock = match turn.take() {
            Some(turn) => turn.lock,
            None => self.lock()?,
        };
        *turn = Some(Turn { work, lock });
        Ok(Value::Null)
    }

    fn lock(&self) -> Result<Box<dyn Held>> {
        self.machine
            .lock(&Path::new(STATE).join("lock"), Duration::ZERO)
            .map_err(|error| match error.kind {
                ErrorKind::Busy => Problem::new(
                    Code::Locked,
                    "somebody else's Deskside is changing this machine as root",
                )
                .because(error.detail)
                .hint("wait until it has ended, then run the same command again"),
                _ => error.into(),
            })
    }
}

/// What an action of a plan rests on.
struct Begun<'a> {
    plan: &'a Plan,
    home: Option<&'a str>,
}

/// The action at a place of the plan that was handed over.
fn planned<'a>(turn: Option<&'a Turn>, at: &At) -> Result<(&'a Action, Begun<'a>)> {
    let found = match turn.map(|turn| &turn.work) {
        Some(Work::Forth {
            operation,
            plan,
            home,
        }) if *operation == at.operation => plan
            .steps
            .iter()
            .find(|step| step.id == at.step)
            .and_then(|step| Some((step, step.actions.get(at.action)?)))
            .filter(|(step, action)| super::is_roots(step, action))
            .map(|(_, action)| {
                let home = home.as_deref();
                (action, Begun { plan, home })
            }),
        _ => None,
    };
    found.ok_or_else(|| {
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
