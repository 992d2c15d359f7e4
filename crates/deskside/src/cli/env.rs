//! `deskside env …`: the command line's shape.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `env`.
#[derive(Debug, Args)]
pub struct Env {
    /// What about it
    #[command(subcommand)]
    pub command: EnvCommand,
}

/// Which project, and whether only the plan is wanted.
#[derive(Debug, Clone, Args)]
pub struct Change {
    /// The project's folder; the current one, or the nearest above it, when none
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath, display_order = 800)]
    pub project: Option<PathBuf>,
    /// Only show the plan
    #[arg(long, visible_alias = "dry-run", display_order = 801)]
    pub plan: bool,
    /// With --plan: exit with 3 when something would be done
    #[arg(long, requires = "plan", display_order = 802)]
    pub exit_code: bool,
}

/// Which project.
#[derive(Debug, Clone, Args)]
pub struct Where {
    /// The project's folder; the current one, or the nearest above it, when none
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath, display_order = 800)]
    pub project: Option<PathBuf>,
}

/// The commands of `env`.
#[derive(Debug, Subcommand)]
pub enum EnvCommand {
    /// Explain which build of a framework fits a machine, and why
    #[command(after_help = "Examples:
  deskside env why torch
  deskside env why torch '>=2.9,<2.11'
  deskside env why jax --machine lab-pc.tar.zst
  deskside env why torch --assume 4090
  deskside env why torch --assume 'gpu=RTX 5090,driver=580,os=ubuntu-24.04'")]
    Why(Why),
    /// Make a project of a folder: pyproject.toml, lock file, environment
    #[command(after_help = "Examples:
  deskside env init                             what the folder has decides: pyproject.toml, requirements.txt, environment.yml
  deskside env init --flavour torch             with PyTorch, an extra for each accelerator
  deskside env init --as-of 2023-05             packages as they were then, for an old paper's code")]
    Init(Init),
    /// Add packages to the project
    Add(Add),
    /// Take packages out of the project
    Remove(Remove),
    /// Make the lock file anew from pyproject.toml
    Lock(Lock),
    /// Bring the environment to the lock file, with the build for this machine
    Sync(Sync),
    /// Look for damage and conflicts in the environment
    Check(Check),
    /// List the snapshots of the environment, newest first
    History(Where),
    /// Show what differs between two snapshots, or a snapshot and now
    Diff(Diff),
    /// Bring the environment and its lock file back to an earlier snapshot
    Rollback(Rollback),
    /// Remove the environment and make it again exactly
    Rebuild(Rebuild),
    /// Take a snapshot now
    Snapshot(Snapshot),
    /// Remove old snapshots
    Gc(Gc),
}

/// Arguments of `env why`.
#[derive(Debug, Args)]
pub struct Why {
    /// The framework, or a package that follows its builds: torch, jax, mlx, tensorflow, torchvision, vllm, …
    pub framework: String,
    /// The version wanted, as specifiers
    #[arg(id = "wanted-version", value_name = "VERSION")]
    pub version: Option<String>,
    /// The Python wanted
    #[arg(long, value_name = "VERSION")]
    pub python: Option<String>,
    /// Another machine: `4090`, `2x P100,4090`, `gpu=RTX 4090,driver=580,os=ubuntu-22.04,python=3.12`
    #[arg(long, value_name = "MACHINE")]
    pub assume: Option<String>,
}

/// Arguments of `env init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder; the current one when none
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
    /// The framework to train with; `none` for no framework
    #[arg(long, value_name = "FRAMEWORK", value_parser = ["torch", "jax", "mlx", "tensorflow", "none"])]
    pub flavour: Option<String>,
    /// The file to start from: requirements.txt, environment.yml
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub from: Option<PathBuf>,
    /// The Python, for example 3.12
    #[arg(long, value_name = "VERSION")]
    pub python: Option<String>,
    /// Packages as they were on a day or at the end of a month: 2023-05, 2023-05-17
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Only show the plan
    #[arg(long, visible_alias = "dry-run")]
    pub plan: bool,
    /// With --plan: exit with 3 when something would be done
    #[arg(long, requires = "plan")]
    pub exit_code: bool,
}

