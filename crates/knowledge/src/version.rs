//! Versions: how drivers, toolkits, kernels, Python packages and Debian packages are ordered.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::CharIndices;

/// Orders versions of drivers, toolkits, kernels, compute capabilities and Python releases.
///
/// Numbers count as numbers (`12.10` is above `12.9`), missing parts as 0 (`12.8` equals `12.8.0`),
/// pre-releases (`a`, `b`, `rc`, `dev`) are below their release, and a local part (`+cu132`) counts for nothing.
pub fn order(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (Tokens::of(left), Tokens::of(right));
    loop {
        let (one, other) = (left.next(), right.next());
        if one.is_none() && other.is_none() {
            return Ordering::Equal;
        }
        match compare(one, other) {
            Ordering::Equal => {}
            different => return different,
        }
    }
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Number(&'a str),
    Word(&'a str),
}

struct Tokens<'a> {
    text: &'a str,
    letters: Peekable<CharIndices<'a>>,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split('+').next().unwrap_or(text);
        Self {
            text,
            letters: text.char_indices().peekable(),
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (start, first) = self.letters.find(|(_, letter)| letter.is_alphanumeric())?;
        let digits = first.is_ascii_digit();
        let mut end = start + first.len_utf8();
        while let Some((at, letter)) = self
            .letters
            .next_if(|(_, letter)| letter.is_alphanumeric() && letter.is_ascii_digit() == digits)
        {
            end = at + letter.len_utf8();
        }
        let run = &self.text[start..end];
        Some(if digits {
            Token::Number(run)
        } else {
            Token::Word(run)
        })
    }
}

fn compare(left: Option<Token<'_>>, right: Option<Token<'_>>) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => compare(right, left).reverse(),
        (Some(Token::Number(one)), None) => numbers(one, "0"),
        (Some(Token::Number(one)), Some(Token::Number(other))) => numbers(one, other),
        (Some(Token::Number(_)), Some(Token::Word(_))) => Ordering::Greater,
        (Some(Token::Word(_)), Some(Token::Number(_))) => Ordering::Less,
        (Some(Token::Word(one)), None) => {
            if stage(one).is_some() {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (Some(Token::Word(one)), Some(Token::Word(other))) => {
            let rank = |word: &str| stage(word).unwrap_or(u8::MAX);
            rank(one)
                .cmp(&rank(other))
                .then_with(|| one.to_lowercase().cmp(&other.to_lowercase()))
        }
    }
}

/// The stage of a pre-release word, earliest first; none for other words.
fn stage(word: &str) -> Option<u8> {
    Some(match word.to_ascii_lowercase().as_str() {
        "dev" => 0,
        "a" | "alpha" => 1,
        "b" | "beta" => 2,
        "c" | "rc" | "pre" | "preview" => 3,
        _ => return None,
    })
}

/// Orders runs of digits of any length as numbers.
fn numbers(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Orders versions of Debian packages (Debian Policy, section 5.6.12: epoch, upstream version, revision; `~` sorts first).
pub fn debian_order(left: &str, right: &str) -> Ordering {
    let (left, right) = (debian_parts(left), debian_parts(right));
    numbers(left.0, right.0)
        .then_with(|| debian_part(left.1, right.1))
        .then_with(|| debian_part(left.2, right.2))
}

fn debian_parts(version: &str) -> (&str, &str, &str) {
    let version = version.trim();
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    (epoch, upstream, revision)
}

fn debian_part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (words, tails) = (split_digits(left, false), split_digits(right, false));
        let words_order = debian_words(words.0, tails.0);
        if words_order != Ordering::Equal {
            return words_order;
        }
        let (one, other) = (split_digits(words.1, true), split_digits(tails.1, true));
        match numbers(one.0, other.0) {
            Ordering::Equal => (left, right) = (one.1, other.1),
            different => return different,
        }
    }
    Ordering::Equal
}

