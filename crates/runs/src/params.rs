//! Parameters read from words of a command line.

use std::collections::BTreeMap;

/// `--lr 3e-4`, `--lr=3e-4`, `-b 32`, `lr=3e-4`, `model.width=64` and flags, which become `true`.
///
/// A word after an option is its value unless it is an option itself; several numbers after one option are
/// its list. What is said last holds.
pub fn parse(words: &[String]) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        at += 1;
        if let Some(option) = option(word) {
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, value.to_string()),
                None => {
                    let count = values(&words[at..]);
                    let value = if count == 0 {
                        "true".to_string()
                    } else {
                        words[at..at + count].join(" ")
                    };
                    at += count;
                    (option, value)
                }
            };
            if !name.is_empty() {
                params.insert(name.to_string(), value);
            }
        } else if let Some((name, value)) = assignment(word) {
            params.insert(name.to_string(), value.to_string());
        }
    }
    params
}

/// An option without its dashes. `-` and `--` alone are none, and neither are negative numbers.
fn option(word: &str) -> Option<&str> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    (!name.is_empty() && !name.starts_with('-') && !is_number(word)).then_some(name)
}

/// How many of the words are the value of the option before them.
fn values(words: &[String]) -> usize {
    let is_value =
        |word: &String| option(word).is_none() && assignment(word).is_none() && word != "--";
    if !words.first().is_some_and(is_value) {
        return 0;
    }
    words
        .iter()
        .take_while(|word| is_number(word))
        .count()
        .max(1)
}

/// `key=value` as Hydra and OmegaConf have it; `+key=value` and `++key=value` add a key.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let name = name.trim_start_matches('+');
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let goes_on = name
        .chars()
        .all(|letter| letter.is_alphanumeric() || "_.-/@".contains(letter));
    (begins && goes_on).then_some((name, value))
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok() && word.contains(|letter: char| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write() {
        for (command, expected) in [
            ("--lr 3e-4 --epochs=10", "epochs=10 lr=3e-4"),
            (
                "lr=3e-4 model.width=64 +new=1 ++forced=2 ~gone",
                "forced=2 lr=3e-4 model.width=64 new=1",
            ),
            ("--amp --no-compile --lr 1", "amp=true lr=1 no-compile=true"),
            ("-b 32 -v -lr 0.1", "b=32 lr=0.1 v=true"),
            ("--offset -1 --range -1e3 .5", "offset=-1 range=-1e3 .5"),
            ("--layers 64 64 32 data/train", "layers=64 64 32"),
            ("--data a b", "data=a"),
            ("--lr 1 --lr 2", "lr=2"),
            ("data/train.csv -- --x", "x=true"),
            ("--flag lr=1", "flag=true lr=1"),
            ("--empty= --name=a=b", "empty= name=a=b"),
            ("https://host/?a=b - -- ---", ""),
            ("db@backup=x /path=1 1=2", "db@backup=x"),
            ("", ""),
        ] {
            let words: Vec<String> = command.split_whitespace().map(String::from).collect();
            let params: Vec<String> = parse(&words)
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            assert_eq!(params.join(" "), expected, "{command}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read(words in prop::collection::vec("[-=+a-z0-9. ü]{0,6}", 0..12)) {
            prop_assert!(parse(&words).len() <= words.len());
        }
    }
}
