//! What a person asks for, made into what a sweep is.

use crate::Context;
use crate::queue::{JobOptions, new_job};
use deskside_machine::Reading;
use deskside_runs::queue::{Queue, Surroundings};
use deskside_runs::sweep::early::{Early, Rule};
use deskside_runs::sweep::{
    Definition, Goal, Method, Parameter, Point, VERSION, is_name, size, sweeps, template,
};
use deskside_runs::{run_name, shown_command};
use deskside_track::secrets::shown_named;
use deskside_types::run::RunId;
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeSet;

/// A sweep of more runs is asked about.
pub const MANY: u64 = 10_000;

/// A sweep as a person asks for it.
#[derive(Debug, Clone, Default)]
pub struct SweepRequest {
    /// The command as one text, and parameters as `NAME=VALUES`, in any order.
    pub words: Vec<String>,
    /// The command word by word; then `words` are parameters only.
    pub command: Vec<String>,
    /// Parameters that were read from a file.
    pub parameters: Vec<Parameter>,
    /// `minimize:val/loss`, `maximize:accuracy`.
    pub goal: Option<String>,
    /// A trial counts by its best value.
    pub by_best: bool,
    /// `grid`, `random`, `tpe`.
    pub method: Option<String>,
    /// Trials at the most.
    pub trials: Option<u64>,
    /// Runs at once.
    pub parallel: Option<u32>,
    /// `3`: the seeds 0, 1, 2; or a list.
    pub seeds: Option<String>,
    /// The first trials, by hand: `lr=3e-4 depth=4`.
    pub first: Vec<String>,
    /// From which chance comes.
    pub random_seed: Option<u64>,
    /// How trials are ended early.
    pub early: EarlyRequest,
    /// After so many failed trials it ends.
    pub max_failures: Option<u32>,
    /// Variables, with names in braces.
    pub set_env: Vec<(String, String)>,
    /// What is said of every job.
    pub options: JobOptions,
}

/// How trials are to be ended early.
#[derive(Debug, Clone, Default)]
pub struct EarlyRequest {
    /// `median`, `halving`, `hyperband`.
    pub rule: Option<String>,
    /// The first step at which a trial is judged.
    pub from: Option<i64>,
    /// Of so many one goes on.
    pub factor: Option<u32>,
    /// The last step of a whole trial.
    pub most: Option<i64>,
}

impl SweepRequest {
    /// What the sweep is, with surroundings still to be filled in.
    ///
    /// # Errors
    /// [`Code::SweepParameter`], [`Code::SweepCommand`], [`Code::SweepState`] with what does not fit.
    pub fn definition(&self, context: &Context) -> Result<Definition> {
        let machine = &*context.machine;
        let (argv, space) = self.taken_apart()?;
        let goal = self.goal()?;
        let seeds = self.seeds()?;
        let early = self.early(goal.as_ref())?;
        let method = self.method(&space, goal.as_ref())?;
        check(&argv, &self.set_env, &space, &seeds)?;
        let first = self.first(&space, method)?;
        let trials = match (method, self.trials) {
            (_, Some(trials)) => trials,
            (Method::Grid, None) => u64::MAX,
            (Method::Random | Method::Tpe, None) => {
                return Err(Problem::new(
                    Code::SweepState,
                    format!(
                        "--method {} goes on for ever without a number of trials",
                        method.word()
                    ),
                )
                .hint("say how many: --trials 40"));
            }
        };
        if self.options.hold {
            return Err(Problem::new(
                Code::SweepState,
                "a sweep's jobs can't be held from the beginning",
            )
            .hint("begin it later: --at 22:00"));
        }
        let job = new_job(context, Vec::new(), &self.options)?;
        let now = machine.now()?.wall;
        let name = match &self.options.name {
            Some(name) => name.clone(),
            None => run_name(&argv),
        };
        let id = loop {
            let id = RunId::new(now, machine.random()? as u32 % (1 << 20));
            if !machine.exists(sweeps(&context.directories).join(&id.0))? {
                break id;
            }
        };
        let mut spec = job.spec;
        spec.name = None;
        // Who is to be told is told when the sweep is over, and not at every trial.
        let notify = std::mem::take(&mut spec.notify);
        spec.experiment.get_or_insert_with(|| name.clone());
        // One that a restart of the machine cut off begins again: that is what a sweep is left alone for.
        spec.restart = deskside_runs::queue::Restart::OnReboot;
        Ok(Definition {
            version: VERSION,
            id,
            name,
            created_at: now.as_millisecond(),
            argv,
            variables: self.set_env.clone(),
            space,
            method,
            goal,
            trials,
            parallel: match self.parallel {
                Some(parallel) => parallel.max(1),
                None => room(context, &self.options)?,
            },
            seeds,
            first,
            random_seed: self.random_seed.unwrap_or(0),
            early,
            max_failures: self.max_failures,
            spec,
            notify,
            priority: job.priority,
            ready_at: job.ready_at,
            window: job.window,
            claim: job.claim,
            after: job.after,
            surroundings: Surroundings::default(),
        })
    }

