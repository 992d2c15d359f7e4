//! Requirements of one name that stand in a list twice: pip holds them all, so none of them may win silently.

use super::take_in::marker_of;
use crate::build::specifier::requirement;
use std::collections::BTreeSet;

/// Joins requirements of the same name under the same marker into one with the bounds and extras of all. Answers with
/// the list, a sentence for each name whose lines said different things, and one for each line that can't be joined:
/// an address beside something else, of which the last one counts.
pub(super) fn joined(list: Vec<String>) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut all, mut joined, mut lost) = (Vec::<String>::new(), Vec::new(), Vec::new());
    for line in list {
        let same = all
            .iter()
            .position(|other| name(other) == name(&line) && marker_of(other) == marker_of(&line));
        let Some(place) = same else {
            all.push(line);
            continue;
        };
        let other = all[place].clone();
        if other == line {
            continue;
        }
        match both(&other, &line) {
            Some(one) => {
                let told = format!(
                    "{} stands there twice (`{other}` and `{line}`)",
                    name(&line)
                );
                if one != other && one != line {
                    joined.push(format!("{told}: both bounds count, as with pip"));
                }
                all[place] = one;
            }
            None => {
                lost.push(format!("`{other}`: `{line}`, which comes later, is taken"));
                all[place] = line;
            }
        }
    }
    (all, joined, lost)
}

/// The normalised name a line begins with.
fn name(line: &str) -> String {
    let line = line.trim();
    let end = line
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter)))
        .unwrap_or(line.len());
    deskside_knowledge::python::normalised_name(&line[..end])
}

/// One requirement that says what two say; none where one of them is an address.
fn both(one: &str, other: &str) -> Option<String> {
    let (name, bounds) = requirement(one)?;
    let (_, others) = requirement(other)?;
    let list = |text: &str| -> Vec<String> {
        text.split(',')
            .map(|part| part.trim().to_string())
            .filter(|part| !part.is_empty())
            .collect()
    };
    let mut clauses = list(&bounds);
    for clause in list(&others) {
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    let extras = |line: &str| -> Vec<String> {
        let bare = line.split(';').next().unwrap_or(line);
        let within = bare
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'));
        within.map_or_else(Vec::new, |(within, _)| list(within))
    };
    let extras: BTreeSet<String> = extras(one).into_iter().chain(extras(other)).collect();
    let extras = match extras.is_empty() {
        true => String::new(),
        false => format!("[{}]", extras.into_iter().collect::<Vec<_>>().join(",")),
    };
    let marker = one
        .split_once(';')
        .map_or_else(String::new, |(_, marker)| format!(" ; {}", marker.trim()));
    Some(format!("{name}{extras}{}{marker}", clauses.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_wins_silently() {
        for (list, all, told) in [
            (vec!["numpy>=1", "six"], vec!["numpy>=1", "six"], 0),
            (vec!["six", "six"], vec!["six"], 0),
            (vec!["numpy>=1", "NumPy<2"], vec!["numpy>=1,<2"], 1),
            (
                vec!["numpy==1.26.4", "six", "numpy==2.0.0"],
                vec!["numpy==1.26.4,==2.0.0", "six"],
                1,
            ),
            (vec!["six", "six>=1"], vec!["six>=1"], 0),
            (
                vec!["jax[cuda13]", "jax[k8s]>=0.7"],
                vec!["jax[cuda13,k8s]>=0.7"],
                1,
            ),
            (
                vec![
                    "a<2; python_version < '3.9'",
                    "a>=2; python_version >= '3.9'",
                ],
                vec![
                    "a<2; python_version < '3.9'",
                    "a>=2; python_version >= '3.9'",
                ],
                0,
            ),
            (
                vec!["a>=1 ; os_name == \"nt\"", "a<2; os_name == 'nt'"],
                vec!["a>=1,<2 ; os_name == \"nt\""],
                1,
            ),
            (vec!["a @ https://x.example/a.zip", "a>=1"], vec!["a>=1"], 1),
        ] {
            let owned = list.iter().map(ToString::to_string).collect();
            let (found, joined, lost) = joined(owned);
            assert_eq!(found, all, "{list:?}");
            assert_eq!(joined.len() + lost.len(), told, "{joined:?} {lost:?}");
        }
    }
}
