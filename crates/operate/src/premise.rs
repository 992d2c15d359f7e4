//! Whether the facts a plan rests on still hold.

use deskside_machine::{Machine, Reading};
use deskside_types::plan::{Comparison, Plan, Premise};
use deskside_types::{Code, Facts, Problem, Result};
use serde_json::Value;
use std::path::Path;

/// A premise that no longer holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Differs {
    /// The fact's dotted path.
    pub fact: String,
    /// What the plan rests on.
    pub planned: Value,
    /// What is now.
    pub now: Value,
}

/// The premises that no longer hold.
pub fn differing(machine: &dyn Machine, plan: &Plan, facts: &Facts) -> Vec<Differs> {
    let facts = serde_json::to_value(facts).unwrap_or(Value::Null);
    plan.premises
        .iter()
        .filter_map(|premise| {
            let now = current(machine, premise, &facts);
            let holds = match premise.operator {
                Comparison::Equals => now == premise.value,
                Comparison::AtLeast => now
                    .as_f64()
                    .zip(premise.value.as_f64())
                    .is_some_and(|(now, wanted)| now >= wanted),
            };
            (!holds).then(|| Differs {
                fact: premise.fact.clone(),
                planned: premise.value.clone(),
                now,
            })
        })
        .collect()
}

/// Refuses a plan whose premises no longer hold, and shows which.
///
/// # Errors
/// [`Code::PlanStale`]; for lack of space [`Code::DiskFull`].
pub fn require(machine: &dyn Machine, plan: &Plan, facts: &Facts) -> Result<()> {
    let differing = differing(machine, plan, facts);
    let Some(first) = differing.first() else {
        return Ok(());
    };
    if let Some(folder) = first.fact.strip_prefix("free:") {
        let size = |value: &Value| {
            value
                .as_u64()
                .map_or_else(|| "unknown".to_string(), deskside_types::units::bytes)
        };
        return Err(Problem::new(Code::DiskFull, format!("{folder} has too little free space: {} are needed, {} are free", size(&first.planned), size(&first.now)))
            .hint("free some space on its disk (`df -h` shows what is full), or put the project on another one"));
    }
    let mut problem = Problem::new(
        Code::PlanStale,
        "the machine is not as it was when the plan was made",
    );
    for difference in &differing {
        if let Some(path) = difference.fact.strip_prefix("file:") {
            problem = problem.because(format!("{path} was changed since"));
            continue;
        }
        problem = problem.because(format!(
            "{} was {}, and is {} now",
            difference.fact, difference.planned, difference.now
        ));
    }
    Err(problem.hint("make the plan again"))
}

/// Refuses a plan that rests on files which are others now. Asked again under the lock.
///
/// # Errors
/// [`Code::PlanStale`] with the first file.
pub fn require_files(machine: &dyn Machine, plan: &Plan) -> Result<()> {
    let changed = plan.premises.iter().find_map(|premise| {
        let path = premise.fact.strip_prefix("file:")?;
        (current_file(machine, Path::new(path)) != premise.value).then_some(path)
    });
    match changed {
        None => Ok(()),
        Some(path) => Err(Problem::new(
            Code::PlanStale,
            "the project is not as it was when the plan was made",
        )
        .because(format!("{path} was changed since"))
        .hint("run the same command again")),
    }
}

/// The premise that a file stays as it is now, or stays away.
pub fn file(machine: &dyn Machine, path: &Path) -> Premise {
    let fact = format!("file:{}", path.display());
    Premise {
        value: current_file(machine, path),
        fact,
        operator: Comparison::Equals,
    }
}

/// A file's SHA-256 in hex; null where it is not there or can't be read.
fn current_file(machine: &dyn Machine, path: &Path) -> Value {
    machine
        .file(path, u64::MAX)
        .map_or(Value::Null, |bytes| Value::from(crate::sha256_hex(&bytes)))
}

/// The fact as JSON, by its dotted path; list places are numbers.
pub fn at<'a>(facts: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(facts, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    })
}

fn current(machine: &dyn Machine, premise: &Premise, facts: &Value) -> Value {
    if let Some(path) = premise.fact.strip_prefix("file:") {
        return current_file(machine, Path::new(path));
    }
    match premise.fact.strip_prefix("free:") {
        Some(folder) => machine
            .space(folder)
            .map_or(Value::Null, |space| Value::from(space.free)),
        None => at(facts, &premise.fact).cloned().unwrap_or(Value::Null),
    }
}
