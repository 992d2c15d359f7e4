//! Words as a person types them into a shell.

/// A word as a POSIX shell takes it: in quotes where it holds anything but letters, digits and a few harmless signs.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:+,@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A path as a POSIX shell takes it.
pub fn path(path: &std::path::Path) -> String {
    quoted(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_take_apart_is_quoted() {
        for (word, typed) in [
            ("numpy==1.0", "numpy==1.0"),
            ("/home/me/a b", "'/home/me/a b'"),
            ("it's", r"'it'\''s'"),
            ("a>1", "'a>1'"),
            ("$HOME", "'$HOME'"),
            ("übung", "'übung'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), typed);
        }
    }
}
