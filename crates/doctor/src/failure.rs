//! What of an output tells of the failure, and what was said on the way to it: a program prints warnings and goes on; the
//! error that ended it comes last.
//!
//! Source: docs.python.org, `traceback` (the last exception of a chain is the one that ended the program); CMake's manual,
//! message(): `-- ` begins a status line, `CMake Error` an error.

use deskside_knowledge::python::passes_on;

/// How every traceback begins.
const TRACEBACK: &str = "Traceback (most recent call last):";
/// What stands between the links of one chain of exceptions.
const LINKS: &[&str] = &[
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// The failure as the end of an output tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The line that names the error.
    pub error: &'a str,
    /// The lines that tell of it: the chain of tracebacks that it ends, and what stands behind.
    pub lines: Vec<&'a str>,
}

/// The failure that an output ends with; none where nothing tells it from what was said before.
pub fn failure(text: &str) -> Option<Failure<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    by_traceback(&lines)
        .or_else(|| by_cmake(&lines))
        .or_else(|| by_exception(&lines))
}

/// A chain of tracebacks: where it begins, and where its last exception stands.
#[derive(Clone, Copy)]
struct Chain {
    begin: usize,
    error: usize,
}

fn by_traceback<'a>(lines: &[&'a str]) -> Option<Failure<'a>> {
    let mut chains: Vec<Chain> = Vec::new();
    for (begin, line) in lines.iter().enumerate() {
        let Some(at) = line.find(TRACEBACK) else {
            continue;
        };
        // `[rank0]: Traceback …`, and the `Original Traceback …` of a data loader's worker.
        let prefix = line[..at].trim_end_matches("Original ").len();
        let error = (begin + 1..lines.len()).find(|place| {
            let rest = lines[*place].get(prefix..).unwrap_or(lines[*place]);
            !rest.is_empty() && !rest.starts_with([' ', '\t', '|']) && !rest.contains(TRACEBACK)
        });
        let chain = Chain {
            begin,
            error: error.unwrap_or(lines.len() - 1),
        };
        let original = line[..at].ends_with("Original ");
        match chains.last_mut() {
            Some(last)
                if original
                    || lines[last.error.min(begin)..begin]
                        .iter()
                        .any(|line| LINKS.iter().any(|link| line.contains(link))) =>
            {
                last.error = chain.error;
            }
            _ => chains.push(chain),
        }
    }
    let chain = chains
        .into_iter()
        .rev()
        .find(|chain| !passes_on(lines[chain.error]))?;
    Some(Failure {
        error: lines[chain.error].trim(),
        lines: lines[chain.begin..].to_vec(),
    })
}

fn by_cmake<'a>(lines: &[&'a str]) -> Option<Failure<'a>> {
    let error = lines
        .iter()
        .find(|line| line.trim_start().starts_with("CMake Error"))?;
    Some(Failure {
        error: error.trim(),
        lines: lines
            .iter()
            .filter(|line| !line.trim_start().starts_with("-- "))
            .copied()
            .collect(),
    })
}

/// Without a traceback, as people paste it: the last line that is an exception's.
fn by_exception<'a>(lines: &[&'a str]) -> Option<Failure<'a>> {
    let place = lines
        .iter()
        .rposition(|line| is_exception(line) && !passes_on(line))?;
    Some(Failure {
        error: lines[place].trim(),
        lines: lines[place..].to_vec(),
    })
}

