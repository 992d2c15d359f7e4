//! Counting what passed, failed and was skipped, over several runners.

use std::path::Path;

/// Counts of tests.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
}

impl Count {
    /// Adds another runner's counts.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Reads nextest's closing line: `Summary [   1.2s] 10 tests run: 9 passed, 1 failed, 2 skipped`.
pub fn nextest(output: &str) -> Option<Count> {
    let line = output
        .lines()
        .rfind(|line| line.trim_start().starts_with("Summary ["))?;
    Some(Count {
        passed: number_before(line, "passed").unwrap_or(0),
        failed: failures(line),
    })
}

/// Reads the closing lines of `cargo test`: `test result: ok. 3 passed; 0 failed; …`, one a binary.
pub fn libtest(output: &str) -> Count {
    output
        .lines()
        .filter(|line| line.contains("test result:"))
        .fold(Count::default(), |mut count, line| {
            count.add(Count {
                passed: number_before(line, "passed").unwrap_or(0),
                failed: failures(line),
            });
            count
        })
}

fn failures(line: &str) -> usize {
    ["failed", "timed out", "exec failed"]
        .iter()
        .filter_map(|word| number_before(line, word))
        .sum()
}

fn number_before(line: &str, word: &str) -> Option<usize> {
    let head = line
        .split(&format!(" {word}"))
        .next()
        .filter(|head| head.len() < line.len())?;
    head.rsplit(|letter: char| !letter.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// The reasons of tests that were skipped, as they wrote them down, with how often each.
pub fn skips(file: &Path) -> Vec<(String, usize)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match reasons.iter_mut().find(|(reason, _)| reason == line) {
            Some((_, times)) => *times += 1,
            None => reasons.push((line.to_string(), 1)),
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_read() {
        let line =
            "     Summary [  12.345s] 130 tests run: 128 passed (2 slow), 2 failed, 4 skipped";
        assert_eq!(
            nextest(line),
            Some(Count {
                passed: 128,
                failed: 2
            })
        );
        assert_eq!(
            nextest("     Summary [ 1s] 3 tests run: 3 passed, 0 skipped"),
            Some(Count {
                passed: 3,
                failed: 0
            })
        );
        assert_eq!(nextest("error: could not compile"), None);
        let two = "test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: FAILED. 1 passed; 2 failed; 0 ignored";
        assert_eq!(
            libtest(two),
            Count {
                passed: 4,
                failed: 2
            }
        );
    }
}
