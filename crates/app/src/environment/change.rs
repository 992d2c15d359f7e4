//! Carrying out a change of an environment: one operation of the history, with a snapshot before and after.

use super::{Place, present, way_back};
use crate::up::Everything;
use crate::{Answer, Context, live};
use deskside_envs::environment::marker;
use deskside_envs::snapshot::origin::MODULE;
use deskside_envs::snapshot::{
    self, Choice, Difference, Kept, Snapshot, Taken, Taking, difference,
};
use deskside_machine::{Acting, Durability, Machine, Reading};
use deskside_operate::{Event, Turn, Workshop, apply_in, check, premise, turn};
use deskside_types::plan::{Comparison, PLAN_VERSION, Plan, Premise, Step};
use deskside_types::{Code, Facts, Problem, Result, shell};
use schemars::JsonSchema;
use serde::Serialize;

/// The reason of a snapshot of a state that Deskside did not make.
pub(crate) const AS_FOUND: &str = "as it was found";

/// A change that is planned and not carried out yet.
pub struct Prepared {
    /// Where.
    pub place: Place,
    /// The plan; what is satisfied is left out of its steps.
    pub plan: Plan,
    /// Why it is this plan, a sentence each.
    pub why: Vec<String>,
    /// What will come, go and change among the packages, as far as it is known before.
    pub expected: Option<Difference>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// The command in a phrase, for the snapshot: `env add numpy`.
    pub reason: String,
    /// It goes back to an earlier state; cut off half way, the same command goes on with that.
    pub goes_back: bool,
    /// The framework build that is chosen for this machine afterwards; the one noted before when none.
    pub choice: Option<Choice>,
    /// The machine the plan was made for.
    pub facts: Facts,
}

/// The answer of a change with `--plan`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangePlanReport {
    /// The plan.
    pub plan: Plan,
    /// The project's folder.
    pub project: String,
    /// Why it is this plan, a sentence each.
    pub why: Vec<String>,
    /// What will come, go and change among the packages, as far as it is known before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Difference>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for ChangePlanReport {
    const SCHEMA: &'static str = "deskside.environment-plan";
}

/// The answer of a command that changes an environment.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangeReport {
    /// The project's folder.
    pub project: String,
    /// The environment's folder.
    pub environment: String,
    /// The operation in the history; none when nothing had to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Steps that were carried out, by id.
    pub done: Vec<String>,
    /// The snapshot of what was before; none when there was no environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The snapshot of what is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// What changed.
    pub difference: Difference,
    /// Where the environment was made, if nothing had to be done and its programs start the Python of that other place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_at: Option<String>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for ChangeReport {
    const SCHEMA: &'static str = "deskside.environment-change";
}

impl Prepared {
    /// The plan as an answer.
    pub fn report(&self) -> ChangePlanReport {
        ChangePlanReport {
            plan: self.plan.clone(),
            project: self.place.project.display().to_string(),
            why: self.why.clone(),
            expected: self.expected.clone(),
            warnings: self.warnings.clone(),
        }
    }
}

/// The plan of steps that do not hold yet. `resting_on` names project files the steps were made from: the plan is stale
/// once one of them is another.
///
/// # Errors
/// When a check can't be made.
pub fn plan(
    context: &Context,
    place: &Place,
    wish: String,
    steps: Vec<Step>,
    resting_on: &[&str],
) -> Result<Plan> {
    let machine = &*context.machine;
    let mut pending = Vec::new();
    let mut satisfied = Vec::new();
    // What rests on something that changes is pending too, whatever is there now: packages on the files that name them,
    // the module on an exact sync, which removes it.
    let mut changes: Vec<&str> = Vec::new();
    for step in steps {
        let rests = match step.id.as_str() {
            "environment" => vec!["restore"],
            "packages" => vec!["environment", "files"],
            "module" => vec!["environment", "packages"],
            _ => vec![],
        };
        let rests_on_change = rests.iter().any(|id| changes.contains(id));
        if !rests_on_change && check::all_hold(machine, &Everything, &step.check)? {
            satisfied.push(step.title.clone());
        } else {
            changes.extend(
                ["environment", "files", "packages", "restore"]
                    .into_iter()
                    .filter(|id| *id == step.id),
            );
            pending.push(step);
        }
    }
    let needed: u64 = pending.iter().filter_map(|step| step.download_bytes).sum();
    let mut premises: Vec<Premise> = resting_on
        .iter()
        .map(|name| premise::file(machine, &place.project.join(name)))
        .collect();
    if needed > 0 {
        premises.push(Premise {
            fact: format!("free:{}", place.project.display()),
            operator: Comparison::AtLeast,
            value: crate::up::unpacked(needed).into(),
        });
    }
    Ok(Plan {
        version: PLAN_VERSION,
        wish,
        made_at: machine.now()?.wall,
        premises,
        steps: pending,
        satisfied,
    })
}

