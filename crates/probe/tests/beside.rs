//! The device library is asked beside everything else: while it keeps its caller waiting, the rest is read.
#![allow(clippy::unwrap_used, reason = "tests")]

use deskside_machine::wrappers::Replay;
use deskside_machine::{
    Answer, Child, DoorError, Effect, ErrorKind, Held, Launch, Machine, Progress, Question,
};
use deskside_probe::collect;
use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// A machine whose device library answers only after the space of a disk was measured.
struct Waiting {
    inner: Replay,
    read: Mutex<bool>,
    woken: Condvar,
}

impl Machine for Waiting {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        match question {
            Question::Space { .. } => {
                *self.read.lock().unwrap() = true;
                self.woken.notify_all();
            }
            Question::Device(_) => {
                let read = self.read.lock().unwrap();
                let (read, _) = self
                    .woken
                    .wait_timeout_while(read, Duration::from_secs(10), |read| !*read)
                    .unwrap();
                if !*read {
                    return Err(DoorError::new(
                        ErrorKind::Failed,
                        "ask nvml",
                        "nothing else was read meanwhile",
                    ));
                }
                return Err(DoorError::new(
                    ErrorKind::Timeout,
                    "ask nvml",
                    "no answer in time",
                ));
            }
            _ => {}
        }
        self.inner.ask(question)
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        self.inner.act(effect, watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        self.inner.lock(path, patience)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        self.inner.launch(launch)
    }
}

#[test]
fn a_library_that_does_not_answer_holds_nothing_else_up() {
    let bundle = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/machines/ubuntu-22.04-rtx-4090"
    );
    let machine = Waiting {
        inner: Replay::open(bundle).unwrap(),
        read: Mutex::new(false),
        woken: Condvar::new(),
    };
    let facts = collect(&machine);
    assert_eq!(
        facts.drivers.nvidia.device_library.reason(),
        Some("ask nvml: no answer in time")
    );
    assert_eq!(
        facts.drivers.nvidia.loaded.value().map(String::as_str),
        Some("580.95.05")
    );
    assert_eq!(
        facts.known_gpus()[0].name.value().map(String::as_str),
        Some("NVIDIA GeForce RTX 4090")
    );
    assert_eq!(
        facts.known_gpus()[0].memory.total_bytes.reason(),
        Some("ask nvml: no answer in time")
    );
}
