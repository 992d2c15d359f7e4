//! Whether the facts a plan rests on still hold.

use deskside_machine::{Machine, Reading};
use deskside_types::plan::{Comparison, Plan, Premise};
use deskside_types::{Code, Facts, Problem, Result};
use serde_json::Value;
use std::collections::BTreeMap;
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
        problem = problem.because(in_words(difference));
    }
    Err(problem.hint("make the plan again"))
}

/// The longest value that is shown whole, in bytes.
const SHOWN: usize = 80;

/// The most names that are listed.
const NAMED: usize = 5;

/// What is otherwise: in lists of things with names, those that came, went and moved; else both values.
fn in_words(difference: &Differs) -> String {
    let fact = &difference.fact;
    if let (Some(before), Some(now)) = (named(&difference.planned), named(&difference.now)) {
        let listed = |names: Vec<&String>, word: &str| {
            (!names.is_empty()).then(|| {
                let more = names.len().saturating_sub(NAMED);
                let mut text = names
                    .iter()
                    .take(NAMED)
                    .map(|name| name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ");
                if more > 0 {
                    text.push_str(&format!(" and {more} more"));
                }
                format!("{text} {word}")
            })
        };
        let came = now
            .keys()
            .filter(|name| !before.contains_key(*name))
            .collect();
        let went = before
            .keys()
            .filter(|name| !now.contains_key(*name))
            .collect();
        let moved = before
            .iter()
            .filter(|(name, value)| now.get(*name).is_some_and(|other| other != *value))
            .map(|(name, _)| name)
            .collect();
        let parts: Vec<String> = [
            listed(came, "came"),
            listed(went, "went"),
            listed(moved, "changed"),
        ]
        .into_iter()
        .flatten()
        .collect();
        return format!("{fact}: {}", parts.join("; "));
    }
    let short = |value: &Value| {
        let text = value.to_string();
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    format!(
        "{fact} was {}, and is {} now",
        short(&difference.planned),
        short(&difference.now)
    )
}

/// A list of things that have names, by name; none where it is no such list.
fn named(value: &Value) -> Option<BTreeMap<String, &Value>> {
    value
        .as_array()?
        .iter()
        .map(|item| Some((item["name"].as_str()?.to_string(), item)))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_told_by_what_came_went_and_changed() {
        let package = |name: &str, version: &str| json!({ "name": name, "version": version });
        let differs = |planned: Value, now: Value| {
            in_words(&Differs {
                fact: "packages.installed".into(),
                planned,
                now,
            })
        };
        let before = json!([
            package("kept", "1"),
            package("old", "1"),
            package("moved", "1")
        ]);
        let now = json!([
            package("kept", "1"),
            package("moved", "2"),
            package("a", "1"),
            package("b", "1"),
            package("c", "1"),
            package("d", "1"),
            package("e", "1"),
            package("f", "1")
        ]);
        assert_eq!(
            differs(before, now),
            "packages.installed: a, b, c, d, e and 1 more came; old went; moved changed"
        );
        assert_eq!(
            differs(json!("6.8"), json!("6.9")),
            r#"packages.installed was "6.8", and is "6.9" now"#
        );
        let long = differs(json!("x".repeat(500)), Value::Null);
        assert!(long.len() < 200 && long.contains('…'), "{long}");
    }
}
