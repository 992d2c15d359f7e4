//! What reading one fact can come to: a value, surely nothing there, or not seen and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fact about a machine: known, known to be absent, or unknown with the reason.
///
/// In JSON: the value itself, `null`, or `{"unknown": "the reason"}`. A fact that could not be
/// read is never guessed.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Known<T> {
    /// Not seen, and why in words a person can act on.
    Unknown {
        /// Why it could not be read.
        unknown: String,
    },
    /// Read.
    Value(T),
    /// Looked for and not there.
    #[default]
    Absent,
}

impl<T> Known<T> {
    /// An unknown fact with its reason.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown {
            unknown: reason.into(),
        }
    }

    /// The value where it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Unknown { .. } => None,
        }
    }

    /// Why the fact is unknown, where it is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Unknown { unknown } => Some(unknown),
            Self::Value(_) | Self::Absent => None,
        }
    }

    /// Looked for and not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The same outcome over another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Value(value) => Known::Value(change(value)),
            Self::Absent => Known::Absent,
            Self::Unknown { unknown } => Known::Unknown { unknown },
        }
    }

    /// The same outcome, where reading the value may itself come to nothing.
    pub fn and_then<U>(self, change: impl FnOnce(T) -> Known<U>) -> Known<U> {
        match self {
            Self::Value(value) => change(value),
            Self::Absent => Known::Absent,
            Self::Unknown { unknown } => Known::Unknown { unknown },
        }
    }

    /// The same outcome by reference.
    pub fn as_ref(&self) -> Known<&T> {
        match self {
            Self::Value(value) => Known::Value(value),
            Self::Absent => Known::Absent,
            Self::Unknown { unknown } => Known::Unknown {
                unknown: unknown.clone(),
            },
        }
    }
}

impl<T> From<Option<T>> for Known<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_value_or_null_or_the_reason() {
        let cases: [(Known<u32>, &str); 3] = [
            (Known::Value(7), "7"),
            (Known::Absent, "null"),
            (
                Known::unknown("no permission"),
                r#"{"unknown":"no permission"}"#,
            ),
        ];
        for (fact, json) in cases {
            assert_eq!(serde_json::to_string(&fact).unwrap(), json);
            assert_eq!(serde_json::from_str::<Known<u32>>(json).unwrap(), fact);
        }
    }
}
