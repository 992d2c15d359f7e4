//! Bad usage in the form of every other error: what, a hint, a code.

use deskside_types::{Code, Problem};

/// What clap has to say as a problem. Its first line is the message, its tips and its usage are hints.
pub fn problem(error: &clap::Error) -> Problem {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines
        .next()
        .unwrap_or("the command line can't be understood");
    let mut problem = Problem::new(Code::Usage, first.strip_prefix("error: ").unwrap_or(first));
    for line in lines {
        problem = match line.strip_prefix("tip: ") {
            Some(tip) => problem.hint(tip),
            None if line.starts_with("Usage:") => {
                problem.hint(line.replacen("Usage:", "usage:", 1))
            }
            None if line.starts_with("For more information") => problem,
            None => problem.because(line),
        };
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn bad_usage_keeps_claps_words_and_tips() {
        let of = |words: &[&str]| problem(&Cli::try_parse_from(words).unwrap_err());
        let misspelt = of(&["deskside", "inof"]);
        assert!(
            misspelt.message.contains("inof")
                && misspelt.hints.iter().any(|hint| hint.contains("info")),
            "{misspelt:?}"
        );
        let missing = of(&["deskside", "run"]);
        assert!(
            !missing.message.is_empty()
                && missing
                    .hints
                    .iter()
                    .any(|hint| hint.starts_with("usage: deskside run")),
            "{missing:?}"
        );
        assert_eq!(
            of(&["deskside", "runs", "--state", "bogus"]).code,
            Code::Usage
        );
    }
}
