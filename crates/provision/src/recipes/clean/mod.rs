//! Taking away what is wished away: exact names of what is installed, and what lies outside the packages. What is the
//! person's stays: environments, caches, conda, projects.

mod archives;
mod driver;
mod toolkits;

use super::driver::unhold_named;
use crate::draft::{Draft, are, packages};
use crate::names::{counted, shown};
use crate::present::Present;
use crate::wish::Part;
use deskside_knowledge::platforms::package_kind;
use deskside_types::facts::PythonEnvironment;
use deskside_types::plan::{Action, Check};
use deskside_types::{Facts, Known};

/// What becomes of the machine afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is to be without.
    ForGood,
    /// The same comes back in the same plan.
    Anew,
}

/// Removes what is wished away.
pub(crate) fn plan(present: &Present<'_>, part: Part, draft: &mut Draft) {
    if part == Part::Mlx {
        mlx(present.facts, draft);
        return;
    }
    if !part.takes(Part::Driver) && stands_in_the_way(present, draft) {
        return;
    }
    take(present, part, Purpose::ForGood, draft);
    archives::plan(present, part, draft);
    kept(present.facts, part, draft);
}

/// Takes the parts away, without their archives. What depends on another goes first.
pub(super) fn take(present: &Present<'_>, part: Part, purpose: Purpose, draft: &mut Draft) {
    if part.takes(Part::Rocm) {
        toolkits::rocm(present, purpose, draft);
    }
    if part.takes(Part::Cuda) {
        toolkits::cuda(present, purpose, draft);
    }
    if part.takes(Part::Driver) {
        driver::plan(present, purpose, part, draft);
    }
}

/// Packages of the driver that are half installed would be removed to make dpkg work again, and nothing would bring them
/// back.
pub(super) fn stands_in_the_way(present: &Present<'_>, draft: &mut Draft) -> bool {
    let broken = present
        .driver_packages()
        .iter()
        .any(|package| package.state.is_broken());
    if broken {
        draft.steps.clear();
        draft.block(
            "packages of the driver are half installed, and until that is mended apt does nothing else: bring the driver in order first",
            &["deskside apply"],
        );
    }
    broken
}

/// Names of installed packages of some kinds that no earlier step removes.
fn names(present: &Present<'_>, kinds: &[&str], draft: &Draft) -> Vec<String> {
    let gone = going(draft);
    present
        .of_kind(kinds)
        .iter()
        .map(|package| package.name.clone())
        .filter(|name| !gone.contains(name))
        .collect()
}

/// Packages that the plan removes so far.
fn going(draft: &Draft) -> Vec<String> {
    draft
        .steps
        .iter()
        .flat_map(|step| &step.actions)
        .flat_map(|action| match action {
            Action::Packages { remove, .. } => remove.clone(),
            _ => Vec::new(),
        })
        .collect()
}

/// Removes packages by name, and with them what is left of earlier ones of the same kinds. `recipe` is the one of a clean
/// machine; what comes back has a recipe of its own.
fn remove(
    present: &Present<'_>,
    names: &[String],
    kinds: &[&str],
    recipe: &str,
    what: &str,
    purpose: Purpose,
    draft: &mut Draft,
) {
    let settings = present.settings_of_kind(kinds);
    if names.is_empty() {
        if purpose == Purpose::ForGood {
            draft.satisfied(format!("no packages of {what} are there"));
            if !settings.is_empty() {
                draft.note(
                    format!(
                        "settings of packages that were removed earlier are still there: {}",
                        shown(&settings)
                    ),
                    &[&format!("sudo apt-get purge {}", settings.join(" "))],
                );
            }
        }
        return;
    }
    let mut actions = unhold_named(present, names);
    let mut all = names.to_vec();
    all.extend(settings);
    all.sort_unstable();
    actions.push(packages(&[], &all));
    let count = counted(names);
    match purpose {
        Purpose::ForGood => {
            draft.step(recipe, &[("count", &count)], vec![are(&[], names)], actions);
        }
        Purpose::Anew => {
            let recipe = if recipe == "clean.driver" {
                "reinstall.driver"
            } else {
                "reinstall.toolkit"
            };
            // What was removed comes back, so that its absence tells nothing: a mark of this plan does.
            let mark = mark(present.facts, draft);
            actions.push(Action::WriteFile {
                path: mark.clone(),
                contents: deskside_types::plan::FileContents::Text(format!(
                    "{what} was removed by this plan, to come back\n"
                )),
                mode: 0o644,
            });
            draft.step(
                recipe,
                &[("count", &count), ("what", what)],
                vec![Check::Exists { path: mark }],
                actions,
            );
        }
    }
}

