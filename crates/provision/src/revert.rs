//! Taking back what another tool changed: packages go back to the versions that its log names.

use crate::draft::{Draft, SystemPlan, are, packages, refresh};
use crate::names::{is_package, shown};
use crate::planner::finished;
use crate::present::platform;
use crate::recipes::repair;
use crate::wish::Wish;
use deskside_knowledge::platforms::package_kind;
use deskside_types::changes::{PackageChange, SystemChange};
use deskside_types::facts::{PackageState, Packages};
use deskside_types::{Code, Facts, Known, Problem, Result};

/// The plan that takes a change back which the package managers' logs tell of. `wish.revert` names it.
///
/// Archives forget old versions: whether they still have these shows when apt is asked, and the steps say so.
///
/// # Errors
/// [`Code::Usage`] when it names no change, or more than one.
pub fn revert(facts: &Facts, wish: &Wish, changes: &[SystemChange]) -> Result<SystemPlan> {
    let change = chosen(wish.revert.as_deref().unwrap_or_default(), changes)?;
    let mut draft = Draft::default();
    let driver = match &facts.packages {
        Known::Value(packages) if packages.installed.value().is_some() => {
            back(facts, packages, change, &mut draft)
        }
        Known::Absent => {
            draft.block("there is no dpkg on this machine", &[]);
            false
        }
        Known::Value(packages) => {
            let reason = packages.installed.reason().unwrap_or("no list of packages");
            draft.unknown("system.packages", format!("packages: {reason}"));
            false
        }
        Known::Unknown { unknown } => {
            draft.unknown("system.packages", format!("packages: {unknown}"));
            false
        }
    };
    draft.end(driver);
    let name = platform(facts).map(|platform| platform.name.clone());
    Ok(finished(facts, wish, name, draft))
}

/// The one change that a word names: by its identity or the beginning of it, or by its day.
fn chosen<'a>(word: &str, changes: &'a [SystemChange]) -> Result<&'a SystemChange> {
    if let Some(exact) = changes.iter().find(|change| change.id == word) {
        return Ok(exact);
    }
    let fitting: Vec<&SystemChange> = changes
        .iter()
        .filter(|change| {
            !word.is_empty() && (change.id.starts_with(word) || change.began.starts_with(word))
        })
        .collect();
    let ids = |changes: &[&SystemChange]| {
        changes
            .iter()
            .take(3)
            .map(|change| change.id.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match fitting.as_slice() {
        [one] => Ok(one),
        [] if changes.is_empty() => Err(Problem::new(
            Code::Usage,
            format!("there is no change {word}: the package managers' logs tell of none"),
        )),
        [] => {
            let all: Vec<&SystemChange> = changes.iter().collect();
            Err(
                Problem::new(Code::Usage, format!("there is no change {word}"))
                    .because(format!("the newest are {}", ids(&all)))
                    .hint("deskside history"),
            )
        }
        several => Err(Problem::new(
            Code::Usage,
            format!("{word} names {} changes", several.len()),
        )
        .because(format!("among them {}", ids(several)))
        .hint("deskside history")),
    }
}

/// What one package needs.
enum Need<'a> {
    /// It is as it was before.
    Nothing,
    /// This version, instead of that one where one is there.
    Version(&'a str, Option<&'a str>),
    /// To go.
    Absence,
    /// It is neither as the change left it nor as it was.
    MovedOn(Option<&'a str>),
}

fn need<'a>(change: &'a PackageChange, packages: &'a Packages) -> Need<'a> {
    let now = packages
        .package(&change.name)
        .filter(|package| package.state != PackageState::ConfigFiles)
        .map(|package| package.version.as_str());
    let (from, to) = (change.from.as_deref(), change.to.as_deref());
    match (now, from) {
        _ if now == from => Need::Nothing,
        _ if now != to => Need::MovedOn(now),
        (now, Some(from)) => Need::Version(from, now),
        (_, None) => Need::Absence,
    }
}

/// Plans the way back. Returns whether NVIDIA's driver must answer at the end.
fn back(facts: &Facts, present: &Packages, change: &SystemChange, draft: &mut Draft) -> bool {
    if facts.system.container.value().is_some() {
        draft.block(
            "what is installed in a container goes with it: put it into the container's image",
            &[],
        );
        return false;
    }
    repair::lock(present, draft);
    let is_kernel = |one: &&PackageChange| package_kind(&one.name).is_none();
    let kernels: Vec<String> = change
        .packages
        .iter()
        .filter(is_kernel)
        .map(|one| one.name.clone())
        .collect();
    let told: Vec<&PackageChange> = change
        .packages
        .iter()
        .filter(|one| {
            !is_kernel(one)
                && is_package(&one.name)
                && one.from.iter().chain(&one.to).all(|text| is_version(text))
        })
        .collect();
    let mut driver = false;
    for (recipe, is_driver) in [("revert.driver", true), ("revert.toolkit", false)] {
        let (mut install, mut remove, mut come, mut gone) = (vec![], vec![], vec![], vec![]);
        for one in told.iter().filter(|one| {
            is_driver
                == matches!(
                    package_kind(&one.name),
                    Some("nvidia-driver" | "nvidia-modules")
                )
        }) {
            match need(one, present) {
                Need::Nothing => draft.satisfied(format!("{} is as it was before", one.name)),
                Need::MovedOn(now) => {
                    draft.block(
                        format!(
                            "{} was changed again since: it is {} now; take back what came later first",
                            one.name,
                            now.map_or("not there".into(), |now| format!("at {now}"))
                        ),
                        &["deskside history"],
                    );
                    draft.steps.clear();
                    return false;
                }
                Need::Version(from, now) => {
                    install.push(format!("{}={from}", one.name));
                    come.push(one.name.clone());
                    gone.extend(now.map(|now| format!("{}={now}", one.name)));
                }
                Need::Absence => {
                    remove.push(one.name.clone());
                    gone.push(one.name.clone());
                }
            }
        }
        if install.is_empty() && remove.is_empty() {
            continue;
        }
        driver |= is_driver && !install.is_empty();
        draft.step(
            recipe,
            &[
                ("when", &change.began.replace('T', " ")),
                ("tool", &change.tool),
            ],
            vec![are(&come, &gone)],
            vec![refresh(), packages(&install, &remove)],
        );
    }
    if !kernels.is_empty() {
        draft.note(
            format!(
                "kernels stay as they are: {}; an older one is chosen in the boot menu",
                shown(&kernels)
            ),
            &[],
        );
    }
    if draft.steps.is_empty() {
        return false;
    }
    draft.note(
        "archives forget old versions: where apt says that one was not found, this change can't be taken back from there",
        &[],
    );
    if change.tool == "unattended-upgrades" {
        draft.note(
            "the next unattended upgrade would bring the change again, unless it is held",
            &["deskside plan --wish hold-driver"],
        );
    }
    driver
}

/// Whether a text can be a package's version (Debian Policy, section 5.6.12).
fn is_version(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".+-~:".contains(&byte))
}
