//! What uv says when it fails, as a person needs to hear it.

use deskside_machine::Output;
use deskside_machine::command::without_credentials;
use deskside_types::{Code, Problem};

/// A kind of failure: words that uv or the operating system uses, the code, the sentence, what to do.
struct Kind {
    words: &'static [&'static str],
    code: Code,
    cause: &'static str,
    hints: &'static [&'static str],
}

/// Looked through in this order: the first whose words appear is meant.
const KINDS: &[Kind] = &[
    Kind {
        words: &[
            "No space left on device",
            "os error 28",
            "Disk quota exceeded",
            "os error 122",
        ],
        code: Code::DiskFull,
        cause: "the disk is full",
        hints: &[
            "free some space (`df -h` and `df -i` show what is full; `uv cache clean` frees uv's cache), then run the same command again",
        ],
    },
    Kind {
        words: &["Read-only file system", "os error 30"],
        code: Code::ReadOnly,
        cause: "the file system is read-only",
        hints: &["choose a place that can be written"],
    },
    Kind {
        words: &["Hash mismatch", "hash mismatch"],
        code: Code::HashMismatch,
        cause: "a downloaded file is not what the index promised",
        hints: &[
            "run the same command again; if it stays, the package index or a proxy changes files",
            "or uv.lock was edited by hand: make it anew with `deskside env lock`, or go back with `deskside env rollback`",
        ],
    },
    Kind {
        words: &[
            "invalid peer certificate",
            "UnknownIssuer",
            "certificate verify failed",
        ],
        code: Code::Network,
        cause: "the server's certificate is not trusted",
        hints: &["behind a company proxy, name its certificate: SSL_CERT_FILE=/path/to/ca.pem"],
    },
    Kind {
        words: &["401 Unauthorized", "403 Forbidden", "407 Proxy"],
        code: Code::Network,
        cause: "the package index or a proxy refuses access",
        hints: &[
            "look at user name and password of the index (UV_DEFAULT_INDEX, pip.conf, ~/.netrc)",
        ],
    },
    Kind {
        words: &[
            "python-build-standalone",
            "Failed to install cpython",
            "Failed to download `https://github.com/astral-sh",
            "UV_PYTHON_INSTALL_MIRROR",
        ],
        code: Code::Network,
        cause: "Python itself could not be downloaded",
        hints: &[
            "install a Python that fits with the system's package manager and run the same command again",
            "behind a mirror, name it: UV_PYTHON_INSTALL_MIRROR=https://…",
        ],
    },
    Kind {
        words: &["No interpreter found", "No download found for request"],
        code: Code::EnvironmentBroken,
        cause: "no Python of that version is installed, and uv knows none to download",
        hints: &["name another version in deskside.toml: [environment] python = \"3.12\""],
    },
    Kind {
        words: &[
            "dns error",
            "client error (Connect)",
            "Failed to fetch",
            "Request failed after",
            "operation timed out",
            "Connection refused",
            "Network is unreachable",
            "error sending request",
        ],
        code: Code::IndexUnreachable,
        cause: "the package index can't be reached",
        hints: &[
            "check the network and any proxy (HTTPS_PROXY), then run the same command again: it goes on where it stopped",
        ],
    },
    Kind {
        words: &[
            "the network was disabled",
            "Network connectivity is disabled",
        ],
        code: Code::IndexUnreachable,
        cause: "the network is switched off for uv, and its cache has not all that is needed",
        hints: &[
            "switch it on, then run the same command again: unset UV_OFFLINE, or take `offline` out of uv.toml and [tool.uv]",
        ],
    },
    Kind {
        words: &[
            "No solution found",
            "no versions of",
            "not found in the package registry",
            "because there are no",
        ],
        code: Code::Unsatisfiable,
        cause: "no set of versions fits all requirements and this Python",
        hints: &[
            "look at the versions the project asks for; the lines above name the ones in conflict",
        ],
    },
    Kind {
        words: &[
            "Failed to parse `uv.lock`",
            "The lockfile at",
            "lockfile needs to be updated",
        ],
        code: Code::LockUnusable,
        cause: "the lock file is damaged or out of date",
        hints: &["make it anew from pyproject.toml: deskside env lock"],
    },
    Kind {
        words: &[
            "Failed to parse: `",
            "Expected one of `@`",
            "Expected package name starting with",
        ],
        code: Code::RequirementInvalid,
        cause: "a requirement can't be understood",
        hints: &["requirements look like: numpy   'scipy>=1.15'   'jax[cuda13]'"],
    },
    Kind {
        words: &["Permission denied", "os error 13"],
        code: Code::Denied,
        cause: "no permission",
        hints: &["look at who owns the environment: ls -ld .venv"],
    },
    Kind {
        words: &["Failed to build", "build backend", "Failed building"],
        code: Code::CommandFailed,
        cause: "a package has no ready-made file for this machine and could not be built",
        hints: &[
            "ask for a version of it that has one, or install what its build needs (a C compiler, Python's headers)",
        ],
    },
];

