//! The command line's shape. What a command does stands in `commands/`.

pub mod apply;
pub mod choose;
pub mod clean;
pub mod cost;
pub mod doctor;
pub mod env;
pub mod fit;
pub mod offers;
pub mod plan;
pub mod queue;
pub mod quick;
pub mod sweep;
pub mod watch;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// One binary that turns one person's machine into a machine-learning research platform.
#[derive(Debug, Parser)]
#[command(
    name = "deskside",
    version,
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:
  deskside up                         from this machine as it is to a first trained model
  deskside info                       what this machine is
  deskside doctor                     what is broken, and the way back
  deskside run -- python train.py     run something, tracked
  deskside show latest                what came of it

Every answer is also JSON with --json. Error codes: `deskside explain DS0103`."
)]
pub struct Cli {
    /// What all commands take.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What all commands take.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Answer in JSON
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN", display_order = 901)]
    pub color: Colour,
    /// Only the answer and errors
    #[arg(long, short, global = true, display_order = 902)]
    pub quiet: bool,
    /// More detail
    #[arg(long, short, global = true, display_order = 903)]
    pub verbose: bool,
    /// Answer from a recorded machine: an evidence bundle (only commands that change nothing)
    #[arg(long, global = true, value_name = "BUNDLE", value_hint = clap::ValueHint::AnyPath, display_order = 899)]
    pub machine: Option<PathBuf>,
    /// No moving progress
    #[arg(long, global = true, display_order = 904)]
    pub no_progress: bool,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal that takes it
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set this machine up for a project and train: from nothing to a result
    ///
    /// Looks at the machine, shows a plan, makes the project's Python environment with the framework build that fits the
    /// accelerator, and runs the project's training. Without PROJECT it makes a small first project of its own. A driver that
    /// lacks is installed first, after asking, and where that needs a restart all goes on by itself afterwards. A plan of
    /// steps that need no root asks nothing. Called again it finds what is satisfied and goes straight to training.
    #[command(after_help = "Examples:
  deskside up                      a first project in ~/deskside
  deskside up --flavour jax        the same with JAX
  deskside up ~/work/resnet        a project of yours
  deskside up --plan               only show what would be done")]
    Up(Up),
    /// Show what this machine is: system, accelerators, drivers, Python
    #[command(after_help = "Examples:
  deskside info
  deskside info --record my-machine.tar.zst     keep it as a redacted evidence bundle
  deskside info --machine my-machine.tar.zst    look at a recorded machine")]
    Info(Info),
    /// Name what is broken, the cause, and the way back
    ///
    /// Looks at the machine and at the current project's environment, and judges every known breakage by its proof, not by the
    /// words of an error. One line a layer; under it each root cause with what proves it, what follows from it, and the
    /// command that mends it. Changes nothing without --fix.
    #[command(after_help = "Examples:
  deskside doctor                          how is this machine?
  deskside doctor -- python train.py       run it; where it fails, say why
  deskside doctor --fix                    mend what is proven; each plan is shown first
  deskside doctor --record report.tar.zst  a redacted bundle for a bug report
  deskside doctor --machine report.tar.zst the same, from the bundle

Exit code: 1 when something does not work, 0 else; after `--` the command's own.")]
    Doctor(doctor::Doctor),
    /// Explain an error from its log: the cause, where it is on this machine
    #[command(
        name = "explain-error",
        after_help = "Examples:
  python train.py 2>&1 | deskside explain-error
  deskside explain-error train.log

Exit code: 0 when a cause was found, 1 when none is known."
    )]
    ExplainError(doctor::ExplainError),
    /// Plan drivers, toolkits and access: what would be done to the system, step by step
    Plan(plan::Plan),
    /// Carry out a plan of drivers, toolkits and access, with root where it is needed
    Apply(apply::Apply),
    /// Take a driver or toolkits away, with all that lies beside their packages
    Clean(clean::Clean),
    /// Take a driver or a toolkit away and bring it back, in one plan
    Reinstall(clean::Reinstall),
    /// Environments of projects: made, locked, checked, rolled back
    Env(env::Env),
    /// Start JupyterLab on a project's environment, on this machine only
    #[command(after_help = "Examples:
  deskside notebook                   JupyterLab on the project in this folder
  deskside notebook --kernel-only     only let Jupyter and VS Code list the environment")]
    Notebook(env::Notebook),
    /// Say whether a model fits, how fast it would be, and what would make it fit
    ///
    /// Memory is a sum of named terms with an interval that nine of ten measurements lie in. A verdict is given for this
    /// machine and for other accelerators. Only headers of files are read, nothing is fetched.
    #[command(after_help = "Examples:
  deskside fit ~/models/Llama-3.1-8B              a folder: weights counted in its headers
  deskside fit model-Q4_K_M.gguf --context 32768
  deskside fit Qwen/Qwen2.5-7B --train qlora --batch 2 --context 2048
  deskside fit 70b --format nf4 --on 'RTX 5090' --gpus 2
  deskside fit 8B --tokens 1e6                    and time and energy of a job
  deskside fit --table measured.csv --json        predict every row of your own measurements")]
    Fit(Box<fit::Fit>),
    /// Say what it costs: buy or rent, keep or sell, this job here or rented; and what runs took
    ///
    /// Three questions that are never mixed. Each input is given, measured from your runs, from a dated table, or assumed, and
    /// the answer says which; it has a low and a high case, the break-even in busy hours a day, and what would turn the
    /// verdict. Without a question it adds up what the runs of the last 30 days took.
    #[command(after_help = "Examples:
  deskside cost buy --gpu 'RTX 4090' --price 3200 --country DE --currency EUR
  deskside cost keep --sells-for 700..1000        this machine: what was paid counts for nothing
  deskside cost job --job-hours 12 --rent-gpu H100 --work training
  deskside cost --scenario mine.toml --json       a question with all its inputs in a file
  deskside cost buy --gpu 'RTX 5090' --emit toml  the scenario, to keep, change and run again
  deskside cost --since 30d                       what the runs took

