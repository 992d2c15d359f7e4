//! Version specifiers (PEP 440), as far as the choice of a minor release needs them.

use deskside_knowledge::version::order;
use std::cmp::Ordering;

/// Whether some release of a minor series (`3.12`, `2.14`) meets all specifiers. A bare version means that series.
///
/// What can't be read counts as met: uv decides in the end.
pub fn admits(specifiers: &str, series: &str) -> bool {
    specifiers
        .split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
        .all(|clause| admits_one(clause, series))
}

fn admits_one(clause: &str, series: &str) -> bool {
    let end = clause
        .find(|letter: char| letter.is_ascii_digit())
        .unwrap_or(clause.len());
    let (operator, version) = (
        clause[..end].trim().trim_end_matches('v'),
        clause[end..].trim(),
    );
    if version.is_empty() {
        return true;
    }
    let wild = version.strip_suffix(".*");
    let version = wild.unwrap_or(version);
    let minor = series_of(version);
    let against = order(series, &minor);
    let within = order(version, &minor) != Ordering::Equal;
    match operator {
        "" | "==" | "===" => {
            if version.contains('.') {
                against == Ordering::Equal
            } else {
                series.split('.').next() == Some(version)
            }
        }
        "~=" => match version.split('.').count() {
            0..=2 => {
                against != Ordering::Less && series.split('.').next() == version.split('.').next()
            }
            _ => against == Ordering::Equal,
        },
        ">=" | ">" => against != Ordering::Less,
        "<=" => against != Ordering::Greater,
        "<" => against == Ordering::Less || (against == Ordering::Equal && within),
        "!=" => !(wild.is_some() && against == Ordering::Equal),
        _ => true,
    }
}

/// `2.14` of `2.14.1`.
pub fn series_of(version: &str) -> String {
    version
        .split('+')
        .next()
        .unwrap_or(version)
        .split('.')
        .take(2)
        .collect::<Vec<_>>()
        .join(".")
}

/// A requirement (PEP 508) in its normalised name and its specifiers; none for addresses and paths.
pub fn requirement(text: &str) -> Option<(String, String)> {
    let text = text.split(';').next().unwrap_or(text);
    let text = text.split(" #").next().unwrap_or(text).trim();
    let end = text
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
        .unwrap_or(text.len());
    let name = &text[..end];
    if name.is_empty() || name.starts_with(['-', '.']) {
        return None;
    }
    let mut rest = text[end..].trim();
    if rest.starts_with('[') {
        rest = rest.split_once(']')?.1.trim();
    }
    if rest.starts_with(['@', '/', '\\', ':']) {
        return None;
    }
    let specifiers = rest.trim_start_matches('(').trim_end_matches(')').trim();
    Some((
        deskside_knowledge::python::normalised_name(name),
        specifiers.to_string(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_told_by_specifiers() {
        for (specifiers, series, expected) in [
            ("", "3.12", true),
            ("3.12", "3.12", true),
            ("3.12", "3.11", false),
            ("3.12.4", "3.12", true),
            ("3", "3.12", true),
            ("==3.*", "3.12", true),
            (">=3.11", "3.12", true),
            (">=3.11.4", "3.11", true),
            (">=3.11", "3.9", false),
            (">=3.9,<3.12", "3.12", false),
            ("<3.12.3", "3.12", true),
            (">=3.9, <4", "3.14", true),
            ("~=3.10", "3.12", true),
            ("~=3.10", "3.9", false),
            ("~=3.10.2", "3.11", false),
            ("!=3.12.*", "3.12", false),
            ("!=3.12.1", "3.12", true),
            ("==2.4.1", "2.4", true),
            ("==2.4.1", "2.14", false),
            ("<=3.11", "3.11", true),
            ("whatever", "3.11", true),
        ] {
            assert_eq!(
                admits(specifiers, series),
                expected,
                "{specifiers} {series}"
            );
        }
    }

    #[test]
    fn requirements_are_taken_apart() {
        for (text, expected) in [
            ("torch", Some(("torch", ""))),
            (
                "Torch >= 2.9, <3 ; python_version > '3.9'",
                Some(("torch", ">= 2.9, <3")),
            ),
            ("jax[cuda13]==0.10.2", Some(("jax", "==0.10.2"))),
            ("scikit_learn(>=1.5)", Some(("scikit-learn", ">=1.5"))),
            ("torch # the framework", Some(("torch", ""))),
            ("torch @ https://x.example/a.whl", None),
            ("-r other.txt", None),
            ("./local", None),
            ("", None),
        ] {
            let found = requirement(text);
            assert_eq!(
                found
                    .as_ref()
                    .map(|(name, specifiers)| (name.as_str(), specifiers.as_str())),
                expected,
                "{text}"
            );
        }
    }
}
