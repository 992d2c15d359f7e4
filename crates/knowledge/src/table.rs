//! Data files inside the program: sorted tables, whose tab-separated lines are found by binary search without parsing the
//! rest, and TOML.

use serde::de::DeserializeOwned;

/// A TOML file of the program as a value.
pub(crate) fn parsed<T: DeserializeOwned>(text: &'static str) -> T {
    #[expect(
        clippy::expect_used,
        reason = "the files are part of the program and a test reads each"
    )]
    toml::from_str(text).expect("a knowledge file inside the program is valid")
}

/// The lines of a table, comments left out.
pub(crate) fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    body(table).lines()
}

/// The table without the comment lines at its head.
fn body(table: &'static str) -> &'static str {
    let mut rest = table;
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, tail)| tail);
    }
    rest
}

/// The first row that starts with `key` and a tab. Rows must be sorted by their bytes.
pub(crate) fn find(table: &'static str, key: &str) -> Option<&'static str> {
    let mut rest = body(table);
    let mut candidate = None;
    while !rest.is_empty() {
        let start = rest[..floor(rest, rest.len() / 2)]
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let end = rest[start..].find('\n').map_or(rest.len(), |at| start + at);
        let line = &rest[start..end];
        if line
            .strip_prefix(key)
            .is_some_and(|tail| tail.starts_with('\t'))
        {
            candidate = Some(line);
            rest = &rest[..start];
        } else if line < key {
            rest = rest.get(end + 1..).unwrap_or("");
        } else {
            rest = &rest[..start];
        }
    }
    candidate
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A cell that is not the dash for "not known".
pub(crate) fn cell(text: Option<&'static str>) -> Option<&'static str> {
    text.filter(|text| *text != "-" && !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_row_of_a_key_and_nothing_else() {
        let table = "# head\n# more\n0a\tone\n0b\ttwo\n0b\tthree\n0bc\tfour\nff\tümlaut\n";
        for (key, row) in [
            ("0a", Some("0a\tone")),
            ("0b", Some("0b\ttwo")),
            ("0bc", Some("0bc\tfour")),
            ("ff", Some("ff\tümlaut")),
            ("00", None),
            ("0c", None),
            ("zz", None),
            ("", None),
        ] {
            assert_eq!(find(table, key), row, "{key}");
        }
        assert_eq!(find("", "a"), None);
        assert_eq!(find("# only a head", "a"), None);
        assert_eq!(rows(table).count(), 5);
    }
}
