//! Dotted paths into facts: `drivers.nvidia.loaded`, `gpus[*].name`, `disks[0].mount`.

use serde_json::Value;
use std::fmt;

/// A path into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Name(String),
    Each,
    Index(usize),
}

/// What stands at one place a path leads to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place<'a> {
    /// The path with its indexes.
    pub name: String,
    /// What is there.
    pub content: Content<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Content<'a> {
    Value(&'a Value),
    Absent,
    Unknown(&'a str),
}

impl Path {
    /// Reads a path; none when it is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut segments = Vec::new();
        for part in text.split('.') {
            let (name, mut brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
            let plain = !name.is_empty()
                && name
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
            if !plain {
                return None;
            }
            segments.push(Segment::Name(name.to_string()));
            while !brackets.is_empty() {
                let (inside, rest) = brackets.strip_prefix('[')?.split_once(']')?;
                segments.push(if inside == "*" {
                    Segment::Each
                } else {
                    Segment::Index(inside.parse().ok()?)
                });
                brackets = rest;
            }
        }
        Some(Self { segments })
    }

    /// All places the path leads to; one absent or unknown place where the way ends early.
    pub fn places<'a>(&self, root: &'a Value) -> Vec<Place<'a>> {
        let mut places = Vec::new();
        walk(root, &self.segments, String::new(), &mut places);
        places
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Name(name) if position == 0 => formatter.write_str(name)?,
                Segment::Name(name) => write!(formatter, ".{name}")?,
                Segment::Each => formatter.write_str("[*]")?,
                Segment::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn walk<'a>(value: &'a Value, segments: &[Segment], name: String, places: &mut Vec<Place<'a>>) {
    if let Some(reason) = unknown(value) {
        places.push(Place {
            name,
            content: Content::Unknown(reason),
        });
        return;
    }
    if value.is_null() {
        places.push(Place {
            name,
            content: Content::Absent,
        });
        return;
    }
    let Some((first, rest)) = segments.split_first() else {
        places.push(Place {
            name,
            content: Content::Value(value),
        });
        return;
    };
    let mut go = |next: Option<&'a Value>, name: String| match next {
        Some(next) => walk(next, rest, name, places),
        None => places.push(Place {
            name,
            content: Content::Absent,
        }),
    };
    match first {
        Segment::Name(part) => {
            let name = if name.is_empty() {
                part.clone()
            } else {
                format!("{name}.{part}")
            };
            go(value.get(part), name);
        }
        Segment::Index(index) => go(value.get(index), format!("{name}[{index}]")),
        Segment::Each => {
            for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                go(Some(element), format!("{name}[{index}]"));
            }
        }
    }
}

/// Why a fact is unknown, where the value says so: `{"unknown": "the reason"}`.
fn unknown(value: &Value) -> Option<&str> {
    let object = value.as_object()?;
    if object.len() == 1 {
        object.get("unknown")?.as_str()
    } else {
        None
    }
}
