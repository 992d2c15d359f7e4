//! Keeping secrets out of `code/diff.patch`: files that hold them are left out, tokens in the others are hidden.

use deskside_track::secrets::{HIDDEN, shown_code};

/// Names of files, or of folders around them, that hold secrets, whatever their case; `*` stands for anything.
const PATTERNS: &[&str] = &[
    ".env*",
    "*.pem",
    "*.key",
    "id_rsa*",
    "id_ed25519*",
    ".netrc",
    ".pypirc",
    "credentials*",
    "*secret*",
];

/// Whether a path below the repository's root names a file that holds secrets.
pub(crate) fn holds_secrets(path: &str) -> bool {
    path.to_lowercase().split('/').any(|part| {
        PATTERNS.iter().any(|pattern| {
            let text = pattern.trim_matches('*');
            match (pattern.starts_with('*'), pattern.ends_with('*')) {
                (true, true) => part.contains(text),
                (true, false) => part.ends_with(text),
                (false, true) => part.starts_with(text),
                (false, false) => part == text,
            }
        })
    })
}

/// What git is told to leave out (gitglossary(7), "pathspec"): the patterns, and files found by [`holds_secrets`] or renamed
/// from or to one.
pub(crate) fn pathspecs(left_out: &[String]) -> Vec<String> {
    let patterns = PATTERNS.iter().flat_map(|pattern| {
        ["", "/**"].map(|inside| format!(":(top,exclude,icase,glob)**/{pattern}{inside}"))
    });
    let named = left_out
        .iter()
        .map(|path| format!(":(top,exclude,literal){path}"));
    patterns.chain(named).collect()
}

/// A patch as it may be written down. Lines of binary files (git's base 85) stay as they are, and so do bytes that are no UTF-8
/// where nothing has to be hidden.
pub(crate) fn shown(patch: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(patch.len());
    let (mut binary, mut private_key) = (false, false);
    for line in patch.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"diff --git ") {
            (binary, private_key) = (false, false);
        } else if line == b"GIT binary patch\n" {
            binary = true;
        }
        if binary {
            shown.extend_from_slice(line);
            continue;
        }
        let text = String::from_utf8_lossy(line);
        let ends = text.contains("-----END ");
        if private_key && !ends && !text.starts_with("@@") {
            // The first letter says whether the line came, went or stayed.
            shown.extend(
                text.chars()
                    .take(1)
                    .filter(|first| "+- ".contains(*first))
                    .map(|first| first as u8),
            );
            shown.extend_from_slice(HIDDEN.as_bytes());
            shown.push(b'\n');
            continue;
        }
        private_key = !ends
            && (private_key || (text.contains("-----BEGIN ") && text.contains("PRIVATE KEY")));
        let safe = shown_code(&text);
        if safe == text {
            shown.extend_from_slice(line);
        } else {
            shown.extend_from_slice(safe.as_bytes());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_files_that_hold_secrets() {
        for path in [
            ".env",
            "a/.env.local",
            "a/.ENVRC",
            "deploy/Server.PEM",
            "a.key",
            "id_rsa.old",
            "x/id_ed25519",
            ".netrc",
            ".pypirc",
            "aws/credentials",
            "credentials.json",
            "my-secrets.yaml",
            "secrets/prod.yaml",
            "Secret",
        ] {
            assert!(holds_secrets(path), "{path}");
        }
        for path in [
            "train.py",
            "environment.yml",
            "env",
            "keys.py",
            "a.keyboard",
            "pem",
            "my.netrc.py",
            "tokens.txt",
        ] {
            assert!(!holds_secrets(path), "{path}");
        }
    }

    #[test]
    fn tokens_go_and_the_rest_stays() {
        let patch = b"diff --git a/t.py b/t.py\n@@ -1 +1,2 @@\n-lr = 1 \xff\n+login('hf_abcdefghijklmnopqrstuv')\n\
            +-----BEGIN RSA PRIVATE KEY-----\n+MIIEow\n+-----END RSA PRIVATE KEY-----\n+lr = 2\n\
            diff --git a/b b/b\nGIT binary patch\nliteral 9\nzhf_abcdefghijklmnopqrstuv hf_abcdefghijklmnopqrstuv\n\n\
            diff --git a/c b/c\n+hf_abcdefghijklmnopqrstuv";
        let expected = b"diff --git a/t.py b/t.py\n@@ -1 +1,2 @@\n-lr = 1 \xff\n+login('***')\n\
            +-----BEGIN RSA PRIVATE KEY-----\n+***\n+-----END RSA PRIVATE KEY-----\n+lr = 2\n\
            diff --git a/b b/b\nGIT binary patch\nliteral 9\nzhf_abcdefghijklmnopqrstuv hf_abcdefghijklmnopqrstuv\n\n\
            diff --git a/c b/c\n+***";
        assert_eq!(
            String::from_utf8_lossy(&shown(patch)),
            String::from_utf8_lossy(expected)
        );
        assert_eq!(shown(b""), b"");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_patch(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            shown(&bytes);
        }
    }
}
