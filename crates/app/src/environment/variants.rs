//! Giving a project a framework: one extra for each of its builds.

use super::beside::{bounds_of_all, join, others};
use super::extra::framework_of;
use super::markers::{self, bare, marked, marker_of};
use crate::Context;
use deskside_envs::build::specifier::requirement;
use deskside_envs::build::{self, Flavour, IndexChoice, Wish};
use deskside_envs::manifest::{Manifest, Variant};
use deskside_machine::{ErrorKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long an index is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Packages that come in the same build as a framework, and from the same index.
pub(super) fn companions(framework: Flavour) -> &'static [&'static str] {
    match framework {
        Flavour::Torch => &["torchvision", "torchaudio"],
        _ => &[],
    }
}

/// Which of PyTorch's own indexes answer; a server that does not answer is asked once.
pub(super) struct Reach<'a> {
    machine: &'a dyn Machine,
    dead: RefCell<Option<String>>,
}

impl<'a> Reach<'a> {
    pub fn new(context: &'a Context) -> Self {
        Self {
            machine: &*context.machine,
            dead: RefCell::default(),
        }
    }

    /// Whether an index answers.
    fn answers(&self, index: &IndexChoice) -> bool {
        if self.dead.borrow().is_some() {
            return false;
        }
        let page = format!("{}/torch/", index.url.trim_end_matches('/'));
        match self.machine.fetch(&page, "text/html", 4 << 20, PATIENCE) {
            Ok(_) => true,
            Err(error) if error.kind == ErrorKind::TooLarge => true,
            // A server that is there and has not this page is no reason to give the others up.
            Err(error)
                if matches!(
                    error.kind,
                    ErrorKind::Status | ErrorKind::Absent | ErrorKind::Denied
                ) =>
            {
                false
            }
            Err(error) => {
                *self.dead.borrow_mut() = Some(error.detail);
                false
            }
        }
    }

    /// Why none answers, in a sentence; none where all did.
    pub fn trouble(&self) -> Option<String> {
        let detail = self.dead.borrow().clone()?;
        Some(format!(
            "PyTorch's own indexes can't be reached ({detail}): only the default index's build is among the extras; run `deskside env add torch` again where they answer"
        ))
    }
}

