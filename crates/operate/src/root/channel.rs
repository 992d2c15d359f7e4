//! The person's side: root's process, started when it is first needed, and talked with.

use super::message::{At, PROTOCOL, Reply, Request};
use super::{Place, Root};
use crate::OperationId;
use deskside_machine::{Command, Conversation, ErrorKind, Machine, Progress, Reading, interrupt};
use deskside_types::plan::{Action, Plan, Risk};
use deskside_types::{Code, Problem, Result};
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;

/// How long a password may be typed.
const PASSWORD: Duration = Duration::from_secs(10 * 60);
/// How long root may be silent within one action: a kernel module that is built says nothing for minutes.
const SILENCE: Duration = Duration::from_secs(2 * 60 * 60);
/// How often it is looked whether the person has interrupted.
const GLANCE: Duration = Duration::from_millis(500);

/// The argument that makes this program root's process.
pub const ROOT_COMMAND: &str = "__root";

/// Talks with root's process.
pub struct Channel<'a> {
    machine: &'a dyn Machine,
    talk: Mutex<Option<Box<dyn Conversation>>>,
    agreed: Risk,
}

impl<'a> Channel<'a> {
    /// Root's process is started once it is needed: this same program, through `sudo` where this process is not root.
    pub fn new(machine: &'a dyn Machine) -> Self {
        Self {
            machine,
            talk: Mutex::new(None),
            agreed: Risk::Low,
        }
    }

    /// What the person was asked for, and agreed to: root's process looks at the plan by itself and refuses one of a
    /// greater risk. [`Risk::Low`] where nobody was asked.
    #[must_use]
    pub fn agreed(mut self, risk: Risk) -> Self {
        self.agreed = risk;
        self
    }

    /// Root's process is there already, at the other end of this conversation.
    pub fn over(machine: &'a dyn Machine, talk: Box<dyn Conversation>) -> Self {
        Self {
            machine,
            talk: Mutex::new(Some(talk)),
            agreed: Risk::Low,
        }
    }

    /// Restarts the machine.
    ///
    /// # Errors
    /// When it can't be.
    pub fn restart(&self) -> Result<()> {
        self.ask(&Request::Restart, &mut |_| {}).map(drop)
    }

    fn start(&self) -> Result<Box<dyn Conversation>> {
        let program = self.machine.executable()?.display().to_string();
        let mut argv = Vec::new();
        if self.machine.person()?.uid != 0 {
            let sudo = self.machine.program("sudo").ok_or_else(|| {
                Problem::new(Code::NeedsRoot, "this needs root, and there is no sudo")
                    .hint("run the same command as root, or install sudo")
            })?;
            argv.push(sudo.display().to_string());
            argv.push("--prompt=[deskside] root is needed once; password of %p: ".into());
            argv.push("--".into());
        }
        argv.extend([program, ROOT_COMMAND.to_string()]);
        let mut talk = self.machine.converse(&Command::new(argv))?;
        match hear(&mut *talk, PASSWORD)? {
            Some(Reply::Ready { protocol, program })
                if protocol == PROTOCOL && program == env!("CARGO_PKG_VERSION") =>
            {
                Ok(talk)
            }
            Some(_) => Err(Problem::new(
                Code::NeedsRoot,
                "root's process is another version of Deskside",
            )
            .hint("run the same command again")),
            None => Err(Problem::new(Code::NeedsRoot, "root was not given")
                .because("what sudo says stands above")
                .hint(
                    "your account must be allowed to use sudo, on a terminal; nothing was changed",
                )),
        }
    }

