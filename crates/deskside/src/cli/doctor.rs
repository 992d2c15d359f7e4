//! Arguments of `doctor` and `explain-error`.

use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Carry out the way back of every cause that is proven; shows each plan and asks first. With a command: of what made
    /// it fail, and then the command runs again
    #[arg(long, conflicts_with = "record")]
    pub fix: bool,
    /// With --fix: don't ask where little can go wrong
    #[arg(long, short, requires = "fix")]
    pub yes: bool,
    /// With --fix: only show what would be done
    #[arg(long, visible_alias = "dry-run", requires = "fix")]
    pub plan: bool,
    /// With --fix: restart the machine without asking when a plan needs it
    #[arg(long, requires = "fix")]
    pub restart: bool,
    /// With --fix: this machine's name, in place of typing it where a mend is a deep change
    #[arg(long, value_name = "NAME", requires = "fix")]
    pub machine_name: Option<String>,
    /// Look at what takes longer, too: the boot before, the system's log
    #[arg(long)]
    pub deep: bool,
    /// Read with root what only root may read; asks for your password once
    #[arg(long)]
    pub root: bool,
    /// Keep what was seen as a redacted bundle: a new folder, or a file ending in .tar.zst
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub record: Option<PathBuf>,
    /// With a command: end it when it has not ended after that many seconds; its exit code is 124 then
    #[arg(long, value_name = "SECONDS", requires = "command", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// A command to run; where it fails its failure is explained, and with --fix mended and the command run again. The exit
    /// code is the command's
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

/// Arguments of `explain-error`.
#[derive(Debug, Args)]
pub struct ExplainError {
    /// The log; without it, what is typed or piped in
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// How the command ended, where you know it: its exit code
    #[arg(long, value_name = "CODE", allow_hyphen_values = true)]
    pub exit: Option<i32>,
}
