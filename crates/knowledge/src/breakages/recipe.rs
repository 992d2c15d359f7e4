//! Ways to mend a breakage: steps of the plan's closed actions with places to fill in, or what a person does where no
//! action can.

use crate::predicate::{Predicate, filled};
use deskside_types::plan::{Action, Check, Risk, Step, Undo};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One way to mend a breakage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fix {
    /// What is done, as an imperative phrase.
    pub title: String,
    /// When this is the right way; always when left out.
    pub when: Option<Predicate>,
    /// `doctor --fix` may carry it out by itself, once the cause is proven.
    #[serde(default)]
    pub auto: bool,
    /// The steps of a plan.
    #[serde(default)]
    pub step: Vec<RecipeStep>,
    /// Deskside's own command that plans it, without the program's name: `reinstall driver`.
    pub deskside: Option<String>,
    /// Commands that a person runs, where neither of these does it.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Why a person must do it.
    pub by_hand: Option<String>,
    /// What else is to be known: a restart, a risk, what to do next.
    pub note: Option<String>,
}

/// One step, as in a plan, with places to fill in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RecipeStep {
    /// Stable within the recipe.
    pub id: String,
    /// What it does, as an imperative phrase.
    pub title: String,
    /// Why.
    pub why: String,
    /// Actions in the form of a plan file.
    pub actions: Vec<Value>,
    /// When all hold, nothing is to be done.
    #[serde(default)]
    pub check: Vec<Value>,
    /// What must hold afterwards.
    #[serde(default)]
    pub verify: Vec<Value>,
    /// How it is taken back; exactly when left out.
    #[serde(default = "exact")]
    pub undo: Undo,
    /// Runs with root. An action that needs root asks for it anyway.
    #[serde(default)]
    pub root: bool,
    /// A restart is needed afterwards.
    #[serde(default)]
    pub reboot: bool,
    /// How much can go wrong.
    #[serde(default = "low")]
    pub risk: Risk,
    /// What a person's hands are needed for.
    pub hands_needed: Option<String>,
}

fn exact() -> Undo {
    Undo::Exact
}

fn low() -> Risk {
    Risk::Low
}

/// A recipe that can't be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// A value that it needs was not found.
    #[error("the value `{0}` was not found")]
    Missing(String),
    /// The action is none.
    #[error("{0}")]
    Wrong(String),
}

impl RecipeStep {
    /// The step with its places filled in. `value` gives all values of a name.
    ///
    /// In a text, `{{name}}` is the first value. A text that is only `{{#name}}` becomes a number; in a list, a text
    /// that is only `{{*name}}` becomes as many texts as there are values.
    ///
    /// # Errors
    /// When a value is missing, or the outcome is no action.
    pub fn fill(&self, value: &dyn Fn(&str) -> Vec<String>) -> Result<Step, RecipeError> {
        let actions: Vec<Action> = read(&self.actions, value)?;
        Ok(Step {
            id: self.id.clone(),
            title: text(&self.title, value)?,
            why: text(&self.why, value)?,
            check: read::<Check>(&self.check, value)?,
            verify: read::<Check>(&self.verify, value)?,
            undo: self.undo.clone(),
            root: self.root || actions.iter().any(Action::needs_root),
            reboot: self.reboot,
            risk: self.risk,
            hands_needed: self.hands_needed.clone(),
            download_bytes: None,
            actions,
        })
    }
}

fn read<T: DeserializeOwned>(
    templates: &[Value],
    value: &dyn Fn(&str) -> Vec<String>,
) -> Result<Vec<T>, RecipeError> {
    templates
        .iter()
        .map(|template| {
            serde_json::from_value(replaced(template, value)?)
                .map_err(|error| RecipeError::Wrong(error.to_string()))
        })
        .collect()
}

