//! Evaluating predicates by Kleene's logic of three values.

use super::path::{Content, Place};
use super::{Condition, Operand, Predicate, Test};
use crate::breakages::as_bytes;
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

    pub(super) fn of(value: bool) -> Self {
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

    pub(super) fn all(parts: impl Iterator<Item = Self>) -> Self {
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

/// A line that shows why a predicate came to what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The fact's path, the file or the command.
    pub source: String,
    /// What it says there.
    pub text: String,
    /// It is said in words of its own.
    pub in_words: bool,
}

impl Evidence {
    pub(super) fn said(source: &str, line: &str, value: &str, say: Option<&str>) -> Self {
        Self {
            source: source.to_string(),
            text: match say {
                Some(say) => say
                    .replace("{value}", value)
                    .replace("{bytes}", &as_bytes(value.to_string()))
                    .replace("{source}", source)
                    .replace("{line}", line),
                None => line.to_string(),
            },
            in_words: say.is_some(),
        }
    }
}

/// Where a predicate is judged: the value that paths start from, and the whole that references start from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub value: &'a Value,
    pub root: &'a Value,
}

impl Predicate {
    /// Evaluates over facts as JSON (`serde_json::to_value(&facts)`), or any value of that form.
    pub fn evaluate(&self, facts: &Value) -> Truth {
        self.judge(Scope {
            value: facts,
            root: facts,
        })
    }

    fn judge(&self, scope: Scope<'_>) -> Truth {
        match self {
            Self::All(parts) => Truth::all(parts.iter().map(|part| part.judge(scope))),
            Self::Any(parts) => Truth::any(parts.iter().map(|part| part.judge(scope))),
            Self::Not(part) => part.judge(scope).not(),
            Self::Fact(condition) => condition.evaluate(scope),
            Self::Seen(sighting, _) => sighting.trace(scope, None).0,
        }
    }

    /// What it comes to, and the lines that show why: for a predicate that holds, what each decisive part found; for one
    /// that does not, what was found instead.
    pub fn trace(&self, facts: &Value) -> (Truth, Vec<Evidence>) {
        let (truth, mut lines) = self.traced(Scope {
            value: facts,
            root: facts,
        });
        let mut seen: Vec<Evidence> = Vec::new();
        lines.retain(|line| {
            // A fact that was said in words is not said again without.
            let new = !seen.iter().any(|earlier| {
                earlier.source == line.source
                    && (earlier.text == line.text
                        || (earlier.in_words && !line.in_words && !line.source.contains('/')))
            });
            if new {
                seen.push(line.clone());
            }
            new
        });
        (truth, lines)
    }

    fn traced(&self, scope: Scope<'_>) -> (Truth, Vec<Evidence>) {
        match self {
            Self::All(parts) => Self::traced_list(parts, scope, &Truth::False),
            Self::Any(parts) => Self::traced_list(parts, scope, &Truth::True),
            Self::Not(part) => {
                let (truth, lines) = part.traced(scope);
                (truth.not(), lines)
            }
            Self::Fact(condition) => condition.trace(scope),
            Self::Seen(sighting, say) => sighting.trace(scope, say.as_deref()),
        }
    }