/// Carries a change out; an empty plan does nothing and keeps nothing.
///
/// # Errors
/// When a run goes on in the environment, what the plan rests on changed, or a step fails. Preparing and carrying out
/// again goes on from there.
pub fn carry_out(
    context: &Context,
    prepared: &Prepared,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<ChangeReport> {
    context.require_live("env")?;
    let machine = &*context.machine;
    let place = &prepared.place;
    let mut report = ChangeReport {
        project: place.project.display().to_string(),
        environment: place.environment.display().to_string(),
        operation: None,
        done: Vec::new(),
        before: None,
        after: None,
        difference: Difference::default(),
        made_at: None,
        warnings: prepared.warnings.clone(),
    };
    if prepared.plan.is_empty() {
        let made_at = deskside_envs::check::made_at(machine, &place.environment);
        report.made_at = made_at.map(|old| old.display().to_string());
        return Ok(report);
    }
    let workshop = workshop(context);
    refuse_read_only(machine, place)?;
    // The snapshots of before and after belong to the change: nobody may tidy up between them.
    let turn = turn(&workshop)?;
    live::refuse_under_a_run(context, &[place.environment.as_path()], "would be changed")?;
    premise::require(machine, &prepared.plan, &prepared.facts)?;
    // Half of an earlier rollback is no state that anybody wants to go back to.
    let newest = || -> Result<Option<Snapshot>> { Ok(place.store.list(machine)?.snapshots.pop()) };
    let goes_on = prepared.goes_back && present::is_underway(context, place, newest()?.as_ref())?;
    let before = if goes_on {
        newest()?
    } else {
        match keep(&turn, context, place, &prepared.facts, AS_FOUND, None, None) {
            // Half of a sync that a full disk cut off: the state before it is kept, and is the way back.
            Err(problem) if problem.code == Code::DiskFull && is_half(machine, place) => newest()?,
            kept => kept?,
        }
    };
    let applied = apply_in(&turn, &workshop, &prepared.plan, listen).map_err(|problem| {
        way_back::told(
            context,
            place,
            &prepared.plan.wish,
            before.as_ref(),
            problem,
        )
    })?;
    let operation = applied.operation.map(|id| id.0);
    let after = keep(
        &turn,
        context,
        place,
        &prepared.facts,
        &prepared.reason,
        operation.clone(),
        prepared.choice.clone(),
    );
    report.done = applied.done;
    report.operation = operation;
    report.before = before.as_ref().map(|snapshot| snapshot.id.clone());
    match after {
        Ok(after) => {
            report.difference = match (&before, &after) {
                (Some(before), Some(after)) => difference(before, after),
                (None, Some(after)) => difference(&nothing(after), after),
                _ => Difference::default(),
            };
            report.after = after.map(|snapshot| snapshot.id);
        }
        // The change is done and proven: that it could not be remembered must not make it look failed.
        Err(problem) => report.warnings.push(format!(
            "the snapshot of the new state could not be kept: {problem}"
        )),
    }
    Ok(report)
}

/// What carrying out, keeping and removing need.
pub(crate) fn workshop(context: &Context) -> Workshop<'_> {
    Workshop {
        machine: &*context.machine,
        domain: &Everything,
        state: context.directories.state.clone(),
        root: None,
    }
}

/// A snapshot of an environment that was not there.
pub(crate) fn nothing(after: &Snapshot) -> Snapshot {
    Snapshot {
        distributions: Vec::new(),
        python: snapshot::PythonState {
            version: String::new(),
            interpreter: String::new(),
            managed: false,
            system_packages: false,
        },
        choice: None,
        parts: None,
        files: after.files.clone(),
        ..after.clone()
    }
}