    /// The command and the parameters.
    fn taken_apart(&self) -> Result<(Vec<String>, Vec<Parameter>)> {
        let mut argv = self.command.clone();
        let mut space = self.parameters.clone();
        for word in &self.words {
            let named = word.split_once('=').is_some_and(|(name, _)| is_name(name));
            if named {
                let parameter: Parameter = word.parse()?;
                // What is typed wins over the file.
                match space.iter_mut().find(|one| one.name == parameter.name) {
                    Some(one) if self.parameters.contains(one) => *one = parameter,
                    Some(_) => {
                        return Err(Problem::new(
                            Code::SweepParameter,
                            format!("{} is given twice", parameter.name),
                        )
                        .hint(format!(
                            "all its values in one list: {}=1,2,3",
                            parameter.name
                        )));
                    }
                    None => space.push(parameter),
                }
            } else if argv.is_empty() {
                argv = template::split(word)?;
            } else {
                return Err(Problem::new(
                    Code::SweepCommand,
                    format!("`{word}` is neither the command nor a parameter"),
                )
                .hint("the command is one text in quotes, or stands behind `--`; parameters are NAME=VALUES"));
            }
        }
        if argv.is_empty() {
            return Err(
                Problem::new(Code::SweepCommand, "there is no command to run").hint(
                    "deskside sweep 'python train.py --lr {lr}' lr=log:1e-5..1e-2 --trials 20",
                ),
            );
        }
        if shown_command(&argv).iter().any(|word| word.contains("***")) {
            return Err(Problem::new(
                Code::SweepCommand,
                "the command holds what looks like a secret",
            )
            .because("a sweep is kept on the disk as long as you keep it")
            .hint("hand the secret over by its name: --env NAME"));
        }
        let told = |(name, value): &&(String, String)| shown_named(name, value) != *value;
        if let Some((name, _)) = self.set_env.iter().find(told) {
            return Err(Problem::new(
                Code::SweepCommand,
                format!("--set-env {name} holds what looks like a secret"),
            )
            .because("a sweep is kept on the disk as long as you keep it")
            .hint(format!("hand it over by its name: --env {name}")));
        }
        if space.is_empty() && self.seeds.is_none() {
            return Err(
                Problem::new(Code::SweepParameter, "nothing is varied").hint(
                    "give a parameter values: lr=1e-4,3e-4,1e-3; or repeat the command: --seeds 3",
                ),
            );
        }
        Ok((argv, space))
    }

