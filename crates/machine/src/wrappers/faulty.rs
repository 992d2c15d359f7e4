//! A machine that breaks on purpose: the n-th effect fails, or the process dies around it.

use crate::effect::{Durability, Effect, Progress};
use crate::error::{DoorError, ErrorKind};
use crate::launch::{Child, Launch};
use crate::question::{Answer, FileKind, Question};
use crate::supervise::{self, Bell, Gate, Supervision};
use crate::{Command, Conversation, Held, Machine};
use deskside_types::run::ProcessIdentity;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What goes wrong, and when. Locks and launches count as effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// At which effect, the first is 1.
    pub at: usize,
    /// What happens there.
    pub mode: Mode,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The effect fails with this kind, and nothing was done.
    Fail(ErrorKind),
    /// The process dies before the effect.
    DieBefore,
    /// The effect is done and the process dies before it learns of it.
    DieAfter,
    /// The effect is half done and the process dies: a file is half written beside its place, a
    /// download is there in part, a command ran and its answer is lost.
    Half,
}

impl Fault {
    /// Reads `die-before@7`, `die-after@7`, `half@7` or `fail-KIND@7`, where KIND is a kind of
    /// failure such as `full`, `read-only`, `network`. None for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (mode, at) = text.trim().split_once('@')?;
        let at = at.parse().ok().filter(|at| *at > 0)?;
        let mode = match mode {
            "die-before" => Mode::DieBefore,
            "die-after" => Mode::DieAfter,
            "half" => Mode::Half,
            _ => {
                let kind = mode.strip_prefix("fail-")?;
                Mode::Fail(
                    serde_json::from_value(serde_json::Value::String(kind.to_string())).ok()?,
                )
            }
        };
        Some(Self { at, mode })
    }
}

/// How the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// By unwinding with [`Died`], for tests in one process: `std::panic::catch_unwind` catches it.
    Unwind,
    /// By SIGKILL: no destructor runs, no buffer is flushed.
    Kill,
}

/// What a simulated death unwinds with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Died {
    /// At which effect.
    pub at: usize,
    /// What it was.
    pub effect: String,
}

/// A machine that breaks at one effect.
pub struct Faulty {
    inner: Arc<dyn Machine>,
    fault: Option<Fault>,
    death: Death,
    effects: AtomicUsize,
}

impl Faulty {
    /// Breaks at the fault; dies by unwinding.
    pub fn new(inner: Arc<dyn Machine>, fault: Fault) -> Self {
        Self {
            inner,
            fault: Some(fault),
            death: Death::Unwind,
            effects: AtomicUsize::new(0),
        }
    }

    /// Breaks at the fault; dies by SIGKILL. For the real program.
    pub fn killing(inner: Arc<dyn Machine>, fault: Fault) -> Self {
        Self {
            death: Death::Kill,
            ..Self::new(inner, fault)
        }
    }

    /// Never breaks and only counts.
    pub fn counting(inner: Arc<dyn Machine>) -> Self {
        Self {
            inner,
            fault: None,
            death: Death::Unwind,
            effects: AtomicUsize::new(0),
        }
    }

    /// Effects so far, the one that broke included.
    pub fn effects(&self) -> usize {
        self.effects.load(Ordering::SeqCst)
    }

