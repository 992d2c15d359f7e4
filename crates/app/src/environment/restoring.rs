//! What `rollback` and `rebuild` have in common: the plan that brings an environment back to a snapshot.

use super::change::{self, Prepared};
use super::space::{self, Installing};
use super::{Place, place};
use crate::Context;
use deskside_envs::environment::in_the_way;
use deskside_envs::environment::own::{Edited, Own};
use deskside_envs::environment::restore::{is_of_no_use_with, was_cut_off};
use deskside_envs::environment::venv::{self, State};
use deskside_envs::index::wheel::Platform;
use deskside_envs::snapshot::available::{self, Asking, Fetching};
use deskside_envs::snapshot::damage::{Damaged, Depth, How, damaged};
use deskside_envs::snapshot::origin::{self, Looking, MODULE, Origin};
use deskside_envs::snapshot::take::Installed;
use deskside_envs::snapshot::walk::Walk;
use deskside_envs::snapshot::{Snapshot, difference, python, recipe};
use deskside_envs::uv::{self, UvState};
use deskside_machine::{Machine, Reading};
use deskside_types::facts::Facts;
use deskside_types::plan::{Action, Check, EnvironmentAction, FileContents, Step, Undo};
use deskside_types::{Result, units};
use std::path::{Path, PathBuf};

/// What is to be brought back.
pub(crate) struct Restoration<'a> {
    /// Where.
    pub place: Place,
    /// The machine.
    pub facts: Facts,
    /// To which snapshot.
    pub target: &'a Snapshot,
    /// The environment as it is now, where a whole one is there.
    pub now: Option<&'a Snapshot>,
    /// What is installed in it now.
    pub there: &'a [Installed],
    /// Steps that follow: the project's files. Were they first, a restore that fails would leave them behind.
    pub then: Vec<Step>,
    /// Project files that the plan rests on.
    pub resting_on: Vec<&'static str>,
    /// What the plan is for.
    pub wish: String,
    /// The command in a phrase.
    pub reason: String,
    /// To a state before the one that is there.
    pub goes_back: bool,
    /// Why, a sentence each.
    pub why: Vec<String>,
    /// What the environment's files tell, where they were looked at already.
    pub survey: Option<Survey>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// What a quick look at an environment's files tells.
#[derive(Default)]
pub(crate) struct Survey {
    /// Files that are not what they should be.
    pub damaged: Vec<Damaged>,
    /// What is a person's own.
    pub own: Own,
}

impl Survey {
    /// Looks at every file of an environment, and into those that were changed since they were installed. `there` is what
    /// is installed in it.
    pub fn of(machine: &dyn Machine, place: &Place, there: &[Installed]) -> Self {
        let walk = Walk::of(machine, &place.environment);
        let damaged = damaged(machine, &walk, there, Depth::ChangedSinceInstalled);
        Self {
            own: Own::among(machine, &place.environment, &walk, there, &damaged),
            damaged,
        }
    }
}