/// What to do where uv's words say nothing known.
pub(crate) const BY_HAND: &str = "run the command above by hand to see all it says";

/// The problem behind a failed uv command. `what` is the step as a phrase: `install packages`.
pub fn problem(what: &str, shown: &str, output: &Output) -> Problem {
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    if let Some((name, meant)) = confused(&said) {
        return Problem::new(
            Code::Unsatisfiable,
            format!("`{name}` is often confused for `{meant}`, and can't be built"),
        )
        .because(format!("`{shown}` ended with exit code {}", output.code))
        .hint(format!("name that one: {meant}"));
    }
    let kind = KINDS
        .iter()
        .find(|kind| kind.words.iter().any(|words| said.contains(words)));
    let mut problem = Problem::new(
        kind.map_or(Code::CommandFailed, |kind| kind.code),
        format!("could not {what}"),
    );
    if let Some(kind) = kind {
        problem = problem.because(kind.cause);
    }
    problem = problem.because(format!("`{shown}` ended with exit code {}", output.code));
    if let (Code::Unsatisfiable, Some(name)) = (problem.code, unknown_package(&said)) {
        problem = Problem::new(
            Code::Unsatisfiable,
            format!("the package index has no package `{name}`"),
        )
        .hint("look at the name again")
        .hint("where it comes from another index, name that one: UV_INDEX=https://…/simple, or [[tool.uv.index]] in pyproject.toml");
        return problem.because(format!("`{shown}` ended with exit code {}", output.code));
    }
    for line in output.last_lines(12) {
        problem = problem.because(without_credentials(line.trim()));
    }
    if let (Code::Unsatisfiable, Some(python)) = (problem.code, python_of_wheels(&said)) {
        problem = problem.hint(format!(
            "these versions are for older Pythons, {python} the newest: deskside env init --python {python}"
        ));
    }
    for hint in kind.map_or(&[BY_HAND][..], |kind| kind.hints) {
        problem = problem.hint(*hint);
    }
    problem
}

/// A package that could not be built, and the one it is taken for, as uv says it: "hint: `sklearn` is often confused for
/// `scikit-learn`."
fn confused(said: &str) -> Option<(&str, &str)> {
    let (before, after) = said.split_once("` is often confused for `")?;
    Some((before.rsplit('`').next()?, after.split('`').next()?))
}

/// The newest Python that wheels are for where none is for the one that is there, as uv says it: "we only found wheels
/// for `torch` (v1.7.1) with the following Python ABI tags: `cp36m`, `cp38`, `cp39`".
fn python_of_wheels(said: &str) -> Option<String> {
    let (_, tags) = said.split_once("with the following Python ")?;
    let (_, tags) = tags.split_once(": ")?;
    let tags = tags.lines().next()?.split('`').skip(1).step_by(2);
    let minor = |tag: &str| {
        let digits = tag.strip_prefix("cp3")?.trim_end_matches(['m', 't']);
        digits.parse::<u32>().ok()
    };
    let newest = tags.filter_map(minor).max()?;
    Some(format!("3.{newest}"))
}

