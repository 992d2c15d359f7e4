//! The shape of what has to do with the queue.

use clap::{Args, Subcommand};
use deskside_app::queue::{Action, Claim, JobOptions, MoveTo, OnOom, Window, span};
use std::path::PathBuf;
use std::time::Duration;

/// What is said of jobs that are queued.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Of a queued job")]
pub struct Options {
    /// Start it after that job ended well
    #[arg(long, value_name = "JOB")]
    pub after: Vec<String>,
    /// Start it after that job ended, well or not
    #[arg(long, value_name = "JOB")]
    pub after_any: Vec<String>,
    /// Not before: 22:00, 2026-11-27T06:00, +2h
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Don't start it in these hours of the day
    #[arg(long, value_name = "HH:MM-HH:MM", value_parser = window)]
    pub not_between: Option<Window>,
    /// A greater number comes first
    #[arg(
        long,
        default_value_t = 0,
        allow_hyphen_values = true,
        value_name = "NUMBER"
    )]
    pub priority: i32,
    /// Start it again when it fails, that often at the most
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub retries: u32,
    /// End it after that: 90s, 45m, 12h, 2d
    #[arg(long, value_name = "SPAN", value_parser = a_span)]
    pub timeout: Option<Duration>,
    /// When it is stopped: how long it may tidy up before it is killed [default: 10s]
    #[arg(long, value_name = "SPAN", value_parser = a_span)]
    pub grace: Option<Duration>,
    /// What becomes of it when the machine is restarted under it
    #[arg(long, default_value = "never", value_parser = ["never", "on-reboot"])]
    pub restart: String,
    /// When it runs out of memory: `retry`, or a changed parameter such as `batch-size/2`
    #[arg(long, value_name = "HOW", value_parser = on_oom)]
    pub on_oom: Option<OnOom>,
    /// Cards it takes
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub gpus: u32,
    /// Memory it takes on each card: 20G
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub vram: Option<u64>,
    /// Others may be on its card. Without --vram it claims what earlier runs of the same command took
    #[arg(long)]
    pub share: bool,
    /// A variable: with a value, or by name with this shell's value, which is kept in memory only
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = variable)]
    pub variables: Vec<(String, Option<String>)>,
    /// Queue it, and let it wait for `queue release`
    #[arg(long)]
    pub hold: bool,
    /// Run it in this folder, with whatever the code is by then
    #[arg(long)]
    pub live: bool,
    /// Who is told of its end: `desktop`, a web address (as ntfy takes it), or a shell command
    #[arg(long, value_name = "WHO")]
    pub notify: Vec<String>,
}

impl Options {
    /// Whether anything was said that only a queued job can have.
    pub fn any(&self) -> bool {
        let said = JobOptions::from(self);
        format!("{said:?}") != format!("{:?}", JobOptions::default())
    }
}

impl From<&Options> for JobOptions {
    fn from(options: &Options) -> Self {
        Self {
            after: options.after.clone(),
            after_any: options.after_any.clone(),
            at: options.at.clone(),
            window: options.not_between,
            priority: options.priority,
            retries: options.retries,
            timeout: options.timeout,
            grace: options.grace,
            restart: options.restart == "on-reboot",
            on_oom: options.on_oom.clone(),
            claim: Claim {
                gpus: options.gpus,
                vram: options.vram.unwrap_or(0),
                share: options.share,
            },
            variables: options.variables.clone(),
            hold: options.hold,
            live: options.live,
            notify: options.notify.clone(),
            ..Self::default()
        }
    }
}

/// Arguments of `queue`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Queue {
    /// What is done; without it the queue is listed
    #[command(subcommand)]
    pub what: Option<What>,
    /// At most that many that wait
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// All that wait
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Those that are over, too
    #[arg(long)]
    pub ended: bool,
}

