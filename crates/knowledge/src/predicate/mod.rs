//! Predicates: conditions over facts, written in data files, evaluated to true, false or unknown.
//!
//! ```toml
//! all = [
//!   { fact = "drivers.nvidia.user_space", version_in = "<580" },
//!   { fact = "gpus[*]", where = { all = [{ fact = "vendor", "=" = "nvidia" }, { fact = "compute_capability", ">=" = "7.5" }] } },
//!   { not = { fact = "system.wsl", exists = true } },
//! ]
//! ```
//! An operand `"$drivers.nvidia.user_space"` is another fact; `"$name"`, without a dot, a value that a breakage took from
//! evidence. A pattern may name facts, too: `'module for {{system.kernel}}'`.
//! `{ seen = "kernel-log", line = 'NVRM: Xid .*: 79' }` speaks of evidence ([`Sighting`]) instead of a fact.
//! `{ is = "nvidia-gpu-answers" }` is a condition that several rules share, by its name in `data/terms.toml`.
//! `say = "…{value}…"` are the words in which a condition that holds is shown.
//! `unseen = "pattern"` holds for a fact that is unknown for a reason that the pattern matches: a library's own
//! error is evidence, too.
//! `[*]` holds when it holds for any element. Several operators in one condition must all hold.
//! Invariant: evaluation is total. It never panics, its depth is bounded when a predicate is read,
//! and an unknown fact makes the outcome unknown unless the rest decides it (Kleene's logic).

mod evaluate;
mod path;
mod pattern;
mod read;
mod sighting;
mod terms;

pub use evaluate::{Evidence, Observation, Truth, Unseen, values};
pub use pattern::{Pattern, filled};
pub use read::PredicateError;
pub use sighting::{Found, Sighting};

use crate::version::Range;
use serde_json::Value;

/// How deep predicates may be nested.
pub const DEPTH_LIMIT: usize = 16;

/// A condition over facts.
#[derive(Debug, Clone)]
pub enum Predicate {
    /// Every one holds. An empty list holds.
    All(Vec<Predicate>),
    /// At least one holds. An empty list does not.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// Something about one fact.
    Fact(Condition),
    /// Something about evidence, with the words in which it is shown.
    Seen(Box<Sighting>, Option<String>),
}

/// Tests on one fact.
#[derive(Debug, Clone)]
pub struct Condition {
    path: path::Path,
    tests: Vec<Test>,
    say: Option<String>,
}

/// What a value is compared with.
#[derive(Debug, Clone)]
enum Operand {
    Plain(Value),
    /// Another fact, by its path, with the name it is written by.
    Fact(path::Path, String),
}

#[derive(Debug, Clone)]
enum Test {
    Exists(bool),
    Equal(Operand),
    Less(Operand),
    AtLeast(Operand),
    In(Vec<Operand>),
    Matches(Pattern),
    VersionIn(Range),
    Where(Predicate),
    Unseen(Pattern),
}

impl Predicate {
    /// The facts it names, with the facts inside `where` written after their list.
    pub fn facts(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.gather("", &mut names);
        names.sort();
        names.dedup();
        names
    }

    /// The items of evidence it names.
    pub fn items(&self) -> Vec<&str> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::items).collect(),
            Self::Not(part) => part.items(),
            Self::Fact(_) => Vec::new(),
            Self::Seen(sighting, _) => vec![sighting.item()],
        }
    }

    fn gather(&self, prefix: &str, names: &mut Vec<String>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.gather(prefix, names))
            }
            Self::Not(part) => part.gather(prefix, names),
            Self::Seen(..) => {}
            Self::Fact(condition) => {
                let name = if prefix.is_empty() {
                    condition.path.to_string()
                } else {
                    format!("{prefix}.{}", condition.path)
                };
                for test in &condition.tests {
                    if let Test::Where(inner) = test {
                        inner.gather(&name, names);
                    }
                }
                names.push(name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
