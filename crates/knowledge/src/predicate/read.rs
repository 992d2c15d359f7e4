//! Reading predicates from TOML or JSON, strictly: an unknown key is an error, not silence.

use super::path::Path;
use super::{Condition, DEPTH_LIMIT, Predicate, Test};
use crate::version::Range;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A predicate that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PredicateError(String);

fn wrong<T>(text: impl Into<String>) -> Result<T, PredicateError> {
    Err(PredicateError(text.into()))
}

impl Predicate {
    /// Reads a predicate.
    ///
    /// # Errors
    /// When a key, a path, a pattern or a range can't be understood, or it is nested too deeply.
    pub fn from_value(value: &Value) -> Result<Self, PredicateError> {
        read(value, 0)
    }
}

impl<'de> Deserialize<'de> for Predicate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value).map_err(D::Error::custom)
    }
}

fn read(value: &Value, depth: usize) -> Result<Predicate, PredicateError> {
    if depth >= DEPTH_LIMIT {
        return wrong(format!(
            "predicates may be nested {DEPTH_LIMIT} deep at the most"
        ));
    }
    let Some(object) = value.as_object() else {
        return wrong("a predicate is a table with `all`, `any`, `not` or `fact`");
    };
    if object.contains_key("fact") {
        return condition(object, depth).map(Predicate::Fact);
    }
    let mut entries = object.iter();
    let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
        return wrong("a predicate has exactly one of `all`, `any`, `not` and `fact`");
    };
    match key.as_str() {
        "all" => list(inner, depth).map(Predicate::All),
        "any" => list(inner, depth).map(Predicate::Any),
        "not" => Ok(Predicate::Not(Box::new(read(inner, depth + 1)?))),
        other => wrong(format!(
            "`{other}` is no predicate: `all`, `any`, `not` and `fact` are"
        )),
    }
}

fn list(value: &Value, depth: usize) -> Result<Vec<Predicate>, PredicateError> {
    match value.as_array() {
        Some(parts) => parts.iter().map(|part| read(part, depth + 1)).collect(),
        None => wrong("`all` and `any` take a list of predicates"),
    }
}

fn condition(object: &Map<String, Value>, depth: usize) -> Result<Condition, PredicateError> {
    let text = object
        .get("fact")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let Some(path) = Path::parse(text) else {
        return wrong(format!("`{text}` is no path to a fact"));
    };
    let tests = object
        .iter()
        .filter(|(key, _)| *key != "fact")
        .map(|(key, operand)| {
            test(key, operand, depth).map_err(|error| PredicateError(format!("{text}: {error}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if tests.is_empty() {
        return wrong(format!(
            "{text}: no operator; `exists`, `=`, `<`, `>=`, `in`, `matches`, `version_in`, `unseen` and `where` are there"
        ));
    }
    Ok(Condition { path, tests })
}

fn test(key: &str, operand: &Value, depth: usize) -> Result<Test, PredicateError> {
    let ordered = || operand.is_number() || operand.is_string();
    match (key, operand) {
        ("exists", Value::Bool(wanted)) => Ok(Test::Exists(*wanted)),
        ("=", operand) if !operand.is_object() && !operand.is_array() && !operand.is_null() => {
            Ok(Test::Equal(operand.clone()))
        }
        ("<", operand) if ordered() => Ok(Test::Less(operand.clone())),
        (">=", operand) if ordered() => Ok(Test::AtLeast(operand.clone())),
        ("in", Value::Array(values)) => Ok(Test::In(values.clone())),
        ("matches" | "unseen", Value::String(pattern)) => match regex_lite::Regex::new(pattern) {
            Ok(pattern) if key == "unseen" => Ok(Test::Unseen(pattern)),
            Ok(pattern) => Ok(Test::Matches(pattern)),
            Err(error) => wrong(format!("`{pattern}` is no pattern: {error}")),
        },
        ("version_in", Value::String(range)) => match Range::parse(range) {
            Ok(range) => Ok(Test::VersionIn(range)),
            Err(error) => wrong(error.to_string()),
        },
        ("where", inner) => Ok(Test::Where(read(inner, depth + 1)?)),
        ("exists" | "=" | "<" | ">=" | "in" | "matches" | "version_in" | "unseen", operand) => {
            wrong(format!("`{key}` can't take {operand}"))
        }
        (other, _) => wrong(format!("`{other}` is no operator")),
    }
}