    fn die(&self, effect: &str) -> ! {
        match self.death {
            // Not `panic!`: the panic hook would print a trace for a death that is wanted.
            Death::Unwind => std::panic::resume_unwind(Box::new(Died {
                at: self.effects(),
                effect: effect.to_string(),
            })),
            Death::Kill => {
                let _ = rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::KILL,
                );
                std::process::abort()
            }
        }
    }

    /// Does a call around which things may go wrong.
    fn around<T>(
        &self,
        phrase: &str,
        half: impl FnOnce(),
        call: impl FnOnce() -> Result<T, DoorError>,
    ) -> Result<T, DoorError> {
        let count = self.effects.fetch_add(1, Ordering::SeqCst) + 1;
        let Some(fault) = self.fault.filter(|fault| fault.at == count) else {
            return call();
        };
        match fault.mode {
            Mode::Fail(kind) => Err(DoorError::new(
                kind,
                phrase,
                format!("broken on purpose at effect {count}"),
            )),
            Mode::DieBefore => self.die(phrase),
            Mode::DieAfter => {
                let _ = call();
                self.die(phrase)
            }
            Mode::Half => {
                half();
                self.die(phrase)
            }
        }
    }

    /// Does the first half of an effect, as a process that dies in the middle of it would.
    fn half(&self, effect: &Effect) {
        let act = |effect: Effect| {
            // A half effect that fails is half done, too.
            let _ = self.inner.act(&effect, &mut |_| {});
        };
        match effect {
            Effect::WriteFile {
                path,
                contents,
                mode,
                ..
            } => act(Effect::WriteFile {
                path: half_path(path),
                contents: contents[..contents.len() / 2].to_vec(),
                mode: *mode,
                durability: Durability::Process,
            }),
            Effect::AppendFile {
                path,
                contents,
                durability,
            } => act(Effect::AppendFile {
                path: path.clone(),
                contents: contents[..contents.len() / 2].to_vec(),
                durability: *durability,
            }),
            Effect::CreateDirectory { path } => {
                let missing = |folder: &&Path| {
                    self.inner
                        .ask(&Question::Stat {
                            path: folder.to_path_buf(),
                        })
                        .is_err()
                };
                let first = path.ancestors().take_while(missing).last();
                if let Some(first) = first.filter(|first| *first != path) {
                    act(Effect::CreateDirectory {
                        path: first.to_path_buf(),
                    });
                }
            }
            Effect::RemoveTree { path } => {
                if let Ok(Answer::Entries(entries)) =
                    self.inner.ask(&Question::Directory { path: path.clone() })
                {
                    for entry in &entries[..entries.len().div_ceil(2)] {
                        let path = path.join(&entry.name);
                        act(if entry.kind == FileKind::Directory {
                            Effect::RemoveTree { path }
                        } else {
                            Effect::RemoveFile { path }
                        });
                    }
                }
            }
            Effect::MakeLink { path, target } => act(Effect::MakeLink {
                path: half_path(path),
                target: target.clone(),
            }),
            Effect::Download { path, size, .. } => act(Effect::WriteFile {
                path: half_path(path),
                contents: vec![0; usize::try_from(*size / 2).unwrap_or(0).min(1 << 20)],
                mode: 0o644,
                durability: Durability::Process,
            }),
            Effect::Command(_) | Effect::Sleep { .. } | Effect::Signal { .. } => {
                act(effect.clone())
            }
            // One system call: it is done or not.
            Effect::RemoveFile { .. } | Effect::Rename { .. } => {}
        }
    }
}

/// The name under which a file lies that is not finished.
fn half_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".deskside-0000000000000000");
    path.with_file_name(name)
}

impl Machine for Faulty {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        self.inner.ask(question)
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.around(
            &effect.phrase(),
            || self.half(effect),
            || self.inner.act(effect, watch),
        )
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        let phrase = format!("lock {}", path.display());
        self.around(
            &phrase,
            || drop(self.inner.lock(path, patience)),
            || self.inner.lock(path, patience),
        )
    }

    fn is_here(&self) -> bool {
        self.inner.is_here()
    }

    fn supervision(&self) -> Option<&dyn Supervision> {
        self.inner.supervision().map(|_| self as &dyn Supervision)
    }

    fn watch_device(
        &self,
        question: crate::DeviceQuestion,
        every: Duration,
    ) -> Result<Box<dyn crate::device::Watch>, DoorError> {
        self.inner.watch_device(question, every)
    }

    fn converse(&self, command: &Command) -> Result<Box<dyn Conversation>, DoorError> {
        self.inner.converse(command)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        let program = launch
            .argv
            .first()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        let phrase = format!("start {program}");
        self.around(
            &phrase,
            || drop(self.inner.launch(launch)),
            || self.inner.launch(launch),
        )
    }
}

/// Process control counts as effects, too: what can die around it does.
impl Supervision for Faulty {
    fn become_supervisor(&self) -> Result<(), DoorError> {
        self.control("become a supervisor", |inner| inner.become_supervisor())
    }

    fn is_asked_to_end(&self) -> bool {
        self.inner
            .supervision()
            .is_some_and(Supervision::is_asked_to_end)
    }

    fn prepare(&self, command: &supervise::Command) -> Result<Box<dyn Gate>, DoorError> {
        self.control("prepare a command", |inner| inner.prepare(command))
    }

    fn detach(&self, arguments: &[&str]) -> Result<ProcessIdentity, DoorError> {
        self.control("start this program apart", |inner| inner.detach(arguments))
    }

    fn await_lock(&self, path: &Path) -> Result<Box<dyn Held>, DoorError> {
        self.control("wait for a lock", |inner| inner.await_lock(path))
    }

    fn bell(&self, path: &Path) -> Result<Box<dyn Bell>, DoorError> {
        self.control("hang up a bell", |inner| inner.bell(path))
    }

    fn ring(&self, path: &Path) -> Result<bool, DoorError> {
        self.control("ring a bell", |inner| inner.ring(path))
    }
}

impl Faulty {
    fn control<T>(
        &self,
        phrase: &str,
        call: impl FnOnce(&dyn Supervision) -> Result<T, DoorError>,
    ) -> Result<T, DoorError> {
        let inner = self.inner.supervision();
        self.around(
            phrase,
            || {},
            || match inner {
                Some(inner) => call(inner),
                None => Err(DoorError::new(
                    ErrorKind::Failed,
                    phrase,
                    "this machine has no process control",
                )),
            },
        )
    }
}