/// Gives a project a framework; answers with what a person should know. `newest` is the newest version of the time that
/// the project's packages are from. Of a version whose builds are not known here it stays a plain dependency.
///
/// # Errors
/// [`Code::FrameworksConflict`] when it has another framework whose CUDA is of another major version.
pub(super) fn give(
    manifest: &mut Manifest,
    framework: Flavour,
    bounds: &str,
    newest: Option<&str>,
    reach: &Reach<'_>,
) -> Result<Vec<String>> {
    let beside = others(&manifest.extras(), framework);
    if let Some((first, names)) = framework_of(&manifest.extras())
        && first != framework
    {
        if framework != Flavour::Torch {
            return second(manifest, first, framework, bounds, newest, reach);
        }
        // PyTorch's builds are more than the others', so that theirs join its extras.
        manifest.remove_variants(&names, &[]);
    }
    // What was a plain dependency becomes part of each build, under its own marker.
    let mut before = manifest.take_dependency(framework.word());
    let lines = asked_for(&manifest.extras(), framework, bounds, &before, newest);
    let own_companions = companions(framework);
    let is_companion = |line: &str| {
        requirement(line).is_some_and(|(name, _)| own_companions.contains(&name.as_str()))
    };
    let mut along = Vec::new();
    for name in own_companions {
        along.extend(manifest.take_dependency(name));
    }
    let sets: Vec<(&Asked, Vec<build::Variant>)> = lines
        .iter()
        .map(|line| {
            let wish = Wish {
                flavour: Some(framework),
                python: manifest.requires_python().map(String::from),
                framework: line.bounds.clone(),
                ..Wish::default()
            };
            let wish = build::with_mirror(reach.machine, wish);
            (line, build::variants(framework, &wish))
        })
        .collect();
    let extras = manifest.extras();
    // Called again, they stand in the extras.
    for (extra, lines) in &extras {
        let mut known = sets.iter().flat_map(|(_, known)| known);
        let marker = known.find(|known| known.extra == *extra);
        let marker = marker.and_then(|known| known.marker.as_deref());
        for line in lines {
            let plain = markers::asked(line, marker);
            if is_companion(&plain) && !along.contains(&plain) {
                along.push(plain);
            }
        }
    }
    if let Some((line, _)) = sets.iter().find(|(_, known)| known.is_empty()) {
        let word = framework.word();
        if before.is_empty() {
            before.push(format!("{word}{bounds}"));
        }
        let told = format!(
            "the builds of {word} {} are not known here: it comes as the default index has it, for whatever accelerator that is; see what is known: deskside env why {word}",
            line.bounds
        );
        for line in before.iter().chain(&along) {
            manifest.add_dependency(line);
        }
        return Ok(vec![told]);
    }
    let is_plain = lines.iter().all(Asked::is_plain);
    let mut all = Vec::new();
    for (variant, own) in merged(&sets) {
        // What the project has already stays as it is, bounds and all, whether its index answers now or not.
        let there = extras
            .get(&variant.extra)
            .filter(|_| bounds.is_empty() && is_plain);
        if there.is_none()
            && variant
                .index
                .as_ref()
                .is_some_and(|index| !reach.answers(index))
        {
            continue;
        }
        let build = variant.marker.as_deref();
        let there = there.into_iter().flatten();
        let there: Vec<String> = there
            .filter(|line| requirement(line).is_some_and(|(name, _)| name == framework.word()))
            .cloned()
            .collect();
        let own = match there.is_empty() {
            true => own,
            false => there,
        };
        let beside = along
            .iter()
            .filter(|line| {
                let is_alone = along.iter().filter(|other| same_name(line, other)).count() < 2;
                is_alone || markers::can_hold(marker_of(line), build)
            })
            .map(|line| marked(&without_build(bare(line)), marker_of(line), build));
        all.push(Variant {
            requirements: own.into_iter().chain(beside).collect(),
            extra: variant.extra.clone(),
            index: variant.index.clone(),
            marker: variant.marker.clone(),
        });
    }
    let sourced: Vec<String> = std::iter::once(framework.word().to_string())
        .chain(
            along
                .iter()
                .filter_map(|line| requirement(line).map(|(name, _)| name)),
        )
        .collect();
    manifest.set_variants(&all, &sourced);
    for (other, bounds) in beside {
        join(reach.machine, manifest, other, &bounds).ok_or_else(|| conflict(framework, other))?;
    }
    if all.iter().any(|variant| variant.index.is_some()) {
        // PyTorch's own indexes name no days of upload; the bounds above keep to the time.
        manifest.spare_from_exclude_newer(&sourced);
    }
    Ok(match framework {
        Flavour::Torch => reach.trouble().into_iter().collect(),
        _ => Vec::new(),
    })
}

/// How a framework is asked for.
struct Asked {
    bounds: String,
    marker: Option<String>,
    /// Extras of the framework's own, with their brackets.
    extras: String,
}

impl Asked {
    fn is_plain(&self) -> bool {
        self.marker.is_none() && self.extras.is_empty()
    }

    /// A build's requirement with what is asked for.
    fn of(&self, build: &str) -> String {
        let all = bounded(build, &self.bounds);
        let end = all
            .find(['[', '=', '<', '>', '!', '~'])
            .unwrap_or(all.len());
        match all[end..].starts_with('[') {
            true => all,
            false => format!("{}{}{}", &all[..end], self.extras, &all[end..]),
        }
    }
}

/// The extras of a requirement with their brackets; empty where it names none.
pub(super) fn extras_of(line: &str) -> String {
    let line = bare(line);
    let (Some(start), Some(end)) = (line.find('['), line.find(']')) else {
        return String::new();
    };
    line.get(start..=end).unwrap_or_default().to_string()
}

