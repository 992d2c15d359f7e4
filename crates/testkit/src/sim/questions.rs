//! What the simulated machine answers.

use super::files::{Bit, Content, Failure};
use super::network;
use super::state::SimState;
use deskside_machine::{Answer, DoorError, ErrorKind, Moment, Question, Space};
use std::path::Path;

impl SimState {
    pub(crate) fn ask(&mut self, question: &Question) -> Result<Answer, DoorError> {
        let failed = |failure: Failure| DoorError::new(failure.0, question.phrase(), failure.1);
        match question {
            Question::File { path, limit } => self
                .read(path, 0, *limit)
                .map(Answer::Bytes)
                .map_err(failed),
            Question::FilePart {
                path,
                offset,
                limit,
            } => self
                .read(path, *offset, *limit)
                .map(Answer::Bytes)
                .map_err(failed),
            Question::Link { path } => match &self.node(path, false).map_err(failed)?.1.content {
                Content::Link(target) => Ok(Answer::Path(target.clone())),
                _ => Err(failed((ErrorKind::Failed, "it is no link"))),
            },
            Question::RealPath { path } => self
                .node(path, true)
                .map(|(real, _)| Answer::Path(real))
                .map_err(failed),
            Question::Directory { path } => self.list(path).map(Answer::Entries).map_err(failed),
            Question::Stats { path } => self.list_stats(path).map(Answer::Stats).map_err(failed),
            Question::Stat { path } => self.stat_of(path).map(Answer::Stat).map_err(failed),
            Question::Access { path, write } => self
                .accessible(path, *write)
                .map(Answer::Flag)
                .map_err(failed),
            Question::Space { path } => self.space_of(path).map(Answer::Space).map_err(failed),
            Question::Variable { name } => self
                .variables
                .get(name)
                .map(|value| Answer::Text(value.clone()))
                .ok_or_else(|| failed((ErrorKind::Absent, "it is not set"))),
            Question::Variables => Ok(Answer::Names(self.variables.keys().cloned().collect())),
            Question::Now => Ok(Answer::Moment(Moment {
                wall: self.wall,
                monotonic: self.monotonic,
            })),
            Question::Person => Ok(Answer::Person(self.person.clone())),
            Question::WorkingDirectory => Ok(Answer::Path(self.working_directory.clone())),
            Question::Executable => Ok(Answer::Path(self.executable.clone())),
            Question::Device(device) => match self.devices.get(device.name()) {
                Some(answer) => answer.clone().map(Answer::Json),
                None => Err(failed((ErrorKind::Absent, "the library is not installed"))),
            },
            Question::Fetch { url, limit, .. } => network::fetch(self, url, *limit)
                .map(Answer::Response)
                .map_err(|(kind, detail)| DoorError::new(kind, question.phrase(), detail)),
            Question::FetchPart {
                url,
                offset,
                length,
                token,
                ..
            } => network::part(self, url, *offset, *length, token.is_some())
                .map(Answer::Part)
                .map_err(|(kind, detail)| DoorError::new(kind, question.phrase(), detail)),
            Question::Process { pid } => {
                match self.processes.get(pid).filter(|process| process.alive) {
                    Some(process) => Ok(Answer::Number(process.start_time)),
                    None => Err(failed((ErrorKind::Absent, "no such process"))),
                }
            }
            Question::Random => Ok(Answer::Number(self.random())),
            Question::Command(_) => Err(failed((
                ErrorKind::Failed,
                "commands are answered by their handlers",
            ))),
        }
    }

    /// Of the path, or of the nearest folder above it that is there.
    fn space_of(&self, path: &Path) -> Result<Space, Failure> {
        let path = self.absolute(path);
        for above in path.ancestors() {
            match self.node(above, true) {
                Err((ErrorKind::Absent, _)) => {}
                Err(failure) => return Err(failure),
                Ok((real, _)) => {
                    let read_only = self.is_read_only(&real);
                    return Ok(Space {
                        total: self.disk_total,
                        free: self.disk_free,
                        read_only,
                    });
                }
            }
        }
        Err(super::files::ABSENT)
    }

    fn accessible(&self, path: &Path, write: bool) -> Result<bool, Failure> {
        let (real, node) = match self.node(path, true) {
            Ok(found) => found,
            Err((ErrorKind::Denied, _)) => return Ok(false),
            Err(failure) => return Err(failure),
        };
        if write && self.is_read_only(&real) {
            return Ok(false);
        }
        // As the question has it: reading, and writing too where asked.
        Ok(self.permits(node, Bit::Read) && (!write || self.permits(node, Bit::Write)))
    }
}
