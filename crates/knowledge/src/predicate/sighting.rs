//! Conditions on evidence: what the lines of a log, a file or a command's answer say.
//!
//! Evidence stands in the same value as the facts, under `evidence`: a list of documents for each item,
//! `{"source": "dmesg", "text": "…"}`, or `{"source": …, "unknown": "why"}` for one that could not be read.

use super::evaluate::{Evidence, Scope};
use super::pattern::{Pattern, Ready};
use super::{Test, Truth, Unseen};
use serde_json::Value;
use std::collections::BTreeSet;

/// Lines of evidence that are shown for one condition.
const SHOWN: usize = 3;

/// A condition on one item of evidence.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub(super) item: String,
    /// Only documents whose source matches.
    pub(super) source: Option<Pattern>,
    pub(super) what: What,
    /// Only lines behind the last one that matches this.
    pub(super) after: Option<Pattern>,
    /// Only the last line that matches counts.
    pub(super) last: bool,
    /// So many lines at the least.
    pub(super) count: usize,
    /// So many different values of the first group at the least.
    pub(super) distinct: usize,
    /// What must hold of the first group.
    pub(super) tests: Vec<Test>,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Exists(bool),
    Line(Pattern),
    Text(Pattern),
    /// It could not be read, for a reason that the pattern matches.
    Unseen(Pattern),
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub source: String,
    /// The whole line.
    pub line: String,
    /// The first group, or the whole match.
    pub value: String,
}

/// One document of an item.
struct Document<'a> {
    source: &'a str,
    text: Result<&'a str, &'a str>,
}

impl Sighting {
    /// The item's name.
    pub fn item(&self) -> &str {
        &self.item
    }

    /// The facts that its tests and patterns name are in the same value.
    pub(super) fn trace(&self, scope: Scope<'_>, say: Option<&str>) -> (Truth, Vec<Evidence>) {
        let Some(documents) = documents(scope.root, &self.item) else {
            let unseen = Unseen {
                fact: self.item.clone(),
                reason: "it was not looked at".into(),
            };
            return (Truth::Unknown(vec![unseen]), Vec::new());
        };
        let wanted = match self.source.as_ref().map(|source| source.ready(scope.root)) {
            None => None,
            Some(Ok(ready)) => Some(ready),
            Some(Err(truth)) => return (truth, Vec::new()),
        };
        let documents: Vec<Document<'_>> = documents
            .into_iter()
            .filter(|document| {
                wanted
                    .as_ref()
                    .is_none_or(|ready| ready.captures(document.source).is_some())
            })
            .collect();
        let unknown = unknown(&self.item, &documents);
        match &self.what {
            What::Exists(expected) => {
                let there: Vec<&Document<'_>> =
                    documents.iter().filter(|one| one.text.is_ok()).collect();
                let truth = if !there.is_empty() {
                    Truth::of(*expected)
                } else if unknown.is_empty() {
                    Truth::of(!*expected)
                } else {
                    Truth::Unknown(unknown)
                };
                let say = say.filter(|_| truth.holds());
                let lines = if there.is_empty() {
                    vec![Evidence::said(&self.item, "absent", "absent", say)]
                } else {
                    there
                        .iter()
                        .take(SHOWN)
                        .map(|one| Evidence::said(one.source, "there", one.source, say))
                        .collect()
                };
                (truth, lines)
            }
            What::Unseen(pattern) => {
                let found: Vec<Evidence> = documents
                    .iter()
                    .filter_map(|one| one.text.err().map(|reason| (one.source, reason)))
                    .filter(|(_, reason)| pattern.is_match(reason))
                    .map(|(source, reason)| Evidence::said(source, reason, reason, say))
                    .collect();
                (Truth::of(!found.is_empty()), found)
            }
            What::Line(pattern) => match pattern.ready(scope.root) {
                Ok(ready) => self.judge(scope, &documents, &ready, true, unknown, say),
                Err(truth) => (truth, Vec::new()),
            },
            What::Text(pattern) => match pattern.ready(scope.root) {
                Ok(ready) => self.judge(scope, &documents, &ready, false, unknown, say),
                Err(truth) => (truth, Vec::new()),
            },
        }
    }

