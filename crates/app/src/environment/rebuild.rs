//! `deskside env rebuild`: the environment is removed and made again exactly.

use super::change::{self, Prepared};
use super::present::{Present, taking};
use super::restoring::{self, Restoration};
use super::settle::settle;
use super::sync::{SyncRequest, sync};
use super::{Place, difference_in_words, uv_state};
use crate::Context;
use deskside_envs::environment::restore::was_cut_off;
use deskside_envs::environment::venv::{self, State};
use deskside_envs::environment::{in_the_way, marker};
use deskside_envs::snapshot::{self, Snapshot, Taken, difference};
use deskside_envs::uv::UvState;
use deskside_machine::{Machine, Reading};
use deskside_operate::turn;
use deskside_types::facts::Facts;
use deskside_types::{Code, Problem, Result};
use std::path::Path;

/// Looks at the environment, decides to which snapshot it is made anew, and makes the plan. Where no snapshot has it
/// yet, one is kept first, unless only the plan is wanted.
///
/// # Errors
/// [`Code::EnvironmentMissing`] when nothing says what was there; when packages can't be had any more.
pub fn rebuild(context: &Context, project: Option<&Path>, only_plan: bool) -> Result<Prepared> {
    context.heeding(|context| anew(context, project, only_plan))
}

fn anew(context: &Context, project: Option<&Path>, only_plan: bool) -> Result<Prepared> {
    context.require_live("env rebuild")?;
    let machine = &*context.machine;
    let mut place = Place::find(context, project)?;
    let warnings = if only_plan {
        Vec::new()
    } else {
        settle(context, &mut place, only_plan)?
    };
    let facts = deskside_probe::collect(machine);
    let present = Present::look(context, &place, &facts)?;
    let (target, why) = match decide(context, &place, &facts, &present)? {
        Target::Kept(snapshot, why) => (snapshot, why),
        Target::Seen(mut taken, why) => {
            if only_plan {
                // As it would be kept: its module's wheel lies in this program.
                change::with_module(context, &place, &mut taken);
            } else {
                let turn = turn(&change::workshop(context))?;
                change::remember(&turn, context, &place, &mut taken)?;
            }
            (taken.snapshot, why)
        }
        Target::Lock(why) => return from_lock(context, place, facts, why, warnings, only_plan),
    };
    restoring::prepare(
        context,
        Restoration {
            target: &target,
            now: present.snapshot(),
            there: &present.there,
            then: Vec::new(),
            resting_on: Vec::new(),
            wish: format!("Make the environment {} anew", place.environment.display()),
            reason: "env rebuild".into(),
            goes_back: false,
            why,
            survey: None,
            warnings,
            place,
            facts,
        },
    )
}

/// What the environment is made anew from.
enum Target {
    /// A snapshot that is kept.
    Kept(Snapshot, Vec<String>),
    /// The environment as it is, which is kept nowhere yet.
    Seen(Taken, Vec<String>),
    /// The lock file.
    Lock(Vec<String>),
}

fn decide(context: &Context, place: &Place, facts: &Facts, present: &Present) -> Result<Target> {
    let newest = present.newest();
    let noted = marker::read(&*context.machine, &place.environment);
    // Half of an install is no state that anybody wants made anew.
    let is_half = noted.is_some_and(|noted| noted.underway.is_some());
    let now = match &present.now {
        Some(now) if !is_half => now,
        _ => return broken(context, place, facts, newest, is_half),
    };
    let Some(newest) = newest else {
        return Ok(Target::Seen(
            now.clone(),
            vec![
                "no snapshot has this environment yet: what its files say is kept as one first"
                    .into(),
            ],
        ));
    };
    if newest.same_as(&now.snapshot) {
        return Ok(Target::Kept(newest.clone(), vec![same(newest)]));
    }
    let lock = |snapshot: &Snapshot| snapshot.files.get("uv.lock").cloned();
    let packages = difference(newest, &now.snapshot);
    // The lock file moved on, and the environment with it: that is what is meant now.
    if lock(newest) != lock(&now.snapshot)
        || packages.same_packages() && newest.python.version == now.snapshot.python.version
    {
        return Ok(Target::Seen(now.clone(), vec![
            "the project's files were changed since the newest snapshot: the environment as it is now is kept first".into(),
        ]));
    }
    Ok(Target::Kept(
        newest.clone(),
        vec![
            same(newest),
            format!(
                "the environment was changed outside Deskside since ({}): that is kept as a snapshot of its own first, and goes",
                difference_in_words(&packages)
            ),
        ],
    ))
}

