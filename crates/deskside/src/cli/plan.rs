//! Arguments of `plan`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `plan`.
///
/// Nothing is done: the plan says why, what, with root or not, with a restart or not, and how it is taken back.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  deskside plan                              what this machine's accelerators need
  deskside plan --cuda 13.0                  with the CUDA toolkit 13.0, to compile
  deskside plan --wish rocm                  with ROCm
  deskside plan --wish hold-driver           unattended upgrades kept away from the driver
  deskside plan --wish revert=apt-20261102   another tool's change taken back, as `history` names it
  deskside plan --emit sh > setup.sh         the same as a script to read and run by hand
  deskside plan --machine my.tar.zst         for a recorded machine

A project's deskside.toml may hold the wish: [system] cuda = \"13.0\", rocm = true, driver = \"595-open\".")]
pub struct Plan {
    /// What is wished: driver=595-open, cuda=13.0, rocm, upgrade, wired=49152, hold-driver, release-driver,
    /// clean=driver|cuda|rocm|mlx|all, reinstall=driver|cuda|rocm|all, revert=ID (of `history`)
    #[arg(long = "wish", value_name = "WISH")]
    pub wishes: Vec<String>,
    /// The CUDA toolkit of this version, with its compiler
    #[arg(long, value_name = "VERSION")]
    pub cuda: Option<String>,
    /// The project whose deskside.toml holds the wish; the current folder when none
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub project: Option<PathBuf>,
    /// Print it in another form
    #[arg(long, value_enum, value_name = "FORM")]
    pub emit: Option<Form>,
    /// Keep the plan as a file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Exit with 3 when something would be done
    #[arg(long)]
    pub exit_code: bool,
}

/// A form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A POSIX shell script that does the same without Deskside
    Sh,
}