fn split_digits(text: &str, digits: bool) -> (&str, &str) {
    let end = text
        .find(|letter: char| letter.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    text.split_at(end)
}

fn debian_words(left: &str, right: &str) -> Ordering {
    let weight = |letter: Option<char>| match letter {
        Some('~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i64::from(u32::from(letter)),
        Some(letter) => i64::from(u32::from(letter)) + 256,
    };
    let (mut left, mut right) = (left.chars(), right.chars());
    loop {
        let (one, other) = (left.next(), right.next());
        if one.is_none() && other.is_none() {
            return Ordering::Equal;
        }
        match weight(one).cmp(&weight(other)) {
            Ordering::Equal => {}
            different => return different,
        }
    }
}

/// A range of versions: `>=535,<580`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    bounds: Vec<(Bound, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Least,
    Most,
    Above,
    Below,
    Is,
    IsNot,
}

/// A range that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no version range: write bounds like `>=535,<580`")]
pub struct RangeError {
    /// The range as it was written.
    pub text: String,
}

impl Range {
    /// Reads bounds separated by commas; each begins with `>=`, `<=`, `>`, `<`, `==`, `=` or `!=`.
    ///
    /// # Errors
    /// When a bound has no operator or no version.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let error = || RangeError {
            text: text.to_string(),
        };
        let operators = [
            (">=", Bound::Least),
            ("<=", Bound::Most),
            ("==", Bound::Is),
            ("!=", Bound::IsNot),
            (">", Bound::Above),
            ("<", Bound::Below),
            ("=", Bound::Is),
        ];
        let bounds = text
            .split(',')
            .map(|part| {
                let part = part.trim();
                let (sign, bound) = operators
                    .iter()
                    .find(|(sign, _)| part.starts_with(sign))
                    .ok_or_else(error)?;
                let version = part[sign.len()..].trim();
                if version.chars().any(|letter| letter.is_ascii_digit()) {
                    Ok((*bound, version.to_string()))
                } else {
                    Err(error())
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { bounds })
    }

    /// Whether a version is inside all bounds, by [`order`].
    pub fn contains(&self, version: &str) -> bool {
        self.bounds.iter().all(|(bound, limit)| {
            let order = order(version, limit);
            match bound {
                Bound::Least => order.is_ge(),
                Bound::Most => order.is_le(),
                Bound::Above => order.is_gt(),
                Bound::Below => order.is_lt(),
                Bound::Is => order.is_eq(),
                Bound::IsNot => order.is_ne(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_mean_them() {
        for (low, high) in [
            ("535.261.03", "580.95.05"),
            ("580.95.05", "580.178.04"),
            ("12.8", "12.10"),
            ("8.9", "10.0"),
            ("6.8.0-45-generic", "6.8.0-100-generic"),
            ("5.15.0-125-generic", "6.1.0-18-amd64"),
            ("3.9", "3.10.12"),
            ("2.15.0rc1", "2.15.0"),
            ("2.15.0.dev20260101", "2.15.0a1"),
            ("2.15.0", "2.15.0.post1"),
            ("1.0a1", "1.0rc1"),
        ] {
            assert_eq!(order(low, high), Ordering::Less, "{low} {high}");
            assert_eq!(order(high, low), Ordering::Greater, "{high} {low}");
        }
        for (one, other) in [
            ("12.8", "12.8.0"),
            ("v580", "580.0"),
            ("2.15.0+cu132", "2.15.0"),
            ("007", "7"),
            ("", "0"),
            ("", ""),
        ] {
            assert_eq!(order(one, other), Ordering::Equal, "{one} {other}");
        }
    }

    #[test]
    fn debian_versions_are_ordered_as_dpkg_does() {
        for (low, high) in [
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0+b1"),
            ("1.0-1", "1.0-1ubuntu1"),
            ("1.0-1~bpo12+1", "1.0-1"),
            ("2.35-0ubuntu3.8", "2.35-0ubuntu3.10"),
            ("9.9", "1:0.1"),
            ("580.95.05-0ubuntu1", "580.178.04-0ubuntu0.22.04.1"),
            ("1.0a", "1.0+"),
            ("1.0~~", "1.0~"),
            ("1.0-1", "1.0-1.1"),
        ] {
            assert_eq!(debian_order(low, high), Ordering::Less, "{low} {high}");
            assert_eq!(debian_order(high, low), Ordering::Greater, "{high} {low}");
        }
        for (one, other) in [
            ("0:1.0", "1.0"),
            ("1.0-0", "1.0"),
            ("1.00", "1.0"),
            ("", ""),
        ] {
            assert_eq!(debian_order(one, other), Ordering::Equal, "{one} {other}");
        }
    }

    #[test]
    fn ranges_hold_their_bounds() {
        for (range, version, inside) in [
            (">=535,<580", "570.133.20", true),
            (">=535,<580", "580.65.06", false),
            (">=535, <580", "535", true),
            ("=12.8", "12.8.0", true),
            ("!=3.9", "3.9.1", true),
            (">7.5", "7.5", false),
            ("<=7.5", "7.5", true),
        ] {
            assert_eq!(
                Range::parse(range).unwrap().contains(version),
                inside,
                "{range} {version}"
            );
        }
        for wrong in ["", "535", ">=", ">=535,", "~=1.0", ">=x"] {
            assert!(Range::parse(wrong).is_err(), "{wrong}");
        }
    }
}
