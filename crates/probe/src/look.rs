//! Looking through the door: what came back, as a fact's outcome.

use deskside_machine::{DoorError, ErrorKind, Machine, Reading};
use deskside_types::Known;

/// The outcome of a question as a fact: there, not there, or unknown with the door's reason.
pub(crate) fn known<T>(result: Result<T, DoorError>) -> Known<T> {
    match result {
        Ok(value) => Known::Value(value),
        Err(error) if error.kind == ErrorKind::Absent => Known::Absent,
        Err(error) => Known::unknown(error.reason()),
    }
}

/// A small text file without the white space around it.
pub(crate) fn text(machine: &dyn Machine, path: &str) -> Known<String> {
    known(machine.text(path)).map(|text| {
        text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0')
            .to_string()
    })
}

/// A number in a small text file.
pub(crate) fn number(machine: &dyn Machine, path: &str) -> Known<u64> {
    text(machine, path).and_then(|text| match text.parse() {
        Ok(number) => Known::Value(number),
        Err(_) => Known::unknown(format!("{path} holds no number")),
    })
}

/// Whether something is there.
pub(crate) fn exists(machine: &dyn Machine, path: &str) -> Known<bool> {
    match machine.exists(path) {
        Ok(there) => Known::Value(there),
        Err(error) => Known::unknown(error.reason()),
    }
}

/// Whether something is surely there.
pub(crate) fn is_there(machine: &dyn Machine, path: &str) -> bool {
    machine.exists(path).unwrap_or(false)
}

/// The names in a folder; absent where there is no such folder.
pub(crate) fn names(machine: &dyn Machine, path: &str) -> Known<Vec<String>> {
    known(machine.entries(path))
        .map(|entries| entries.into_iter().map(|entry| entry.name).collect())
}

/// The names in a folder that could be listed; else none.
pub(crate) fn seen_names(machine: &dyn Machine, path: &str) -> Vec<String> {
    names(machine, path).value().cloned().unwrap_or_default()
}

/// The value of `KEY=value` or `key: value` lines, whichever separator is named.
pub(crate) fn field<'a>(text: &'a str, key: &str, separator: char) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(separator)?;
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "MemTotal:  16 kB\nMemTotalX: 1\nodd line\nSwap : 3\n";
        assert_eq!(field(text, "MemTotal", ':'), Some("16 kB"));
        assert_eq!(field(text, "Swap", ':'), Some("3"));
        assert_eq!(field(text, "odd line", ':'), None);
        assert_eq!(field("", "", ':'), None);
    }
}