    /// The first decisive part speaks alone; else all do.
    fn traced_list(parts: &[Self], scope: Scope<'_>, decisive: &Truth) -> (Truth, Vec<Evidence>) {
        let mut truths = Vec::new();
        let mut lines = Vec::new();
        for part in parts {
            let (truth, found) = part.traced(scope);
            if truth == *decisive {
                return (truth, found);
            }
            truths.push(truth);
            lines.extend(found);
        }
        (Truth::fold(truths.into_iter(), decisive.clone()), lines)
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
            Self::Seen(..) => {}
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

/// The values at a fact's path, as texts: of each place that passes the filter, the field `take` or the place itself.
pub fn values(
    root: &Value,
    path: &str,
    filter: Option<&Predicate>,
    take: Option<&str>,
) -> Vec<String> {
    let Some(path) = super::path::Path::parse(path) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for place in path.places(root) {
        let Content::Value(value) = place.content else {
            continue;
        };
        if filter.is_some_and(|filter| !filter.judge(Scope { value, root }).holds()) {
            continue;
        }
        let value = match take {
            Some(field) => value.get(field),
            None => Some(value),
        };
        match value {
            Some(Value::String(text)) => found.push(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => found.push(value.to_string()),
            _ => {}
        }
    }
    found.dedup();
    found
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
    fn evaluate(&self, scope: Scope<'_>) -> Truth {
        self.places(scope).0
    }

    /// What it comes to, and the places that decided it.
    fn places<'a>(&self, scope: Scope<'a>) -> (Truth, Vec<Place<'a>>) {
        let places = self.path.places(scope.value);
        // `exists = false` speaks of all places; everything else of any place that passes all tests.
        let (gone, tests): (Vec<&Test>, Vec<&Test>) = self
            .tests
            .iter()
            .partition(|test| matches!(test, Test::Exists(false)));
        let absent = gone
            .iter()
            .map(|_| Truth::any(places.iter().map(exists)).not());
        let judged: Vec<Truth> = if tests.is_empty() {
            Vec::new()
        } else {
            places
                .iter()
                .map(|place| Truth::all(tests.iter().map(|test| test.at(place, scope))))
                .collect()
        };
        let present = (!tests.is_empty()).then(|| Truth::any(judged.iter().cloned()));
        let truth = Truth::all(absent.chain(present));
        let mut judged = judged.into_iter();
        let passed: Vec<Place<'a>> = places
            .iter()
            .filter(|_| judged.next().is_some_and(|truth| truth.holds()))
            .cloned()
            .collect();
        let decisive = if passed.is_empty() { places } else { passed };
        (truth, decisive)
    }

    fn trace(&self, scope: Scope<'_>) -> (Truth, Vec<Evidence>) {
        let (truth, places) = self.places(scope);
        // The words are for a condition that holds; of one that does not, the value itself tells.
        let say = self.say.as_ref().filter(|_| truth.holds());
        let inner = self.tests.iter().find_map(|test| match test {
            Test::Where(inner) => Some(inner),
            _ => None,
        });
        let mut lines = Vec::new();
        for place in places.iter().take(if truth.holds() { 3 } else { 1 }) {
            match (place.content, inner, say) {
                // A list that has no such element: what its elements are instead is no evidence.
                (Content::Value(_), Some(_), _) if !truth.holds() => {}
                (Content::Value(value), Some(inner), None) => {
                    let (_, found) = inner.traced(Scope {
                        value,
                        root: scope.root,
                    });
                    lines.extend(found.into_iter().map(|line| Evidence {
                        source: format!("{}.{}", place.name, line.source),
                        text: line.text,
                        in_words: line.in_words,
                    }));
                }
                (content, _, say) => {
                    let value = shown(content);
                    lines.push(Evidence::said(
                        &place.name,
                        &value,
                        &said_of(content, &value),
                        say.map(String::as_str),
                    ));
                }
            }
        }
        (truth, lines)
    }
}

/// What `{value}` stands for: of a table, the name or the first text that tells it apart.
fn said_of(content: Content<'_>, shown: &str) -> String {
    let Content::Value(Value::Object(fields)) = content else {
        return shown.to_string();
    };
    ["name", "path", "mount", "release", "text", "version"]
        .iter()
        .find_map(|key| fields.get(*key).and_then(Value::as_str))
        .unwrap_or(shown)
        .to_string()
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

impl Operand {
    /// Whether any value that it stands for passes.
    fn any(&self, scope: Scope<'_>, passes: impl Fn(&Value) -> bool) -> Truth {
        match self {
            Self::Plain(value) => Truth::of(passes(value)),
            Self::Fact(path, name) => {
                Truth::any(
                    path.places(scope.root)
                        .iter()
                        .map(|place| match place.content {
                            Content::Value(value) => Truth::of(passes(value)),
                            Content::Absent => Truth::False,
                            Content::Unknown(reason) => Truth::Unknown(vec![Unseen {
                                fact: name.clone(),
                                reason: reason.to_string(),
                            }]),
                        }),
                )
            }
        }
    }
}

impl Test {
    fn at(&self, place: &Place<'_>, scope: Scope<'_>) -> Truth {
        if let Self::Unseen(pattern) = self {
            let reason = match place.content {
                Content::Unknown(reason) => reason,
                Content::Value(_) | Content::Absent => return Truth::False,
            };
            return Truth::of(pattern.is_match(reason));
        }
        match place.content {
            Content::Value(value) => self.on(value, &place.name, scope),
            Content::Absent | Content::Unknown(_) => exists(place),
        }
    }

    /// On a text from evidence: it counts as a number where it is compared with one.
    pub(super) fn on_text(&self, text: &Value, name: &str, scope: Scope<'_>) -> Truth {
        if let (Self::Equal(operand) | Self::Less(operand) | Self::AtLeast(operand), Some(number)) =
            (self, number(text))
            && operand.any(scope, Value::is_number).holds()
        {
            return self.on(&number, name, scope);
        }
        self.on(text, name, scope)
    }

    fn on(&self, value: &Value, name: &str, scope: Scope<'_>) -> Truth {
        match self {
            // Answered before, where there is no value.
            Self::Unseen(_) => Truth::False,
            Self::Exists(wanted) => Truth::of(*wanted),
            Self::Equal(operand) => operand.any(scope, |operand| equal(value, operand)),
            Self::Less(operand) => operand.any(scope, |operand| {
                order(value, operand) == Some(Ordering::Less)
            }),
            Self::AtLeast(operand) => operand.any(scope, |operand| {
                matches!(
                    order(value, operand),
                    Some(Ordering::Greater | Ordering::Equal)
                )
            }),
            Self::In(operands) => Truth::any(
                operands
                    .iter()
                    .map(|operand| operand.any(scope, |operand| equal(value, operand))),
            ),
            Self::Matches(pattern) => match pattern.ready(scope.root) {
                Ok(ready) => Truth::of(
                    value
                        .as_str()
                        .is_some_and(|text| ready.captures(text).is_some()),
                ),
                Err(truth) => truth,
            },
            Self::VersionIn(range) => {
                Truth::of(value.as_str().is_some_and(|text| range.contains(text)))
            }
            Self::Where(inner) => match inner.judge(Scope {
                value,
                root: scope.root,
            }) {
                Truth::Unknown(unseen) => Truth::Unknown(
                    unseen
                        .into_iter()
                        .map(|one| Unseen {
                            fact: format!("{name}.{}", one.fact),
                            reason: one.reason,
                        })
                        .collect(),
                ),
                decided => decided,
            },
        }
    }
}

/// A text as the number that it is: `1073741824`, `98%`, `12.5`.
fn number(text: &Value) -> Option<Value> {
    let text = text.as_str()?.trim().trim_end_matches('%');
    match text.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number),
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