/// Makes the plan; refuses what can't be had any more.
///
/// # Errors
/// [`deskside_types::Code::SnapshotUnavailable`] when packages or the Python can't be had; when uv can't be had.
pub(crate) fn prepare(context: &Context, wanted: Restoration<'_>) -> Result<Prepared> {
    let machine = &*context.machine;
    let Restoration {
        place,
        facts,
        target,
        now,
        then,
        mut why,
        mut warnings,
        ..
    } = wanted;
    let found = venv::look(machine, &place.environment)?;
    if matches!(found, State::Foreign(_))
        && was_cut_off(machine, &place.environment)?.is_none()
        && let Some(problem) = in_the_way(&found, &place.environment, "")
    {
        return Err(problem);
    }
    let uv = place::uv_state(context, &facts)?;
    let offline = is_kept_whole(machine, &place, target);
    let platform = Platform::of(&facts);
    let origins = origin::origins(
        machine,
        &Looking {
            store: &place.store,
            snapshot: target,
            offline,
            platform: platform.as_ref(),
        },
    );
    let recipe = recipe::recipe(&target.distributions, &origins);
    let (python, downloads_python) = match &uv {
        UvState::Here(tool) => {
            let chosen = python::choose(machine, &place.environment, &tool.path, target)?;
            if let Some(instead) = &chosen.instead {
                warnings.push(format!(
                    "the snapshot had Python {}; {instead} is used, because that patch can't be had",
                    target.python.version
                ));
            }
            (chosen.request, chosen.download)
        }
        UvState::Fetch(_) => (interpreter_or_version(machine, &place, target)?, false),
    };
    let ask = || match &uv {
        UvState::Here(tool) if !downloads_python => {
            let asking = Asking {
                environment: &place.environment,
                uv: &tool.path,
                python: &python,
                scratch: context.directories.cache.join("restore"),
            };
            available::fetching(machine, &asking, &recipe)
        }
        _ => Fetching::everything(&recipe),
    };
    // uv is asked while the environment's files are looked at.
    let (mut fetching, cache, survey) = std::thread::scope(|scope| {
        let survey = wanted.survey;
        let surveying =
            scope.spawn(|| survey.unwrap_or_else(|| Survey::of(machine, &place, wanted.there)));
        let fetching = ask();
        let cache = match &uv {
            UvState::Here(tool) => space::cache(machine, &tool.path, &place.environment),
            UvState::Fetch(_) => None,
        };
        match surveying.join() {
            Ok(survey) => (fetching, cache, survey),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    let refresh = refreshed(&survey.damaged, target);
    fetching.anew(&recipe, &refresh);
    available::require(machine, target, &origins, &fetching)?;
    why.extend(sources(target, &origins, &fetching, offline));
    // One that is only planned with is not in the store yet: its module's wheel lies in this program.
    let is_stored = machine.exists(place.store.snapshot_folder(&target.id))?;
    warnings.extend(doubts(target, &origins, &recipe.notes.built, is_stored));
    warnings.extend(own_files(&survey.own, &place));
    why.extend(described(&survey.damaged, &place, &survey.own.edited));
    let snapshot = place.store.snapshot_folder(&target.id);
    let action = EnvironmentAction::Restore {
        path: place.environment.display().to_string(),
        snapshot: snapshot.display().to_string(),
        python,
        offline,
        refresh,
        edited: survey
            .own
            .edited
            .iter()
            .map(|one| one.path.display().to_string())
            .collect(),
        uv: uv.path().to_string(),
    };
    let mut steps = Vec::new();
    if let UvState::Fetch(source) = &uv {
        steps.push(uv::step(source));
    }
    steps.push(Step {
        id: "environment".into(),
        title: format!("Make the environment anew from snapshot {}", target.id),
        why: "the one that is there is kept aside until the new one is proven file by file, and comes back when it can't be made".into(),
        actions: vec![
            Action::WriteFile {
                path: place.store.recipe_path(&target.id).display().to_string(),
                contents: FileContents::Text(recipe.text()),
                mode: 0o600,
            },
            Action::Env { action: action.clone() },
        ],
        verify: vec![Check::Environment { action }],
        undo: undo(machine, &place, now)?,
        download_bytes: (!downloads_python).then_some(fetching.bytes),
        ..Step::simple()
    });
    steps.extend(then);
    let expected = match now {
        Some(now) => difference(now, target),
        None => difference(&change::nothing(target), target),
    };
    let mut plan = change::plan(context, &place, wanted.wish, steps, &wanted.resting_on)?;
    if is_of_no_use_with(machine, &place.environment, || &survey.damaged)? {
        // It goes first where there is no room for two: what is free now says little.
        plan.premises
            .retain(|premise| !premise.fact.starts_with("free:"));
        why.push(
            "should the disk have no room for two, the environment that is there goes first: as it is it serves nobody".into(),
        );
    } else if let UvState::Here(_) = &uv {
        let installing = Installing {
            sizes: target
                .distributions
                .iter()
                .filter_map(|one| one.wheel.as_ref()?.size)
                .collect(),
            downloads: fetching.names.len(),
        };
        plan.premises.extend(space::premises(
            machine,
            cache,
            &place.environment,
            &installing,
        ));
    }
    Ok(Prepared {
        place,
        plan,
        why,
        expected: Some(expected).filter(|expected| !expected.is_empty()),
        warnings,
        reason: wanted.reason,
        goes_back: wanted.goes_back,
        choice: target.choice.clone(),
        facts,
    })
}

/// How the new environment is taken back.
fn undo(machine: &dyn Machine, place: &Place, now: Option<&Snapshot>) -> Result<Undo> {
    Ok(match (now, venv::look(machine, &place.environment)?) {
        (None, State::Absent | State::Empty) => Undo::Exact,
        (Some(_), _) => Undo::BestEffort {
            why: "what was there is made again from its own snapshot, if its packages can still be had".into(),
        },
        (None, _) => Undo::BestEffort {
            why: "what was there was broken: it comes back only where it was kept aside".into(),
        },
    })
}

/// Whether every distribution that comes from an index is kept with the snapshot, and lies there still.
fn is_kept_whole(machine: &dyn Machine, place: &Place, target: &Snapshot) -> bool {
    target.full
        && target.distributions.iter().all(|one| match &one.kept {
            Some(kept) => machine
                .exists(place.store.wheel_path(kept))
                .unwrap_or(false),
            None => one.direct.is_some() || one.name == MODULE,
        })
}

/// Damaged distributions whose copies in uv's cache may be damaged with them: a missing file damages no copy.
fn refreshed(damaged: &[Damaged], target: &Snapshot) -> Vec<String> {
    let mut names: Vec<String> = damaged
        .iter()
        .filter(|file| file.how != How::Missing)
        .map(|file| file.distribution.clone())
        .filter(|name| {
            target
                .distributions
                .iter()
                .any(|one| one.name == *name && one.direct.is_none())
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

fn interpreter_or_version(
    machine: &dyn Machine,
    place: &Place,
    target: &Snapshot,
) -> Result<String> {
    let own = &target.python.interpreter;
    let usable = own.starts_with('/')
        && !Path::new(own).starts_with(&place.environment)
        && machine.exists(own)?;
    Ok(if usable {
        own.clone()
    } else {
        target.python.version.clone()
    })
}

/// Where the packages come from, in sentences.
fn sources(
    target: &Snapshot,
    origins: &[Origin],
    fetching: &Fetching,
    offline: bool,
) -> Vec<String> {
    if offline {
        return vec!["its wheels are kept with it: no index is asked".into()];
    }
    let all = target.distributions.len();
    let mut why = vec![match fetching.names.len() {
        0 => format!(
            "{}, all on this machine: nothing is downloaded",
            units::count(all, "package")
        ),
        count => {
            let size = match fetching.bytes {
                0 => String::new(),
                bytes => format!(" ({})", units::bytes(bytes)),
            };
            format!(
                "{count} of {} {} downloaded{size}: {}",
                units::count(all, "package"),
                if count == 1 { "is" } else { "are" },
                listed(&fetching.names)
            )
        }
    }];
    let looked_up = origins
        .iter()
        .filter(|origin| matches!(origin, Origin::Version { .. }))
        .count();
    if looked_up > 0 {
        why.push(format!(
            "uv looks {looked_up} of them up by {} version",
            if looked_up == 1 { "its" } else { "their" }
        ));
    }
    why
}

/// What can't be promised, in sentences.
fn doubts(target: &Snapshot, origins: &[Origin], built: &[String], is_stored: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    let from_folders: Vec<String> = target
        .distributions
        .iter()
        .filter(|one| {
            one.direct
                .as_ref()
                .is_some_and(|direct| direct.get("dir_info").is_some())
        })
        .map(|one| one.name.clone())
        .collect();
    let built: Vec<String> = built
        .iter()
        .filter(|name| !from_folders.contains(name))
        .cloned()
        .collect();
    if !from_folders.is_empty() {
        warnings.push(format!(
            "{} is installed from a folder of yours: it comes back as that folder is now",
            listed(&from_folders)
        ));
    }
    if !built.is_empty() {
        warnings.push(format!(
            "no index has a ready-made file of {}: it is built from source, and its files may differ from those it had",
            listed(&built)
        ));
    }
    for (one, origin) in target.distributions.iter().zip(origins) {
        match origin {
            Origin::Version { why } => warnings.push(format!(
                "the file of {} {} could not be looked up ({why}): uv's cache must have it",
                one.name, one.version
            )),
            Origin::NotKept if one.name == MODULE && !is_stored && one.kept.is_some() => {}
            Origin::NotKept if one.name == MODULE => warnings.push(format!(
                "the deskside module {} is not kept: `deskside up` puts one in",
                one.version
            )),
            _ => {}
        }
    }
    warnings
}

/// What is a person's own in an environment that is made anew, in sentences.
fn own_files(own: &Own, place: &Place) -> Vec<String> {
    let paths = |all: &[PathBuf]| -> Vec<String> {
        all.iter().map(|path| path.display().to_string()).collect()
    };
    let edited = |works: bool| -> Vec<PathBuf> {
        let all = own.edited.iter().filter(|one| one.works == works);
        all.map(|one| one.path.clone()).collect()
    };
    let told = |all: &[PathBuf], one: &str, more: &str| {
        let words = match all.len() {
            0 => return None,
            1 => format!("{one}: it is kept"),
            _ => format!("{more}: they are kept"),
        };
        Some(format!(
            "{} in the environment {words} in {}.kept-…",
            listed(&paths(all)),
            place.environment.display()
        ))
    };
    [
        told(
            &own.unclaimed,
            "belongs to no package",
            "belong to no package",
        ),
        told(
            &edited(true),
            "was edited after its install",
            "were edited after their install",
        ),
        told(
            &edited(false),
            "is shorter than it was, and may be your work",
            "are shorter than they were, and may be your work",
        ),
        told(
            &own.scripts,
            "was changed after it was made",
            "were changed after they were made",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Damage in sentences. Files that a person edited and that work are none.
pub(crate) fn described(damaged: &[Damaged], place: &Place, edited: &[Edited]) -> Vec<String> {
    let is_work = |file: &&Damaged| !is_work(file, place, edited);
    let damaged: Vec<&Damaged> = damaged.iter().filter(is_work).collect();
    let mut names: Vec<String> = damaged
        .iter()
        .map(|file| file.distribution.clone())
        .collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let own: Vec<&Damaged> = damaged
                .iter()
                .copied()
                .filter(|file| file.distribution == name)
                .collect();
            let count = |how: How| own.iter().filter(|file| file.how == how).count();
            let missing = count(How::Missing);
            let first = own
                .first()
                .map(|file| file.path.as_str())
                .unwrap_or_default();
            let what = match (own.len() - 1, missing == own.len()) {
                (0, true) => "is missing".to_string(),
                (0, false) => "is not as it was installed".to_string(),
                (more, true) => format!("and {} are missing", units::count(more, "more file")),
                (more, false) => format!(
                    "and {} are not as they were installed",
                    units::count(more, "more file")
                ),
            };
            format!("{name} is damaged: {first} {what}")
        })
        .collect()
}

/// Whether a file is what a person made of it, and works.
pub(crate) fn is_work(file: &Damaged, place: &Place, edited: &[Edited]) -> bool {
    edited
        .iter()
        .any(|one| one.works && place.environment.join(&one.path) == Path::new(&file.path))
}

/// Names in a row; of many only the first.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    if names.len() <= SHOWN {
        return names.join(", ");
    }
    format!(
        "{} and {} more",
        names[..SHOWN].join(", "),
        names.len() - SHOWN
    )
}

/// The steps that set a project up from its lock file, where no snapshot tells what was there.
pub(crate) fn from_lock(context: &Context, place: &Place, facts: &Facts) -> Result<Vec<Step>> {
    let machine = &*context.machine;
    let uv = place::uv_state(context, facts)?;
    let project = deskside_envs::project::read(machine, &place.project)?;
    let noted = place.store.local(machine).choice;
    let parts = super::parts::noted(machine, place);
    let extra = super::project::arguments(noted.as_ref(), &parts);
    deskside_envs::plan::steps(machine, &project, None, &uv, &extra, None)
}