/// The lines that ask for a framework: what is named now, else what its dependencies say, else what all of its extras
/// have in common.
fn asked_for(
    extras: &BTreeMap<String, Vec<String>>,
    framework: Flavour,
    bounds: &str,
    before: &[String],
    newest: Option<&str>,
) -> Vec<Asked> {
    let mut lines: Vec<Asked> = match bounds.is_empty() {
        false => Vec::new(),
        true => before
            .iter()
            .filter_map(|line| {
                Some(Asked {
                    bounds: requirement(line)?.1,
                    marker: marker_of(line).map(String::from),
                    extras: extras_of(line),
                })
            })
            .collect(),
    };
    if lines.is_empty() {
        lines.push(Asked {
            bounds: bounds.to_string(),
            marker: None,
            extras: String::new(),
        });
    }
    for line in &mut lines {
        // Called again, what all builds are bound by stays.
        if line.bounds.is_empty() {
            line.bounds = bounds_of_all(extras, framework);
        }
        if let Some(newest) = newest {
            line.bounds = match line.bounds.is_empty() {
                true => format!("<={newest}"),
                false => format!("{},<={newest}", line.bounds),
            };
        }
    }
    lines
}

/// The builds that are asked for, each with its requirements. Of several lines each build has those that can hold where
/// it does; a system of which no line speaks has a build all the same, whose requirement never holds.
fn merged(sets: &[(&Asked, Vec<build::Variant>)]) -> Vec<(build::Variant, Vec<String>)> {
    let mut merged: Vec<(build::Variant, Vec<String>)> = Vec::new();
    let put =
        |merged: &mut Vec<(build::Variant, Vec<String>)>, line: &Asked, known: &build::Variant| {
            let wanted = marked(
                &line.of(&known.requirement),
                line.marker.as_deref(),
                known.marker.as_deref(),
            );
            match merged.iter_mut().find(|(one, _)| one.extra == known.extra) {
                Some((_, lines)) if lines.contains(&wanted) => {}
                Some((_, lines)) => lines.push(wanted),
                None => merged.push((known.clone(), vec![wanted])),
            }
        };
    let every = || {
        let all = sets.iter();
        all.flat_map(|(line, known)| known.iter().map(move |known| (*line, known)))
    };
    let holds = |line: &Asked, known: &build::Variant| {
        markers::can_hold(line.marker.as_deref(), known.marker.as_deref())
    };
    for (line, known) in every().filter(|(line, known)| holds(line, known)) {
        put(&mut merged, line, known);
    }
    let spoken: Vec<Option<String>> = merged
        .iter()
        .map(|(known, _)| known.marker.clone())
        .collect();
    for (line, known) in every().filter(|(line, known)| !holds(line, known)) {
        if !spoken.contains(&known.marker) {
            put(&mut merged, line, known);
        }
    }
    merged
}

/// Whether two lines ask for the same package.
fn same_name(one: &str, other: &str) -> bool {
    let name = |line: &str| requirement(line).map(|(name, _)| name);
    name(one) == name(other)
}

/// A build's requirement within the bounds that were asked for: `torch>=2.8,<2.16` and `==2.14.1+cu126` are
/// `torch==2.14.1`, since the index names the build.
fn bounded(wanted: &str, bounds: &str) -> String {
    let start = wanted
        .find(['=', '<', '>', '!', '~'])
        .unwrap_or(wanted.len());
    let (name, own) = wanted.split_at(start);
    let clauses = |text: &str| -> Vec<String> {
        text.split(',')
            .map(|clause| without_build(&clause.replace(char::is_whitespace, "")))
            .filter(|clause| clause.starts_with(['=', '<', '>', '!', '~']))
            .collect()
    };
    let asked = clauses(bounds);
    let exact = asked
        .iter()
        .find(|clause| clause.starts_with("==") && !clause.ends_with('*'));
    if let Some(exact) = exact {
        return format!("{name}{exact}");
    }
    let mut all = clauses(own);
    for clause in asked {
        if !all.contains(&clause) {
            all.push(clause);
        }
    }
    format!("{name}{}", all.join(","))
}

