//! Reading predicates from TOML or JSON, strictly: an unknown key is an error, not silence.

use super::path::Path;
use super::pattern::{Pattern, reference};
use super::sighting::{Sighting, What};
use super::{Condition, DEPTH_LIMIT, Operand, Predicate, Test};
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
        return wrong("a predicate is a table with `all`, `any`, `not`, `is`, `fact` or `seen`");
    };
    if object.contains_key("fact") {
        return condition(object, depth).map(Predicate::Fact);
    }
    if object.contains_key("seen") {
        let sighting = sighting(object, depth)?;
        return Ok(Predicate::Seen(Box::new(sighting), say(object)?));
    }
    if let (Some(name), 1) = (object.get("is"), object.len()) {
        let term = name
            .as_str()
            .and_then(|name| super::terms::terms().get(name));
        return match term {
            Some(term) => read(term, depth + 1),
            None => wrong(format!("`is = {name}`: there is no such term")),
        };
    }
    let mut entries = object.iter();
    let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
        return wrong(
            "a predicate has exactly one of `all`, `any`, `not`, `is`, `fact` and `seen`",
        );
    };
    match key.as_str() {
        "all" => list(inner, depth).map(Predicate::All),
        "any" => list(inner, depth).map(Predicate::Any),
        "not" => Ok(Predicate::Not(Box::new(read(inner, depth + 1)?))),
        other => wrong(format!(
            "`{other}` is no predicate: `all`, `any`, `not`, `is`, `fact` and `seen` are"
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
        .filter(|(key, _)| !["fact", "say"].contains(&key.as_str()))
        .map(|(key, operand)| {
            test(key, operand, depth).map_err(|error| PredicateError(format!("{text}: {error}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if tests.is_empty() {
        return wrong(format!(
            "{text}: no operator; `exists`, `=`, `<`, `>=`, `in`, `matches`, `version_in`, `unseen` and `where` are there"
        ));
    }
    let say = say(object)?;
    Ok(Condition { path, tests, say })
}

fn say(object: &Map<String, Value>) -> Result<Option<String>, PredicateError> {
    match object.get("say") {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => wrong(format!("`say` is a text, not {other}")),
    }
}

fn pattern(text: &str) -> Result<Pattern, PredicateError> {
    Pattern::new(text).map_err(PredicateError)
}

impl Sighting {
    /// Reads `{ seen = "item", line = 'pattern', … }` alone.
    ///
    /// # Errors
    /// When a key or pattern can't be understood.
    pub fn from_value(value: &Value) -> Result<Self, PredicateError> {
        match value.as_object() {
            Some(object) => sighting(object, 0),
            None => wrong("evidence is named by a table with `seen`"),
        }
    }
}

fn sighting(object: &Map<String, Value>, depth: usize) -> Result<Sighting, PredicateError> {
    let Some(item) = object.get("seen").and_then(Value::as_str) else {
        return wrong("`seen` names an item of evidence");
    };
    let within = |error: PredicateError| PredicateError(format!("{item}: {error}"));
    let text = |key: &str| match object.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => pattern(text).map(Some).map_err(within),
        Some(other) => wrong(format!("{item}: `{key}` is a pattern, not {other}")),
    };
    let number = |key: &str| match object.get(key) {
        None => Ok(1),
        Some(value) => match value.as_u64().and_then(|count| usize::try_from(count).ok()) {
            Some(count) if count > 0 => Ok(count),
            _ => wrong(format!("{item}: `{key}` is a number from 1, not {value}")),
        },
    };
    let kinds = ["line", "text", "exists", "unseen"];
    let kinds: Vec<&str> = kinds
        .into_iter()
        .filter(|key| object.contains_key(*key))
        .collect();
    let what = match (kinds.as_slice(), object.get("exists")) {
        (["line"], _) => text("line")?.map(What::Line),
        (["text"], _) => text("text")?.map(What::Text),
        (["unseen"], _) => text("unseen")?.map(What::Unseen),
        (["exists"], Some(Value::Bool(wanted))) => Some(What::Exists(*wanted)),
        _ => None,
    };
    let Some(what) = what else {
        return wrong(format!(
            "{item}: exactly one of `line`, `text`, `exists` and `unseen` must be there"
        ));
    };
    const OWN: &[&str] = &[
        "seen", "line", "text", "exists", "unseen", "source", "after", "last", "count", "distinct",
        "say",
    ];
    let tests = object
        .iter()
        .filter(|(key, _)| !OWN.contains(&key.as_str()))
        .map(|(key, operand)| test(key, operand, depth).map_err(within))
        .collect::<Result<Vec<_>, _>>()?;
    let last = match object.get("last") {
        None => false,
        Some(Value::Bool(last)) => *last,
        Some(other) => return wrong(format!("{item}: `last` is true or false, not {other}")),
    };
    Ok(Sighting {
        item: item.to_string(),
        source: text("source")?,
        what,
        after: text("after")?,
        last,
        count: number("count")?,
        distinct: number("distinct")?,
        tests,
    })
}

fn operand(value: &Value) -> Result<Operand, PredicateError> {
    match value.as_str().and_then(|text| text.strip_prefix('$')) {
        Some(name) => match reference(name) {
            Some(path) => Ok(Operand::Fact(path, name.to_string())),
            None => wrong(format!("`${name}` is no path to a fact")),
        },
        None => Ok(Operand::Plain(value.clone())),
    }
}

fn test(key: &str, given: &Value, depth: usize) -> Result<Test, PredicateError> {
    let ordered = || given.is_number() || given.is_string();
    match (key, given) {
        ("exists", Value::Bool(wanted)) => Ok(Test::Exists(*wanted)),
        ("=", operand) if !operand.is_object() && !operand.is_array() && !operand.is_null() => {
            self::operand(operand).map(Test::Equal)
        }
        ("<", operand) if ordered() => self::operand(operand).map(Test::Less),
        (">=", operand) if ordered() => self::operand(operand).map(Test::AtLeast),
        ("in", Value::Array(values)) => values
            .iter()
            .map(operand)
            .collect::<Result<_, _>>()
            .map(Test::In),
        ("matches", Value::String(text)) => pattern(text).map(Test::Matches),
        ("unseen", Value::String(text)) => pattern(text).map(Test::Unseen),
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
