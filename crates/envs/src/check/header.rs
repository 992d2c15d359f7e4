//! `METADATA` (and `PKG-INFO`): the header lines of a distribution.
//!
//! Source: packaging.python.org, "Core metadata specifications": RFC 822 header lines up to the first blank one.

/// What checks need of a distribution's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `Name`.
    pub name: String,
    /// `Version`.
    pub version: String,
    /// `Requires-Dist`, a requirement each.
    pub requires: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
}

/// Reads the header lines; none when there is no name or no version.
pub fn parse(text: &str) -> Option<Header> {
    let mut header = Header::default();
    for line in text.lines() {
        if line.trim().is_empty() {
            break;
        }
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match key {
            "Name" => header.name = value.into(),
            "Version" => header.version = value.into(),
            "Requires-Dist" => header.requires.push(value.into()),
            "Requires-Python" => header.requires_python = Some(value.into()),
            _ => {}
        }
    }
    (!header.name.is_empty() && !header.version.is_empty()).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_behind_the_blank_one_are_the_description() {
        let header = parse("Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.0\nRequires-Dist: six (>=1)\nSummary: a\n  Requires-Dist: no\n\nRequires-Dist: numpy\n").unwrap();
        assert_eq!(
            (header.name.as_str(), header.requires.as_slice()),
            ("Foo_Bar", &["six (>=1)".to_string()][..])
        );
        assert_eq!(parse(""), None);
        assert_eq!(parse("Name: x\n\nVersion: 1"), None);
    }
}