/// What is done to the queue.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Queue every command of a list: one a line, or one JSON object a line
    #[command(after_help = "Examples:
  deskside queue add --file seeds.txt
  for s in 1 2 3; do echo python train.py --seed $s; done | deskside queue add --file -
  {\"argv\": [\"python\", \"eval.py\"], \"name\": \"eval\", \"after\": [\"train\"], \"gpus\": 1}      a line of JSON")]
    Add(Box<Add>),
    /// Move jobs that wait
    Move(Move),
    /// Keep jobs from starting
    Hold(Jobs),
    /// Let held jobs start
    Release(Jobs),
    /// Take jobs that wait out of the queue
    Remove(Jobs),
    /// Give jobs that wait another priority
    Priority(Priority),
    /// Say or set how many jobs that claim no card run at once
    Slots(Slots),
    /// Show the cards, or say which of them the queue may use, in which order
    Cards(Cards),
    /// Let the queue go on by itself after a restart of the machine
    ///
    /// Without it the queue goes on with the next command that looks at it. On Linux a unit of your own service manager, which is
    /// let run without a login; on macOS an agent of launchd, at your first login. `deskside undo` takes it back.
    AtBoot,
}

/// Arguments of `queue cards`.
#[derive(Debug, Args)]
pub struct Cards {
    /// Places or identities, those to take first in front, or `all`; without them they are only shown
    #[arg(value_name = "CARD", value_delimiter = ',')]
    pub cards: Option<Vec<String>>,
}

/// Arguments of `queue add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The list; `-` is stdin
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    /// A name for all of them
    #[arg(long)]
    pub name: Option<String>,
    /// The group of runs they belong to
    #[arg(long)]
    pub experiment: Option<String>,
    /// A tag
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = super::pair)]
    pub tags: Vec<(String, String)>,
    /// What is said of them
    #[command(flatten)]
    pub options: Options,
}

/// Arguments of `queue move`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("to").required(true))]
pub struct Move {
    /// The jobs
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
    /// Before all others
    #[arg(long, group = "to")]
    pub first: bool,
    /// Behind all others
    #[arg(long, group = "to")]
    pub last: bool,
    /// Before that job, with its priority
    #[arg(long, group = "to", value_name = "JOB")]
    pub before: Option<String>,
    /// Behind that job, with its priority
    #[arg(long, group = "to", value_name = "JOB")]
    pub behind: Option<String>,
}

impl Move {
    /// Where to.
    pub fn action(&self) -> Action {
        Action::Move(match (&self.before, &self.behind) {
            (Some(job), _) => MoveTo::Before(job.clone()),
            (None, Some(job)) => MoveTo::Behind(job.clone()),
            (None, None) if self.last => MoveTo::Last,
            (None, None) => MoveTo::First,
        })
    }
}

/// Jobs.
#[derive(Debug, Args)]
pub struct Jobs {
    /// The jobs: number, identity or name
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
}

/// Arguments of `queue priority`.
#[derive(Debug, Args)]
pub struct Priority {
    /// The priority; a greater one comes first
    #[arg(allow_hyphen_values = true)]
    pub priority: i32,
    /// The jobs
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
}

/// Arguments of `queue slots`.
#[derive(Debug, Args)]
pub struct Slots {
    /// How many; without it they are only said
    pub slots: Option<u32>,
}

/// Arguments of `stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// The jobs: number, identity or name; or a run in the foreground
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
    /// How long they may tidy up before they are killed [default: the job's own, or 10s]
    #[arg(long, value_name = "SPAN", value_parser = a_span)]
    pub grace: Option<Duration>,
}

/// Arguments of `wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// The jobs; all that run and wait when none is named
    #[arg(value_name = "JOB")]
    pub jobs: Vec<String>,
}

/// Arguments of `rerun`.
#[derive(Debug, Args)]
pub struct Rerun {
    /// The job
    #[arg(value_name = "JOB")]
    pub job: String,
    /// In its folder, with whatever the code is by then
    #[arg(long)]
    pub live: bool,
}

fn window(text: &str) -> Result<Window, String> {
    text.parse().map_err(words)
}

pub(super) fn a_span(text: &str) -> Result<Duration, String> {
    span(text).map_err(words)
}

fn on_oom(text: &str) -> Result<OnOom, String> {
    text.parse().map_err(words)
}

fn size(text: &str) -> Result<u64, String> {
    deskside_app::queue::bytes(text).ok_or_else(|| "expected a size such as 20G".to_string())
}

fn variable(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_string())),
        None => (text, None),
    };
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err("expected NAME=VALUE, or a NAME".into());
    }
    Ok((name.to_string(), value))
}

fn words(problem: deskside_types::Problem) -> String {
    let hints = problem.hints.join("; ");
    format!("{}: {hints}", problem.message)
}
