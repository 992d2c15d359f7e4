//! Live questions and answers without private things: what a replayed machine must answer.

use super::Redactor;
use crate::command::Command;
use crate::error::{DoorError, ErrorKind};
use crate::question::{Answer, PersonIdentity, Question};
use std::path::Path;

impl Redactor {
    /// The question as it is asked of the replayed machine.
    pub fn question(&self, question: &Question) -> Question {
        let mut question = question.clone();
        match &mut question {
            Question::File { path, .. }
            | Question::FilePart { path, .. }
            | Question::Link { path }
            | Question::RealPath { path }
            | Question::Directory { path }
            | Question::Stats { path }
            | Question::Stat { path }
            | Question::Access { path, .. }
            | Question::Space { path } => *path = self.path(path),
            Question::Command(Command { argv, .. }) => {
                *argv = argv.iter().map(|word| self.text(word)).collect()
            }
            _ => {}
        }
        question
    }

    /// The answer that the replayed machine gives. `real` is the path behind links, where the question has one.
    pub fn answer(
        &self,
        question: &Question,
        real: Option<&Path>,
        answer: Result<Answer, DoorError>,
    ) -> Result<Answer, DoorError> {
        let what = self.question(question).phrase();
        let answer = answer
            .map_err(|error| DoorError::new(error.kind, what.clone(), self.text(&error.detail)))?;
        Ok(match (question, answer) {
            (
                Question::File { path, .. } | Question::FilePart { path, .. },
                Answer::Bytes(bytes),
            ) => Answer::Bytes(self.file(real.unwrap_or(path), &bytes)),
            (_, Answer::Path(path)) => Answer::Path(self.path(&path)),
            (Question::Directory { path }, Answer::Entries(entries)) => {
                Answer::Entries(self.entries(real.unwrap_or(path), entries))
            }
            (_, Answer::Output(output)) => Answer::Output(self.output(&output)),
            (Question::Variable { name }, Answer::Text(value)) => match self.variable(name, &value)
            {
                Some(value) => Answer::Text(value),
                None => {
                    return Err(DoorError::new(
                        ErrorKind::NotAsked,
                        what,
                        "it is set, and its value is not in this bundle",
                    ));
                }
            },
            (_, Answer::Json(mut value)) => {
                self.value(&mut value);
                Answer::Json(value)
            }
            (_, Answer::Person(person)) => Answer::Person(PersonIdentity {
                name: person.name.as_deref().map(|name| self.user_name(name)),
                host: person.host.as_deref().map(|host| self.user_name(host)),
                ..person
            }),
            (_, other) => other,
        })
    }
}
