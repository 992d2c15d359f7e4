//! Patterns over lines: a regular expression that may name facts (`{{system.kernel}}`), with a quick look for its longest
//! plain part before the expression itself is tried, because logs are long and expressions slow.

use super::path::{Content, Path};
use super::{Truth, Unseen};
use regex_lite::Regex;
use serde_json::Value;
use std::borrow::Cow;

/// A pattern as it is written in a data file.
#[derive(Debug, Clone)]
pub struct Pattern {
    template: String,
    /// One of these is in every text that matches; nothing is known of them when empty.
    literals: Vec<String>,
    compiled: Option<Regex>,
}

impl<'de> serde::Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The regular expression's own complaint.
    pub fn new(template: &str) -> Result<Self, String> {
        let compile = |text: &str| {
            Regex::new(text).map_err(|error| format!("`{template}` is no pattern: {error}"))
        };
        let compiled = if template.contains("{{") {
            compile(&filled(template, |_| Some("x".into())).unwrap_or_default())?;
            None
        } else {
            Some(compile(template)?)
        };
        Ok(Self {
            literals: literals(template),
            compiled,
            template: template.to_string(),
        })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.template
    }

    /// With the facts it names filled in.
    pub(super) fn ready(&self, root: &Value) -> Result<Ready<'_>, Truth> {
        if let Some(compiled) = &self.compiled {
            return Ok(Ready {
                literals: &self.literals,
                regex: Cow::Borrowed(compiled),
            });
        }
        let mut trouble = Truth::False;
        let text = filled(&self.template, |name| match lookup(name, root) {
            Ok(value) => value.map(|value| regex_lite::escape(&value)),
            Err(unseen) => {
                trouble = Truth::Unknown(vec![unseen]);
                None
            }
        });
        match text.and_then(|text| Regex::new(&text).ok()) {
            Some(regex) => Ok(Ready {
                literals: &self.literals,
                regex: Cow::Owned(regex),
            }),
            None => Err(trouble),
        }
    }

    /// Whether it matches anywhere in a text. Facts that it names count as not there.
    pub fn is_match(&self, text: &str) -> bool {
        self.ready(&Value::Null)
            .is_ok_and(|ready| ready.captures(text).is_some())
    }
}

/// A pattern that can be tried.
pub(super) struct Ready<'a> {
    literals: &'a [String],
    regex: Cow<'a, Regex>,
}

impl Ready<'_> {
    /// The first group of the first match, or the whole match where there is no group.
    pub fn captures(&self, text: &str) -> Option<String> {
        if !self.literals.is_empty() && !self.literals.iter().any(|literal| text.contains(literal))
        {
            return None;
        }
        let captures = self.regex.captures(text)?;
        let found = captures.iter().skip(1).flatten().next();
        Some(
            found
                .or_else(|| captures.get(0))
                .map_or(String::new(), |group| group.as_str().to_string()),
        )
    }
}

/// A fact or named value as text; none where it is absent.
pub(super) fn lookup(name: &str, root: &Value) -> Result<Option<String>, Unseen> {
    let Some(path) = reference(name) else {
        return Ok(None);
    };
    for place in path.places(root) {
        match place.content {
            Content::Value(Value::String(text)) => return Ok(Some(text.clone())),
            Content::Value(value) => return Ok(Some(value.to_string())),
            Content::Unknown(reason) => {
                return Err(Unseen {
                    fact: name.to_string(),
                    reason: reason.to_string(),
                });
            }
            Content::Absent => {}
        }
    }
    Ok(None)
}

/// The path behind a name: a name without a dot is one of the breakage's own values.
pub(super) fn reference(name: &str) -> Option<Path> {
    if name.contains('.') {
        Path::parse(name)
    } else {
        Path::parse(&format!("values.{name}"))
    }
}