fn same(newest: &Snapshot) -> String {
    format!("snapshot {} has it ({})", newest.id, newest.reason)
}

/// No whole environment is there, or half of an install is in it: the newest snapshot, what its files still say, or the
/// lock file.
fn broken(
    context: &Context,
    place: &Place,
    facts: &Facts,
    newest: Option<&Snapshot>,
    is_half: bool,
) -> Result<Target> {
    let machine = &*context.machine;
    let is_cut_off = was_cut_off(machine, &place.environment)?.is_some();
    let found = venv::look(machine, &place.environment)?;
    if let (false, Some(problem)) = (is_cut_off, in_the_way(&found, &place.environment, "")) {
        return Err(problem);
    }
    let state = match found {
        State::Broken { why, .. } => format!("the environment there is broken ({why})"),
        State::Whole(_) if is_half => "an install in the environment was cut off".to_string(),
        State::Whole(_) => "the environment's folder for packages is gone".to_string(),
        _ => "no environment is there".to_string(),
    };
    if let Some(newest) = newest {
        let mut why = vec![state, same(newest)];
        if is_cut_off {
            why[0] =
                "an earlier attempt was cut off: the environment that was there waits aside".into();
        } else if lock_moved_on(machine, place, newest)? {
            return Ok(Target::Lock(vec![
                why.swap_remove(0),
                format!(
                    "uv.lock was changed since snapshot {}: the lock file is followed; the environment as it was comes back with `deskside env rollback {}`",
                    newest.id, newest.id
                ),
            ]));
        }
        return Ok(Target::Kept(newest.clone(), why));
    }
    let has_lock = machine.exists(place.project.join("uv.lock"))?;
    if !(is_half && has_lock)
        && let Some(taken) = snapshot::salvage(machine, &taking(machine, place, facts))?
    {
        return Ok(Target::Seen(
            taken,
            vec![
                state,
                "no snapshot has it yet: what its files still say is kept as one first".into(),
            ],
        ));
    }
    if has_lock {
        let why = match is_half {
            true => "no snapshot has what was there before: it is brought to uv.lock",
            false => {
                "no snapshot has this environment, and its files say nothing: it is made from uv.lock"
            }
        };
        return Ok(Target::Lock(vec![state, why.into()]));
    }
    Err(Problem::new(
        Code::EnvironmentMissing,
        format!(
            "nothing says what the environment of {} was",
            place.project.display()
        ),
    )
    .because(format!(
        "{state}, no snapshot has it, and there is no uv.lock"
    ))
    .hint(format!(
        "make one from the project's files: {}",
        place.making(machine)
    )))
}

/// Whether the project has a lock file, and another one than a snapshot has.
fn lock_moved_on(machine: &dyn Machine, place: &Place, newest: &Snapshot) -> Result<bool> {
    let path = place.project.join("uv.lock");
    if !machine.exists(&path)? {
        return Ok(false);
    }
    let now = deskside_envs::environment::sha256(&machine.file(&path, u64::MAX)?);
    Ok(newest.files.get("uv.lock") != Some(&now))
}

/// The plan from the lock file alone.
fn from_lock(
    context: &Context,
    place: Place,
    facts: Facts,
    why: Vec<String>,
    mut warnings: Vec<String>,
    only_plan: bool,
) -> Result<Prepared> {
    let has_manifest = context
        .machine
        .exists(place.project.join("pyproject.toml"))?;
    if let (UvState::Here(_), true) = (uv_state(context, &facts)?, has_manifest) {
        // As `env sync` does it: exactly what the lock file has, with what is damaged and Deskside's own module.
        let request = SyncRequest {
            project: Some(place.project.clone()),
            only_plan,
            ..SyncRequest::default()
        };
        let mut prepared = sync(context, &request, &mut |_| {})?;
        warnings.append(&mut prepared.warnings);
        prepared.why.splice(0..0, why);
        return Ok(Prepared {
            warnings,
            reason: "env rebuild".into(),
            ..prepared
        });
    }
    let steps = restoring::from_lock(context, &place, &facts)?;
    let wish = format!("Make the environment {} anew", place.environment.display());
    let plan = change::plan(context, &place, wish, steps, &["uv.lock", "pyproject.toml"])?;
    Ok(Prepared {
        plan,
        why,
        expected: None,
        warnings,
        reason: "env rebuild".into(),
        goes_back: false,
        choice: place.store.local(&*context.machine).choice,
        facts,
        place,
    })
}