/// A requirement without the name of a build behind a version: `torchvision==0.16.0+cu121` is `torchvision==0.16.0`.
pub(super) fn without_build(wanted: &str) -> String {
    let mut shown = String::with_capacity(wanted.len());
    let mut rest = wanted;
    while let Some(at) = rest.find('+') {
        let is_version = rest[..at].ends_with(|letter: char| letter.is_ascii_digit());
        let end = rest[at + 1..]
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.'))
            .map_or(rest.len(), |end| at + 1 + end);
        shown.push_str(&rest[..at]);
        if !is_version {
            shown.push_str(&rest[at..end]);
        }
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

/// Gives a project that has a framework another one.
fn second(
    manifest: &mut Manifest,
    first: Flavour,
    second: Flavour,
    bounds: &str,
    newest: Option<&str>,
    reach: &Reach<'_>,
) -> Result<Vec<String>> {
    let there = manifest.dependencies();
    let is_second =
        |line: &&String| requirement(line).is_some_and(|(name, _)| name == second.word());
    let under: Vec<&str> = there
        .iter()
        .filter(is_second)
        .filter(|line| marker_of(line).is_some())
        .map(String::as_str)
        .collect();
    let told = (!under.is_empty()).then(|| {
        format!(
            "{} is asked for by system or Python ({}): beside {} it comes as the first line says, on each of them; where that is wrong, change its lines among the extras of pyproject.toml",
            second.word(),
            under.join(" · "),
            first.word()
        )
    });
    let there = there.iter().filter_map(|line| requirement(line));
    let own = Some(bounds.to_string())
        .filter(|bounds| !bounds.is_empty())
        .or_else(|| {
            there
                .filter(|(name, _)| name == second.word())
                .map(|(_, bounds)| bounds)
                .next()
        })
        .unwrap_or_else(|| bounds_of_all(&manifest.extras(), second));
    let own = match newest {
        Some(newest) if own.is_empty() => format!("<={newest}"),
        Some(newest) => format!("{own},<={newest}"),
        None => own,
    };
    join(reach.machine, manifest, second, &own).ok_or_else(|| conflict(first, second))?;
    Ok(told.into_iter().collect())
}

/// Takes a framework out; answers whether it was there. Others that were in its extras stay, in extras of their own.
pub(super) fn take(manifest: &mut Manifest, framework: Flavour, reach: &Reach<'_>) -> Result<bool> {
    let Some((first, names)) = framework_of(&manifest.extras()) else {
        return Ok(false);
    };
    let beside = others(&manifest.extras(), framework);
    if first != framework {
        let was = others(&manifest.extras(), first);
        for name in &names {
            manifest.set_in_extra(name, framework.word(), &[]);
        }
        return Ok(was.iter().any(|(other, _)| *other == framework));
    }
    let sourced: Vec<String> = std::iter::once(framework.word())
        .chain(companions(framework).iter().copied())
        .map(String::from)
        .collect();
    manifest.remove_variants(&names, &sourced);
    for (other, bounds) in beside {
        give(manifest, other, &bounds, None, reach)?;
    }
    Ok(true)
}

fn conflict(there: Flavour, wanted: Flavour) -> Problem {
    Problem::new(
        Code::FrameworksConflict,
        format!(
            "{} and {} don't go into one environment",
            there.word(),
            wanted.word()
        ),
    )
    .because(
        "their builds bring CUDA libraries of two major versions, of which only one can be loaded",
    )
    .hint(format!(
        "use a project of its own for {}: mkdir other && deskside env init other --flavour {}",
        wanted.word(),
        wanted.word()
    ))
    .hint(format!(
        "or leave {} out of the project: deskside env remove {}; in a project that is only being made, take it out of the file that names it",
        there.word(),
        there.word()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_build_has_the_lines_that_hold_where_it_does() {
        let known = |extra: &str, requirement: &str, system: &str| build::Variant {
            extra: extra.into(),
            variant: extra.into(),
            requirement: requirement.into(),
            release: String::new(),
            index: None,
            packages: vec![],
            marker: Some(format!("sys_platform == '{system}'")),
            python: String::new(),
            purpose: String::new(),
        };
        let asked = |bounds: &str, marker: Option<&str>| Asked {
            bounds: bounds.into(),
            marker: marker.map(String::from),
            extras: String::new(),
        };
        let opt = Asked {
            extras: extras_of("torch[opt-einsum]==2.5.1; a == 'b'"),
            ..asked("==2.5.1", None)
        };
        assert_eq!(opt.of("torch>=2.5,<2.6"), "torch[opt-einsum]==2.5.1");
        assert_eq!(opt.of("jax[cuda12]>=0.4"), "jax[cuda12]==2.5.1");
        let mac = asked("==2.2.2", Some("sys_platform == 'darwin'"));
        let linux = asked("==2.6.0", Some("sys_platform == 'linux'"));
        let of = |sets: &[(&Asked, Vec<build::Variant>)]| -> Vec<(String, Vec<String>)> {
            let merged = merged(sets).into_iter();
            merged.map(|(known, lines)| (known.extra, lines)).collect()
        };
        let both = [
            (
                &mac,
                vec![
                    known("cu121", "torch>=2.2,<2.3", "linux"),
                    known("mps", "torch>=2.2,<2.3", "darwin"),
                ],
            ),
            (
                &linux,
                vec![
                    known("cu124", "torch>=2.6,<2.7", "linux"),
                    known("mps", "torch>=2.6,<2.7", "darwin"),
                ],
            ),
        ];
        let one = |extra: &str, line: &str| (extra.to_string(), vec![line.to_string()]);
        assert_eq!(
            of(&both),
            [
                one("mps", "torch==2.2.2; sys_platform == 'darwin'"),
                one("cu124", "torch==2.6.0; sys_platform == 'linux'"),
            ]
        );
        // One line alone: elsewhere nothing is installed.
        assert_eq!(
            of(&both[..1]),
            [
                one("mps", "torch==2.2.2; sys_platform == 'darwin'"),
                one(
                    "cu121",
                    "torch==2.2.2; (sys_platform == 'darwin') and (sys_platform == 'linux')"
                ),
            ]
        );
    }

    #[test]
    fn what_was_asked_for_stays_in_each_build() {
        for (wanted, bounds, both) in [
            ("torch>=2.8,<2.16", "", "torch>=2.8,<2.16"),
            ("torch>=2.14,<2.15", "==2.14.1", "torch==2.14.1"),
            ("torch>=2.14,<2.15", "==2.14.1+cu126", "torch==2.14.1"),
            (
                "torch>=2.14,<2.15",
                "==2.14.*",
                "torch>=2.14,<2.15,==2.14.*",
            ),
            (
                "torch>=2.9,<2.16",
                ">=2.9, !=2.14.0",
                "torch>=2.9,<2.16,!=2.14.0",
            ),
            ("torch>=2.0,<2.1", "<=2.0.1", "torch>=2.0,<2.1,<=2.0.1"),
            ("jax[cuda13]>=0.7", ">=0.7", "jax[cuda13]>=0.7"),
            ("jax[cuda13]==0.8.1,<0.9", "==0.8.1", "jax[cuda13]==0.8.1"),
            ("jax", "<1", "jax<1"),
        ] {
            assert_eq!(bounded(wanted, bounds), both, "{wanted} {bounds}");
        }
    }

    #[test]
    fn builds_are_left_to_indexes() {
        for (line, plain) in [
            ("torchvision==0.16.0+cu121", "torchvision==0.16.0"),
            (
                "torchvision==0.16.0+cu121 ; a == 'b'",
                "torchvision==0.16.0 ; a == 'b'",
            ),
            ("x @ git+https://x.example/y", "x @ git+https://x.example/y"),
            ("torchvision", "torchvision"),
            ("a+", "a+"),
            ("a==1+", "a==1"),
        ] {
            assert_eq!(without_build(line), plain, "{line}");
        }
    }
}