    fn goal(&self) -> Result<Option<Goal>> {
        let Some(text) = &self.goal else {
            return Ok(None);
        };
        let (way, metric) = text.split_once(':').unwrap_or((text, ""));
        let minimize = match way {
            "minimize" | "min" => true,
            "maximize" | "max" => false,
            _ => {
                return Err(Problem::new(
                    Code::SweepParameter,
                    format!("--goal {text}: that is no goal"),
                )
                .hint(
                    "the way and the metric: --goal minimize:val/loss, --goal maximize:accuracy",
                ));
            }
        };
        if metric.is_empty() {
            return Err(Problem::new(
                Code::SweepParameter,
                format!("--goal {text} names no metric"),
            )
            .hint(format!("one that the training logs: --goal {way}:val/loss")));
        }
        Ok(Some(Goal {
            metric: metric.into(),
            minimize,
            by_best: self.by_best,
        }))
    }

    fn seeds(&self) -> Result<Vec<i64>> {
        let Some(text) = &self.seeds else {
            return Ok(Vec::new());
        };
        let wrong = || {
            Problem::new(
                Code::SweepParameter,
                format!("--seeds {text} can't be understood"),
            )
            .hint("how many (`--seeds 3` are 0, 1, 2), or which: `--seeds 7,11,13`")
        };
        let numbers: Vec<i64> = text
            .split(',')
            .map(|one| one.trim().parse().map_err(|_| wrong()))
            .collect::<Result<_>>()?;
        match numbers.as_slice() {
            [count] if !text.contains(',') => {
                if (1..=10_000).contains(count) {
                    Ok((0..*count).collect())
                } else {
                    Err(wrong())
                }
            }
            several if several.iter().collect::<BTreeSet<_>>().len() == several.len() => {
                Ok(numbers)
            }
            _ => Err(wrong()),
        }
    }

    /// Trials by hand: each value one that its parameter may be.
    fn first(&self, space: &[Parameter], method: Method) -> Result<Vec<Point>> {
        if method == Method::Grid && !self.first.is_empty() {
            return Err(Problem::new(
                Code::SweepState,
                "a grid has its own order, so that no trial can be the first by hand",
            )
            .hint("--method random or --method tpe, with --trials"));
        }
        let mut points = Vec::new();
        for text in &self.first {
            let mut point = Point::new();
            for word in template::split(text)? {
                let (name, value) = word.split_once('=').unwrap_or((&word, ""));
                let holds = |one: &&Parameter| one.name == name && one.domain.holds(value);
                if !space.iter().any(|one| holds(&one)) {
                    return Err(Problem::new(
                        Code::SweepParameter,
                        format!("--first {text}: {word} is no value of a parameter"),
                    )
                    .hint("names and values that the sweep has, with spaces between: --first 'lr=3e-4 depth=4'"));
                }
                point.insert(name.to_string(), value.to_string());
            }
            points.push(point);
        }
        Ok(points)
    }

    fn early(&self, goal: Option<&Goal>) -> Result<Option<Early>> {
        let request = &self.early;
        let Some(rule) = &request.rule else {
            return Ok(None);
        };
        let rule = match rule.as_str() {
            "median" => Rule::Median,
            "halving" => Rule::Halving,
            _ => Rule::Hyperband,
        };
        if goal.is_none() {
            return Err(Problem::new(
                Code::SweepState,
                "--early-stop needs a goal to judge trials by",
            )
            .hint("say what is sought: --goal minimize:val/loss"));
        }
        if rule == Rule::Hyperband && request.most.is_none() {
            return Err(Problem::new(
                Code::SweepState,
                "--early-stop hyperband needs to know how long a whole trial is",
            )
            .hint("the last step it logs: --early-most 81"));
        }
        Ok(Some(Early {
            rule,
            from: request.from.unwrap_or(1).max(1),
            factor: request.factor.unwrap_or(3).max(2),
            most: request.most,
        }))
    }

