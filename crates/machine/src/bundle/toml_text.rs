//! TOML read with the place of every mistake, and written so that people like to read it.

use super::unreadable;
use deskside_types::Problem;
use deskside_types::spelling::closest;
use toml::Table;

/// A TOML file of a bundle, with its name for messages.
pub(super) struct TomlFile<'a> {
    pub(super) name: String,
    text: &'a str,
    pub(super) table: Table,
}

impl<'a> TomlFile<'a> {
    /// Parses it.
    pub(super) fn parse(name: impl Into<String>, bytes: &'a [u8]) -> Result<Self, Problem> {
        let name = name.into();
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            unreadable(format!("{name}, line {line}: not UTF-8"))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let table = text.parse::<Table>().map_err(|error| {
            let place = error
                .span()
                .map(|span| line_of(text, span.start))
                .map(|line| format!(", line {line}"))
                .unwrap_or_default();
            unreadable(format!("{name}{place}: {}", error.message()))
        })?;
        Ok(Self { name, text, table })
    }

    /// A mistake at a key: with the line the key stands in, where it can be found.
    pub(super) fn mistake(&self, key: &str, message: impl std::fmt::Display) -> Problem {
        let line = self.text.lines().position(|line| {
            let line = line.trim_start();
            if line.starts_with('[') {
                return line.contains(&format!("\"{key}\"")) || line.contains(&format!("'{key}'"));
            }
            let name = line.trim_start_matches(['"', '\'']).strip_prefix(key);
            name.is_some_and(|rest| {
                rest.trim_start_matches(['"', '\'', ' '])
                    .starts_with(['=', '.'])
            })
        });
        let place = line
            .map(|line| format!(", line {}", line + 1))
            .unwrap_or_default();
        unreadable(format!("{}{place}: {key} {message}", self.name))
    }

    /// Notes keys that nobody knows, with the likeliest one meant.
    pub(super) fn unknown_keys(
        &self,
        within: &str,
        table: &Table,
        known: &[&str],
        warnings: &mut Vec<String>,
    ) {
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            let place = if within.is_empty() {
                String::new()
            } else {
                format!(" in [{within}]")
            };
            let meant = closest(key, known.iter().copied())
                .map(|meant| format!("; did you mean `{meant}`?"))
                .unwrap_or_default();
            warnings.push(format!("{}: unknown key `{key}`{place}{meant}", self.name));
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_name_file_and_line() {
        let problem = TomlFile::parse("bundle.toml", b"version = 1\nos = linux\n")
            .err()
            .unwrap();
        assert!(
            problem.message.starts_with("bundle.toml, line 2: "),
            "{}",
            problem.message
        );
        let problem = TomlFile::parse("env.toml", b"a = 1\nb = \"\xff\"\n")
            .err()
            .unwrap();
        assert_eq!(problem.message, "env.toml, line 2: not UTF-8");
    }

    #[test]
    fn misspelt_keys_find_their_word() {
        let known = ["version", "complete", "notes", "os"];
        for (word, meant) in [
            ("verson", Some("version")),
            ("Complete", Some("complete")),
            ("note", Some("notes")),
            ("colour", None),
            ("so", Some("os")),
        ] {
            assert_eq!(closest(word, known.into_iter()), meant, "{word}");
        }
    }
}
