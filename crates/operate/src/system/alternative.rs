//! The choice between alternatives (update-alternatives(1)).

use super::{names, tools};
use deskside_machine::Machine;
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

/// How an alternative stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    /// Chosen by priority, not by a person.
    automatic: bool,
    /// The path it leads to.
    value: Option<String>,
    /// All it may lead to.
    choices: Vec<String>,
}

/// Reads what `update-alternatives --query` says: a paragraph of the alternative, then one a choice.
fn parse(text: &str) -> Standing {
    let field = |line: &str, name: &str| {
        line.strip_prefix(name)
            .map(|value| value.trim().to_string())
    };
    let head = text.split("\n\n").next().unwrap_or_default();
    Standing {
        automatic: head
            .lines()
            .any(|line| field(line, "Status:").as_deref() == Some("auto")),
        value: head
            .lines()
            .find_map(|line| field(line, "Value:"))
            .filter(|value| value != "none"),
        choices: text
            .lines()
            .filter_map(|line| field(line, "Alternative:"))
            .collect(),
    }
}

fn standing(machine: &dyn Machine, name: &str) -> Result<Standing> {
    names::plain("alternative", name)?;
    match tools::said(machine, &["update-alternatives", "--query", name])? {
        Some((0, text)) => Ok(parse(&text)),
        _ => Err(Problem::new(
            Code::Missing,
            format!("there are no alternatives for {name} here"),
        )),
    }
}

/// Notes the choice that was.
///
/// # Errors
/// When there are no such alternatives, or the path is none of them.
pub fn prepare(machine: &dyn Machine, name: &str, path: &str) -> Result<Value> {
    names::path(path)?;
    let was = standing(machine, name)?;
    if !was.choices.iter().any(|choice| choice == path) {
        return Err(Problem::new(
            Code::PlanStale,
            format!("{path} is no alternative for {name}"),
        )
        .because(format!("they are {}", was.choices.join(", ")))
        .hint("make the plan again"));
    }
    tools::note(&was)
}

/// Chooses.
///
/// # Errors
/// When `update-alternatives` fails.
pub fn perform(machine: &dyn Machine, name: &str, path: &str) -> Result<Value> {
    tools::run(
        machine,
        &["update-alternatives", "--set", name, path],
        DEADLINE,
    )?;
    Ok(Value::Null)
}

/// Chooses as before.
///
/// # Errors
/// When `update-alternatives` fails.
pub fn revert(
    machine: &dyn Machine,
    name: &str,
    path: &str,
    before: &Value,
) -> Result<Option<String>> {
    let was: Standing = tools::noted(before, "the alternative")?;
    let Ok(now) = standing(machine, name) else {
        return Ok(Some(format!(
            "there are no alternatives for {name} any more"
        )));
    };
    if now.automatic == was.automatic && now.value == was.value {
        return Ok(None);
    }
    if now.value.as_deref() != Some(path) {
        return Ok(Some(format!(
            "{name} was chosen anew since, and is left as it is"
        )));
    }
    match was.value {
        Some(value) if !was.automatic && now.choices.contains(&value) => {
            tools::run(
                machine,
                &["update-alternatives", "--set", name, &value],
                DEADLINE,
            )?;
            Ok(None)
        }
        Some(value) if !was.automatic => Ok(Some(format!(
            "{value}, which {name} led to, is not there any more"
        ))),
        _ => {
            tools::run(machine, &["update-alternatives", "--auto", name], DEADLINE)?;
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read() {
        let text = "Name: cuda\nLink: /usr/local/cuda\nStatus: manual\nBest: /usr/local/cuda-13.0\nValue: /usr/local/cuda-12.8\n\n\
            Alternative: /usr/local/cuda-12.8\nPriority: 128\n\nAlternative: /usr/local/cuda-13.0\nPriority: 130\n";
        let standing = parse(text);
        assert!(!standing.automatic);
        assert_eq!(standing.value.as_deref(), Some("/usr/local/cuda-12.8"));
        assert_eq!(standing.choices.len(), 2);
        assert!(parse("Status: auto\nValue: none\n").value.is_none());
    }
}
