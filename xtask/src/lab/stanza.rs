//! The form that all of the lab's data files have: stanzas of `Field: value` lines, as in Debian's control files.

use anyhow::{Context, Result};
use std::path::Path;

/// One stanza, its fields in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stanza(Vec<(String, String)>);

impl Stanza {
    /// A field's value; empty when the stanza has none.
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value)
    }

    /// All fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(field, value)| (field.as_str(), value.as_str()))
    }
}

/// Reads a text: lines that start with `#` are remarks, empty lines end a stanza.
pub fn parse(text: &str) -> Vec<Stanza> {
    let mut stanzas = vec![Stanza::default()];
    for line in text.lines() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            stanzas.push(Stanza::default());
        } else if let Some((field, value)) = line.split_once(':')
            && let Some(stanza) = stanzas.last_mut()
        {
            stanza.0.push((field.to_string(), value.trim().to_string()));
        }
    }
    stanzas.retain(|stanza| !stanza.0.is_empty());
    stanzas
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<Stanza>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(parse(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_left_out_and_empty_lines_part_the_stanzas() {
        let read = parse("# a: b\nPackage: one\nVersion: 1:2.0\n\n\nPackage: two\n");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].get("Version"), "1:2.0");
        assert_eq!(read[1].get("Version"), "");
    }
}
