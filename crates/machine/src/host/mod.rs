//! The real machine.
//!
//! Making a [`Host`] costs nothing: no thread, no file, no child before the first question.

mod capture;
mod command;
pub mod conversing;
pub(crate) mod deadline;
mod devices;
mod ending;
mod launching;
mod lines;
mod lock;
mod network;
mod person;
mod place;
mod process;
mod programs;
mod read;
mod remove;
mod root;
mod supervising;
mod worker;
mod write;

use crate::effect::{Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::question::{Answer, Moment, Question};
use crate::{Child, Command, Conversation, Held, Launch, Machine, interrupt};
pub use root::Root;

use place::Base;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use worker::{GivenUp, PATIENCE, Workers};

/// The machine this program runs on.
#[derive(Clone, Default)]
pub struct Host {
    workers: Arc<Workers>,
    network: Arc<network::Network>,
    device_program: Option<PathBuf>,
}

impl Host {
    /// The machine this program runs on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Without threads, and so without a deadline for questions about files: for the small processes of the queue, which
    /// look at little but Deskside's own state, and sleep for days.
    pub fn alone() -> Self {
        Self {
            workers: Arc::new(Workers::none()),
            ..Self::default()
        }
    }

    /// With another program that is asked about devices instead of this program's own file. It is
    /// started as `PROGRAM __device NAME` and prints what [`crate::device::answer`] answers.
    #[must_use]
    pub fn with_device_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.device_program = Some(program.into());
        self
    }
}

impl Machine for Host {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        if let Some(answer) = ask_files(&self.workers, &Base::Whole, question) {
            return answer;
        }
        let fail = |error: io::Error| DoorError::from_io(question.phrase(), &error);
        let absent = |detail: &str| DoorError::new(ErrorKind::Absent, question.phrase(), detail);
        match question {
            Question::Command(command) => {
                command::ask(&question.phrase(), command).map(Answer::Output)
            }
            Question::Variable { name } => match variable(name) {
                Some(value) => Ok(Answer::Text(value)),
                None => Err(absent("it is not set")),
            },
            Question::Variables => Ok(Answer::Names(variables())),
            Question::Now => Ok(Answer::Moment(now())),
            Question::Person => Ok(Answer::Person(person::person())),
            Question::WorkingDirectory => std::env::current_dir().map(Answer::Path).map_err(fail),
            Question::Executable => executable().map(Answer::Path).map_err(fail),
            Question::Process { pid } => {
                process::start_time(*pid).map(Answer::Number).map_err(fail)
            }
            Question::Fetch {
                url,
                accept,
                limit,
                deadline,
            } => {
                let what = question.phrase();
                network::fetch(&self.network, &what, url, accept, *limit, *deadline)
                    .map(Answer::Response)
            }
            Question::FetchPart {
                url,
                offset,
                length,
                token,
                deadline,
            } => {
                let what = question.phrase();
                let range = (*offset, *length);
                network::part(&self.network, &what, url, range, token.as_ref(), *deadline)
                    .map(Answer::Part)
            }
            Question::Random => random().map(Answer::Number).map_err(fail),
            Question::Device(device) => {
                devices::ask(&question.phrase(), *device, self.device_program.as_deref())
                    .map(Answer::Json)
            }
            Question::File { .. }
            | Question::FilePart { .. }
            | Question::Link { .. }
            | Question::RealPath { .. }
            | Question::Directory { .. }
            | Question::Stats { .. }
            | Question::Stat { .. }
            | Question::Access { .. }
            | Question::Space { .. } => Err(fail(io::ErrorKind::Unsupported.into())),
        }
    }

    fn ask_all(&self, questions: &[Question]) -> Vec<Result<Answer, DoorError>> {
        if !questions.iter().all(is_about_files) {
            return questions
                .iter()
                .map(|question| self.ask(question))
                .collect();
        }
        let asked = questions.to_vec();
        let answered = self.workers.run(PATIENCE, move || {
            asked
                .iter()
                .map(|question| look(&Base::Whole, question))
                .collect::<Vec<_>>()
        });
        match answered {
            Ok(answers) => answers
                .into_iter()
                .zip(questions)
                .map(|(answer, question)| {
                    answer.map_err(|error| DoorError::from_io(question.phrase(), &error))
                })
                .collect(),
            // One of them hangs, or all are slow: each is given up on by itself.
            Err(_) => questions
                .iter()
                .map(|question| self.ask(question))
                .collect(),
        }
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        if let Some(answer) = act_on_files(&Base::Whole, effect) {
            return answer;
        }
        match effect {
            Effect::Command(command) => {
                command::act(&effect.phrase(), command, watch).map(Answer::Output)
            }
            Effect::Signal {
                pid,
                start_time,
                signal,
            } => {
                process::signal(&effect.phrase(), *pid, *start_time, *signal).map(|()| Answer::Done)
            }
            Effect::Download {
                url,
                path,
                sha256,
                size,
                deadline,
            } => {
                let wanted = network::Download {
                    url,
                    path,
                    sha256,
                    size: *size,
                    deadline: *deadline,
                };
                network::download(
                    &self.network,
                    &Base::Whole,
                    &effect.phrase(),
                    &wanted,
                    watch,
                )
                .map(|()| Answer::Done)
            }
            Effect::Sleep { span } => sleep(effect, *span),
            _ => Err(DoorError::new(
                ErrorKind::Failed,
                effect.phrase(),
                "being written",
            )),
        }
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        lock::lock(&Base::Whole, path, patience)
    }

    fn is_here(&self) -> bool {
        true
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        launching::launch(launch)
    }

    fn converse(&self, command: &Command) -> Result<Box<dyn Conversation>, DoorError> {
        conversing::start(command)
    }

    fn watch_device(
        &self,
        question: crate::DeviceQuestion,
        every: Duration,
    ) -> Result<Box<dyn crate::device::Watch>, DoorError> {
        let what = format!("watch {} every {every:?}", question.name());
        devices::watch(&what, question, every, self.device_program.as_deref())
    }

    fn supervision(&self) -> Option<&dyn crate::supervise::Supervision> {
        Some(self)
    }
}

