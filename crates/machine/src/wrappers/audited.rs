//! A listener: every question and effect is told to a sink, with how it went and how long it took.

use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::launch::{Child, Launch};
use crate::question::{Answer, Moment, Question};
use crate::{Command, Conversation, Held, Machine};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// One call at the door, after it came back.
#[derive(Debug)]
pub struct Heard<'a> {
    /// What was asked or done, as a phrase, credentials in addresses left out.
    pub phrase: String,
    /// It changes something.
    pub is_effect: bool,
    /// How it failed, where it did.
    pub error: Option<&'a DoorError>,
    /// How long it took by the machine's own clock; none where that has no clock.
    pub took: Option<Duration>,
}

impl Heard<'_> {
    /// The failure's kind.
    pub fn kind(&self) -> Option<ErrorKind> {
        self.error.map(|error| error.kind)
    }
}

/// Where calls are told to.
type Sink = Box<dyn Fn(&Heard<'_>) + Send + Sync>;

/// A machine whose every call is told to a sink.
pub struct Audited {
    inner: Arc<dyn Machine>,
    sink: Sink,
}

impl Audited {
    /// Tells every call on this machine to the sink. The sink must not call this machine itself.
    pub fn new(inner: Arc<dyn Machine>, sink: impl Fn(&Heard<'_>) + Send + Sync + 'static) -> Self {
        Self {
            inner,
            sink: Box::new(sink),
        }
    }

    fn moment(&self) -> Option<Moment> {
        match self.inner.ask(&Question::Now) {
            Ok(Answer::Moment(moment)) => Some(moment),
            _ => None,
        }
    }

    fn heard<T>(
        &self,
        phrase: String,
        is_effect: bool,
        call: impl FnOnce() -> Result<T, DoorError>,
    ) -> Result<T, DoorError> {
        let before = self.moment();
        let outcome = call();
        let took = before
            .zip(self.moment())
            .map(|(before, after)| after.monotonic.saturating_sub(before.monotonic));
        (self.sink)(&Heard {
            phrase,
            is_effect,
            error: outcome.as_ref().err(),
            took,
        });
        outcome
    }
}

impl Machine for Audited {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        self.heard(question.phrase(), false, || self.inner.ask(question))
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.heard(effect.phrase(), true, || self.inner.act(effect, watch))
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.heard(format!("lock {}", path.display()), true, || {
            self.inner.lock(path, patience)
        })
    }

    fn is_here(&self) -> bool {
        self.inner.is_here()
    }

    fn supervision(&self) -> Option<&dyn crate::supervise::Supervision> {
        self.inner.supervision()
    }

    fn watch_device(
        &self,
        question: crate::DeviceQuestion,
        every: Duration,
    ) -> Result<Box<dyn crate::device::Watch>, DoorError> {
        self.inner.watch_device(question, every)
    }

    fn converse(&self, command: &Command) -> Result<Box<dyn Conversation>, DoorError> {
        self.heard(format!("talk with {}", command.shown()), true, || {
            self.inner.converse(command)
        })
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        let program = launch
            .argv
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        self.heard(format!("start {program}"), true, || {
            self.inner.launch(launch)
        })
    }
}
