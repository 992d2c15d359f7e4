//! `deskside env sync`: the environment as the lock file has it, with this machine's build.

use super::extra::{self, ExtraWish};
use super::parts::{self, PartsWish};
use super::project::{self, Planned, Project, Resolution};
use super::{Place, Prepared};
use crate::Context;
use deskside_envs::environment::failure;
use deskside_envs::environment::uv::command;
use deskside_envs::manifest::resolve::dry_sync;
use deskside_envs::snapshot::Parts;
use deskside_machine::{ErrorKind, Machine, Reading};
use deskside_operate::Event;
use deskside_types::{Code, Problem, Result};
use std::path::PathBuf;
use std::time::Duration;

/// How the environment is brought to its lock.
#[derive(Debug, Clone, Default)]
pub struct SyncRequest {
    /// The project's folder; the nearest one when none.
    pub project: Option<PathBuf>,
    /// Extras: the framework build for this machine (`auto` chooses again), and those of the project's own that are
    /// installed here from now on.
    pub extras: Vec<String>,
    /// Dependency groups that are installed here from now on.
    pub groups: Vec<String>,
    /// Extras that are installed here no longer.
    pub no_extras: Vec<String>,
    /// Groups that are installed here no longer.
    pub no_groups: Vec<String>,
    /// Nothing is to be changed: only the plan is wanted.
    pub only_plan: bool,
}

/// Plans it. A project without a lock file gets one.
///
/// # Errors
/// [`Code::LockUnusable`] when the lock is damaged or older than `pyproject.toml`.
pub fn sync(
    context: &Context,
    request: &SyncRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    context.heeding(|context| syncing(context, request, listen))
}

fn syncing(
    context: &Context,
    request: &SyncRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    let place = Place::find(context, request.project.as_deref())?;
    let project = Project::open(context, place, request.only_plan, listen)?;
    let manifest = project.existing()?.clone();
    let (wish, own) = parts::sorted(&manifest, &request.extras)?;
    let parts = PartsWish {
        more: Parts {
            extras: own,
            groups: request.groups.clone(),
            ..Parts::default()
        },
        less: Parts {
            extras: request.no_extras.clone(),
            groups: request.no_groups.clone(),
            ..Parts::default()
        },
    };
    let shown = project.place.project.display().to_string();
    if !context
        .machine
        .exists(project.place.project.join("uv.lock"))?
    {
        return project.prepare(Resolution {
            reason: "env sync".into(),
            wish: format!("bring {shown} to its packages"),
            manifest,
            commands: vec![("resolve the project's packages", vec!["lock".to_string()])],
            forget_lock: false,
            extra: wish,
            python: None,
            parts,
            files: Vec::new(),
            why: vec!["there is no lock file yet".into()],
            warnings: Vec::new(),
        });
    }
    let mut why = Vec::new();
    let chosen = extra::choose(
        context,
        &project.place,
        &project.facts,
        &manifest,
        &wish,
        &mut why,
    )?;
    let python = project.python(&manifest, None, &mut why)?;
    let noted = project.place.store.local(&*context.machine).parts;
    let parts = parts::parts(&manifest, &noted, &parts)?;
    let arguments = project::arguments(chosen.as_ref(), &parts);
    let mut words = arguments.clone();
    words.extend(["--python".to_string(), python.request.clone()]);
    let prepared = project.planned(Planned {
        reason: "env sync".into(),
        wish: format!("bring {shown} to its lock file"),
        files: Vec::new(),
        python,
        arguments,
        parts,
        chosen,
        pinned: matches!(wish, ExtraWish::Named(_)),
        expected: None,
        needs: Vec::new(),
        why,
        warnings: Vec::new(),
    })?;
    if prepared.plan.is_empty() {
        return Ok(prepared);
    }
    let mut prepared = prepared;
    prepared
        .warnings
        .extend(lock_fits(context, &project.place, &project.uv)?);
    // What the lock has nothing of for this platform is told before anything is changed.
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = dry_sync(
        &*context.machine,
        &project.uv,
        &project.place.project,
        &project.place.environment,
        &words,
    )?;
    if let Some(said) = &said {
        let lock = context
            .machine
            .file(project.place.project.join("uv.lock"), 64 << 20);
        let lock = String::from_utf8(lock.unwrap_or_default()).unwrap_or_default();
        let needs = project.needs(said, &lock);
        prepared.plan.premises.extend(needs);
    }
    prepared.expected = said
        .map(|said| project::expected(&said.lines))
        .filter(|difference| !difference.is_empty());
    Ok(prepared)
}