/// A text with its places filled in; `{{name|words}}` is the words where there is no such value, `{{name as bytes}}` a
/// number of bytes as people read it.
///
/// # Errors
/// When a value is missing.
pub fn text(template: &str, value: &dyn Fn(&str) -> Vec<String>) -> Result<String, RecipeError> {
    let mut missing = String::new();
    filled(template, |name| {
        let (name, many) = match name.strip_prefix('*') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (name, otherwise) = match name.split_once('|') {
            Some((name, otherwise)) => (name.trim(), Some(otherwise)),
            None => (name, None),
        };
        let (name, is_bytes) = match name.strip_suffix(" as bytes") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let values: Vec<String> = value(name)
            .into_iter()
            .map(|value| if is_bytes { as_bytes(value) } else { value })
            .collect();
        if values.is_empty() {
            missing = name.to_string();
            otherwise.map(str::to_string)
        } else if many {
            Some(values.join(" "))
        } else {
            values.into_iter().next()
        }
    })
    .ok_or(RecipeError::Missing(missing))
}

/// `4.0 GiB` of a number; what is none stays as it is.
pub(crate) fn as_bytes(value: String) -> String {
    match value.parse() {
        Ok(count) => deskside_types::units::bytes(count),
        Err(_) => value,
    }
}

fn replaced(template: &Value, value: &dyn Fn(&str) -> Vec<String>) -> Result<Value, RecipeError> {
    Ok(match template {
        Value::String(word) => match only(word, '#') {
            Some(name) => {
                let number = text(&format!("{{{{{name}}}}}"), value)?;
                let number = number
                    .parse::<u64>()
                    .map_err(|_| RecipeError::Wrong(format!("`{number}` is no number")))?;
                number.into()
            }
            None => Value::String(text(word, value)?),
        },
        Value::Array(elements) => {
            let mut list = Vec::new();
            for element in elements {
                match element.as_str().and_then(|word| only(word, '*')) {
                    Some(name) => {
                        let values = value(name);
                        if values.is_empty() {
                            return Err(RecipeError::Missing(name.to_string()));
                        }
                        list.extend(values.into_iter().map(Value::String));
                    }
                    None => list.push(replaced(element, value)?),
                }
            }
            Value::Array(list)
        }
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, field)| Ok((name.clone(), replaced(field, value)?)))
                .collect::<Result<_, RecipeError>>()?,
        ),
        other => other.clone(),
    })
}

/// The name in a text that is nothing but `{{#name}}` or `{{*name}}`.
fn only(word: &str, mark: char) -> Option<&str> {
    let inner = word.strip_prefix("{{")?.strip_suffix("}}")?;
    inner
        .trim()
        .strip_prefix(mark)
        .filter(|name| !name.contains('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_and_the_outcome_is_an_action() {
        let step: RecipeStep = toml::from_str(
            r#"
            id = "end"
            title = "End process {{pid}}"
            why = "It holds memory."
            actions = [
                { kind = "signal", pid = "{{#pid}}", start_time = "{{#start}}", signal = 15 },
                { kind = "packages", install = ["{{*names}}", "x"], remove = [] },
            ]
            "#,
        )
        .unwrap();
        let values = |name: &str| match name {
            "pid" => vec!["12".to_string()],
            "start" => vec!["99".to_string()],
            "names" => vec!["a".to_string(), "b".to_string()],
            _ => Vec::new(),
        };
        let filled = step.fill(&values).unwrap();
        assert_eq!(filled.title, "End process 12");
        assert!(filled.root);
        assert_eq!(
            filled.actions[0],
            Action::Signal {
                pid: 12,
                start_time: 99,
                signal: 15
            }
        );
        assert_eq!(
            filled.actions[1],
            Action::Packages {
                install: vec!["a".into(), "b".into(), "x".into()],
                remove: vec![]
            }
        );
        assert_eq!(
            step.fill(&|_| Vec::new()),
            Err(RecipeError::Missing("pid".into()))
        );
    }
}