    fn judge(
        &self,
        scope: Scope<'_>,
        documents: &[Document<'_>],
        ready: &Ready<'_>,
        by_line: bool,
        mut unknown: Vec<Unseen>,
        say: Option<&str>,
    ) -> (Truth, Vec<Evidence>) {
        let after = match self.after.as_ref().map(|after| after.ready(scope.root)) {
            None => None,
            Some(Ok(ready)) => Some(ready),
            Some(Err(truth)) => return (truth, Vec::new()),
        };
        let mut found = matches(documents, ready, after.as_ref(), by_line);
        if self.last {
            found = found.pop().into_iter().collect();
        }
        found.retain(|one| {
            let value = Value::String(one.value.clone());
            let truth = Truth::all(
                self.tests
                    .iter()
                    .map(|test| test.on_text(&value, &self.item, scope)),
            );
            if let Truth::Unknown(unseen) = &truth {
                unknown.extend(unseen.iter().cloned());
            }
            truth.holds()
        });
        let values: BTreeSet<&str> = found.iter().map(|one| one.value.as_str()).collect();
        let enough = found.len() >= self.count.max(1) && values.len() >= self.distinct.max(1);
        let truth = match (enough, unknown.is_empty()) {
            (true, _) => Truth::True,
            (false, true) => Truth::False,
            (false, false) => Truth::Unknown(unknown),
        };
        let say = say.filter(|_| truth.holds());
        let shown = found
            .iter()
            .take(SHOWN - 1)
            .chain(found.iter().skip(SHOWN - 1).next_back())
            .map(|one| Evidence::said(&one.source, &one.line, &one.value, say))
            .collect();
        (truth, shown)
    }

    /// Every line that it finds, for the values that a breakage takes from evidence.
    pub fn found(&self, root: &Value) -> Vec<Found> {
        let scope = Scope { value: root, root };
        let (What::Line(pattern) | What::Text(pattern)) = &self.what else {
            return documents(root, &self.item)
                .unwrap_or_default()
                .into_iter()
                .filter(|one| {
                    one.text.is_ok()
                        && self.source.as_ref().is_none_or(|source| {
                            source
                                .ready(root)
                                .is_ok_and(|ready| ready.captures(one.source).is_some())
                        })
                })
                .map(|one| Found {
                    source: one.source.to_string(),
                    line: one.source.to_string(),
                    value: one.source.to_string(),
                })
                .collect();
        };
        let Ok(ready) = pattern.ready(root) else {
            return Vec::new();
        };
        let documents: Vec<Document<'_>> = documents(root, &self.item)
            .unwrap_or_default()
            .into_iter()
            .filter(|one| {
                self.source.as_ref().is_none_or(|source| {
                    source
                        .ready(root)
                        .is_ok_and(|ready| ready.captures(one.source).is_some())
                })
            })
            .collect();
        let after = self.after.as_ref().and_then(|after| after.ready(root).ok());
        let by_line = matches!(self.what, What::Line(_));
        let mut found = matches(&documents, &ready, after.as_ref(), by_line);
        found.retain(|one| {
            let value = Value::String(one.value.clone());
            self.tests
                .iter()
                .all(|test| test.on_text(&value, &self.item, scope).holds())
        });
        if self.last {
            found = found.pop().into_iter().collect();
        }
        found
    }
}

fn matches(
    documents: &[Document<'_>],
    ready: &Ready<'_>,
    after: Option<&Ready<'_>>,
    by_line: bool,
) -> Vec<Found> {
    let mut found = Vec::new();
    for document in documents {
        let Ok(text) = document.text else { continue };
        if !by_line {
            if let Some(value) = ready.captures(text) {
                found.push(Found {
                    source: document.source.to_string(),
                    line: value.lines().next().unwrap_or_default().to_string(),
                    value,
                });
            }
            continue;
        }
        let behind = after.and_then(|after| {
            text.lines()
                .enumerate()
                .filter(|(_, line)| after.captures(line).is_some())
                .last()
                .map(|(place, _)| place + 1)
        });
        for line in text.lines().skip(behind.unwrap_or(0)) {
            if let Some(value) = ready.captures(line) {
                found.push(Found {
                    source: document.source.to_string(),
                    line: line.trim().to_string(),
                    value,
                });
            }
        }
    }
    found
}

fn unknown(item: &str, documents: &[Document<'_>]) -> Vec<Unseen> {
    documents
        .iter()
        .filter_map(|one| one.text.err().map(|reason| (one.source, reason)))
        .map(|(source, reason)| Unseen {
            fact: if source.is_empty() {
                item.to_string()
            } else {
                format!("{item} ({source})")
            },
            reason: reason.to_string(),
        })
        .collect()
}

/// An item's documents; none when nobody looked at the item.
fn documents<'a>(root: &'a Value, item: &str) -> Option<Vec<Document<'a>>> {
    let list = root.get("evidence")?.get(item)?.as_array()?;
    Some(
        list.iter()
            .map(|one| {
                let text = |name: &str| one.get(name).and_then(Value::as_str);
                Document {
                    source: text("source").unwrap_or_default(),
                    text: text("text").ok_or_else(|| text("unknown").unwrap_or("unreadable")),
                }
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests;