/// Arguments of `env add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Requirements: numpy, 'scipy>=1.15', 'jax[cuda13]'
    #[arg(required = true, value_name = "REQUIREMENT")]
    pub requirements: Vec<String>,
    /// The dependency group
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Which project
    #[command(flatten)]
    pub change: Change,
}

/// Arguments of `env remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// Names of packages
    #[arg(required = true, value_name = "PACKAGE")]
    pub packages: Vec<String>,
    /// The dependency group
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Which project
    #[command(flatten)]
    pub change: Change,
}

/// Arguments of `env lock`.
#[derive(Debug, Args)]
pub struct Lock {
    /// Take the newest versions of all packages
    #[arg(long)]
    pub upgrade: bool,
    /// Take the newest version of one package
    #[arg(long, value_name = "PACKAGE")]
    pub upgrade_package: Vec<String>,
    /// Which project
    #[command(flatten)]
    pub change: Change,
}

/// Arguments of `env sync`.
#[derive(Debug, Args)]
pub struct Sync {
    /// Install this extra here from now on: the framework build for this machine (`auto` chooses again), or one of the
    /// project's own
    #[arg(long, value_name = "NAME")]
    pub extra: Vec<String>,
    /// Install this dependency group here from now on
    #[arg(long, value_name = "NAME")]
    pub group: Vec<String>,
    /// Install this extra here no longer
    #[arg(long, value_name = "NAME")]
    pub no_extra: Vec<String>,
    /// Install this dependency group here no longer
    #[arg(long, value_name = "NAME")]
    pub no_group: Vec<String>,
    /// Which project
    #[command(flatten)]
    pub change: Change,
}

/// Arguments of `env check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Import the packages and run a kernel on each device, too
    #[arg(long)]
    pub deep: bool,
    /// Compare the contents of every file, not only their sizes
    #[arg(long)]
    pub hashes: bool,
    /// Which project
    #[command(flatten)]
    pub place: Where,
}

/// Arguments of `env diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The earlier snapshot: a number of steps back, or an identity
    #[arg(default_value = "1")]
    pub from: String,
    /// The later one; the environment as it is now when none
    pub to: Option<String>,
    /// Which project
    #[command(flatten)]
    pub place: Where,
}

/// Arguments of `env rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The snapshot: a number of steps back, or an identity
    #[arg(default_value = "1", value_name = "SNAPSHOT")]
    pub to: String,
    /// Which project
    #[command(flatten)]
    pub change: Change,
}

/// Arguments of `env rebuild`.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// Which project
    #[command(flatten)]
    pub change: Change,
}

/// Arguments of `env snapshot`.
#[derive(Debug, Args)]
pub struct Snapshot {
    /// Keep the wheels too, so that it restores without an index
    #[arg(long)]
    pub full: bool,
    /// Which project
    #[command(flatten)]
    pub place: Where,
}

/// Arguments of `env gc`.
#[derive(Debug, Args)]
pub struct Gc {
    /// Keep the newest that many, and all full ones
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: u32,
    /// Remove full snapshots too
    #[arg(long)]
    pub full: bool,
    /// Only show what would go
    #[arg(long, visible_alias = "dry-run")]
    pub plan: bool,
    /// Don't ask
    #[arg(long, short)]
    pub yes: bool,
    /// Which project
    #[command(flatten)]
    pub place: Where,
}

/// Arguments of `notebook`.
#[derive(Debug, Args)]
pub struct Notebook {
    /// Only write the kernel specification, so that Jupyter and VS Code list the environment
    #[arg(long)]
    pub kernel_only: bool,
    /// The port; a free one when none
    #[arg(long)]
    pub port: Option<u16>,
    /// Don't open a browser
    #[arg(long)]
    pub no_browser: bool,
    /// Which project
    #[command(flatten)]
    pub place: Where,
}
