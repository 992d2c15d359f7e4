//! Which Python: one that is installed where it serves, else the one uv fetches.

use super::specifier::{admits, series_of};
use deskside_knowledge::frameworks;
use deskside_knowledge::version::order;
use deskside_types::facts::{Facts, PythonInterpreter, PythonOrigin};
use std::cmp::Ordering;

/// A Python request for uv, and why it is this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// A minor version (`3.12`) or an interpreter's path.
    pub request: String,
    /// Its minor version: `3.12`.
    pub series: String,
    /// It is on this machine already.
    pub installed: bool,
    /// In a sentence.
    pub why: String,
    /// All that would serve, as specifiers.
    pub range: String,
}

/// Chooses a Python between two minor versions that also meets the wish.
///
/// # Errors
/// The reason in words when nothing between them meets the wish.
pub fn choose(
    facts: &Facts,
    oldest: &str,
    newest: &str,
    wish: Option<&str>,
) -> Result<Choice, String> {
    let known = &frameworks::indexes().python;
    let wish = wish.unwrap_or("");
    let range = range(oldest, newest);
    let fits = |series: &str| {
        order(series, oldest) != Ordering::Less
            && order(series, newest) != Ordering::Greater
            && admits(wish, series)
    };
    // Without a wish for it, nothing newer is taken than what was tried.
    let tried = |series: &str| order(series, &known.newest) != Ordering::Greater;
    let mut installed: Vec<(&PythonInterpreter, String)> = facts
        .pythons
        .iter()
        .filter_map(|python| Some((python, series_of(python.version.value()?))))
        .filter(|(_, series)| fits(series) && (tried(series) || !wish.is_empty()))
        .collect();
    installed.sort_by(|(left, left_series), (right, right_series)| {
        (rank(left), order(right_series, left_series), &left.path)
            .partial_cmp(&(rank(right), Ordering::Equal, &right.path))
            .unwrap_or(Ordering::Equal)
    });
    if let Some((python, series)) = installed.first() {
        let request = if is_found_by_version(python) {
            series.clone()
        } else {
            python.path.clone()
        };
        return Ok(Choice {
            request,
            series: series.clone(),
            installed: true,
            why: format!("Python {series} is installed ({}) and serves", python.path),
            range,
        });
    }
    let series = if fits(&known.wanted) {
        Some(known.wanted.clone())
    } else {
        (0..64)
            .rev()
            .map(|minor| format!("3.{minor}"))
            .filter(|series| fits(series))
            .min_by_key(|series| !tried(series))
    };
    match series {
        Some(series) => {
            let here = facts
                .pythons
                .iter()
                .filter_map(|python| python.version.value())
                .map(|version| series_of(version))
                .max_by(|left, right| order(left, right));
            let because = here.map_or_else(
                || "no Python was found".to_string(),
                |here| {
                    format!("the newest Python here is {here}, and {oldest} to {newest} is needed")
                },
            );
            let because = if admits(wish, oldest) || wish.is_empty() {
                because
            } else {
                format!("the project asks for Python {wish}, which is not installed")
            };
            Ok(Choice {
                why: format!("uv fetches Python {series}: {because}"),
                request: series.clone(),
                series,
                installed: false,
                range,
            })
        }
        None => Err(format!(
            "the project asks for Python {wish}, and {oldest} to {newest} is needed"
        )),
    }
}

/// Pythons between two minor versions as specifiers: `>=3.11,<3.16` of 3.11 and 3.15.
pub fn range(oldest: &str, newest: &str) -> String {
    format!(">={oldest},<{}", super::torch::next(newest))
}

/// Such specifiers for people: `3.11 to 3.15`.
pub fn range_in_words(range: &str) -> String {
    let minor = |text: &str| -> Option<u32> { text.strip_prefix("3.")?.parse().ok() };
    range
        .split_once(",<")
        .and_then(|(oldest, end)| {
            let last = minor(end)?.checked_sub(1)?;
            Some(format!("{} to 3.{last}", oldest.strip_prefix(">=")?))
        })
        .unwrap_or_else(|| range.to_string())
}

/// Whom to prefer: the default one, then the system's; conda's last, as its base changes under an environment.
fn rank(python: &PythonInterpreter) -> u8 {
    match python.origin {
        PythonOrigin::Conda => 3,
        PythonOrigin::Apple => 2,
        _ if python.default => 0,
        _ => 1,
    }
}

/// uv finds it by its version alone: it manages it, or it lies in a folder that is always searched.
fn is_found_by_version(python: &PythonInterpreter) -> bool {
    python.origin == PythonOrigin::Uv || (python.default && python.path.starts_with("/usr/bin/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::tests_support::{facts, python};

    #[test]
    fn ranges_are_read_by_people_too() {
        let text = range("3.11", "3.15");
        assert_eq!(text, ">=3.11,<3.16");
        assert_eq!(range_in_words(&text), "3.11 to 3.15");
        assert_eq!(range_in_words("==3.12"), "==3.12");
    }

    #[test]
    fn an_installed_python_is_taken_where_it_serves() {
        let system = python("/usr/bin/python3.10", "3.10", PythonOrigin::System, true);
        let newer = python("/usr/bin/python3.12", "3.12.3", PythonOrigin::System, true);
        let pyenv = python(
            "/home/p/.pyenv/versions/3.13.0/bin/python3.13",
            "3.13.0",
            PythonOrigin::Pyenv,
            false,
        );
        let conda = python(
            "/opt/conda/bin/python3.12",
            "3.12.9",
            PythonOrigin::Conda,
            true,
        );
        let managed = python(
            "/home/p/.local/share/uv/python/cpython-3.11/bin/python3.11",
            "3.11.9",
            PythonOrigin::Uv,
            false,
        );
        for (pythons, wish, request) in [
            (vec![], None, "3.12"),
            (vec![system.clone()], None, "3.12"),
            (vec![system.clone(), newer.clone()], None, "3.12"),
            (
                vec![system.clone(), pyenv.clone()],
                None,
                "/home/p/.pyenv/versions/3.13.0/bin/python3.13",
            ),
            (vec![newer.clone(), pyenv.clone()], None, "3.12"),
            (vec![conda.clone(), managed], None, "3.11"),
            (vec![conda], None, "/opt/conda/bin/python3.12"),
            (vec![newer.clone()], Some("3.11"), "3.11"),
            (vec![newer], Some(">=3.13"), "3.14"),
        ] {
            let mut facts = facts();
            facts.pythons = pythons;
            assert_eq!(
                choose(&facts, "3.11", "3.15", wish).unwrap().request,
                request,
                "{wish:?} {:?}",
                facts.pythons
            );
        }
        let mut facts = facts();
        facts.pythons = vec![system];
        assert!(
            choose(&facts, "3.11", "3.15", None)
                .unwrap()
                .why
                .contains("3.10")
        );
        assert!(choose(&facts, "3.11", "3.15", Some("<3.11")).is_err());
    }
}