What you pay for power, once for all: `[electricity]` and `per_kwh = 0.30` in ~/.config/deskside/cost.toml.")]
    Cost(Box<cost::Cost>),
    /// Which platform for what you do: a PC with this or that card, a Mac, or a rented GPU
    ///
    /// Compares platforms for your models, methods, hours, budget and code: whether the work fits, how fast it is by estimate,
    /// what it costs a month, what of your code would not run there. Recommends one, and says what would turn that. Offline.
    #[command(after_help = "Examples:
  deskside choose --model Llama-3.1-8B --method inference --method qlora --hours 15
  deskside choose --model 70B --format Q4_K_M --hours 5 --budget 4000 --country DE
  deskside choose --model 8B --method lora --project . --silent     what your code rests on, from its files
  deskside choose --scenario mine.toml --why rtx-3090-used          each cell of one platform with its reason
  deskside choose                                                   asks, one question after another

On a terminal it asks for what nothing says; each question has an option.")]
    Choose(Box<choose::Choose>),
    /// What rented accelerators cost, how old that is; bring it up to date, or add a price of your own
    #[command(after_help = "Examples:
  deskside offers --gpu 'RTX 4090'
  deskside offers refresh --plan                 what public catalogues would change
  deskside offers refresh                        take it; odd rows are refused, what was before is kept
  deskside offers undo
  deskside offers add --gpu 'RTX 4090' --provider 'my university' --price 0.25")]
    Offers(offers::Offers),
    /// Run a command, tracked
    ///
    /// The command's output, exit code and signals are passed through. Its folder keeps what was run, on which code, with
    /// which parameters and environment, its log and its metrics.
    #[command(after_help = "Examples:
  deskside run -- python train.py --lr 3e-4
  deskside run --name baseline --tag paper=v2 -- ./train.sh
  deskside run --queue --gpus 1 -- python train.py     start it when a card is free, survive logout
  deskside run --queue --after 12 --retries 2 -- python eval.py

Exit code: the command's own; 125, 126, 127 when it could not be run (as env and timeout do).")]
    Run(Box<Run>),
    /// Show the queue, and what is done to jobs that wait
    ///
    /// Jobs are queued with `deskside run --queue -- COMMAND`. No service has to run: each job has a small process of its own
    /// that watches it and starts the next.
    #[command(after_help = "Examples:
  deskside queue                       what runs and what waits
  deskside queue move 17 --first
  deskside queue hold 17 18            keep them from starting
  deskside queue slots 2               two jobs without cards at once
  deskside queue add --file seeds.txt  ten thousand at once")]
    Queue(Box<queue::Queue>),
    /// Show what runs now
    Ps,
    /// Stop jobs, with everything they started
    #[command(
        after_help = "A job that runs is asked to end (SIGTERM) and killed after a grace, with its whole tree of processes. A job