/// `RuntimeError: …`, `torch.cuda.OutOfMemoryError: …`, also with a rank's or pytest's mark before it.
fn is_exception(line: &str) -> bool {
    let line = line.trim_start();
    let line = match line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
    {
        Some((_, rest)) => rest,
        None => line.strip_prefix("E   ").unwrap_or(line),
    };
    let Some((name, _)) = line.split_once(':') else {
        return false;
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.chars()
        .all(|letter| letter.is_ascii_alphanumeric() || ['.', '_'].contains(&letter))
        && last.starts_with(|letter: char| letter.is_ascii_uppercase())
        && ["Error", "Exception", "Interrupt"]
            .iter()
            .any(|end| last.ends_with(end) && last.len() > end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUGHT: &str = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    import x\nModuleNotFoundError: No module named 'x'\n";
    const SHAPES: &str = "Traceback (most recent call last):\n  File \"b.py\", line 9, in <module>\n    g()\nRuntimeError: shapes differ\n";

    fn error(text: &str) -> Option<String> {
        failure(text).map(|failure| failure.error.to_string())
    }

    #[test]
    fn the_last_exception_decides() {
        let text = format!("Optional: No module named 'x'\n{CAUGHT}going on\n{SHAPES}bye\n");
        let found = failure(&text).unwrap();
        assert_eq!(found.error, "RuntimeError: shapes differ");
        assert_eq!(found.lines.first(), Some(&TRACEBACK));
        assert_eq!(found.lines.last(), Some(&"bye"));
        assert!(!found.lines.iter().any(|line| line.contains("'x'")));
    }

    #[test]
    fn a_chain_is_one_failure() {
        for link in LINKS {
            let text = format!("{CAUGHT}\n{link}\n\n{SHAPES}");
            let found = failure(&text).unwrap();
            assert_eq!(found.error, "RuntimeError: shapes differ");
            assert!(
                found.lines.iter().any(|line| line.contains("'x'")),
                "{link}"
            );
        }
        let worker = format!(
            "{}Original {CAUGHT}",
            SHAPES.replace("shapes differ", "Caught ModuleNotFoundError in worker.")
        );
        assert_eq!(
            error(&worker).as_deref(),
            Some("ModuleNotFoundError: No module named 'x'")
        );
        assert!(failure(&worker).unwrap().lines.len() > 7);
    }

    #[test]
    fn what_only_passes_a_failure_on_does_not_decide() {
        let launcher = SHAPES.replace(
            "RuntimeError: shapes differ",
            "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:",
        );
        let rank = |text: &str| {
            text.lines()
                .map(|line| format!("[rank0]: {line}\n"))
                .collect::<String>()
        };
        let text = format!("{}{launcher}", rank(CAUGHT));
        assert_eq!(
            error(&text).as_deref(),
            Some("[rank0]: ModuleNotFoundError: No module named 'x'")
        );
        // Where nothing else is said, everything counts.
        assert_eq!(error(&format!("NCCL WARN no room\n{launcher}")), None);
    }

    #[test]
    fn without_a_traceback_the_last_line_of_an_exception_decides() {
        for (text, wanted) in [
            (
                "No module named 'x', skipped\nValueError: y\n",
                Some("ValueError: y"),
            ),
            (
                "E   ModuleNotFoundError: No module named 'x'",
                Some("E   ModuleNotFoundError: No module named 'x'"),
            ),
            (
                "torch.cuda.OutOfMemoryError: CUDA out of memory.",
                Some("torch.cuda.OutOfMemoryError: CUDA out of memory."),
            ),
            ("Error: x", None),
            (
                "ERROR: Could not install packages due to an OSError: [Errno 28]",
                None,
            ),
            ("Killed\n", None),
            ("", None),
        ] {
            assert_eq!(error(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn a_status_line_of_cmake_is_no_error() {
        let text = "-- Could NOT find CUDAToolkit (optional)\nCMake Error at CMakeLists.txt:9 (find_package):\n  Could NOT find BLAS\n\n-- Configuring incomplete, errors occurred!\n";
        let found = failure(text).unwrap();
        assert!(found.error.starts_with("CMake Error at"));
        assert!(!found.lines.iter().any(|line| line.contains("CUDAToolkit")));
        assert_eq!(
            error("-- Could NOT find CUDAToolkit\nmake: *** failed\n"),
            None
        );
    }

    #[test]
    fn a_traceback_that_was_cut_off_is_no_panic() {
        for text in [
            TRACEBACK,
            "[ü]: Traceback (most recent call last):\nü",
            "Traceback (most recent call last):\n  File \"a\"",
            "Original Traceback (most recent call last):\n",
        ] {
            let _ = failure(text);
        }
    }
}
