//! Arguments of `apply`.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `apply`.
///
/// Shows the plan, asks, and carries it out. Root is asked for once. Interrupted, killed or restarted, the same command
/// goes on; `deskside undo` takes it back.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  deskside apply                      what this machine's accelerators need
  deskside apply --wish cuda=13.0     with the CUDA toolkit 13.0
  deskside plan --out set-up.json     keep a plan, read it, and
  deskside apply set-up.json          carry out exactly that one
  deskside apply --resume             go on after a restart")]
pub struct Apply {
    /// A plan that `deskside plan --out FILE` kept; a new one is made without it
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// What is wished, as `deskside plan --wish` takes it
    #[arg(long = "wish", value_name = "WISH", conflicts_with_all = ["file", "resume"])]
    pub wishes: Vec<String>,
    /// Go on with the plan that was interrupted or waits for a restart
    #[arg(long, conflicts_with = "file")]
    pub resume: bool,
    /// Don't ask
    #[arg(long, short)]
    pub yes: bool,
    /// For plans of great risk: this machine's name, instead of typing it
    #[arg(long, value_name = "NAME")]
    pub machine_name: Option<String>,
    /// Restart the machine without asking when the plan needs it
    #[arg(long)]
    pub restart: bool,
}