that waits is taken out of the queue."
    )]
    Stop(queue::Stop),
    /// Wait until jobs are over
    #[command(
        after_help = "Exit code: of one job its own; of several 0 when all ended well, else 1."
    )]
    Wait(queue::Wait),
    /// Let running jobs stand still; they keep their memory
    Pause(queue::Jobs),
    /// Let paused jobs go on
    Resume(queue::Jobs),
    /// Queue a job once more, with the code and the environment it had
    Rerun(queue::Rerun),
    /// Watch this machine in the terminal: cards, runs, the queue, the log of one
    #[command(after_help = "Examples:
  deskside top
  deskside top --once              one frame as text, for scripts
  deskside top --json              what a frame is drawn from

Keys: arrows choose, Enter opens, s stops, h holds or releases, + and - move, ? helps, q ends.")]
    Top(watch::Top),
    /// Say how busy this machine really was: on, held by runs, computing
    #[command(after_help = "Examples:
  deskside usage                   the last 30 days
  deskside usage --since 7d
  deskside sampler on              so that hours without runs are known, too")]
    Usage(watch::Usage),
    /// Keep a history of the machine: a small service of yours that looks every ten seconds
    #[command(after_help = "Examples:
  deskside sampler on              systemd's user manager, or launchd, starts it
  deskside sampler run             keep it in this terminal instead
  deskside sampler off             its history stays")]
    Sampler(watch::Sampler),
    /// Say what fills the disk, whether it can be had again, and what frees it
    #[command(after_help = "Examples:
  deskside space                                what takes how much
  deskside space keep --last 3 --plan           old checkpoints of runs, dry
  deskside space gc                             empty the trash")]
    Space(watch::Space),
    /// Run a command many times with other values, towards a goal
    ///
    /// `{name}` in the command stands for a parameter's value and stays one argument, whatever it holds. Trials are jobs of the
    /// queue: they go on when this terminal is closed, and nothing that dies loses any. With --goal the metric is what the
    /// training logs by `deskside.log`.
    #[command(after_help = "Examples:
  deskside sweep 'python train.py --lr {lr} --depth {depth}' lr=1e-4,1e-3 depth=2,4,8
  deskside sweep 'python train.py --lr {lr}' lr=log:1e-5..1e-2 --trials 40 --goal minimize:val/loss
  deskside sweep 'python train.py --lr {lr}' lr=log:1e-5..1e-2 --trials 40 --goal minimize:val/loss --method tpe --early-stop median
  deskside sweep --file sweep.toml --plan
  deskside sweep show                  the newest: its trials, the best first
  deskside sweep best                  the command of its best trial

Parameters: a list 2,4,8 · int:1..64 · 0.1..0.9 · log:1e-5..1e-2 · pow2:8..512 · log:1e-5..1e-2/4 (four of them).")]
    Sweep(Box<sweep::Sweep>),
    /// List runs
    Runs(Runs),
    /// Show one run: its state, params, metrics with their curves
    Show(Show),
    /// Print a run's log
    Logs(Logs),
    /// Build the index of runs anew from their folders
    Reindex,
    /// List what Deskside did to this machine, and what others did to its drivers and toolkits
    History,
    /// Take back what was done
    #[command(after_help = "Examples:
  deskside undo                    the newest operation that stands; asks first
  deskside undo --plan             only show what would go
  deskside undo --yes 20261125-150102-k7mq")]
    Undo(Undo),
    /// Explain an error code, or a change that `history` lists
    Explain(Explain),
    /// Print a completion script
    Completions(Completions),
    /// Write generated pages (for the project's own documentation)
    #[command(name = "__generate", hide = true)]
    Generate(Generate),
}