/// A file that says that this very plan removed something: a later plan has another one.
fn mark(facts: &Facts, draft: &Draft) -> String {
    let count = draft
        .steps
        .iter()
        .filter(|step| step.id.starts_with("reinstall."))
        .count();
    let moment = crate::planner::moment(facts);
    format!("/var/cache/deskside/removed-{moment}-{}", count + 1)
}

/// Moves what lies outside the packages aside.
fn outside(paths: &[String], draft: &mut Draft) {
    if paths.is_empty() {
        return;
    }
    let checks = paths
        .iter()
        .map(|path| Check::Absent { path: path.clone() })
        .collect();
    let actions = paths
        .iter()
        .map(|path| Action::Remove { path: path.clone() })
        .collect();
    draft.step(
        "clean.outside",
        &[("names", &shown(paths))],
        checks,
        actions,
    );
}

/// What is the person's and stays, by name.
fn kept(facts: &Facts, part: Part, draft: &mut Draft) {
    let environments: Vec<&PythonEnvironment> = facts
        .environments
        .iter()
        .filter(|one| !one.frameworks.is_empty())
        .collect();
    if environments.is_empty() {
        return;
    }
    let names: Vec<String> = environments.iter().map(|one| one.path.clone()).collect();
    let what = if part.takes(Part::Driver) {
        "they see no card until there is a driver again"
    } else {
        "they bring their own libraries and go on as they are"
    };
    draft.note(
        format!(
            "Python environments, caches and projects stay: {}; {what}",
            shown(&names)
        ),
        &[],
    );
}

/// MLX is packages in environments, on a Mac as elsewhere: nothing of it is in the system.
pub(crate) fn mlx(facts: &Facts, draft: &mut Draft) {
    draft.satisfied("MLX has nothing in the system: it is packages in Python environments");
    let environments: Vec<String> = facts
        .environments
        .iter()
        .filter(|one| {
            one.frameworks
                .iter()
                .any(|framework| framework.name.starts_with("mlx"))
        })
        .map(|one| one.path.clone())
        .collect();
    if environments.is_empty() {
        draft.satisfied("no Python environment with MLX is known");
    } else {
        draft.note(
            format!(
                "MLX is in {}; these are yours and stay. One that is no longer wanted is a folder to remove; one that is damaged is made anew in its project",
                shown(&environments)
            ),
            &["deskside env rebuild"],
        );
    }
}

/// Whether anything of a part is there.
pub(super) fn is_there(present: &Present<'_>, part: Part) -> bool {
    let packages = present.packages;
    match part {
        Part::Driver => {
            !present.driver_packages().is_empty()
                || packages
                    .runfile
                    .value()
                    .is_some_and(|traces| !traces.is_empty())
        }
        Part::Cuda => {
            !present.of_kind(&["cuda-toolkit"]).is_empty()
                || packages
                    .cuda_folders
                    .value()
                    .is_some_and(|folders| !folders.is_empty())
        }
        Part::Rocm => {
            packages
                .installed
                .value()
                .into_iter()
                .flatten()
                .any(|package| package_kind(&package.name) == Some("rocm"))
                || matches!(&present.facts.toolkits, Known::Value(toolkits) if toolkits.iter().any(|one| one.path.starts_with("/opt/rocm")))
        }
        Part::Mlx => false,
        Part::All => true,
    }
}
