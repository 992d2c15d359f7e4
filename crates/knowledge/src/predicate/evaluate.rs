//! Evaluating predicates by Kleene's logic of three values.

use super::path::{Content, Place};
use super::{Condition, Predicate, Test};
use crate::version;
use serde_json::Value;
use std::cmp::Ordering;

/// A fact that could not be seen, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// The fact's path.
    pub fact: String,
    /// Why it is unknown.
    pub reason: String,
}

/// What a predicate comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It can't be told, because of these facts.
    Unknown(Vec<Unseen>),
}

impl Truth {
    /// It surely holds.
    pub fn holds(&self) -> bool {
        *self == Self::True
    }

    /// It surely does not hold.
    pub fn fails(&self) -> bool {
        *self == Self::False
    }

    fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown(unseen) => Self::Unknown(unseen),
        }
    }

    /// `decisive` when any part is it; else unknown when any part is; else the opposite.
    fn fold(parts: impl Iterator<Item = Self>, decisive: Self) -> Self {
        let mut unknown = Vec::new();
        for part in parts {
            match part {
                Self::Unknown(unseen) => unknown.extend(unseen),
                decided if decided == decisive => return decided,
                _ => {}
            }
        }
        if unknown.is_empty() {
            decisive.not()
        } else {
            Self::Unknown(unknown)
        }
    }

    fn any(parts: impl Iterator<Item = Self>) -> Self {
        Self::fold(parts, Self::True)
    }

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        Self::fold(parts, Self::False)
    }
}

/// What a predicate looked at: a line of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The fact's path, with indexes.
    pub fact: String,
    /// Its value as text; `absent`; or `unknown: why`.
    pub value: String,
}

impl Predicate {
    /// Evaluates over facts as JSON (`serde_json::to_value(&facts)`), or any value of that form.
    pub fn evaluate(&self, facts: &Value) -> Truth {
        match self {
            Self::All(parts) => Truth::all(parts.iter().map(|part| part.evaluate(facts))),
            Self::Any(parts) => Truth::any(parts.iter().map(|part| part.evaluate(facts))),
            Self::Not(part) => part.evaluate(facts).not(),
            Self::Fact(condition) => condition.evaluate(facts),
        }
    }

    /// What it looks at in these facts, in the order it is written, each fact once.
    pub fn observations(&self, facts: &Value) -> Vec<Observation> {
        let mut seen = Vec::new();
        self.observe(facts, "", &mut seen);
        seen
    }

    fn observe(&self, facts: &Value, prefix: &str, seen: &mut Vec<Observation>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts
                .iter()
                .for_each(|part| part.observe(facts, prefix, seen)),
            Self::Not(part) => part.observe(facts, prefix, seen),
            Self::Fact(condition) => {
                for place in condition.path.places(facts) {
                    let fact = if prefix.is_empty() {
                        place.name.clone()
                    } else {
                        format!("{prefix}.{}", place.name)
                    };
                    let mut inner = condition.tests.iter().filter_map(|test| match test {
                        Test::Where(inner) => Some(inner),
                        _ => None,
                    });
                    match (place.content, inner.next()) {
                        (Content::Value(value), Some(inner)) => inner.observe(value, &fact, seen),
                        (content, _) => {
                            let observation = Observation {
                                fact,
                                value: shown(content),
                            };
                            if !seen.contains(&observation) {
                                seen.push(observation);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn shown(content: Content<'_>) -> String {
    match content {
        Content::Value(Value::String(text)) => text.clone(),
        Content::Value(value) => value.to_string(),
        Content::Absent => "absent".into(),
        Content::Unknown(reason) => format!("unknown: {reason}"),
    }
}

impl Condition {
    fn evaluate(&self, facts: &Value) -> Truth {
        let places = self.path.places(facts);
        // `exists = false` speaks of all places; everything else of any place that passes all tests.
        let (gone, tests): (Vec<&Test>, Vec<&Test>) = self
            .tests
            .iter()
            .partition(|test| matches!(test, Test::Exists(false)));
        let absent = gone
            .iter()
            .map(|_| Truth::any(places.iter().map(exists)).not());
        let present = (!tests.is_empty()).then(|| {
            Truth::any(
                places
                    .iter()
                    .map(|place| Truth::all(tests.iter().map(|test| test.at(place)))),
            )
        });
        Truth::all(absent.chain(present))
    }
}

fn exists(place: &Place<'_>) -> Truth {
    match place.content {
        Content::Value(_) => Truth::True,
        Content::Absent => Truth::False,
        Content::Unknown(reason) => Truth::Unknown(vec![Unseen {
            fact: place.name.clone(),
            reason: reason.to_string(),
        }]),
    }
}

impl Test {
    fn at(&self, place: &Place<'_>) -> Truth {
        if let Self::Unseen(pattern) = self {
            let reason = match place.content {
                Content::Unknown(reason) => reason,
                Content::Value(_) | Content::Absent => return Truth::False,
            };
            return Truth::of(pattern.is_match(reason));
        }
        let value = match place.content {
            Content::Value(value) => value,
            Content::Absent | Content::Unknown(_) => return exists(place),
        };
        match self {
            // Answered above, where there is no value.
            Self::Unseen(_) => Truth::False,
            Self::Exists(wanted) => Truth::of(*wanted),
            Self::Equal(operand) => Truth::of(equal(value, operand)),
            Self::Less(operand) => Truth::of(order(value, operand) == Some(Ordering::Less)),
            Self::AtLeast(operand) => Truth::of(matches!(
                order(value, operand),
                Some(Ordering::Greater | Ordering::Equal)
            )),
            Self::In(operands) => Truth::of(operands.iter().any(|operand| equal(value, operand))),
            Self::Matches(pattern) => {
                Truth::of(value.as_str().is_some_and(|text| pattern.is_match(text)))
            }
            Self::VersionIn(range) => {
                Truth::of(value.as_str().is_some_and(|text| range.contains(text)))
            }
            Self::Where(inner) => match inner.evaluate(value) {
                Truth::Unknown(unseen) => Truth::Unknown(
                    unseen
                        .into_iter()
                        .map(|one| Unseen {
                            fact: format!("{}.{}", place.name, one.fact),
                            reason: one.reason,
                        })
                        .collect(),
                ),
                decided => decided,
            },
        }
    }
}

fn equal(value: &Value, operand: &Value) -> bool {
    match (value.as_f64(), operand.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => value == operand,
    }
}

/// Numbers by size, texts as versions; a number and a text can't be ordered.
fn order(value: &Value, operand: &Value) -> Option<Ordering> {
    match (value, operand) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(version::order(one, other)),
        _ => None,
    }
}