/// Keeps a snapshot of the environment as it is, unless the newest one is of the same; none where there is no
/// whole environment.
///
/// # Errors
/// When the environment can't be read or the snapshot can't be written.
pub fn keep(
    turn: &Turn,
    context: &Context,
    place: &Place,
    facts: &Facts,
    reason: &str,
    operation: Option<String>,
    choice: Option<Choice>,
) -> Result<Option<Snapshot>, Problem> {
    let machine = &*context.machine;
    let taking = Taking {
        project: &place.project,
        environment: &place.environment,
        facts,
        reason: reason.to_string(),
        operation,
        choice: choice.or_else(|| place.store.local(machine).choice),
        parts: Some(place.store.local(machine).parts),
        installed: None,
    };
    let Some(mut taken) = snapshot::take(machine, &taking)? else {
        return Ok(None);
    };
    let newest = place.store.list(machine)?.snapshots.pop();
    let kept = match newest.filter(|newest| newest.same_as(&taken.snapshot)) {
        Some(newest) => newest,
        None => {
            remember(turn, context, place, &mut taken)?;
            taken.snapshot
        }
    };
    name_store(machine, place)?;
    Ok(Some(kept))
}

/// Names the store in the environment's marker, so that it follows a project that is moved. An environment of somebody
/// else's, in which nothing was done yet, is left without a marker.
fn name_store(machine: &dyn Machine, place: &Place) -> Result<(), Problem> {
    let name = place.store.name();
    let is_to_be_named = marker::read(machine, &place.environment)
        .is_some_and(|noted| noted.store.as_ref() != Some(&name));
    if !is_to_be_named {
        return Ok(());
    }
    marker::change(machine, &place.environment, |noted| {
        noted.store = Some(name)
    })
}

/// Keeps a snapshot that was taken, with the wheel of Deskside's own module, which no index has.
///
/// # Errors
/// When it can't be written.
pub(crate) fn remember(
    _turn: &Turn,
    context: &Context,
    place: &Place,
    taken: &mut Taken,
) -> Result<()> {
    let machine = &*context.machine;
    if let Some((kept, bytes)) = with_module(context, place, taken) {
        let path = place.store.wheel_path(&kept);
        if !machine.exists(&path)? {
            machine.write_file(path, bytes, 0o600, Durability::Power)?;
        }
    }
    place.store.keep(machine, &taken.snapshot, &taken.files)
}

/// Notes which wheel of Deskside's own module a snapshot keeps; answers with it where it is the one that this program
/// carries. Writes nothing.
pub(crate) fn with_module(
    context: &Context,
    place: &Place,
    taken: &mut Taken,
) -> Option<(Kept, Vec<u8>)> {
    let machine = &*context.machine;
    let wheel = deskside_track::module::wheel();
    let installed = marker::read(machine, &place.environment).and_then(|marker| marker.module);
    let is_this_one = installed
        .is_some_and(|module| module.fingerprint == marker::fingerprint([wheel.bytes.as_slice()]));
    let earlier = || {
        let mut all = place.store.list(machine).ok()?.snapshots.into_iter().rev();
        all.find_map(|snapshot| {
            let mut own = snapshot.distributions.into_iter();
            own.find(|one| one.name == MODULE && one.kept.is_some())
        })
    };
    let mut all = taken.snapshot.distributions.iter_mut();
    let module = all.find(|one| one.name == MODULE)?;
    if is_this_one {
        let kept = Kept {
            sha256: deskside_envs::environment::sha256(&wheel.bytes),
            file: wheel.file_name,
        };
        module.kept = Some(kept.clone());
        return Some((kept, wheel.bytes));
    }
    if let Some(earlier) = earlier().filter(|one| one.contents == module.contents) {
        module.kept = earlier.kept;
    }
    None
}

/// Whether an install in the environment was begun and not finished.
fn is_half(machine: &dyn Machine, place: &Place) -> bool {
    marker::read(machine, &place.environment).is_some_and(|marker| marker.underway.is_some())
}

/// Refuses a project that can't be written, before anything is begun.
fn refuse_read_only(machine: &dyn Machine, place: &Place) -> Result<()> {
    let folder = &place.project;
    let read_only = machine.space(folder).is_ok_and(|space| space.read_only);
    if !read_only && machine.access(folder, true).unwrap_or(true) {
        return Ok(());
    }
    let shown = shell::path(folder);
    let problem = |code, why: &str| {
        Problem::new(code, format!("{} can't be written", folder.display())).because(why)
    };
    Err(if read_only {
        problem(Code::ReadOnly, "its file system is mounted read-only")
            .hint("copy the project to a place that can be written, and run the command there")
    } else {
        problem(Code::Denied, "you have no permission to write there")
            .hint(format!("look at who owns it: ls -ld {shown}"))
            .hint("or copy the project to a folder of your own, and run the command there")
    })
}

/// Whether something is there to be kept or compared.
pub fn environment_is_there(machine: &dyn Machine, place: &Place) -> Result<bool> {
    Ok(machine.exists(place.environment.join("pyvenv.cfg"))?)
}
