//! Which Python distributions count as frameworks or what their work rests on.

use crate::table::{find, rows};

const DISTRIBUTIONS: &str = include_str!("../data/python/distributions.txt");
const REMOVED: &str = include_str!("../data/python/removed.tsv");
const PASSED_ON: &str = include_str!("../data/python/passed-on.txt");

/// A distribution's name normalised: lower case, runs of `-`, `_` and `.` as one dash (PEP 503).
pub fn normalised_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for letter in name.trim().chars() {
        match letter {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            other => normal.extend(other.to_lowercase()),
        }
    }
    normal
}

/// The distributions that `info` shows, normalised: names of packages that surely exist.
pub fn shown() -> impl Iterator<Item = &'static str> {
    rows(DISTRIBUTIONS)
}

/// Whether `info` shows a distribution, by its normalised name.
pub fn is_shown(name: &str) -> bool {
    rows(DISTRIBUTIONS).any(|row| row == name)
}

/// The first release of Python without a module that was part of it, and what brings it back or took its place.
pub fn removed_module(module: &str) -> Option<(&'static str, &'static str)> {
    let mut fields = find(REMOVED, module)?.split('\t').skip(1);
    Some((fields.next()?, fields.next()?))
}

/// Whether an exception only passes on that something else failed, as `CalledProcessError` does.
pub fn passes_on(exception: &str) -> bool {
    rows(PASSED_ON).any(|words| !words.is_empty() && exception.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_that_pass_on_are_told_from_those_that_say_what_failed() {
        assert!(passes_on(
            "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:"
        ));
        assert!(passes_on(
            "RuntimeError: DataLoader worker (pid(s) 7) exited unexpectedly"
        ));
        assert!(!passes_on("RuntimeError: shapes differ") && !passes_on(""));
    }

    #[test]
    fn modules_that_left_python_are_a_sorted_table() {
        let lines: Vec<&str> = rows(REMOVED).collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        for line in lines {
            let module = line.split('\t').next().unwrap();
            let (release, instead) = removed_module(module).unwrap();
            assert!(release.starts_with("3.") && !instead.is_empty(), "{line}");
        }
        assert_eq!(removed_module("torch"), None);
    }

    #[test]
    fn names_are_normalised_as_the_index_does() {
        for (name, normal) in [
            ("Scikit_Learn", "scikit-learn"),
            ("flash.-_attn", "flash-attn"),
            ("torch", "torch"),
            ("", ""),
        ] {
            assert_eq!(normalised_name(name), normal);
        }
        assert!(
            is_shown("torch")
                && is_shown("jax-cuda13-plugin")
                && !is_shown("requests")
                && !is_shown("")
        );
        let lines: Vec<&str> = rows(DISTRIBUTIONS).collect();
        assert!(
            lines.windows(2).all(|pair| pair[0] < pair[1])
                && lines.iter().all(|line| normalised_name(line) == *line)
        );
        assert!(DISTRIBUTIONS.contains("source:"));
    }
}
