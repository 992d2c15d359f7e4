//! `deskside usage`, `sampler`, `top`, `space`: the command line's shape.

use clap::{Args, Subcommand};
use deskside_app::queue::span;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `usage`.
#[derive(Debug, Args)]
pub struct Usage {
    /// From when on: 30d, 12h, 2w, or a day
    #[arg(long, default_value = "30d", value_name = "SPAN")]
    pub since: String,
}

/// Arguments of `sampler`.
#[derive(Debug, Args)]
pub struct Sampler {
    /// What is done
    #[command(subcommand)]
    pub what: SamplerWhat,
}

/// What is done to the machine's sampler.
#[derive(Debug, Subcommand)]
pub enum SamplerWhat {
    /// Switch it on: your service manager starts it, now and with every session
    On(Planned),
    /// Switch it off; the history stays
    Off(Planned),
    /// Say whether it runs, and what it has
    Status,
    /// Sample the machine in this terminal, until Ctrl-C
    Run,
}

/// Whether something is only shown.
#[derive(Debug, Args)]
pub struct Planned {
    /// Only show what would be done
    #[arg(long, visible_alias = "dry-run")]
    pub plan: bool,
}

/// Arguments of `top`.
#[derive(Debug, Args)]
pub struct Top {
    /// Print one frame as text, and end
    #[arg(long)]
    pub once: bool,
    /// How often it is drawn anew
    #[arg(long, default_value = "1s", value_name = "SPAN", value_parser = a_span)]
    pub every: Duration,
}

/// Arguments of `space`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Space {
    /// What is done; without it is only shown what takes the space
    #[command(subcommand)]
    pub what: Option<SpaceWhat>,
    /// Projects to look into beside the ones that are known
    #[arg(value_name = "PROJECT", value_hint = clap::ValueHint::DirPath)]
    pub projects: Vec<PathBuf>,
}

/// What is done about space.
#[derive(Debug, Subcommand)]
pub enum SpaceWhat {
    /// Keep some checkpoints of runs, and move the others into the trash; undo brings them back
    #[command(after_help = "Examples:
  deskside space keep --last 3 --plan                    what would go
  deskside space keep --best 2 --metric eval/loss        the two best of each run, and the newest
  deskside space keep --newer-than 14d baseline          of one run, by age

A run that goes on is left alone, and the newest checkpoint of a run always stays. Space is free when the trash is
emptied: `deskside space gc`.")]
    Keep(Keep),
    /// Empty the trash: what was moved there can't come back then
    Gc(SpaceGc),
}

/// Arguments of `space keep`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("policy").required(true).multiple(true).args(["last", "best", "newer_than"]))]
pub struct Keep {
    /// Runs; all that are over when none is named
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
    /// The newest, that many of each run
    #[arg(long, value_name = "COUNT")]
    pub last: Option<usize>,
    /// The best by a metric, that many of each run
    #[arg(long, value_name = "COUNT", requires = "metric")]
    pub best: Option<usize>,
    /// The metric, as the run logged it
    #[arg(long, value_name = "NAME", requires = "best")]
    pub metric: Option<String>,
    /// A greater value is better; without it a smaller one
    #[arg(long, requires = "metric")]
    pub maximize: bool,
    /// Those that are newer than that
    #[arg(long, value_name = "SPAN", value_parser = a_span)]
    pub newer_than: Option<Duration>,
    /// Only show what would go
    #[arg(long, visible_alias = "dry-run")]
    pub plan: bool,
    /// Don't ask
    #[arg(long, short)]
    pub yes: bool,
}

/// Arguments of `space gc`.
#[derive(Debug, Args)]
pub struct SpaceGc {
    /// Only what was moved there longer ago than that
    #[arg(long, value_name = "SPAN", value_parser = a_span)]
    pub older_than: Option<Duration>,
    /// Only show what would go
    #[arg(long, visible_alias = "dry-run")]
    pub plan: bool,
    /// Don't ask
    #[arg(long, short)]
    pub yes: bool,
}

fn a_span(text: &str) -> Result<Duration, String> {
    span(text).map_err(|problem| format!("{}: {}", problem.message, problem.hints.join("; ")))
}
