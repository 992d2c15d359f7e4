//! Keeping the machine from suspending while jobs run.
//!
//! The system's own program holds it awake (`systemd-inhibit(1)`, `caffeinate(8)`) as long as the `cat` under it lives, and that
//! ends when this process goes in whatever way: its input is a pipe of ours. Where there is no such program, or no logind that
//! it could ask, nothing is held, and nobody is troubled with it.

use deskside_machine::{Command, Conversation, Machine};

/// The programs, one a system.
const LINUX: &[&str] = &[
    "systemd-inhibit",
    "--what=sleep:handle-lid-switch",
    "--who=deskside",
    "--why=jobs run",
    "--mode=block",
    "cat",
];
const MACOS: &[&str] = &["caffeinate", "-i", "cat"];

/// What keeps the machine awake, while something runs.
#[derive(Default)]
pub(crate) struct Awake {
    held: Option<Box<dyn Conversation>>,
}

impl Awake {
    /// Holds it awake, or lets it go.
    pub fn set(&mut self, machine: &dyn Machine, jobs_run: bool) {
        if !jobs_run {
            self.held = None;
        } else if self.held.is_none() {
            let words = if cfg!(target_os = "macos") {
                MACOS
            } else {
                LINUX
            };
            self.held = machine.converse(&Command::new(words.iter().copied())).ok();
        }
    }
}
