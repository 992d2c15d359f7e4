//! The one error a person sees: what failed, why, and what to type next.

use crate::code::Code;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A failure in a person's terms.
///
/// `message` names the thing that failed; `causes` run from the nearest to the deepest and never
/// repeat the message; `hints` are data, each a sentence or a command to type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// What failed, with the thing's name, without a full stop.
    pub message: String,
    /// Why, nearest cause first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do or type next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// The result of anything that can fail in front of a person.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    /// A problem with its code and message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Adds a deeper cause.
    #[must_use]
    pub fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts a wider message in front: the old message becomes the nearest cause. Code and hints stay.
    #[must_use]
    pub fn within(mut self, message: impl Into<String>) -> Self {
        self.causes
            .insert(0, std::mem::replace(&mut self.message, message.into()));
        self
    }

    /// The same failure under another code.
    #[must_use]
    pub fn coded(mut self, code: Code) -> Self {
        self.code = code;
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)?;
        for cause in &self.causes {
            write!(formatter, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
