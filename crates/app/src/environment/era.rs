//! A framework as it was at the time that a project's packages are from (`exclude-newer`).

use super::project::Project;
use super::variants::without_build;
use deskside_envs::build::Flavour;
use deskside_envs::build::specifier::requirement;
use deskside_envs::index::{settings, uploaded};
use deskside_envs::manifest::Manifest;
use deskside_envs::manifest::resolve::{Scratch, newest_locked};
use deskside_machine::Progress;
use deskside_types::{Code, Problem, Result};

/// The newest version of that time within the bounds, as uv finds it on the index by days of upload; none where the
/// project's packages are of no certain time.
///
/// # Errors
/// When there was none then.
pub(super) fn newest(
    project: &Project<'_>,
    manifest: &Manifest,
    framework: Flavour,
    bounds: &str,
    python: Option<&str>,
) -> Result<Option<String>> {
    let word = framework.word();
    let Some(moment) = manifest.exclude_newer() else {
        return Ok(None);
    };
    let wanted = manifest
        .dependencies()
        .into_iter()
        .find(|line| bounds.is_empty() && requirement(line).is_some_and(|(name, _)| name == word))
        .unwrap_or_else(|| format!("{word}{bounds}"));
    let asked_for =
        requirement(&without_build(&wanted)).map_or_else(String::new, |(_, bounds)| bounds);
    let mut asked = Manifest::new("asked", manifest.requires_python().unwrap_or(">=3.8"));
    // The default index has the version without the name of a build.
    asked.add_dependency(&without_build(&wanted));
    asked.set_exclude_newer(moment);
    let python = project.python(manifest, python, &mut Vec::new())?;
    let scratch = Scratch::make(
        &*project.context.machine,
        &project.context.directories.cache,
        &project.uv,
        &project.place.project,
        &asked,
    )?;
    let found = locked(&scratch, word, &python.request);
    scratch.remove();
    found.map_err(|problem| {
        let machine = &*project.context.machine;
        let told = explain(problem, moment);
        // uv names the newest that came later, which may be years after the first.
        match uploaded::first(machine, &settings::read(machine), word, &asked_for) {
            Some(day) if told.code == Code::Unsatisfiable && day.as_str() >= moment => {
                let month = day.get(..7).unwrap_or(&day).to_string();
                let mut told = told;
                told.hints.retain(|hint| !hint.contains("--as-of"));
                told.hint(format!(
                    "the first {word} that fits came in {month}: --as-of {month} takes packages from then"
                ))
            }
            _ => told,
        }
    })
}

fn locked(scratch: &Scratch<'_>, word: &str, python: &str) -> Result<Option<String>> {
    scratch.forget_lock()?;
    let mut quiet = |_: Progress<'_>| {};
    let what = format!("find {word} as it was then");
    scratch.uv(&what, &["lock", "--python", python], &mut quiet)?;
    Ok(scratch
        .file("uv.lock")?
        .and_then(|text| newest_locked(&text, word)))
}

/// A failure to resolve packages of the past, with the nearest that works as far as uv names it.
pub(super) fn explain(problem: Problem, moment: &str) -> Problem {
    if problem.code != Code::Unsatisfiable {
        return problem;
    }
    let day = moment.split('T').next().unwrap_or(moment);
    let mut hints = Vec::new();
    for cause in &problem.causes {
        if let Some(python) = newest_tag(cause) {
            hints.push(format!(
                "it has wheels for Python {python}: use that one with --python {python}"
            ));
        }
        if let Some(month) = published(cause) {
            hints.push(format!(
                "one that fits was published in {month}: --as-of {month} takes packages from then"
            ));
        }
    }
    let mut problem = problem.because(format!(
        "only what was on the index before {day} counts; what was removed since, or had no wheels for this Python then, can't be had"
    ));
    let advice = "Consider using `exclude-newer-package`";
    for cause in &mut problem.causes {
        if let Some(at) = cause.find(advice) {
            cause.truncate(at);
            *cause = cause.trim_end().to_string();
        }
    }
    if hints.is_empty() {
        hints.push(
            "try a later month, or another Python: deskside env init --as-of 2024-01 --python 3.10"
                .into(),
        );
    }
    hints.dedup();
    problem.hints = hints;
    problem
}

/// The newest Python among the tags that uv names: `3.7` of "the following Python ABI tags: `cp27m`, `cp37m`".
fn newest_tag(cause: &str) -> Option<String> {
    let (_, tags) = cause.split_once("the following Python ")?;
    tags.split('`')
        .filter_map(|tag| {
            let digits = tag.strip_prefix("cp")?.trim_end_matches(['m', 'u', 't']);
            let (major, minor) = (digits.get(..1)?, digits.get(1..)?);
            (major == "3" && !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| format!("{major}.{minor}"))
        })
        .max_by(|left, right| deskside_knowledge::version::order(left, right))
}

/// The month in "published at 2026-11-15T21:30:10Z".
fn published(cause: &str) -> Option<String> {
    let (_, rest) = cause.split_once("published at ")?;
    let month = rest.get(..7)?;
    let (year, number) = month.split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (year.len() == 4 && is_number(year) && is_number(number)).then(|| month.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_that_works_is_named() {
        for (cause, hint) in [
            (
                "hint: Wheels are available for `tensorflow` (v1.15.0) with the following Python ABI tags: `cp27m`, `cp27mu`, `cp36m`, `cp37m`",
                "--python 3.7",
            ),
            (
                "hint: You require CPython 3.13 (`cp313`), but we only found wheels for `x` (v1) with the following Python ABI tags: `cp39`, `cp310`",
                "--python 3.10",
            ),
            (
                "hint: `numpy` was filtered by `exclude-newer` to only include packages uploaded before 2023-06-01T00:00:00Z. The latest version satisfying the requirement is v2.5.5, published at 2026-11-15T21:30:10Z. Consider using `exclude-newer-package` to override the cutoff for this package.",
                "--as-of 2026-11",
            ),
            ("something else", "--as-of 2024-01"),
            ("published at é", "--as-of 2024-01"),
        ] {
            let problem = Problem::new(Code::Unsatisfiable, "x")
                .because(cause)
                .hint("look elsewhere");
            let told = explain(problem, "2023-06-01T00:00:00Z");
            assert_eq!(told.hints.len(), 1, "{told:?}");
            assert!(told.hints[0].contains(hint), "{told:?}");
            assert!(!told.causes.join(" ").contains("Consider"), "{told:?}");
            assert!(told.causes.join(" ").contains("before 2023-06-01"));
        }
        let other = Problem::new(Code::Network, "x").hint("h");
        assert_eq!(explain(other, "2023").hints, ["h"]);
    }
}