/// The package that an index does not have, as uv says it: `Because numpyy was not found in the package registry`.
fn unknown_package(said: &str) -> Option<&str> {
    let (before, _) = said.split_once(" was not found in the package registry")?;
    let name = before.split_whitespace().next_back()?;
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    name.chars().all(is_name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_the_index_has_not_is_named() {
        let output = Output {
            code: 1,
            stdout: vec![],
            stderr: "error: No solution found when resolving dependencies\n  cause: Because numpyy was not found in the package registry and your project depends on numpyy, we can conclude that your project's requirements are unsatisfiable.\n".into(),
        };
        let problem = problem("add packages", "uv add numpyy", &output);
        assert_eq!(problem.code, Code::Unsatisfiable);
        let told = format!("{problem}");
        assert!(told.contains("has no package `numpyy`"), "{told}");
        assert!(!told.contains("fits all requirements"), "{told}");
        assert_eq!(unknown_package("nothing of the kind"), None);
    }

    #[test]
    fn the_python_that_old_wheels_are_for_is_named() {
        for (said, python) in [
            (
                "hint: You require CPython 3.11 (`cp311`), but we only found wheels for `torch` (v1.7.1) with the following Python ABI tags: `cp36m`, `cp37m`, `cp38`, `cp39`",
                Some("3.9"),
            ),
            (
                "hint: Wheels are available for `x` (v1) with the following Python implementation tags: `pp39`",
                None,
            ),
            ("nothing of the kind", None),
        ] {
            assert_eq!(python_of_wheels(said).as_deref(), python, "{said}");
        }
    }

    #[test]
    fn a_package_that_is_meant_otherwise_is_named_in_few_words() {
        let output = Output {
            code: 1,
            stdout: vec![],
            stderr: "error: Failed to add dependencies\n  cause: Failed to build `sklearn==0.0.post12`\n\n         [stderr]\n         The 'sklearn' package is deprecated\n         and more\n\nhint: `sklearn` is often confused for `scikit-learn`. Did you mean to install `scikit-learn` instead?\n".into(),
        };
        let problem = problem("add packages", "uv add sklearn", &output);
        assert_eq!(problem.code, Code::Unsatisfiable);
        assert!(problem.message.contains("`scikit-learn`"), "{problem}");
        assert_eq!((problem.causes.len(), problem.hints.len()), (1, 1));
    }

    #[test]
    fn uvs_words_are_understood() {
        for (stderr, code) in [
            (
                "error: Failed to fetch: http://127.0.0.1:9/simple/x/\n  cause: Connection refused (os error 111)",
                Code::IndexUnreachable,
            ),
            (
                "error: Request failed after 3 retries in 10.2s\n  cause: Failed to download `https://github.com/astral-sh/python-build-standalone/releases/x`\n  cause: dns error",
                Code::Network,
            ),
            (
                "error: No solution found when resolving dependencies\n  cause: Because there is no version of a==9",
                Code::Unsatisfiable,
            ),
            (
                "error: No solution found\n  cause: Because cytoolz was not found in the cache and your project depends on cytoolz\n\nhint: Packages were unavailable because the network was disabled. When",
                Code::IndexUnreachable,
            ),
            (
                "error: Failed to parse `uv.lock`\n  cause: TOML parse error at line 96",
                Code::LockUnusable,
            ),
            (
                "error: Failed to parse: `bad req!!`\n  cause: Expected one of `@`",
                Code::RequirementInvalid,
            ),
            (
                "error: No interpreter found for Python 3.99 in managed installations or search path",
                Code::EnvironmentBroken,
            ),
            (
                "error: failed to write\n  cause: No space left on device (os error 28)",
                Code::DiskFull,
            ),
            (
                "error: x\n  cause: Permission denied (os error 13)",
                Code::Denied,
            ),
            ("error: Read-only file system (os error 30)", Code::ReadOnly),
            ("error: Hash mismatch for `six==1.0`", Code::HashMismatch),
            (
                "error: Failed to fetch: x\n cause: HTTP status client error (401 Unauthorized) for url (https://u:secret@x.example/a)",
                Code::Network,
            ),
            (
                "error: Failed to fetch\n cause: invalid peer certificate: UnknownIssuer",
                Code::Network,
            ),
            ("something new", Code::CommandFailed),
            ("", Code::CommandFailed),
        ] {
            let output = Output {
                code: 2,
                stdout: vec![],
                stderr: stderr.as_bytes().to_vec(),
            };
            let problem = problem("install packages", "uv pip install x", &output);
            assert_eq!(problem.code, code, "{stderr}");
            assert!(!problem.hints.is_empty());
            assert!(!format!("{problem}").contains("secret"));
        }
    }
}
