//! Planning for a recorded machine: what was not recorded of a project counts as not there yet.

use deskside_machine::{
    Answer, Child, DoorError, Effect, ErrorKind, Held, Launch, Machine, Progress, Question,
};
use std::path::Path;
use std::time::Duration;

/// A recorded machine on which nobody set anything up. For plans only: facts are never read through it.
pub struct Unrecorded<'a>(pub &'a dyn Machine);

impl Machine for Unrecorded<'_> {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        self.0.ask(question).map_err(|error| match error.kind {
            ErrorKind::NotAsked => DoorError {
                kind: ErrorKind::Absent,
                ..error
            },
            _ => error,
        })
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.0.act(effect, watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.0.lock(path, patience)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.0.launch(launch)
    }
}
