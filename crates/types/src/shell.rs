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

/// A command as a person would type it: every word quoted where it has to be. What stands in a hidden secret's place stays as it
/// is.
pub fn command<Word: AsRef<str>>(words: impl IntoIterator<Item = Word>) -> String {
    let mut typed = String::new();
    for word in words {
        if !typed.is_empty() {
            typed.push(' ');
        }
        match word.as_ref().strip_suffix("***") {
            Some(start) if start.is_empty() || quoted(start) == start => {
                typed.push_str(word.as_ref());
            }
            _ => typed.push_str(&quoted(word.as_ref())),
        }
    }
    typed
}

/// Words as a shell splits them: blanks, quotes and backslashes, and nothing else (`shell command language`, POSIX, 2.2). None
/// where a quote is not closed.
pub fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            blank if blank.is_ascii_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '\'' => break,
                        letter => word.push(letter),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '"' => break,
                        '\\' => match letters.next()? {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        letter => word.push(letter),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Some(words)
}

/// A path as a POSIX shell takes it.
pub fn path(path: &std::path::Path) -> String {
    quoted(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_a_shell_splits_them() {
        for (line, expected) in [
            ("python train.py --lr 3e-4", "python|train.py|--lr|3e-4"),
            (
                r#"sh -c 'echo "a b"; exit 3'"#,
                r#"sh|-c|echo "a b"; exit 3"#,
            ),
            (r#"a "b \" c" d\ e '' """#, r#"a|b " c|d e||"#),
            (r#"x="y z""#, "x=y z"),
            ("a\n  b\r\n", "a|b"),
            ("   ", ""),
        ] {
            assert_eq!(split(line).unwrap().join("|"), expected, "{line}");
        }
        for open in ["'", "\"", "a 'b", "\"a\\", "a \\"] {
            assert_eq!(split(open), None, "{open}");
        }
    }

    #[test]
    fn what_was_typed_is_read_again() {
        for words in [
            &["python", "train.py", "--lr", "3e-4"][..],
            &["sh", "-c", "echo 'a b' \"c\\d\" $x", ""],
            &["über", "a\tb", "it's", "\n", "\\"],
        ] {
            assert_eq!(split(&command(words)).unwrap(), words);
        }
    }

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

    #[test]
    fn a_command_can_be_typed_again() {
        for (words, typed) in [
            (["sh", "-c", "exit 3"].as_slice(), "sh -c 'exit 3'"),
            (&["t.py", "--token=***", "***"], "t.py --token=*** ***"),
            (&["a b***", ""], "'a b***' ''"),
            (&[], ""),
        ] {
            assert_eq!(command(words), typed);
        }
    }
}