/// Arguments of `up`.
#[derive(Debug, Args)]
pub struct Up {
    /// The project's folder; without it a first project is made
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub project: Option<PathBuf>,
    /// The flavour: the framework to train with
    #[arg(long, value_enum, value_name = "FRAMEWORK")]
    pub flavour: Option<Flavour>,
    /// Only show the plan
    #[arg(long, visible_alias = "dry-run")]
    pub plan: bool,
    /// With --plan: exit with 3 when something would be done
    #[arg(long, requires = "plan")]
    pub exit_code: bool,
    /// Set everything up, but don't train
    #[arg(long)]
    pub no_train: bool,
    /// Don't ask before drivers are installed
    #[arg(long, short)]
    pub yes: bool,
    /// Restart the machine without asking when a driver needs it; everything goes on afterwards
    #[arg(long)]
    pub restart: bool,
    /// Further arguments for the training command
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<OsString>,
}

/// A framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Flavour {
    /// PyTorch: CUDA, ROCm, Apple's MPS, or CPU
    Torch,
    /// JAX: CUDA or CPU
    Jax,
    /// MLX: Apple silicon, or a Linux CPU
    Mlx,
}

/// Arguments of `info`.
#[derive(Debug, Args)]
pub struct Info {
    /// Keep what was seen as a redacted bundle: a new folder, or a file ending in .tar.zst
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub record: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// A name for it
    #[arg(long)]
    pub name: Option<String>,
    /// The group of runs it belongs to
    #[arg(long)]
    pub experiment: Option<String>,
    /// A param beside those read from the command line
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// A tag
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = pair)]
    pub tags: Vec<(String, String)>,
    /// Queue it: it starts when its turn comes, and goes on when this terminal is closed
    #[arg(long)]
    pub queue: bool,
    /// How often what it takes is measured [default: 1s]
    #[arg(long, value_name = "SPAN", value_parser = queue::a_span)]
    pub sample: Option<std::time::Duration>,
    /// Don't measure what it takes
    #[arg(long, conflicts_with = "sample")]
    pub no_sample: bool,
    /// What is said of a queued job
    #[command(flatten)]
    pub options: queue::Options,
    /// The command and its arguments; `--` before it is good manners and not needed
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

impl Run {
    /// Milliseconds between two samples; 0 for none.
    pub fn sample_ms(&self) -> Option<u64> {
        let span = self
            .sample
            .map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        if self.no_sample { Some(0) } else { span }
    }
}

/// Arguments of `runs`.
#[derive(Debug, Args)]
pub struct Runs {
    /// Only runs of this experiment
    #[arg(long)]
    pub experiment: Option<String>,
    /// Only runs in this state
    #[arg(long, value_parser = ["queued", "starting", "running", "finished", "stopped", "failed", "interrupted", "exit-unknown"])]
    pub state: Option<String>,
    /// Only runs whose name, identity or command holds this text
    #[arg(long, value_name = "TEXT")]
    pub matching: Option<String>,
    /// At most that many, newest first
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The run: its identity or a unique part of it, its name, a job's number, or `latest`
    #[arg(default_value = "latest")]
    pub run: String,
    /// Only how its code differed from its commit
    #[arg(long)]
    pub diff: bool,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The run, or a job's number
    #[arg(default_value = "latest")]
    pub run: String,
    /// Go on until the run ends
    #[arg(long, short)]
    pub follow: bool,
    /// Only the last lines
    #[arg(long, short = 'n', value_name = "COUNT")]
    pub lines: Option<usize>,
}

/// Arguments of `undo`.
#[derive(Debug, Args)]
pub struct Undo {
    /// The operation, as `history` names it; without it the newest that stands
    pub operation: Option<String>,
    /// Only show what would be taken back
    #[arg(long, visible_alias = "dry-run")]
    pub plan: bool,
    /// Don't ask
    #[arg(long, short)]
    pub yes: bool,
    /// This machine's name, instead of typing it, where another tool's change of a driver is taken back
    #[arg(long, value_name = "NAME")]
    pub machine_name: Option<String>,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, or the name of a change
    #[arg(required_unless_present = "all", value_name = "CODE|ID")]
    pub code: Option<String>,
    /// Every code
    #[arg(long, conflicts_with = "code")]
    pub all: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `__generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// Which
    #[command(subcommand)]
    pub what: Generated,
}

/// Generated pages.
#[derive(Debug, Subcommand)]
pub enum Generated {
    /// The command reference
    Commands,
    /// The error codes
    Errors,
    /// The environment variables
    Variables,
    /// The JSON schemas of all answers
    Schemas,
    /// Manual pages into a folder
    Man {
        /// The folder
        folder: PathBuf,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_string(), value.to_string()))
        }
        _ => Err("expected NAME=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
