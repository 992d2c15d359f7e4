//! Remembers that a call was interrupted, whatever was made of it.
//!
//! Who asks much puts up with answers that fail: a version that nobody tells, a server that is silent. Ctrl-C must not be
//! taken for such an answer, so a use case looks through this machine and asks it at the end.

use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::launch::{Child, Launch};
use crate::question::{Answer, Question};
use crate::{Command, Conversation, Held, Machine};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A machine that remembers whether a call of it was interrupted.
pub struct Heeding {
    inner: Arc<dyn Machine>,
    interrupted: AtomicBool,
}

impl Heeding {
    /// Around a machine, nothing interrupted yet.
    pub fn new(inner: Arc<dyn Machine>) -> Self {
        Self {
            inner,
            interrupted: AtomicBool::new(false),
        }
    }

    /// Whether a call came back with [`ErrorKind::Interrupted`].
    pub fn was_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    fn heard<T>(&self, outcome: Result<T, DoorError>) -> Result<T, DoorError> {
        if let Err(error) = &outcome
            && error.kind == ErrorKind::Interrupted
        {
            self.interrupted.store(true, Ordering::SeqCst);
        }
        outcome
    }
}

impl Machine for Heeding {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        self.heard(self.inner.ask(question))
    }

    fn ask_all(&self, questions: &[Question]) -> Vec<Result<Answer, DoorError>> {
        let answers = self.inner.ask_all(questions).into_iter();
        answers.map(|answer| self.heard(answer)).collect()
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.heard(self.inner.act(effect, watch))
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.heard(self.inner.lock(path, patience))
    }

    fn is_here(&self) -> bool {
        self.inner.is_here()
    }

    fn watch_device(
        &self,
        question: crate::DeviceQuestion,
        every: Duration,
    ) -> Result<Box<dyn crate::device::Watch>, DoorError> {
        self.inner.watch_device(question, every)
    }

    fn converse(&self, command: &Command) -> Result<Box<dyn Conversation>, DoorError> {
        self.heard(self.inner.converse(command))
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.heard(self.inner.launch(launch))
    }
}