    fn method(&self, space: &[Parameter], goal: Option<&Goal>) -> Result<Method> {
        let endless = space
            .iter()
            .find(|parameter| parameter.domain.count().is_none());
        let method = match self.method.as_deref() {
            Some("grid") => Method::Grid,
            Some("random") => Method::Random,
            Some(_) => Method::Tpe,
            None if endless.is_none() && self.trials.is_none() => Method::Grid,
            None => Method::Random,
        };
        if let (Method::Grid, Some(parameter)) = (method, endless) {
            return Err(Problem::new(
                Code::SweepState,
                format!("a grid can't hold all values of {}", parameter.name),
            )
            .hint("say how many of them, evenly apart: lr=log:1e-5..1e-2/4")
            .hint("or choose by chance: --method random --trials 40"));
        }
        if method == Method::Tpe && goal.is_none() {
            return Err(
                Problem::new(Code::SweepState, "--method tpe needs a goal to learn from")
                    .hint("say what is sought: --goal minimize:val/loss"),
            );
        }
        if method == Method::Tpe && space.is_empty() {
            return Err(
                Problem::new(Code::SweepState, "--method tpe needs a parameter to choose")
                    .hint("give one values: lr=log:1e-5..1e-2"),
            );
        }
        Ok(method)
    }
}

/// How many runs there is room for at once: cards, or slots.
fn room(context: &Context, options: &JobOptions) -> Result<u32> {
    let machine = &*context.machine;
    let Some(queue) = Queue::open_if_there(machine, &context.directories)? else {
        return Ok(1);
    };
    if !options.claim.any() {
        return Ok(queue.slots()?.max(1));
    }
    let cards = deskside_runs::supervise::cards(machine, &queue.live()?).unwrap_or_default();
    let each = options.claim.count().max(1);
    Ok(u32::try_from(cards.len() / each).unwrap_or(1).max(1))
}

/// Names in braces and parameters belong together.
fn check(
    argv: &[String],
    set_env: &[(String, String)],
    space: &[Parameter],
    seeds: &[i64],
) -> Result<()> {
    let own = ["trial", "sweep", "config", "config.json", "config.toml"];
    let mut known: BTreeSet<&str> = space
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    if let Some(taken) = own.iter().find(|name| known.contains(*name)) {
        return Err(Problem::new(
            Code::SweepParameter,
            format!("{{{taken}}} stands for something already, so no parameter can be called so"),
        )
        .hint("call it otherwise"));
    }
    if !seeds.is_empty() && !known.insert("seed") {
        return Err(Problem::new(
            Code::SweepParameter,
            "--seeds and a parameter seed=… say the same in two ways",
        )
        .hint("with --seeds results are means over the seeds; leave the parameter away"));
    }
    known.extend(own);
    let texts: Vec<(String, Vec<String>)> = space
        .iter()
        .map(|parameter| (parameter.name.clone(), parameter.domain.texts().to_vec()))
        .collect();
    template::check(argv, &known, &texts)?;
    let values: Vec<String> = set_env.iter().map(|(_, value)| value.clone()).collect();
    template::check(&values, &known, &[])?;
    let used = template::names(argv.iter().chain(&values).map(String::as_str));
    let all =
        used.contains("config") || used.contains("config.json") || used.contains("config.toml");
    let unused = space
        .iter()
        .map(|parameter| parameter.name.as_str())
        .chain((!seeds.is_empty()).then_some("seed"));
    for name in unused {
        if !all && !used.contains(name) {
            return Err(Problem::new(
                Code::SweepCommand,
                format!("{name} stands nowhere in the command, so that every trial would be the same"),
            )
            .hint(format!("put it in: --{name} {{{name}}}"))
            .hint(format!("or hand it over as a variable (--set-env {}={{{name}}}) or in a file: --config {{config}}", name.to_uppercase())));
        }
    }
    Ok(())
}

/// Runs of a sweep in all; none where that is beyond counting.
pub(super) fn runs(definition: &Definition) -> u64 {
    definition.most().saturating_mul(definition.runs() as u64)
}

/// Points of a sweep's space; none where there is no end of them.
pub(super) fn points(definition: &Definition) -> Option<u64> {
    size(&definition.space)
}
