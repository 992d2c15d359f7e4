//! Asking Optuna for the next point: a small Python program that is handed all trials with every question, and keeps nothing.
//!
//! It speaks JSON, a line each way. Whatever happens to it, the next one is told the same: the sweep's log is the only truth.

use super::definition::Definition;
use super::points::{Point, mixed};
use super::space::{Domain, number};
use super::state::Progress;
use deskside_machine::{Command, Conversation, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The program, for `python -c`.
pub const PROGRAM: &str = include_str!("optuna_driver.py");
/// Where its complaints go, within the sweep's folder.
pub const COMPLAINTS: &str = "optuna.log";

/// The first answer: packages may have to be fetched before it.
const FIRST: Duration = Duration::from_secs(900);
/// Every other answer.
const LATER: Duration = Duration::from_secs(300);
/// Trials by chance before the first that is learned from, as Optuna has it.
const STARTUP: u64 = 10;

/// Optuna, listening.
pub struct Optuna {
    talk: Box<dyn Conversation>,
}

impl Optuna {
    /// Starts it.
    ///
    /// # Errors
    /// [`Code::OptunaUnavailable`].
    pub fn start(machine: &dyn Machine, command: &Command, folder: &Path) -> Result<Self> {
        let fail = |why: String| {
            let said = machine.text(folder.join(COMPLAINTS)).unwrap_or_default();
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            let mut problem = Problem::new(
                Code::OptunaUnavailable,
                "Optuna could not be asked for the next trial",
            )
            .because(why);
            if let Some(last) = last {
                problem = problem.because(deskside_track::secrets::shown_value(last));
            }
            problem
                .hint("with a package index in reach it is fetched by itself; or add it to the project: `uv add --dev optuna`")
                .hint("what works without it: `--method random`, with --early-stop as before")
        };
        let mut talk = machine
            .converse(command)
            .map_err(|error| fail(error.to_string()))?;
        let heard = talk.hear(FIRST).map_err(|error| fail(error.to_string()))?;
        let line = heard.ok_or_else(|| fail(format!("`{}` ended", command.argv[0])))?;
        let answer: Value = serde_json::from_str(&line).unwrap_or_default();
        match answer["optuna"].as_str() {
            Some(_) => Ok(Self { talk }),
            None => Err(fail(answer["error"].as_str().unwrap_or(&line).to_string())),
        }
    }

    /// Asks for the next point.
    ///
    /// # Errors
    /// [`Code::OptunaUnavailable`].
    pub fn ask(&mut self, definition: &Definition, progress: &Progress) -> Result<Point> {
        let fail = |why: String| {
            Problem::new(Code::OptunaUnavailable, "Optuna did not answer").because(why)
        };
        self.talk
            .say(&question(definition, progress).to_string())
            .map_err(|error| fail(error.to_string()))?;
        let heard = self
            .talk
            .hear(LATER)
            .map_err(|error| fail(error.to_string()))?;
        let line = heard.ok_or_else(|| fail("it ended".into()))?;
        let answer: Value = serde_json::from_str(&line).unwrap_or_default();
        point(definition, &answer["at"])
            .ok_or_else(|| fail(answer["error"].as_str().unwrap_or(&line).to_string()))
    }
}

/// All there is to know for a choice.
fn question(definition: &Definition, progress: &Progress) -> Value {
    let space: Vec<Value> = definition
        .space
        .iter()
        .map(
            |parameter| match (&parameter.domain, parameter.domain.count()) {
                (Domain::Real { low, high, log }, _) => {
                    json!({"kind": "real", "low": low, "high": high, "log": log})
                }
                (domain, count) if domain.is_ordered() => json!({"kind": "int", "count": count}),
                (_, count) => json!({"kind": "choice", "count": count}),
            },
        )
        .collect();
    let goal = definition.goal.as_ref();
    let trials: Vec<Value> = progress
        .trials
        .iter()
        .map(|trial| {
            let at: Vec<Value> = definition
                .space
                .iter()
                .map(|parameter| {
                    let value = trial.point.get(&parameter.name).map_or("", String::as_str);
                    match parameter.domain.place(value) {
                        Some(place) => place.into(),
                        None => value.parse::<f64>().unwrap_or(0.0).into(),
                    }
                })
                .collect();
            let cost = trial.value().and_then(|(value, _)| Some(goal?.cost(value)));
            let step = trial.runs.iter().filter_map(|run| run.end.as_ref()?.step).max();
            json!({"at": at, "state": trial.state(true).word(), "cost": cost, "step": step.unwrap_or(0)})
        })
        .collect();
    let count = progress.trials.len() as u64;
    json!({
        "space": space,
        "trials": trials,
        // Another one for every trial: one that begins anew must not choose again what it chose before.
        "seed": mixed(definition.random_seed, count, 0) % (1 << 32),
        "startup": STARTUP.min(definition.trials / 4).max(1),
    })
}

fn point(definition: &Definition, at: &Value) -> Option<Point> {
    let at = at
        .as_array()
        .filter(|at| at.len() == definition.space.len())?;
    definition
        .space
        .iter()
        .zip(at)
        .map(|(parameter, at)| {
            let value = match &parameter.domain {
                Domain::Real { low, high, .. } => number(at.as_f64()?, *low, *high),
                domain => domain.value(at.as_u64()?),
            };
            Some((parameter.name.clone(), value))
        })
        .collect()
}
