//! A simulated machine: files, environment, clock, processes, commands, network, boots; all in memory.
//!
//! It is not a model of a package manager or a kernel. Its effects do what the real machine's do,
//! which the conformance suite checks on both.

mod effects;
mod files;
mod handlers;
mod linux;
mod network;
mod processes;
mod questions;
mod state;

pub use files::{Content, SimNode};
pub use handlers::{SimLaunched, output};
pub use network::SimResponse;
pub use processes::SimProcess;
pub use state::SimState;

use deskside_machine::{
    Answer, Child, DoorError, Effect, Held, Launch, Machine, Progress, Question,
};
use handlers::Handlers;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A simulated machine. A clone is the same machine, as two processes on one machine share it.
#[derive(Clone)]
pub struct Sim {
    state: Arc<Mutex<SimState>>,
    handlers: Arc<Handlers>,
}

impl Default for Sim {
    fn default() -> Self {
        Self::empty()
    }
}

impl Sim {
    /// A machine with nothing but `/`, an empty environment, and an ordinary person.
    pub fn empty() -> Self {
        Self {
            state: Arc::new(Mutex::new(SimState::new())),
            handlers: Arc::new(Handlers::default()),
        }
    }

    /// A small Ubuntu 22.04 without a GPU: `/etc`, `/proc`, `/home/user`, PATH and HOME.
    pub fn linux() -> Self {
        let sim = Self::empty();
        linux::furnish(&mut sim.state());
        sim
    }

    /// As a machine that can be shared and wrapped.
    pub fn shared(&self) -> Arc<dyn Machine> {
        Arc::new(self.clone())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, SimState> {
        // A simulated death unwinds through here; the state is whole at every unlock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at or changes anything of the machine.
    pub fn change<T>(&self, change: impl FnOnce(&mut SimState) -> T) -> T {
        change(&mut self.state())
    }

    /// The whole machine as it is now; locks are not part of it.
    pub fn snapshot(&self) -> SimState {
        self.state().clone()
    }

    /// The machine as it was.
    pub fn restore(&self, snapshot: SimState) {
        *self.state() = snapshot;
    }

    /// Puts a file there, owned by root below `/` and by the person below the home; makes the folders above it.
    pub fn put_file(&self, path: impl AsRef<Path>, contents: impl Into<Vec<u8>>) -> &Self {
        self.state().put_file(path, contents);
        self
    }

    /// Puts a file there that can be executed.
    pub fn put_program(&self, path: impl AsRef<Path>, contents: impl Into<Vec<u8>>) -> &Self {
        self.state().put_file(&path, contents).set_mode(path, 0o755);
        self
    }

    /// Puts a folder there.
    pub fn put_directory(&self, path: impl AsRef<Path>) -> &Self {
        self.state().put_directory(path);
        self
    }

    /// Puts a symbolic link there.
    pub fn put_link(&self, path: impl AsRef<Path>, target: impl AsRef<Path>) -> &Self {
        self.state().put_link(path, target);
        self
    }

    /// Puts a device node there.
    pub fn put_device(&self, path: impl AsRef<Path>, mode: u32, uid: u32, gid: u32) -> &Self {
        self.state().put_device(path, mode, uid, gid);
        self
    }

    /// Sets permission bits.
    pub fn set_mode(&self, path: impl AsRef<Path>, mode: u32) -> &Self {
        self.state().set_mode(path, mode);
        self
    }

    /// Sets an environment variable.
    pub fn set_variable(&self, name: impl Into<String>, value: impl Into<String>) -> &Self {
        self.state().variables.insert(name.into(), value.into());
        self
    }

    /// Unsets an environment variable.
    pub fn unset_variable(&self, name: &str) -> &Self {
        self.state().variables.remove(name);
        self
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, span: Duration) -> &Self {
        self.state().advance(span);
        self
    }

    /// Starts the machine anew: another boot, no process, no lock, `/tmp` and `/run` empty.
    pub fn reboot(&self) -> &Self {
        self.state().reboot();
        self
    }

    /// The files as text, one line each, for snapshot tests.
    pub fn tree(&self) -> String {
        self.state().tree(Path::new("/"))
    }

    /// The files below a folder as text.
    pub fn tree_of(&self, folder: impl AsRef<Path>) -> String {
        self.state().tree(folder.as_ref())
    }
}

impl Machine for Sim {
    fn ask(&self, question: &Question) -> Result<Answer, DoorError> {
        if let Question::Command(command) = question {
            return self.run(command, question.phrase(), &mut |_| {});
        }
        self.state().ask(question)
    }

    fn act(
        &self,
        effect: &Effect,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Answer, DoorError> {
        if let Effect::Command(command) = effect {
            return self.run(command, effect.phrase(), watch);
        }
        self.state().act(effect, watch)
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Held>, DoorError> {
        processes::lock(self, path, patience)
    }

    fn launch(&self, launch: &Launch) -> Result<Box<dyn Child>, DoorError> {
        handlers::launch(self, launch)
    }
}
