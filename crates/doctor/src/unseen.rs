//! What could not be seen, collected from the facts, each with its reason.

use deskside_types::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fact that is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unseen {
    /// Its dotted path in the facts, for example `system.secure_boot`.
    pub fact: String,
    /// Why it could not be read.
    pub reason: String,
}

/// Every unknown fact in the order of the facts; facts with the same reason under one parent are told once.
pub fn unseen(facts: &Facts) -> Vec<Unseen> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::to_value(facts) {
        walk(&value, String::new(), &mut found);
    }
    let mut told: Vec<Unseen> = Vec::new();
    for one in found {
        let parent = |fact: &str| {
            fact.rsplit_once('.')
                .map_or(String::new(), |(parent, _)| parent.to_string())
        };
        if !told.iter().any(|earlier| {
            earlier.reason == one.reason && parent(&earlier.fact) == parent(&one.fact)
        }) {
            told.push(one);
        }
    }
    told
}

fn walk(value: &Value, path: String, found: &mut Vec<Unseen>) {
    match value {
        Value::Object(fields) => {
            if let (Some(Value::String(reason)), 1) = (fields.get("unknown"), fields.len()) {
                // What was not asked on purpose is nothing that failed to be seen.
                if reason.starts_with("not asked") {
                    return;
                }
                found.push(Unseen {
                    fact: path,
                    reason: reason.clone(),
                });
                return;
            }
            for (name, field) in fields {
                walk(field, join(&path, name), found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                walk(item, join(&path, &place.to_string()), found);
            }
        }
        _ => {}
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_string()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_leaves_are_found_once_a_parent_and_reason() {
        let value = serde_json::json!({
            "system": {"kernel": "6.8", "secure_boot": {"unknown": "denied"}},
            "gpus": [{"memory": {"total": {"unknown": "lost"}, "used": {"unknown": "lost"}}}],
            "pythons": [],
        });
        let mut found = Vec::new();
        walk(&value, String::new(), &mut found);
        let facts: Vec<&str> = found.iter().map(|one| one.fact.as_str()).collect();
        assert_eq!(
            facts,
            [
                "gpus.0.memory.total",
                "gpus.0.memory.used",
                "system.secure_boot"
            ]
        );
    }
}