/// A template with its `{{names}}` replaced; none when one of them has no value.
pub fn filled(template: &str, mut value: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((head, tail)) = rest.split_once("{{") {
        let (name, behind) = tail.split_once("}}")?;
        text.push_str(head);
        text.push_str(&value(name.trim())?);
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}

/// For each alternative of an expression the longest text that its matches must hold, found without understanding all of
/// it: where in doubt, none at all.
fn literals(pattern: &str) -> Vec<String> {
    alternatives(pattern)
        .into_iter()
        .map(literal)
        .collect::<Option<Vec<String>>>()
        .unwrap_or_default()
}

/// The alternatives of an expression at its outermost.
fn alternatives(pattern: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut begin, mut in_class, mut escaped) = (0_usize, 0, false, false);
    let mut class_begin = 0;
    for (at, letter) in pattern.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match letter {
            '\\' => escaped = true,
            // A bracket right at the beginning of a class is a member of it.
            ']' if in_class && at > class_begin => in_class = false,
            '^' if in_class && at == class_begin => class_begin = at + 1,
            _ if in_class => {}
            '[' => {
                in_class = true;
                class_begin = at + 1;
            }
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.push(&pattern[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[begin..]);
    // Letters of either case may be asked for in one part and hold for all.
    if pattern.contains("(?i") {
        return vec!["(?i)"];
    }
    parts
}

/// The longest text that every match of an expression without outer alternatives must hold.
fn literal(pattern: &str) -> Option<String> {
    if pattern.contains("(?i") {
        return None;
    }
    let mut runs = vec![String::new()];
    let mut depth = 0_usize;
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        let plain = match letter {
            '\\' => letters
                .next()
                .filter(|escaped| !escaped.is_ascii_alphanumeric()),
            '[' => {
                class(&mut letters);
                None
            }
            '(' => {
                depth += 1;
                None
            }
            ')' => {
                depth = depth.saturating_sub(1);
                None
            }
            '|' if depth == 0 => return None,
            '{' if letters.peek() == Some(&'{') => {
                while letters.next().is_some_and(|inner| inner != '}') {}
                letters.next();
                None
            }
            '*' | '?' | '{' => {
                if let Some(run) = runs.last_mut() {
                    run.pop();
                }
                if letter == '{' {
                    while letters.next().is_some_and(|inner| inner != '}') {}
                }
                None
            }
            '.' | '^' | '$' | '+' | '|' => None,
            other => Some(other),
        };
        match plain {
            Some(plain) if depth == 0 => {
                if let Some(run) = runs.last_mut() {
                    run.push(plain);
                }
            }
            _ => runs.push(String::new()),
        }
    }
    runs.into_iter()
        .max_by_key(String::len)
        .filter(|run| run.len() >= 3)
}

/// Passes over the rest of a character class.
fn class(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut first = true;
    while let Some(letter) = letters.next() {
        match letter {
            '^' if first => continue,
            ']' if !first => return,
            '\\' => {
                letters.next();
            }
            _ => {}
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_part_is_found_and_never_wrong() {
        for (pattern, part) in [
            (
                r"NVRM: Xid \(PCI:[0-9a-f:.]+\): 79",
                Some("NVRM: Xid (PCI:"),
            ),
            (r"a|b", None),
            (r"(?i)abcdef", None),
            (r"^E: dpkg was interrupted", Some("E: dpkg was interrupted")),
            (r"(foo|bar) failed", Some(" failed")),
            (r"abcx*", Some("abc")),
            (r"ab?", None),
            (r"[]x]killed", Some("killed")),
            (r"nvidia/{{system.kernel}}, installed", Some(", installed")),
            (r"x{3}defg", Some("defg")),
        ] {
            let part: Vec<&str> = part.into_iter().collect();
            assert_eq!(literals(pattern), part, "{pattern}");
        }
    }

    #[test]
    fn alternatives_have_a_part_each_or_none_counts() {
        for (pattern, parts) in [
            (
                "out of memory|OutOfMemory",
                vec!["out of memory", "OutOfMemory"],
            ),
            (r"a\|bcd", vec!["a|bcd"]),
            ("abc[|]def|ghi", vec!["def", "ghi"]),
            ("abc[]|]def|ghi", vec!["def", "ghi"]),
            ("abc[^|]def|ghi", vec!["def", "ghi"]),
            ("(one|two) three|four", vec![" three", "four"]),
            ("abc|x", vec![]),
            ("abc|(?i)def", vec![]),
        ] {
            assert_eq!(literals(pattern), parts, "{pattern}");
        }
    }

    #[test]
    fn facts_are_filled_in_as_plain_text() {
        let root = serde_json::json!({"system": {"kernel": "6.8.0+x"}, "values": {"pid": 7}});
        let pattern = Pattern::new(r"for ({{system.kernel}}) by {{pid}}$").unwrap();
        let found = |text: &str| {
            pattern
                .ready(&root)
                .ok()
                .and_then(|ready| ready.captures(text))
        };
        assert_eq!(found("for 6.8.0+x by 7").as_deref(), Some("6.8.0+x"));
        assert_eq!(found("for 6.8.00x by 7"), None);
        assert!(pattern.ready(&Value::Null).is_err());
        assert!(Pattern::new("(").is_err());
    }
}