/// Refuses a lock that is damaged or older than `pyproject.toml`; where that can't be told, answers with a warning.
///
/// # Errors
/// [`Code::LockUnusable`].
pub(crate) fn lock_fits(context: &Context, place: &Place, uv: &str) -> Result<Option<String>> {
    let machine = &*context.machine;
    let folder = place.project.display().to_string();
    let argv = [uv, "lock", "--check", "--project", &folder];
    let mut command = command(machine, &place.environment, argv.map(String::from).to_vec());
    command.deadline = Duration::from_secs(120);
    let output = match machine.command(command.clone()) {
        Ok(output) => output,
        Err(error) if error.kind == ErrorKind::Interrupted => return Err(error.into()),
        Err(error) => {
            return Ok(Some(format!(
                "whether uv.lock fits pyproject.toml could not be told: {error}"
            )));
        }
    };
    if output.succeeded() {
        return Ok(None);
    }
    let problem = failure::problem("use the lock file", &command.shown(), &output);
    match problem.code {
        Code::IndexUnreachable | Code::Network | Code::CommandFailed => Ok(Some(format!(
            "whether uv.lock fits pyproject.toml could not be told: {}",
            problem.causes.first().cloned().unwrap_or_default()
        ))),
        Code::LockUnusable => {
            let telling = |line: &&String| {
                line.contains("needs to be updated") || line.contains("parse error")
            };
            let why = problem.causes.iter().find(telling);
            let problem = Problem::new(
                Code::LockUnusable,
                format!("{folder}/uv.lock can't be used"),
            )
            .because(match why {
                Some(_) if has_marks(machine, place) => {
                    "it holds the marks of a merge that git left to you (<<<<<<<)".into()
                }
                Some(line) if line.contains("needs to be updated") => {
                    "it is older than pyproject.toml, which asks for something else now".into()
                }
                Some(line) => {
                    // uv says where first, shows the line, and says what is wrong with it at the end.
                    let place = line
                        .trim_start_matches("cause: ")
                        .trim_start_matches("TOML parse error at ");
                    let wrong = problem.causes.last().map_or("", String::as_str);
                    match wrong == line {
                        true => format!("it can't be read at {place}"),
                        false => format!(
                            "it can't be read at {place}: {}",
                            wrong.trim_start_matches("cause: ")
                        ),
                    }
                }
                None => {
                    let last = problem
                        .causes
                        .last()
                        .map(String::as_str)
                        .unwrap_or_default();
                    last.trim_start_matches("cause: ").to_string()
                }
            })
            .hint("make it anew from pyproject.toml: deskside env lock");
            // By its identity: a lock that was changed is a state of its own, and shifts the numbers.
            Err(match place.store.list(machine)?.snapshots.pop() {
                Some(newest) => problem.hint(format!(
                    "or bring back the last state that is kept: deskside env rollback {}{}",
                    newest.id,
                    place.option(machine)
                )),
                None => problem,
            })
        }
        _ => Err(problem),
    }
}

/// What is wrong with a lock file that could not be used, as [`lock_fits`] says it; any other problem as it is.
pub(super) fn explained(context: &Context, place: &Place, uv: &str, problem: Problem) -> Problem {
    if problem.code != Code::LockUnusable && !has_marks(&*context.machine, place) {
        return problem;
    }
    lock_fits(context, place, uv).err().unwrap_or(problem)
}

/// Whether git could not merge the lock file.
fn has_marks(machine: &dyn Machine, place: &Place) -> bool {
    let bytes = machine.file(place.project.join("uv.lock"), 64 << 20);
    let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
    text.lines().any(|line| line.starts_with("<<<<<<< "))
}