    fn ask(&self, request: &Request, watch: &mut dyn FnMut(Progress<'_>)) -> Result<Value> {
        let mut guard = self
            .talk
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let talk = match guard.as_mut() {
            Some(talk) => talk,
            None => guard.insert(self.start()?),
        };
        let text = serde_json::to_string(request).map_err(|error| {
            Problem::new(Code::Bug, "a request to root could not be written").because(error)
        })?;
        let gone = || {
            Problem::new(
                Code::Effect,
                "root's process ended in the middle of its work",
            )
            .hint("run the same command again: it goes on from there")
        };
        talk.say(&text).map_err(|error| gone().because(error))?;
        let (mut silent, mut waits) = (Duration::ZERO, None::<String>);
        loop {
            // Nothing is changed while root waits for another package manager: Ctrl-C is heard at once.
            if let Some(who) = &waits
                && interrupt::requested()
            {
                let problem = Problem::new(Code::Interrupted, format!("interrupted while {who}"))
                    .hint("run the same command again once that has ended: it goes on from here");
                *guard = None;
                return Err(problem);
            }
            let reply = match hear(&mut **talk, GLANCE) {
                Ok(reply) => reply.ok_or_else(gone)?,
                Err(Heard::Nothing) if silent < SILENCE => {
                    silent += GLANCE;
                    continue;
                }
                Err(Heard::Nothing) => {
                    return Err(Problem::new(Code::Effect, "root's process does not answer")
                        .hint("run the same command again"));
                }
                Err(Heard::Problem(problem)) => return Err(*problem),
            };
            silent = Duration::ZERO;
            match reply {
                Reply::Waiting { who } => {
                    watch(Progress::Waiting(&who));
                    waits = Some(who);
                    continue;
                }
                Reply::Line { line } => watch(Progress::Line(&line)),
                Reply::Bytes { done, total } => watch(Progress::Bytes { done, total }),
                Reply::Done { value } => return Ok(value),
                Reply::Failed { problem } => return Err(*problem),
                Reply::Ready { .. } => {}
            }
            waits = None;
        }
    }
}

impl Root for Channel<'_> {
    fn begin(&self, operation: &OperationId, plan: &Plan) -> Result<()> {
        let request = Request::Begin {
            operation: operation.clone(),
            plan: Box::new(plan.clone()),
            agreed: self.agreed,
            home: self.machine.variable("DESKSIDE_HOME"),
        };
        self.ask(&request, &mut |_| {}).map(drop)
    }

    fn begin_undo(&self, operation: &OperationId) -> Result<()> {
        let request = Request::BeginUndo {
            operation: operation.clone(),
        };
        self.ask(&request, &mut |_| {}).map(drop)
    }

    fn prepare(&self, place: Place<'_>, _: &Action) -> Result<Value> {
        self.ask(&Request::Prepare(at(place)), &mut |_| {})
    }

    fn perform(
        &self,
        place: Place<'_>,
        _: &Action,
        _: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value> {
        self.ask(&Request::Perform(at(place)), watch)
    }

    fn revert(
        &self,
        place: Place<'_>,
        _: &Action,
        _: &Value,
        _: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Option<String>> {
        let left = self.ask(&Request::Revert(at(place)), watch)?;
        Ok(left.as_str().map(ToString::to_string))
    }
}

fn at(place: Place<'_>) -> At {
    At {
        operation: place.operation.clone(),
        step: place.step.into(),
        action: place.action,
    }
}

/// Why nothing was heard.
enum Heard {
    /// Nothing was said in that time.
    Nothing,
    /// What was said is no answer.
    Problem(Box<Problem>),
}

impl From<Heard> for Problem {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Nothing => Self::new(Code::Effect, "root's process does not answer"),
            Heard::Problem(problem) => *problem,
        }
    }
}

/// The next that root says; none when its process has ended.
fn hear(
    talk: &mut dyn Conversation,
    patience: Duration,
) -> std::result::Result<Option<Reply>, Heard> {
    let line = match talk.hear(patience) {
        Ok(Some(line)) => line,
        Ok(None) => return Ok(None),
        Err(error) if error.kind == ErrorKind::Timeout => return Err(Heard::Nothing),
        Err(error) => return Err(Heard::Problem(Box::new(error.into()))),
    };
    serde_json::from_str(&line).map(Some).map_err(|error| {
        Heard::Problem(Box::new(
            Problem::new(Code::Effect, "root's process says what is not understood").because(error),
        ))
    })
}