fn is_about_files(question: &Question) -> bool {
    matches!(
        question,
        Question::File { .. }
            | Question::FilePart { .. }
            | Question::Link { .. }
            | Question::RealPath { .. }
            | Question::Directory { .. }
            | Question::Stats { .. }
            | Question::Stat { .. }
            | Question::Access { .. }
            | Question::Space { .. }
    )
}

/// Answers the questions about files; none for any other.
fn ask_files(
    workers: &Workers,
    base: &Base,
    question: &Question,
) -> Option<Result<Answer, DoorError>> {
    if !is_about_files(question) {
        return None;
    }
    let (base, asked) = (base.clone(), question.clone());
    let answered = workers.run(PATIENCE, move || look(&base, &asked));
    Some(match answered {
        Ok(answer) => answer.map_err(|error| DoorError::from_io(question.phrase(), &error)),
        Err(GivenUp::Timeout) => {
            let detail = format!("no answer within {} s", PATIENCE.as_secs());
            Err(DoorError::new(
                ErrorKind::Timeout,
                question.phrase(),
                detail,
            ))
        }
        Err(GivenUp::NoThread(detail)) => {
            Err(DoorError::new(ErrorKind::Failed, question.phrase(), detail))
        }
    })
}

fn look(base: &Base, question: &Question) -> io::Result<Answer> {
    match question {
        Question::File { path, limit } => read::file(base, path, *limit).map(Answer::Bytes),
        Question::FilePart {
            path,
            offset,
            limit,
        } => read::part(base, path, *offset, *limit).map(Answer::Bytes),
        Question::Link { path } => read::link(base, path).map(Answer::Path),
        Question::RealPath { path } => base.real_path(path).map(Answer::Path),
        Question::Directory { path } => read::directory(base, path).map(Answer::Entries),
        Question::Stats { path } => read::stats(base, path).map(Answer::Stats),
        Question::Stat { path } => read::stat(base, path).map(Answer::Stat),
        Question::Access { path, write } => read::access(base, path, *write).map(Answer::Flag),
        Question::Space { path } => read::space(base, path).map(Answer::Space),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Carries out the effects on files; none for any other.
fn act_on_files(base: &Base, effect: &Effect) -> Option<Result<Answer, DoorError>> {
    let done = match effect {
        Effect::WriteFile {
            path,
            contents,
            mode,
            durability,
        } => write::file(base, path, contents, *mode, *durability),
        Effect::AppendFile {
            path,
            contents,
            durability,
        } => write::append(base, path, contents, *durability),
        Effect::CreateDirectory { path } => base.make_folders(path).map(drop),
        Effect::RemoveFile { path } => write::remove_file(base, path),
        Effect::RemoveTree { path } => remove::tree(base, path),
        Effect::Rename { from, to } => write::rename(base, from, to),
        Effect::MakeLink { path, target } => write::link(base, path, target),
        _ => return None,
    };
    Some(
        done.map(|()| Answer::Done)
            .map_err(|error| DoorError::from_io(effect.phrase(), &error)),
    )
}

fn sleep(effect: &Effect, span: Duration) -> Result<Answer, DoorError> {
    if interrupt::pause(span) {
        return Err(DoorError::new(
            ErrorKind::Interrupted,
            effect.phrase(),
            "interrupted",
        ));
    }
    Ok(Answer::Done)
}

fn variable(name: &str) -> Option<String> {
    Some(std::env::var_os(name)?.to_string_lossy().into_owned())
}

fn variables() -> Vec<String> {
    let mut names: Vec<String> = std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn now() -> Moment {
    let monotonic = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(monotonic.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(monotonic.tv_nsec).unwrap_or(0);
    Moment {
        wall: jiff::Timestamp::now(),
        monotonic: Duration::new(seconds, nanoseconds),
    }
}

/// This program's own file, also when a newer one has taken its place since it was started.
fn executable() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    // How Linux names a file that has no name any more (`proc_pid_exe(5)`).
    match path
        .to_str()
        .and_then(|text| text.strip_suffix(" (deleted)"))
    {
        Some(replaced) if !path.exists() => Ok(replaced.into()),
        _ => Ok(path),
    }
}

/// 64 random bits from the system.
fn random() -> io::Result<u64> {
    let mut bytes = [0_u8; 8];
    // SAFETY: the buffer is as long as said; getentropy(3) takes up to 256 bytes.
    if unsafe { libc::getentropy(bytes.as_mut_ptr().cast(), bytes.len()) } == 0 {
        Ok(u64::from_ne_bytes(bytes))
    } else {
        Err(io::Error::last_os_error())
    }
}
