//! Commands: programs started with a list of arguments, never through a shell.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A program to run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Program first; looked up on PATH when it has no slash.
    pub argv: Vec<String>,
    /// The folder it runs in; this process's when none.
    pub directory: Option<PathBuf>,
    /// Variables set beside the inherited ones; `None` takes one away.
    pub variables: BTreeMap<String, Option<String>>,
    /// What it reads; nothing when empty.
    pub input: Vec<u8>,
    /// After that it is ended with all its children and the call fails with a timeout.
    pub deadline: Duration,
    /// Bytes kept of each of stdout and stderr; the first half and the last half are kept.
    pub limit: usize,
}

impl Command {
    /// A command with a deadline of 10 s and a limit of 1 MiB.
    pub fn new<I, S>(argv: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            directory: None,
            variables: BTreeMap::new(),
            input: Vec::new(),
            deadline: Duration::from_secs(10),
            limit: 1 << 20,
        }
    }

    /// With another deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// In a folder.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// With a variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), Some(value.into()));
        self
    }

    /// The command as a person reads it, credentials in addresses left out.
    pub fn shown(&self) -> String {
        self.argv
            .iter()
            .map(|word| without_credentials(word))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code, or 128 + the signal that ended it.
    pub code: i32,
    /// What it said.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Exit code 0.
    pub fn succeeded(&self) -> bool {
        self.code == 0
    }

    /// stdout as text; bytes that are no UTF-8 are shown as U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The last lines of stderr, or of stdout where stderr is empty.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let source = if self.stderr.iter().any(|byte| !byte.is_ascii_whitespace()) {
            &self.stderr
        } else {
            &self.stdout
        };
        let text = String::from_utf8_lossy(source);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect();
        lines[lines.len().saturating_sub(count)..]
            .iter()
            .map(|line| without_credentials(line))
            .collect()
    }
}

/// A text with user names and passwords inside its addresses replaced: `https://***@host/`.
pub fn without_credentials(text: &str) -> String {
    let mut rest = text;
    let mut shown = String::with_capacity(text.len());
    while let Some(start) = rest.find("://") {
        let (head, tail) = rest.split_at(start + 3);
        shown.push_str(head);
        let end = tail
            .find(|letter: char| {
                letter == '/' || letter == '?' || letter == '#' || letter.is_whitespace()
            })
            .unwrap_or(tail.len());
        match tail[..end].rfind('@') {
            Some(at) => {
                shown.push_str("***");
                rest = &tail[at..];
            }
            None => rest = tail,
        }
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_reach_the_screen() {
        for (text, shown) in [
            (
                "https://user:secret@index.example/simple/",
                "https://***@index.example/simple/",
            ),
            (
                "--index=https://t0ken@a.example and http://b.example",
                "--index=https://***@a.example and http://b.example",
            ),
            ("no address: user@host", "no address: user@host"),
            ("https://u:p@ss@host/x", "https://***@host/x"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }
}
