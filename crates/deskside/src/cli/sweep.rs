//! The shape of what has to do with sweeps.

use super::queue::Options;
use clap::{Args, Subcommand};
use deskside_app::queue::JobOptions;
use deskside_app::sweep::{EarlyRequest, SweepRequest};
use std::path::PathBuf;

/// Arguments of `sweep`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Sweep {
    /// What is done to a sweep; without it one is begun
    #[command(subcommand)]
    pub what: Option<What>,
    /// The command as one text with names in braces, and parameters: lr=log:1e-5..1e-2 depth=2,4,8
    #[arg(value_name = "COMMAND|NAME=VALUES")]
    pub words: Vec<String>,
    /// What is sought: minimize:METRIC or maximize:METRIC
    #[arg(long, value_name = "WAY:METRIC")]
    pub goal: Option<String>,
    /// A trial counts by the best value it reported, and not by the last
    #[arg(long)]
    pub by_best: bool,
    /// How trials are chosen [default: grid where all values can be counted and no --trials is said, else random]
    #[arg(long, value_parser = ["grid", "random", "tpe"])]
    pub method: Option<String>,
    /// Trials at the most
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub trials: Option<u64>,
    /// Runs at once [default: as many as the queue has slots or cards]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel: Option<u32>,
    /// Run each trial with so many seeds ({seed} in the command), or with these: 7,11,13
    #[arg(long, value_name = "COUNT|LIST")]
    pub seeds: Option<String>,
    /// A trial by hand, before the others: 'lr=3e-4 depth=4'; what it does not name comes by chance
    #[arg(long, value_name = "VALUES")]
    pub first: Vec<String>,
    /// The seed of the choice itself: the same gives the same trials
    #[arg(long, value_name = "NUMBER")]
    pub random_seed: Option<u64>,
    /// End trials early that will not become good, by what they log
    #[arg(long, value_name = "RULE", value_parser = ["median", "halving", "hyperband"])]
    pub early_stop: Option<String>,
    /// The first step at which a trial is judged [default: 1]
    #[arg(long, value_name = "STEP")]
    pub early_from: Option<i64>,
    /// Of so many one goes on [default: 3]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(2..))]
    pub early_factor: Option<u32>,
    /// The last step of a whole trial
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(i64).range(1..))]
    pub early_most: Option<i64>,
    /// End the sweep when more trials failed [default: when the first three do and none went well]
    #[arg(long, value_name = "COUNT")]
    pub max_failures: Option<u32>,
    /// A variable of each trial: LR={lr}
    #[arg(long, value_name = "NAME=TEXT", value_parser = super::pair)]
    pub set_env: Vec<(String, String)>,
    /// A name for it [default: the script's]
    #[arg(long)]
    pub name: Option<String>,
    /// The group of runs its trials belong to [default: its name]
    #[arg(long)]
    pub experiment: Option<String>,
    /// A tag of each trial
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = super::pair)]
    pub tags: Vec<(String, String)>,
    /// Take command, parameters and options from a TOML file; what is typed wins
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Only show what would be run
    #[arg(long, visible_alias = "dry-run")]
    pub plan: bool,
    /// Don't look on: say its identity and return
    #[arg(long, short)]
    pub detach: bool,
    /// Don't ask, however many trials there are
    #[arg(long, short)]
    pub yes: bool,
    /// What is said of each job
    #[command(flatten)]
    pub options: Options,
    /// The command word by word
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

impl Sweep {
    /// As a use case takes it.
    pub fn request(self) -> SweepRequest {
        SweepRequest {
            words: self.words,
            command: self.command,
            parameters: Vec::new(),
            goal: self.goal,
            by_best: self.by_best,
            method: self.method,
            trials: self.trials,
            parallel: self.parallel,
            seeds: self.seeds,
            first: self.first,
            random_seed: self.random_seed,
            early: EarlyRequest {
                rule: self.early_stop,
                from: self.early_from,
                factor: self.early_factor,
                most: self.early_most,
            },
            max_failures: self.max_failures,
            set_env: self.set_env,
            options: JobOptions {
                name: self.name,
                experiment: self.experiment,
                tags: self.tags.into_iter().collect(),
                ..JobOptions::from(&self.options)
            },
        }
    }

    /// What was not typed is taken from another.
    pub fn or(mut self, other: Self, nothing: &Self) -> Self {
        macro_rules! take {
            ($($($field:ident).+),* $(,)?) => {
                $(if format!("{:?}", self.$($field).+) == format!("{:?}", nothing.$($field).+) {
                    self.$($field).+ = other.$($field).+;
                })*
            };
        }
        take!(
            goal,
            by_best,
            method,
            trials,
            parallel,
            seeds,
            random_seed,
            first,
            early_stop,
            early_from,
            early_factor,
            early_most,
            max_failures,
            set_env,
            name,
            experiment,
            tags,
            detach,
            options.after,
            options.after_any,
            options.at,
            options.not_between,
            options.priority,
            options.retries,
            options.timeout,
            options.grace,
            options.on_oom,
            options.gpus,
            options.vram,
            options.share,
            options.variables,
            options.live,
            options.notify,
        );
        self
    }
}

/// What is done to a sweep.
#[derive(Debug, Subcommand)]
pub enum What {
    /// List sweeps
    List,
    /// Show a sweep: its trials, the best first
    Show(Show),
    /// Stop a sweep, with what runs and waits of it
    Stop(Stop),
    /// Let a sweep go on; what was cut off is tried again
    Resume(Resume),
    /// Say the best trial, and its command
    Best(One),
    /// Print a sweep's trials as CSV, a line a run
    Export(Export),
}

/// A sweep.
#[derive(Debug, Args)]
pub struct One {
    /// The sweep: its identity, a unique part of it, its name, or `latest`
    #[arg(default_value = "latest", value_name = "SWEEP")]
    pub sweep: String,
}

/// Arguments of `sweep show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The sweep: its identity, a unique part of it, its name, or `latest`
    #[arg(default_value = "latest", value_name = "SWEEP")]
    pub sweep: String,
    /// At most that many trials
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// All trials
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

/// Arguments of `sweep stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// The sweep: its identity, a unique part of it, its name, or `latest`
    #[arg(value_name = "SWEEP")]
    pub sweep: String,
    /// Only begin nothing new
    #[arg(long)]
    pub let_running_end: bool,
}

/// Arguments of `sweep resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// The sweep: its identity, a unique part of it, its name, or `latest`
    #[arg(value_name = "SWEEP")]
    pub sweep: String,
    /// With so many trials in all
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub trials: Option<u64>,
}

/// Arguments of `sweep export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The sweep: its identity, a unique part of it, its name, or `latest`
    #[arg(default_value = "latest", value_name = "SWEEP")]
    pub sweep: String,
    /// As CSV, which is the only form beside --json
    #[arg(long)]
    pub csv: bool,
}
