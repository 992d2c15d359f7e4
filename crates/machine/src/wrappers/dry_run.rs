//! A rehearsal: questions pass, effects are only listed.

use crate::command::Output;
use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::launch::{Child, Launch};
use crate::question::{Answer, Question};
use crate::{Held, Machine};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A machine whose effects are listed and not carried out.
///
/// Every effect answers as if it had gone well: a command with exit code 0 and no output. What was
/// "done" is not seen by later questions.
pub struct DryRun {
    inner: Arc<dyn Machine>,
    effects: Mutex<Vec<Effect>>,
}

impl DryRun {
    /// A rehearsal on this machine.
    pub fn new(inner: Arc<dyn Machine>) -> Self {
        Self {
            inner,
            effects: Mutex::new(Vec::new()),
        }
    }

    /// What would have been done, in order.
    pub fn effects(&self) -> Vec<Effect> {
        self.effects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Nothing is held.
struct Nothing;

impl Held for Nothing {}

impl Machine for DryRun {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        self.inner.ask(question)
    }

    fn act(
        &self,
        effect: &Effect,
        _watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.effects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(effect.clone());
        Ok(match effect {
            Effect::Command(_) => Answer::Output(Output {
                code: 0,
                stdout: Vec::new(),
                stderr: Vec::new(),
            }),
            _ => Answer::Done,
        })
    }

    fn lock(&self, _path: &Path, _patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        Ok(Box::new(Nothing))
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        let program = launch
            .argv
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        Err(DoorError::new(
            ErrorKind::Refused,
            format!("start {program}"),
            "nothing is started in a dry run",
        ))
    }
}
