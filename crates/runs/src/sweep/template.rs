//! The command of a trial: words in which `{name}` stands for a value.
//!
//! A command that is given as one text is split into words once, by quotes and backslashes as a shell has them, and nothing else
//! of a shell. Values are put in afterwards: each stays within its word, whatever it holds, and no shell reads it.

use super::points::Point;
use super::space::is_name;
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeSet;

/// Splits a text into words.
///
/// # Errors
/// [`Code::SweepCommand`] when a quote is left open.
pub fn split(text: &str) -> Result<Vec<String>> {
    deskside_types::shell::split(text).ok_or_else(|| {
        Problem::new(
            Code::SweepCommand,
            format!("a quote in the command is not closed: {text}"),
        )
        .hint("close it, or give the command word by word behind `--`")
    })
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Takes a word apart. `{{name}}` is the text `{name}`; braces around anything but a name are text.
fn pieces(word: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(open) = word[at..].find('{').map(|place| place + at) {
        let name = word[open + 1..]
            .find('}')
            .map(|length| &word[open + 1..open + 1 + length])
            .filter(|name| is_name(name));
        let Some(name) = name else {
            at = open + 1;
            continue;
        };
        let end = open + name.len() + 2;
        if open > from && word[..open].ends_with('{') && word[end..].starts_with('}') {
            found.push(Piece::Text(&word[from..open - 1]));
            found.push(Piece::Text(&word[open..end]));
            (from, at) = (end + 1, end + 1);
            continue;
        }
        found.push(Piece::Text(&word[from..open]));
        found.push(Piece::Name(name));
        (from, at) = (end, end);
    }
    found.push(Piece::Text(&word[from..]));
    found
}

/// The names that stand in words.
pub fn names<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    words
        .into_iter()
        .flat_map(pieces)
        .filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
        .collect()
}

/// A word with its values. Names that stand for nothing stay as they are; [`check`] has refused them before.
pub fn filled(word: &str, values: &Point) -> String {
    pieces(word)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_string(),
            Piece::Name(name) => values
                .get(name)
                .cloned()
                .unwrap_or_else(|| format!("{{{name}}}")),
        })
        .collect()
}

/// Refuses names that stand for nothing, and text behind `sh -c` that would read a value as a piece of shell.
///
/// # Errors
/// [`Code::SweepCommand`].
pub fn check(
    argv: &[String],
    known: &BTreeSet<&str>,
    texts: &[(String, Vec<String>)],
) -> Result<()> {
    let unknown = |word: &str| {
        names([word])
            .into_iter()
            .find(|name| !known.contains(name))
            .map(String::from)
    };
    if let Some(name) = argv.iter().find_map(|word| unknown(word)) {
        return Err(Problem::new(
            Code::SweepCommand,
            format!("{{{name}}} stands in the command, and nothing says what it is"),
        )
        .hint(format!("give it values: {name}=1,2,3; braces that are meant as text are doubled: {{{{{name}}}}}")));
    }
    let Some(script) = shell_text(argv) else {
        return Ok(());
    };
    for name in names([script]) {
        let odd = texts
            .iter()
            .filter(|(one, _)| one == name)
            .flat_map(|(_, texts)| texts)
            .find(|text| {
                !text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-._/:@%,=".contains(&byte))
            });
        if let Some(odd) = odd {
            return Err(Problem::new(
                Code::SweepCommand,
                format!("{{{name}}} stands in the text of a shell, which would take {odd:?} apart"),
            )
            .hint(format!(
                "hand it over as a word of its own: sh -c 'python train.py \"$1\"' train {{{name}}}"
            ))
            .hint(format!("or as a variable: --set-env VALUE={{{name}}}")));
        }
    }
    Ok(())
}

/// What stands behind `-c` of a shell.
fn shell_text(argv: &[String]) -> Option<&str> {
    let program = argv.first()?.rsplit('/').next()?;
    if !["bash", "dash", "fish", "ksh", "sh", "zsh"].contains(&program) {
        return None;
    }
    let at = argv
        .iter()
        .position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    argv.get(at + 1).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_as_a_shell_does_and_nothing_more() {
        for (text, expected) in [
            (
                "python train.py --lr {lr}",
                vec!["python", "train.py", "--lr", "{lr}"],
            ),
            ("a  'b c' \"d e\" f\\ g", vec!["a", "b c", "d e", "f g"]),
            (r#"a '' "" x"y z"w"#, vec!["a", "", "", "xy zw"]),
            (
                r#"echo "a\"b\\c\d" '\n'"#,
                vec!["echo", r#"a"b\c\d"#, r"\n"],
            ),
            (
                "a $HOME *.py ; | `x`",
                vec!["a", "$HOME", "*.py", ";", "|", "`x`"],
            ),
            ("", vec![]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        assert!(split("a 'b").is_err());
    }

    #[test]
    fn names_are_filled_in() {
        let values: Point = [("lr", "1e-3"), ("o", "a b; rm -rf {lr}")]
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .into();
        for (word, expected) in [
            ("--lr={lr}", "--lr=1e-3"),
            ("{lr}{lr}", "1e-31e-3"),
            ("{o}", "a b; rm -rf {lr}"),
            ("{{lr}}", "{lr}"),
            ("{\"a\": {lr}}", "{\"a\": 1e-3}"),
            ("{ lr }", "{ lr }"),
            ("{}", "{}"),
            ("{", "{"),
            ("x{{lr}}y{lr}", "x{lr}y1e-3"),
            ("${lr}", "$1e-3"),
        ] {
            assert_eq!(filled(word, &values), expected, "{word}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let known = BTreeSet::from(["lr", "name"]);
        let words = |text: &str| split(text).unwrap();
        let texts = [("name".to_string(), vec!["a b".to_string()])];
        assert!(check(&words("python t.py --lr {lr} {name}"), &known, &texts).is_ok());
        assert!(check(&words("python t.py --lr {rl}"), &known, &texts).is_err());
        assert!(check(&words("sh -c 'echo {lr}'"), &known, &texts).is_ok());
        assert!(check(&words("bash -ec 'echo {name}'"), &known, &texts).is_err());
        assert!(check(&words("sh -c 'echo \"$1\"' x {name}"), &known, &texts).is_ok());
    }

    proptest! {
        #[test]
        fn a_value_stays_within_its_word(value in "\\PC{0,20}", head in "[a-z=]{0,5}") {
            let values = Point::from([("x".to_string(), value.clone())]);
            prop_assert_eq!(filled(&format!("{head}{{x}}"), &values), format!("{head}{value}"));
        }

        #[test]
        fn any_text_is_split_or_refused(text in "\\PC{0,30}") {
            if let Ok(words) = split(&text) {
                for word in &words {
                    filled(word, &Point::new());
                }
            }
        }
    }
}
